"""What must not grow: cost with the size of a customer, of its past, of the cache; memory; and how
fast a lost Redis comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .rig import BenchError, Figures, Rig

SEED = 1


@dataclass(frozen=True)
class Scale:
    """How large the cases are."""

    small_customers: int  # whose cache is lost
    many: int  # customers in the cache, against 1,000
    large: int  # licences of a customer, against 25
    records: int  # of each measured drain


class Case:
    """Topics and a group of one case; each drain takes in what was loaded since the last."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig, self.name = rig, name
        kinds = ("events", "requests", "results", "state")
        self.topics = {kind: f"{name}-{kind}" for kind in kinds}
        self.settings = rig.planlift_settings(name, self.topics)
        for kind in ("events", "requests"):
            rig.create(self.topics[kind], f"{self.topics[kind]}.dlq")
        rig.create(self.topics["results"])
        rig.create(self.topics["state"], is_compacted=True)

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_: object) -> None:
        self.rig.cache.flushall()
        dead = [f"{self.topics[kind]}.dlq" for kind in ("events", "requests")]
        self.rig.delete([*self.topics.values(), *dead])

    def drain(
        self, load: str, customers: int, licences: str, last: int, first: int = 0, batch: int = 5000
    ) -> Figures:
        """Load more, and take it in."""
        topic = self.topics["events" if load in ("events", "licences-in-turn") else "requests"]
        count = self.rig.load(load, topic, SEED, customers, licences, last, first)
        return self.rig.measure(
            "planlift",
            self.name,
            [self.rig.planlift, "run", "--drain"],
            {**self.settings, "batch.max.records": batch},
            count,
            topic,
            {kind: self.topics[kind] for kind in ("results", "state")},
        )


@dataclass(frozen=True)
class Flatness:
    """The cost of a record in two cases that differ in size only."""

    name: str
    small: Figures
    large: Figures
    limit: float  # of the ratio

    def rows(self) -> list[tuple[str, float, float]]:
        return [(name, value(self.small), value(self.large)) for name, value in COSTS]


COSTS: list[tuple[str, Callable[[Figures], float]]] = [
    ("CPU, µs a record", lambda f: f.cpu_s / f.records * 1e6),
    ("Redis CPU, µs a record", lambda f: f.redis_cpu_s / f.records * 1e6),
    (
        "state bytes a record",
        lambda f: (f.written["state"].log_bytes if "state" in f.written else 0) / f.records,
    ),
]


def large_customers(rig: Rig, scale: Scale) -> Flatness:
    """Licence events for customers in turn. A batch is of one partition and takes fewer records
    than that has customers, so that none is cheap for coming with others of its customer."""
    customers, batch, found = 100, 12, []
    for licences in ("25/1", f"{scale.large}/1"):
        with Case(rig, f"{licences.replace('/', '-')}-licences") as case:
            case.drain("events", customers, licences, customers)
            count = scale.records // 5
            found.append(case.drain("licences-in-turn", customers, licences, count, batch=batch))
    return Flatness(f"a licence event: of 25 licences, of {scale.large:,}", *found, limit=2.0)


def answered_requests(rig: Rig, scale: Scale) -> Flatness:
    """CHECKs of customers in turn, for each the first or from the 65th on; batches as above."""
    count, asked = scale.records, scale.records // 8
    batch = asked // 8
    with Case(rig, "none-answered") as case:
        case.drain("events", count, "25", 512)
        small = case.drain("checks-in-turn", count, "25", count, batch=batch)
    with Case(rig, "64-answered") as case:
        case.drain("events", asked, "25", 512)
        case.drain("checks-in-turn", asked, "25", asked * 64)
        large = case.drain("checks-in-turn", asked, "25", count, first=asked * 64, batch=batch)
    return Flatness("a request: none answered before, 64", small, large, limit=1.3)


def many_customers(rig: Rig, scale: Scale) -> tuple[Flatness, Figures]:
    """Requests of the same 1,000 customers, alone in the cache and among many; and what taking in
    the many cost."""
    few, found = 1000, []
    for customers in (few, scale.many):
        with Case(rig, f"{customers}-customers") as case:
            taken = case.drain("events", customers, "2", 512)
            found.append(case.drain("requests-in-turn", few, "2", scale.records, batch=few))
    name = f"a request: {few:,} customers in the cache, {scale.many:,}"
    return Flatness(name, *found, limit=1.3), taken


@dataclass(frozen=True)
class Restore:
    """How a lost Redis came back."""

    customers: int
    pieces: int
    seconds: float
    reports: int  # lines of the log that showed the progress
    peak_rss_mib: float

    @property
    def customers_per_minute(self) -> float:
        return self.customers / self.seconds * 60


def restore(rig: Rig, scale: Scale) -> Restore:
    """Customers of a grant, 1 to 3 subscriptions and a licence; then Redis is emptied."""
    with Case(rig, "lost-cache") as case:
        case.drain("events", scale.small_customers, "1", 512)
        rig.cache.flushall()
        log = rig.log_of("planlift")
        seen = len(log.read_text(errors="replace"))
        process = rig.start_metered(
            [rig.planlift, "run", "--drain"], case.settings, case.topics["events"]
        )
        figures = rig.finish_metered(process, "planlift", "restore", 0, {})
        text = log.read_text(errors="replace")[seen:]
        done = re.findall(r" restored .*pieces=(\d+) elapsed_ms=(\d+)", text)
        if not done or rig.cache.dbsize() == 0:
            raise BenchError(f"nothing was restored:\n{text}")
        return Restore(
            scale.small_customers,
            sum(int(pieces) for pieces, _ in done),
            sum(int(elapsed_ms) for _, elapsed_ms in done) / 1000,
            text.count(" restoring "),
            figures.peak_rss_mib,
        )


def table(found: list[Flatness]) -> str:
    lines = []
    for flatness in found:
        lines.append(f"\n{flatness.name} (ratio at most {flatness.limit})")
        for name, small, large in flatness.rows():
            ratio = f"{large / small:.2f}" if small > 0 else "-"
            lines.append(f"  {name:<28}{small:>12,.2f}{large:>12,.2f}{ratio:>8}")
    return "\n".join(lines)
