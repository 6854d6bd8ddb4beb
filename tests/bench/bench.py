#!/usr/bin/env python3
"""The benchmarks: `make bench`, or parts of it.

    bench.py drain [--runs N] [--quick] [--planlift FILE] [--build FOLDER]

Absolute figures differ from machine to machine; ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("", "env", "system")]

from bench.drain import EVENTS, REQUESTS, Drain, Size, table  # noqa: E402
from bench.rig import BenchError, Rig, default_build  # noqa: E402


def say(text: str) -> None:
    print(text, flush=True)


def run_drain(rig: Rig, options: argparse.Namespace) -> None:
    size = Size(4000, 20000) if options.quick else Size(20000, 100000)
    drain = Drain(rig, size, options.floor_producers)
    counts = ", ".join(f"{count:,} {phase}" for phase, count in drain.records.items())
    say(f"drain of {counts}; {options.runs} runs after one that warms up Kafka")
    drain.round(0, ("planlift", "floor"))
    runs = []
    for number in range(1, options.runs + 1):
        order = ("floor", "planlift") if number % 2 else ("planlift", "floor")
        runs += drain.round(number, order)
    for phase in (EVENTS, REQUESTS):
        say("\n" + table(runs, phase))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", default="drain", choices=["drain"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a fifth of the workload")
    parser.add_argument("--planlift", type=Path, help="the program, where it is not of the build")
    parser.add_argument("--build", type=Path, default=default_build())
    parser.add_argument("--floor-producers", type=int, default=2, choices=[1, 2])
    options = parser.parse_args()
    try:
        with Rig(options.build, options.planlift) as rig:
            run_drain(rig, options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
