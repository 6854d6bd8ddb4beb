"""How long a kill -9 costs, with a large state: the process comes back in its slot, or another one
takes over; Redis has kept its data, or lost it at the same moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness import Message
from harness.samples import licence, subscription

from .chapters import judge_into, say
from .processes import await_takeover
from .rig import Kind, Outcome, Rig, Servers
from .table import markdown, quantile

SESSION_S = 10.0  # planlift's default
TARGETS = {
    "same_slot_redis_kept": 5.0,
    "same_slot_redis_empty": 5.0,
    "taken_over_redis_kept": SESSION_S + 5.0,
    "taken_over_redis_empty": SESSION_S + 5.0,
}
PRELOAD_S = 600.0
RECORDS_EACH = 2  # of a customer: the head, a chunk of licences


class LargeRig(Rig):
    """Many small customers before the first fault: `records` pieces of state. Everything is at its
    defaults but for the number of partitions."""

    def __init__(self, servers: Servers, seed: int, records: int) -> None:
        super().__init__(servers, "recovery", seed, settings={}, state_topic={})
        self.records = records

    def prepare(self) -> None:
        """Facts go in, and a process takes them all in."""
        customers = [f"small-{number:06d}" for number in range(self.records // RECORDS_EACH)]
        begun = time.monotonic()
        places = self.world.client.send(self.world.topics.events, self._facts(customers))
        ends: dict[tuple[str, int], int] = {}
        for partition, offset in places:
            place = (self.world.topics.events, partition)
            ends[place] = max(ends.get(place, 0), offset + 1)
        sent = time.monotonic()
        slot = self.fleet.add(1)
        self.commits.await_taken(ends, PRELOAD_S)
        say(
            f"  {len(places)} facts of {len(customers)} customers sent in {sent - begun:.0f} s, "
            f"taken in by one process in {time.monotonic() - sent:.0f} s"
        )
        slot.retire()
        self.fleet.slots.pop(1)
        self.fleet.others.append(slot)

    def _facts(self, customers: Sequence[str]) -> list[Message]:
        event = self.world.event
        return [
            message
            for customer in customers
            for message in (
                event(customer, "SubscriptionChanged", **subscription()),
                event(customer, "LicenseAssigned", **licence(1)),
            )
        ]


def same_slot(is_cache_lost: bool, rig: Rig, outcome: Outcome) -> set[int]:
    """The process is started again at once."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    rig.idle(1.0)
    rig.mark(outcome, slot.kill())
    if is_cache_lost:
        rig.redis_client().flushall()
    return partitions


def taken_over(is_cache_lost: bool, rig: Rig, outcome: Outcome) -> set[int]:
    """The process stays away until another one has its partitions and has gone on with them."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    rig.idle(1.0)
    slot.hold()
    rig.mark(outcome, slot.kill())
    if is_cache_lost:
        rig.redis_client().flushall()
    try:
        await_takeover(rig, slot)
        rig.await_news(outcome, partitions)
    finally:
        slot.release()
    rig.await_all_assigned()
    return partitions


KINDS = [
    Kind(f"{name}_{'redis_empty' if is_lost else 'redis_kept'}", "recovery", partial(way, is_lost))
    for name, way in (("same_slot", same_slot), ("taken_over", taken_over))
    for is_lost in (False, True)
]


def measure(folder: Path, seed: int, records: int, times: int) -> list[Outcome]:
    """All four ways, in turn, so often each."""
    outcomes: list[Outcome] = []
    with Servers(folder, broker={}) as servers, LargeRig(servers, seed, records) as rig:
        for number in range(times * len(KINDS)):
            kind = KINDS[number % len(KINDS)]
            outcome = Outcome(kind.name, number)
            outcomes.append(outcome)
            rig.await_recovery(outcome, kind.inject(rig, outcome))
            say(f"  {kind.name:26}{outcome.recovery:6.2f}")
        judge_into(rig, outcomes)
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> str:
    """Markdown."""
    rows = [["kill -9", "times", "p50", "p95", "max", "target p95", "wrong"]]
    for name, target in TARGETS.items():
        found = [outcome for outcome in outcomes if outcome.kind == name]
        times = [outcome.recovery for outcome in found]
        spread = [f"{quantile(times, share):.2f}" for share in (0.5, 0.95, 1.0)]
        wrong = sum(len(outcome.wrong) for outcome in found)
        label = name.replace("_", " ").replace(" redis", ", Redis")
        rows.append([label, str(len(found)), *spread, f"< {target:.0f}", str(wrong)])
    return markdown(rows)


def is_fast(outcomes: Sequence[Outcome]) -> bool:
    """Whether every target was met."""
    return all(
        quantile([o.recovery for o in outcomes if o.kind == name], 0.95) < target
        for name, target in TARGETS.items()
    )
