"""The short form of the campaign, in parts that run alone and beside each other: every part has
servers of its own."""

from __future__ import annotations

from pathlib import Path

from faults.chapters import KINDS, Chronicle, chosen, plan
from faults.rig import Servers
from faults.table import table

SEED = 1


def run_short(folder: Path, *patterns: str) -> None:
    """Every kind of fault that matches, once: nothing may be wrong, nothing stuck, and no process
    may end by itself."""
    counts = {kind.name: 1 for kind in chosen(patterns)}
    with Servers(folder) as servers:
        chronicle = Chronicle(servers)
        for chapter in plan(counts, SEED):
            chronicle.go(chapter)
    done = chronicle.outcomes
    print(table(done, {name: kind.group for name, kind in KINDS.items()}))
    bad = [f"{outcome.kind}: {outcome.trouble}" for outcome in done if outcome.trouble]
    assert not bad, "\n".join([f"replay: campaign.py --seed {SEED} --only {patterns}", *bad])
    assert {outcome.kind for outcome in done} == counts.keys()
