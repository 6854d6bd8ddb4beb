"""The broker goes away; people change offsets, and write where they should not.

A lone broker that is restarted in the middle of transactions may leave them hanging, which
planlift does not get over by itself (docs/guarantees.md, "Not promised"): `make faults` has it,
this has not.
"""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_kafka(tmp_path: Path) -> None:
    run_short(tmp_path, "broker_pause", "operator", "foreign writer")
