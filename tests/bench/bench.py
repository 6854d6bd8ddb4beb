#!/usr/bin/env python3
"""The benchmarks: `make bench`, or parts of it.

    bench.py [PART...] [--runs N] [--quick] [--docs] [--planlift FILE] [--build FOLDER]

PART: drain    a backlog of events, then one of requests, beside the floor
      latency  500 requests/s on warm state, beside the floor
      scale    what must not grow, and the restore of a lost Redis
      micro    the steps of one record, each alone
Without one: all of them. Absolute figures differ from machine to machine; ratios of one run are
what counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("", "env", "system")]

from bench import docs, drain, latency, scale  # noqa: E402
from bench.rig import BenchError, Rig, default_build  # noqa: E402

QUICK_SIZE = drain.Size(4_000, 20_000)
FULL_SIZE = drain.Size(20_000, 100_000)
QUICK_SCALE = scale.Scale(50_000, 50_000, 2_500, 10_000)
FULL_SCALE = scale.Scale(500_000, 1_000_000, 25_000, 40_000)
MICRO_ROUNDS = 40_000
ORDER = (("planlift", "floor"), ("floor", "planlift"))


def run_drain(rig: Rig, options: argparse.Namespace) -> str:
    trial = drain.Drain(rig, QUICK_SIZE if options.quick else FULL_SIZE, options.floor_producers)
    trial.round(0, ORDER[0])
    runs = []
    for number in range(1, options.runs + 1):
        runs += trial.round(number, ORDER[number % 2])
    if options.docs:
        docs.plot(runs)
    counts = ", ".join(f"{count:,} {phase}" for phase, count in trial.records.items())
    head = f"drain of {counts}; {options.runs} runs after one that warms up Kafka"
    return "\n\n".join([head, *(drain.table(runs, phase) for phase in trial.records)])


def run_latency(rig: Rig, options: argparse.Namespace) -> str:
    size, seconds = (QUICK_SIZE, 10) if options.quick else (FULL_SIZE, 30)
    trial = latency.LatencyTrial(rig, size, seconds, options.floor_producers)
    trial.round(0, ("planlift",))  # warms up, and tells the floor what to write
    found = []
    for number in range(1, options.runs + 1):
        found += trial.round(number, ORDER[number % 2])
    head = f"{latency.RATE} requests/s for {seconds} s; {options.runs} runs"
    return f"{head}\n\n{latency.table(found)}"


def run_scale(rig: Rig, options: argparse.Namespace) -> str:
    size = QUICK_SCALE if options.quick else FULL_SCALE
    restored = scale.restore(rig, size)
    cache, taken = scale.many_customers(rig, size)
    flat = [scale.large_customers(rig, size), scale.answered_requests(rig, size), cache]
    return "\n".join(
        [
            f"restore of {restored.customers:,} small customers ({restored.pieces:,} pieces): "
            f"{restored.seconds:.1f} s,",
            f"  {restored.customers_per_minute:,.0f} customers a minute, "
            f"{restored.reports} reports of progress, peak RSS {restored.peak_rss_mib:.0f} MiB",
            f"{size.many:,} customers: {taken.records:,} events, peak RSS "
            f"{taken.peak_rss_mib:.0f} MiB",
            scale.table(flat),
        ]
    )


def run_micro(rig: Rig, _options: argparse.Namespace) -> str:
    command = [rig.tool("micro"), str(MICRO_ROUNDS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    head = (
        f"ns a step, of a customer of 25 licences ({found.pop('accounts')} accounts in the result)"
    )
    return "\n".join([head, *(f"{step:<30}{ns:>12,.0f}" for step, ns in found.items())])


PARTS = {"drain": run_drain, "latency": run_latency, "scale": run_scale, "micro": run_micro}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a fifth of the workload, or less")
    parser.add_argument("--docs", action="store_true", help="keep the figures in docs/")
    parser.add_argument("--planlift", type=Path, help="the program, where it is not of the build")
    parser.add_argument("--build", type=Path, default=default_build())
    parser.add_argument("--floor-producers", type=int, default=2, choices=[1, 2])
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no part {unknown.pop()} ({', '.join(PARTS)})")
    for part in options.parts or PARTS:
        try:
            with Rig(options.build, options.planlift) as rig:
                text = PARTS[part](rig, options)
        except BenchError as error:
            print(f"bench: {part}: {error}", file=sys.stderr)
            return 1
        print(f"{text}\n", flush=True)
        if options.docs:
            docs.keep(part, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
