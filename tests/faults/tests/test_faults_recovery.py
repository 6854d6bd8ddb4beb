"""Recovery after kill -9, with a state that is small enough for every day."""

from __future__ import annotations

from pathlib import Path

from faults.recovery import TARGETS, measure, summary

RECORDS, TIMES = 20_000, 1
# Other tests share the machine; the promise itself is measured by `campaign.py --recovery`.
PATIENCE = 3


def test_recovery(tmp_path: Path) -> None:
    outcomes = measure(tmp_path, seed=1, records=RECORDS, times=TIMES)
    print(summary(outcomes))
    assert not [wrong for outcome in outcomes for wrong in outcome.wrong]
    assert {outcome.kind for outcome in outcomes} == TARGETS.keys()
    for outcome in outcomes:
        assert outcome.recovery < PATIENCE * TARGETS[outcome.kind], outcome.kind
