"""Drain: a backlog of events, then one of requests, by the floor and by planlift in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.groups import remove_member

from .rig import Figures, Rig, Written

EVENTS, REQUESTS, NO_REQUESTS = "events", "requests", "no-requests"
BATCH = 5000  # planlift's default
# What a record takes in Kafka's log beside key, value and headers: lengths and deltas.
RECORD_OVERHEAD = 9


@dataclass(frozen=True)
class Size:
    """How large the workload is."""

    customers: int
    requests: int
    licences: str = "20-32"
    window: int = 512
    seed: int = 1


# By kind of topic: records to an input record, and bytes of each with its key.
FloorOutputs = Mapping[str, tuple[float, float]]


def floor_outputs(written: Mapping[str, Written], records: int) -> FloorOutputs:
    """What the floor must write to write as much as planlift did, headers included."""
    return {
        kind: (found.records / records, found.log_bytes / found.records - RECORD_OVERHEAD)
        for kind, found in written.items()
    }


def floor_specs(source: str, topics: Mapping[str, str], outputs: FloorOutputs) -> list[str]:
    """The same as arguments of floor.c."""
    return [
        f"{source}:{topics[kind]}:{rate:.6f}:{size:.1f}" for kind, (rate, size) in outputs.items()
    ]


class Drain:
    """The workload in its topics, and the runs over it. Both programs read the same records; each
    run has a group and output topics of its own."""

    def __init__(self, rig: Rig, size: Size, producers: int) -> None:
        self.rig, self.size, self.producers = rig, size, producers
        self.outputs: dict[str, FloorOutputs] = {}
        inputs = (EVENTS, REQUESTS, NO_REQUESTS)
        rig.create(*inputs, *(f"{name}.dlq" for name in inputs))
        common = (size.seed, size.customers, size.licences)
        self.records = {
            EVENTS: rig.load("events", EVENTS, *common, size.window),
            REQUESTS: rig.load("requests", REQUESTS, *common, size.requests),
        }

    def round(self, number: int, programs: tuple[str, ...]) -> list[Figures]:
        """Both phases by each of the programs, in this order."""
        topics = {
            program: {kind: f"{program}-{kind}-{number}" for kind in ("results", "state")}
            for program in programs
        }
        for names in topics.values():
            self.rig.create(names["results"])
            self.rig.create(names["state"], is_compacted=True)
        run = {"floor": self._floor, "planlift": self._planlift}
        found = [
            run[program](phase, number, topics[program])
            for phase in (EVENTS, REQUESTS)
            for program in programs
        ]
        self.rig.cache.flushall()
        self.rig.delete(name for names in topics.values() for name in names.values())
        return found

    def _planlift(self, phase: str, number: int, outputs: Mapping[str, str]) -> Figures:
        """Events first, with an empty topic in place of the requests; then those too."""
        group, requests = f"planlift-{number}", REQUESTS if phase == REQUESTS else NO_REQUESTS
        settings = self.rig.planlift_settings(
            group, {"events": EVENTS, "requests": requests, **outputs}
        )
        command = [self.rig.planlift, "run", "--drain"]
        count = self.records[phase]
        figures = self.rig.measure("planlift", phase, command, settings, count, phase, outputs)
        remove_member(self.rig.brokers, group, f"{group}-0")  # else its old share awaits the next
        self.outputs[phase] = floor_outputs(figures.written, count)
        return figures

    def _floor(self, phase: str, number: int, outputs: Mapping[str, str]) -> Figures:
        """As many records and bytes as planlift has just written."""
        specs = floor_specs(phase, outputs, self.outputs[phase])
        count = self.records[phase]
        group = f"floor-{phase}-{number}"
        command = [self.rig.tool("floor"), self.rig.brokers, group, count, self.producers, BATCH]
        return self.rig.measure("floor", phase, [*command, *specs], None, count, phase, outputs)


# --- the table ----------------------------------------------------------------------------------

Value = Callable[[Figures], float]
ROWS: list[tuple[str, str, Value]] = [
    ("records/s", "{:,.0f}", lambda f: f.records / f.seconds),
    ("CPU, µs a record", "{:.2f}", lambda f: f.cpu_s / f.records * 1e6),
    ("peak RSS, MiB", "{:.0f}", lambda f: f.peak_rss_mib),
    ("Redis CPU, µs a record", "{:.2f}", lambda f: f.redis_cpu_s / f.records * 1e6),
    ("Kafka CPU, µs a record", "{:.2f}", lambda f: f.kafka_cpu_s / f.records * 1e6),
    (
        "state records a record",
        "{:.3f}",
        lambda f: f.written["state"].records / f.records if "state" in f.written else 0,
    ),
    (
        "bytes written a record",
        "{:,.0f}",
        lambda f: sum(w.log_bytes for w in f.written.values()) / f.records,
    ),
    ("transactions", "{:,.0f}", lambda f: f.transactions),
    (
        "ms from flush to commit",
        "{:.1f}",
        lambda f: f.commit_s / f.transactions * 1e3,
    ),
]


def table(runs: list[Figures], phase: str) -> str:
    """The phase's figures, medians over the runs, and planlift's ratio to the floor: the median of
    the pairs, least and most."""
    of = {
        program: [run for run in runs if run.phase == phase and run.program == program]
        for program in ("floor", "planlift")
    }
    lines = [f"{phase:<30}{'floor':>12}{'planlift':>12}   ratio (least - most)"]
    for name, form, value in ROWS:
        columns = {program: [value(run) for run in found] for program, found in of.items()}
        cells = [
            form.format(statistics.median(found)) if found else "-" for found in columns.values()
        ]
        pairs = [p / f for f, p in zip(columns["floor"], columns["planlift"]) if f > 0]
        ratio = ""
        if pairs:
            ratio = f"{statistics.median(pairs):.2f} ({min(pairs):.2f} - {max(pairs):.2f})"
        lines.append(f"{name:<30}{cells[0]:>12}{cells[1]:>12}   {ratio}")
    return "\n".join(lines)
