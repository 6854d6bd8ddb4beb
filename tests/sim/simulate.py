#!/usr/bin/env python3
"""Runs many schedules of planlift_sim, judges each, and prints how often each bad manner occurred
and mattered. A bad manner that never occurred, or never mattered, fails a run of many schedules:
what is not there proves nothing.

    simulate.py --binary PLANLIFT_SIM --seeds N [--first SEED]
    simulate.py --binary PLANLIFT_SIM --seed SEED [--trace FILE]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import subprocess  # noqa: E402

from sim import schedule as schedules  # noqa: E402
from sim.verdict import Verdict, judge  # noqa: E402

CHUNK = 25
SHOWN_FAULTS = 6
ENOUGH_FOR_ALL = 1000  # schedules in which each bad manner must occur and matter


@dataclass(frozen=True, slots=True)
class Manner:
    """A bad manner: its name, what it is, and when it matters."""

    name: str
    occurs: str
    matters: str


@dataclass(slots=True)
class Outcome:
    """Of all schedules so far."""

    schedules: int = 0
    failed: list[Verdict] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    occurred: Counter[int] = field(default_factory=Counter)
    mattered: Counter[int] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Take one more in."""
        self.schedules += 1
        self.counts.update(verdict.counts)
        for number, (occurred, mattered) in enumerate(verdict.tallies):
            self.occurred[number] += occurred
            self.mattered[number] += mattered
        if verdict.faults:
            self.failed.append(verdict)


def manners_of(binary: Path) -> list[Manner]:
    """All that the simulation knows, in its order."""
    listed = subprocess.run([str(binary), "--manners"], check=True, capture_output=True, text=True)
    return [Manner(*line.split("\t")) for line in listed.stdout.splitlines()]


def judge_some(
    binary: Path, first: int, count: int, names: list[str], options: list[str]
) -> list[Verdict]:
    """The verdicts of so many schedules."""
    return [judge(found, names) for found in schedules.run(binary, first, count, options)]


def judge_many(
    binary: Path, first: int, count: int, options: list[str], jobs: int
) -> Iterator[Verdict]:
    """The verdicts of many schedules, as they come; `jobs` at once."""
    names = [manner.name for manner in manners_of(binary)]
    with ProcessPoolExecutor(jobs) as pool:
        chunks = [
            pool.submit(judge_some, binary, seed, min(CHUNK, first + count - seed), names, options)
            for seed in range(first, first + count, CHUNK)
        ]
        for chunk in as_completed(chunks):
            yield from chunk.result()


# --- what is printed --------------------------------------------------------------------------


def print_table(manners: list[Manner], outcome: Outcome) -> None:
    """How often each bad manner occurred and mattered."""
    print(f"{'occurred':>9} {'mattered':>9}  what, and when it matters")
    for number, manner in enumerate(manners):
        occurred, mattered = outcome.occurred[number], outcome.mattered[number]
        print(f"{occurred:9} {mattered:9}  {manner.occurs}; {manner.matters}")


def missing(manners: list[Manner], outcome: Outcome) -> list[str]:
    """Bad manners that never occurred, or never mattered."""
    return [
        manner.name
        for number, manner in enumerate(manners)
        if outcome.occurred[number] == 0 or outcome.mattered[number] == 0
    ]


def print_failures(outcome: Outcome, replay: str) -> None:
    """The first ones, each with the command that shows it again."""
    for verdict in sorted(outcome.failed, key=lambda verdict: verdict.seed)[:SHOWN_FAULTS]:
        print(f"seed {verdict.seed} is wrong:")
        for fault in verdict.faults[:SHOWN_FAULTS]:
            print(f"    {fault[:1000]}")
        print(f"    replay: {replay.format(seed=verdict.seed)}")


def print_summary(outcome: Outcome, seconds: float) -> None:
    """How much was simulated."""
    counts = outcome.counts
    inputs = counts["records subscription-events"] + counts["records upgrade-requests"]
    print(
        f"simulation: {outcome.schedules} schedules, {counts['steps']} steps, "
        f"{counts['processes']} processes, {counts['simulated_ms'] / 3_600_000:.1f} simulated "
        f"hours, {inputs} inputs, {counts['results']} results in {seconds:.0f} s: "
        f"{len(outcome.failed)} wrong"
    )


# --- command line -----------------------------------------------------------------------------


def run_many(binary: Path, arguments: argparse.Namespace, options: list[str]) -> int:
    """`--seeds`."""
    manners = manners_of(binary)
    outcome = Outcome()
    started = time.monotonic()
    for verdict in judge_many(binary, arguments.first, arguments.seeds, options, arguments.jobs):
        outcome.add(verdict)
    print_table(manners, outcome)
    absent = missing(manners, outcome) if arguments.seeds >= ENOUGH_FOR_ALL else []
    if absent:
        print(f"never occurred or never mattered: {', '.join(absent)}")
    print_failures(outcome, arguments.replay)
    print_summary(outcome, time.monotonic() - started)
    return 1 if outcome.failed or absent else 0


def run_one(binary: Path, arguments: argparse.Namespace, options: list[str]) -> int:
    """`--seed`: one schedule, looked at closely."""
    names = [manner.name for manner in manners_of(binary)]
    [verdict] = judge_some(binary, arguments.seed, 1, names, options)
    if arguments.trace is not None:
        command = [str(binary), "--seed", str(arguments.seed), "--trace", *options]
        with arguments.trace.open("wb") as out:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=out, check=False)
        print(f"what happened: {arguments.trace}")
    for name in sorted(verdict.counts):
        print(f"{verdict.counts[name]:9}  {name}")
    for fault in verdict.faults:
        print(f"wrong: {fault}")
    print(f"simulation: seed {arguments.seed}: {len(verdict.faults)} faults")
    return 1 if verdict.faults else 0


def main() -> int:
    """Parse the command line, run, and tell by the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1000, help="how many schedules")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="just this schedule")
    parser.add_argument("--trace", type=Path, help="with --seed: what happened, line by line")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--faultless", action="store_true", help="nothing goes wrong")
    parser.add_argument("--replay", default="make simulate SEED={seed}", help="what to print")
    arguments = parser.parse_args()
    options = ["--steps", str(arguments.steps)]
    options += ["--faultless"] if arguments.faultless else []
    binary = arguments.binary.resolve()
    if arguments.seed is not None:
        return run_one(binary, arguments, options)
    return run_many(binary, arguments, options)


if __name__ == "__main__":
    sys.exit(main())
