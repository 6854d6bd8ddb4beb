"""The command line of the campaign."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .chapters import KINDS, Chronicle, chosen, plan, say
from .recovery import is_fast, measure, summary
from .rig import Outcome, Servers
from .table import read_json, table, write_json

# How often in a long campaign: 17 kinds of kill -9, 11 of zombies, 16 of Redis, 3 of the broker.
LONG = {
    "kill -9": 12,
    "zombie": 4,
    "Redis": 4,
    "broker": 7,
    "proxy": 3,
    "pause": 10,
    "rolling restart": 3,
    "scaling": 3,
    "operator": 2,
    "foreign writer": 2,
}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="campaign.py",
        description="Runs planlift on a Kafka and a Redis of its own under a steady random load, "
        "breaks things one after the other, measures how long it takes to go on, and judges from "
        "the topics whether anything is wrong. Ends with 0 if nothing is.",
    )
    size = found.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_true", help="every kind once (the default)")
    size.add_argument("--long", action="store_true", help="some 500 faults")
    found.add_argument(
        "--only", nargs="+", default=["*"], metavar="KIND", help="kinds or groups, patterns allowed"
    )
    found.add_argument("--times", type=int, metavar="N", help="how often each kind")
    found.add_argument("--seed", type=int, default=1, metavar="N", help="decides everything drawn")
    found.add_argument("--chapters", nargs="+", type=int, metavar="N", help="only these, to replay")
    found.add_argument(
        "--recovery", action="store_true", help="only measure recovery after kill -9, large state"
    )
    found.add_argument("--records", type=int, default=500_000, metavar="N", help="of that state")
    found.add_argument("--json", type=Path, metavar="FILE", help="the outcomes, for programs")
    found.add_argument(
        "--table", nargs="+", type=Path, metavar="FILE", help="one table of such files; no faults"
    )
    found.add_argument("--list", action="store_true", help="the kinds of faults")
    found.add_argument("--keep", action="store_true", help="keep all logs")
    return found


def run() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.list:
        print("\n".join(f"{kind.name:26}{kind.group}" for kind in KINDS.values()))
        return 0
    if options.table:
        say_table([outcome for path in options.table for outcome in read_json(path)])
        return 0
    folder = Path(tempfile.mkdtemp(prefix="planlift-faults-"))
    begun = time.monotonic()
    outcomes = recover(options, folder) if options.recovery else go(options, folder)
    minutes = (time.monotonic() - begun) / 60
    is_good = not any(outcome.trouble for outcome in outcomes)
    say(f"\nseed {options.seed}: {len(outcomes)} faults in {minutes:.1f} minutes")
    if options.json:
        write_json(options.json, outcomes, seed=options.seed, minutes=minutes)
    if is_good and not options.keep:
        shutil.rmtree(folder)
    else:
        say(f"logs: {folder}")
    if options.recovery and not is_fast(outcomes):
        say("slower than promised")
        return 1
    return 0 if is_good else 1


def go(options: argparse.Namespace, folder: Path) -> list[Outcome]:
    """A campaign."""
    counts = {
        kind.name: options.times or (LONG[kind.group] if options.long else 1)
        for kind in chosen(options.only)
    }
    with Servers(folder) as servers:
        chronicle = Chronicle(servers)
        for chapter in plan(counts, options.seed):
            if options.chapters is None or chapter.number in options.chapters:
                chronicle.go(chapter)
    say_table(chronicle.outcomes)
    return chronicle.outcomes


def say_table(outcomes: Sequence[Outcome]) -> None:
    say("\n" + table(outcomes, {name: kind.group for name, kind in KINDS.items()}))


def recover(options: argparse.Namespace, folder: Path) -> list[Outcome]:
    """The measurement of recovery."""
    times = options.times or (25 if options.long else 5)
    outcomes = measure(folder, options.seed, options.records, times)
    say(f"\n{summary(outcomes)}")
    return outcomes
