"""Latency: an even load on warm state, answered by the floor and by planlift in turn."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from .drain import BATCH, FloorOutputs, Size, floor_outputs, floor_specs
from .rig import PARTITIONS, Rig, Written

RATE, WARM_S = 500, 5
EVENTS = "warm-events"
QUANTILES = ("p50", "p95", "p99")


@dataclass
class Latency:
    """Milliseconds from the call that sends a request to the receipt of its result."""

    program: str
    p50: float
    p95: float
    p99: float
    max: float
    cpu_us: float  # of a request


class LatencyTrial:
    """One planlift group with its state, and as many trials as are wanted: planlift's each with new
    requests in the same topics, the floor's in topics of their own."""

    def __init__(self, rig: Rig, size: Size, seconds: int, producers: int) -> None:
        self.rig, self.size, self.seconds, self.producers = rig, size, seconds, producers
        self.count = 1 + RATE * (WARM_S + seconds)
        self.outputs: FloorOutputs = {}
        self.topics = self._create("planlift")
        rig.create(EVENTS, f"{EVENTS}.dlq", f"{self.topics['requests']}.dlq")
        self.events = rig.load(
            "events", EVENTS, size.seed, size.customers, size.licences, size.window
        )
        if self._start_planlift("--drain").wait() != 0:
            rig.fail("planlift", "the events were not taken in")

    def round(self, number: int, programs: tuple[str, ...]) -> list[Latency]:
        run = {"floor": self._floor, "planlift": self._planlift}
        return [run[program](number) for program in programs]

    def _create(self, name: str) -> dict[str, str]:
        topics = {kind: f"{name}-{kind}" for kind in ("requests", "results", "state")}
        self.rig.create(topics["requests"], topics["results"])
        self.rig.create(topics["state"], is_compacted=True)
        return topics

    def _start_planlift(self, *arguments: str) -> subprocess.Popen:
        settings = self.rig.planlift_settings("latency", {"events": EVENTS, **self.topics})
        command = [self.rig.planlift, "run", *arguments]
        return self.rig.start_metered(command, settings, self.topics["requests"])

    def _planlift(self, number: int) -> Latency:
        outputs = {kind: self.topics[kind] for kind in ("results", "state")}
        before = {kind: self.rig.log_bytes(name) for kind, name in outputs.items()}
        process = self._start_planlift()
        latency, written = self._measure("planlift", number, process, self.topics)
        for kind, found in written.items():
            found.log_bytes -= before[kind]
        self.outputs = floor_outputs(written, self.count)
        return latency

    def _floor(self, number: int) -> Latency:
        group = f"floor-{number}"
        topics = self._create(group)
        command = [self.rig.tool("floor"), self.rig.brokers, group, 0, self.producers, BATCH]
        specs = floor_specs(topics["requests"], topics, self.outputs)
        process = self.rig.start_metered([*command, *specs], None, topics["requests"])
        return self._measure("floor", number, process, topics)[0]

    def _measure(
        self, program: str, number: int, process: subprocess.Popen, topics: Mapping[str, str]
    ) -> tuple[Latency, dict[str, Written]]:
        size = self.size
        command = [self.rig.tool("latency"), self.rig.brokers, topics["requests"]]
        command += [topics["results"], PARTITIONS, size.seed, size.customers, size.licences]
        command += [number * self.count, RATE, WARM_S, self.seconds]
        done = subprocess.run(
            [str(part) for part in command], stdout=subprocess.PIPE, text=True, check=False
        )
        process.send_signal(signal.SIGTERM)
        outputs = {kind: topics[kind] for kind in ("results", "state")}
        figures = self.rig.finish_metered(process, program, "latency", self.count, outputs)
        if done.returncode != 0:
            self.rig.fail(program, f"{program} did not answer all requests")
        found = json.loads(done.stdout)
        quantiles = {quantile: found[quantile] for quantile in (*QUANTILES, "max")}
        cpu_us = figures.cpu_s / figures.records * 1e6
        return Latency(program, **quantiles, cpu_us=cpu_us), figures.written


def table(found: list[Latency]) -> str:
    """Medians over the trials, and planlift's ratio to the floor (least - most of the pairs)."""
    of = {p: [f for f in found if f.program == p] for p in ("floor", "planlift")}
    lines = [f"{'latency, ms':<30}{'floor':>12}{'planlift':>12}   ratio (least - most)"]
    for name in (*QUANTILES, "max", "cpu_us"):
        columns = [[getattr(latency, name) for latency in of[p]] for p in ("floor", "planlift")]
        pairs = [p / f for f, p in zip(*columns)]
        cells = [statistics.median(column) for column in columns]
        ratio = f"{statistics.median(pairs):.2f} ({min(pairs):.2f} - {max(pairs):.2f})"
        lines.append(f"{name:<30}{cells[0]:>12,.1f}{cells[1]:>12,.1f}   {ratio}")
    return "\n".join(lines)
