"""Small whole runs for the tests of workload and history checker."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from oracle.breakage import evolved_schemas
from oracle.catalogue import Catalogue
from oracle.history import Report, Settings, check
from oracle.perfect import PerfectPlanlift
from oracle.records import Record, Topics
from oracle.wire import RESULT, Registry, decode_result, encode
from oracle.workload import Item, Plan, generate


def to_records(
    items: list[Item], registry: Registry, topics: Topics, before: Iterable[Record] = ()
) -> list[Record]:
    """The records that producing the items in order appends to the input topics."""
    ends = Counter((record.topic, record.partition) for record in before)
    records = []
    for item in items:
        place = (item.topic, item.partition(topics))
        value = item.encoded(registry, topics)
        records.append(Record(*place, ends[place], item.key, value, item.headers))
        ends[place] += 1
    return records


@dataclass
class Run:
    """Everything that a check needs."""

    catalogue: Catalogue
    registry: Registry
    settings: Settings
    inputs: list[Record]
    outputs: list[Record]

    def check(self, outputs: list[Record] | None = None, **settings: Any) -> Report:
        """Judge these outputs, or the right ones."""
        used = replace(self.settings, **settings) if settings else self.settings
        out = self.outputs if outputs is None else outputs
        return check(self.catalogue, self.registry, used, self.inputs, out)

    def results(self) -> list[tuple[int, dict[str, Any]]]:
        """Index in the outputs and value of every result record."""
        return [
            (index, decode_result(self.registry, record.value or b""))
            for index, record in enumerate(self.outputs)
            if record.topic == self.settings.topics.results
        ]

    def letters(self) -> list[int]:
        """Indices of the dead letters."""
        return [n for n, r in enumerate(self.outputs) if r.topic.endswith(".dlq")]

    def with_value(self, index: int, value: dict[str, Any], **fields: Any) -> list[Record]:
        """The outputs with one result record saying something else."""
        changed = replace(self.outputs[index], value=encode(self.registry, RESULT, value), **fields)
        return self.with_record(index, changed)

    def with_record(self, index: int, *records: Record) -> list[Record]:
        """The outputs with one record replaced by others (none: dropped)."""
        return [*self.outputs[:index], *records, *self.outputs[index + 1 :]]


def perfect_run(
    catalogue: Catalogue, registry: Registry, plan: Plan, settings: Settings, **more: Any
) -> Run:
    """A workload and what a right planlift makes of it."""
    full = Registry.load(more=evolved_schemas(registry)) if plan.evolved else registry
    inputs = to_records(generate(catalogue, full, plan, settings.topics), full, settings.topics)
    planlift = PerfectPlanlift(catalogue, full, settings, random.Random(plan.seed), **more)
    return Run(catalogue, full, settings, inputs, planlift.run(inputs))
