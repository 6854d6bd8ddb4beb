"""Faults of the processes themselves."""

from __future__ import annotations

from functools import partial

from harness import eventually

from .failpoint import POINTS, RECOVERY_POINTS
from .fleet import Slot
from .rig import PARTITIONS, SESSION_S, Kind, Outcome, Rig

STOPPING_POINTS = ("begin", "before_flush", "after_flush", "after_offsets", "commit_sent")
STOPPING_POINTS += ("after_commit", "before_redis_write", "redis_write_sent", "redis_read")
POINT_S = 120.0  # until a busy process has come to any point of a batch
ALL = frozenset(range(PARTITIONS))


def kill(rig: Rig, outcome: Outcome) -> set[int]:
    """At random; it comes back at once."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    rig.idle(1.0)
    slot.expect_end()
    rig.mark(outcome, slot.kill())
    return partitions


def kill_at(point: str, rig: Rig, outcome: Outcome) -> set[int]:
    """In the middle of a batch."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    count = rig.rng.randint(1, 10)
    outcome.detail = f"{point}:{count}"
    generation = slot.expect_end()
    slot.failpoint.arm(point, count)
    rig.mark(outcome, slot.await_end(generation, POINT_S).at)
    return partitions


def kill_in_recovery(point: str, rig: Rig, outcome: Outcome) -> set[int]:
    """A process that ends, and ends again while it starts; its cache lost in every second case."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    is_cache_lost = point != "init" and (point == "restore_drop" or rig.rng.random() < 0.5)
    most = {"restore_read": 40, "before_assign": 3}.get(point, len(partitions))
    count = rig.rng.randint(1, most if is_cache_lost or point != "restore_read" else 2)
    count = 1 if point == "init" else count
    outcome.detail = f"{point}:{count}{', cache lost' if is_cache_lost else ''}"
    slot.hold()
    generation = slot.expect_end()
    rig.mark(outcome, slot.kill())
    slot.await_end(generation)
    if is_cache_lost:
        rig.redis_client().flushall()
    slot.failpoint.arm(point, count)
    slot.release()
    slot.expect_end_of(generation + 1)
    try:
        slot.await_end(generation + 1, POINT_S)
    finally:
        slot.failpoint.disarm()
    return partitions


def pause(rig: Rig, outcome: Outcome) -> set[int]:
    """For less than the session timeout: it goes on in its place."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    seconds = rig.rng.uniform(0.2, SESSION_S * 0.6)
    outcome.detail = f"{seconds:.1f} s"
    rig.mark(outcome, slot.pause())
    rig.wait(seconds)
    rig.heal(outcome, slot.resume())
    return partitions


def await_takeover(rig: Rig, slot: Slot) -> None:
    """Until the others have all partitions."""

    def is_so() -> bool:
        found = rig.assignment()
        owned = sorted(n for number, numbers in found.items() for n in numbers)
        return slot.number not in found and owned == list(range(PARTITIONS))

    eventually(is_so, f"partitions of slot {slot.number} taken over", 60)


def zombie(rig: Rig, outcome: Outcome) -> set[int]:
    """Frozen, at random, until the others have taken over; then it goes on."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    rig.idle(0.5)
    return let_be_zombie(rig, outcome, slot, partitions, slot.pause())


def zombie_at(point: str, rig: Rig, outcome: Outcome) -> set[int]:
    """Frozen in the middle of a batch, until the others have taken over; then it goes on."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    outcome.detail = f"{point}:{(count := rig.rng.randint(1, 10))}"
    slot.failpoint.arm(point, count, "stop")
    eventually(lambda: slot.is_stopped, f"slot {slot.number} stopped at {point}", POINT_S)
    return let_be_zombie(rig, outcome, slot, partitions, rig.now())


def let_be_zombie(
    rig: Rig, outcome: Outcome, slot: Slot, partitions: set[int], at: float
) -> set[int]:
    rig.mark(outcome, at)
    generation = slot.expect_end()  # it may find out and end, or join anew
    try:
        await_takeover(rig, slot)
        rig.await_news(outcome, partitions)
        rig.idle(2.0)
    finally:
        rig.heal(outcome, slot.resume())
    rig.await_all_assigned()
    rig.await_settled()
    slot.expect_no_end()
    ended = [end for end in slot.ends if end.generation == generation]
    outcome.detail = f"{outcome.detail} {ended[0] if ended else 'joined again'}".strip()
    return partitions


def zombie_replaced(rig: Rig, outcome: Outcome) -> set[int]:
    """Frozen; another process gets its slot at once, and then it goes on: it must end."""
    slot = rig.any_slot()
    partitions = rig.partitions_of(slot)
    rig.idle(0.5)
    slot.hold()
    generation = slot.expect_end()
    rig.mark(outcome, slot.pause())
    twin = rig.fleet.add_other(slot.number)
    try:
        rig.await_news(outcome, partitions)
        rig.idle(1.0)
        rig.heal(outcome, slot.resume())
        end = slot.await_end(generation)
        outcome.detail = str(end)
        assert (end.status, end.reason) == (1, "fenced"), f"the older process: {end}"
    finally:
        twin.retire()
        slot.release()
    return partitions


def roll(rig: Rig, outcome: Outcome) -> set[int]:
    """Each process is asked to end, and comes back, one after the other."""
    rig.mark(outcome, rig.now())
    for number in sorted(rig.fleet.slots):
        slot = rig.fleet.slots[number]
        generation = slot.expect_end()
        slot.terminate()
        end = slot.await_end(generation)
        assert end.status == 0, f"asked to end: {end}"
        rig.await_all_assigned()
    return set(ALL)


def scale(rig: Rig, outcome: Outcome) -> set[int]:
    """1, 3, 2, 1 processes, then as before."""
    fleet = rig.fleet
    before = sorted(fleet.slots)
    rig.mark(outcome, rig.now())
    spare = max(before) + 1
    for count in (1, 3, 2, 1, len(before)):
        while len(fleet.slots) > count:
            fleet.remove(rig.rng.choice(sorted(fleet.slots)))
        while len(fleet.slots) < count:
            free = [number for number in (*before, spare, spare + 1) if number not in fleet.slots]
            fleet.add(rig.rng.choice(free))
        rig.await_all_assigned()
        rig.await_settled()
    return set(ALL)


KINDS = [
    Kind("kill", "kill -9", kill),
    *(Kind(f"kill_{point}", "kill -9", partial(kill_at, point)) for point in POINTS),
    *(
        Kind(f"kill_{point}", "kill -9", partial(kill_in_recovery, point))
        for point in RECOVERY_POINTS
    ),
    Kind("pause", "pause", pause),
    Kind("zombie", "zombie", zombie),
    *(Kind(f"zombie_{point}", "zombie", partial(zombie_at, point)) for point in STOPPING_POINTS),
    Kind("zombie_replaced", "zombie", zombie_replaced),
    Kind("roll", "rolling restart", roll),
    Kind("scale", "scaling", scale),
]
