"""What people do to a deployment: other writers, other offsets."""

from __future__ import annotations

from functools import partial

from harness import Message
from harness.groups import delete_offsets, remove_member
from oracle import workload
from oracle.records import Record
from oracle.state import Customer

from .fleet import End
from .rig import PARTITIONS, Kind, Outcome, Rig

ALL = frozenset(range(PARTITIONS))
STOP_S = 20.0


# --- a foreign writer on the state topic ----------------------------------------------------------


def foreign(what: str, rig: Rig, outcome: Outcome) -> set[int]:
    """Somebody writes a record of this sort into a partition of the state topic, and the customer
    it is about is spoken of: planlift must stop with the reason. Where it does not at first, Redis
    loses everything, so that what was written is read."""
    partition = rig.rng.randrange(PARTITIONS)
    victim = some_head(rig, partition)
    outcome.detail = f"partition {partition} key {victim.key!r}"
    since = rig.now()
    rig.mark(outcome, since)
    rig.world.client.send(rig.world.topics.state, [record_of(what, rig, victim)])
    customer = Customer(victim.key.removeprefix(b"h/").decode())
    stopped: list[End] = []
    flushed: list[float] = []

    def is_stopped() -> bool:
        stopped[:] = [end for end in rig.fleet.surprises(since) if end.status == 1]
        if not stopped:
            if rig.now() > since + STOP_S / 4 and not flushed:
                flushed.append(rig.now())
                rig.redis_client().flushall()
            rig.traffic.send_requests(workload.probes([customer], rig.traffic.topics))
            rig.wait(0.2)
        return bool(stopped)

    rig.until(is_stopped, "planlift stopped because of a foreign record", STOP_S)
    text = stopped[0].log.read_text()
    assert "state topic" in text or rig.world.topics.state in text, f"no reason given: {text}"
    outcome.recovery = stopped[0].at - since
    return set()


def some_head(rig: Rig, partition: int) -> Record:
    """The first head that is still there of a customer who has changed since."""
    found: list[Record] = []

    def is_there() -> bool:
        heads: dict[bytes, list[Record]] = {}
        for record in rig.world.client.read(rig.world.topics.state):
            if record.partition == partition and record.key.startswith(b"h/"):
                heads.setdefault(record.key, []).append(record)
        found[:] = [
            records[0]
            for records in heads.values()
            if len(records) > 2 and all(record.value is not None for record in records)
        ]
        return bool(found)

    rig.until(is_there, f"a customer of some history in partition {partition}", 60)
    return rig.rng.choice(found)


def record_of(what: str, rig: Rig, victim: Record) -> Message:
    match what:
        case "garbage":
            return Message(b"stranger", rig.rng.randbytes(40), partition=victim.partition)
        case "garbled":
            return Message(victim.key, rig.rng.randbytes(40), partition=victim.partition)
        case "tombstone":
            return Message(victim.key, None, partition=victim.partition)
        case "older":
            return Message(victim.key, victim.value, partition=victim.partition)
    raise AssertionError(what)


def foreign_aborted(rig: Rig, outcome: Outcome) -> set[int]:
    """Somebody begins to write there, and thinks better of it: planlift goes on."""
    partition = rig.rng.randrange(PARTITIONS)
    outcome.detail = f"partition {partition}"
    producer = rig.world.client.producer({"transactional.id": f"{rig.world.group}-stranger"})
    producer.init_transactions(20)
    rig.mark(outcome, rig.now())
    producer.begin_transaction()
    message = Message(b"stranger", b"was here", partition=partition)
    rig.world.client.send(rig.world.topics.state, [message], producer)
    rig.idle(3.0)
    producer.abort_transaction(20)
    rig.heal(outcome)
    return {partition}


def other_deployment(rig: Rig, outcome: Outcome) -> set[int]:
    """A process of another group, by mistake on the same topics: it must stop, we go on."""
    rig.mark(outcome, rig.now())
    settings = {"group.id": f"{rig.world.group}-other"}
    intruder = rig.fleet.add_other(max(rig.fleet.slots), settings)
    try:
        end = intruder.await_end(intruder.expect_end())
        assert end.status == 1, f"the process of the other group: {end}"
        assert "another deployment" in end.log.read_text(), f"no reason given: {end.log}"
    finally:
        intruder.close()
    return set(ALL)


# --- offsets --------------------------------------------------------------------------------------


def leave(rig: Rig) -> list[int]:
    """All processes end, and their places in the group too."""
    numbers = sorted(rig.fleet.slots)
    rig.fleet.stop()
    for number in numbers:
        instance = f"{rig.world.group}-{number}"
        remove_member(rig.world.client.bootstrap_servers, rig.world.group, instance)
    return numbers


def come_back(rig: Rig, outcome: Outcome, numbers: list[int]) -> set[int]:
    for number in numbers:
        rig.fleet.add(number)
    rig.heal(outcome)
    rig.await_all_assigned()
    return set(ALL)


def reset_offsets(rig: Rig, outcome: Outcome) -> set[int]:
    """To the start: all that was taken in is offered again, nothing of it may count twice."""
    rig.mark(outcome, rig.now())
    numbers = leave(rig)
    committed = rig.world.client.committed(rig.world.group)
    rig.world.client.set_committed(rig.world.group, dict.fromkeys(committed, 0))
    partitions = come_back(rig, outcome, numbers)
    rig.await_settled()
    logs = "".join(slot.log_text() for slot in rig.fleet.slots.values())
    assert "group_offset_behind" in logs, "nobody says that the offsets were behind"
    return partitions


def forget_offsets(rig: Rig, outcome: Outcome) -> set[int]:
    """As after their expiry."""
    rig.mark(outcome, rig.now())
    numbers = leave(rig)
    world = rig.world
    for topic in (world.topics.events, world.topics.requests):
        delete_offsets(world.client.bootstrap_servers, world.group, topic, range(PARTITIONS))
    return come_back(rig, outcome, numbers)


def advance_offsets(rig: Rig, outcome: Outcome) -> set[int]:
    """Ahead of what was taken in: planlift must stop, and goes on once they are set back."""
    rig.mark(outcome, rig.now())
    numbers = leave(rig)
    client, group = rig.world.client, rig.world.group
    committed = client.committed(group)
    place = rig.rng.choice(sorted(committed))
    outcome.detail = f"{place[0].rpartition('.')[2]}/{place[1]}"
    client.set_committed(group, {place: committed[place] + 3})
    slot = rig.fleet.add(numbers[0])
    end = slot.await_end(slot.expect_end())
    assert end.status == 1, f"offsets ahead of the state: {end}"
    assert "ahead of what the state has taken in" in end.log.read_text(), f"no reason: {end.log}"
    rig.fleet.remove(numbers[0])
    instance = f"{group}-{numbers[0]}"
    remove_member(client.bootstrap_servers, group, instance)
    client.set_committed(group, committed)
    return come_back(rig, outcome, numbers)


KINDS = [
    Kind("offsets_reset", "operator", reset_offsets),
    Kind("offsets_lost", "operator", forget_offsets),
    Kind("offsets_ahead", "operator", advance_offsets),
    Kind("foreign_aborted", "foreign writer", foreign_aborted),
    Kind("foreign_deployment", "foreign writer", other_deployment),
    *(
        Kind(f"foreign_{what}", "foreign writer", partial(foreign, what), is_last=True)
        for what in ("garbage", "garbled", "tombstone", "older")
    ),
]
