"""The group's offsets and the progress in the state topic (contract 2): a record is applied once,
whatever an operator or retention does to the one or the other. What is refused is refused before
anything has changed, and the remedy of docs/operations.md works as it is written there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from harness import Message, World
from harness.deadline import eventually
from harness.groups import delete_offsets, remove_member
from harness.kafka import Place
from harness.planlift import Finished
from harness.remedy import carry_out
from harness.samples import customer_facts, licence, wish
from harness.stored import standing
from harness.verdict import inputs, judge
from oracle.records import Record

CUSTOMERS = [f"c{n}" for n in range(9)]


@pytest.fixture
def handled(world: World) -> World:
    """A world in which a first run has taken in all there was, in every partition, and has left
    its group."""
    world.create_topics()
    send_facts(world)
    ask(world, "ADD_LICENSES")
    world.drain()
    leave(world)
    return world


def send_facts(world: World) -> None:
    for customer in CUSTOMERS:
        world.client.send(world.topics.events, customer_facts(world, customer))


def ask(world: World, operation: str = "CHECK") -> None:
    """One request more for each customer."""
    requests = [world.request(customer, **wish(operation)) for customer in CUSTOMERS]
    world.client.send(world.topics.requests, requests)


def leave(world: World) -> None:
    instance = f"{world.group}-{world.settings['slot']}"
    remove_member(world.kafka.bootstrap_servers, world.group, instance)


def both_ends(world: World) -> dict[Place, int]:
    return {**world.client.ends(world.topics.requests), **world.client.ends(world.topics.events)}


def go_on(world: World) -> Finished:
    """More of everything; all is answered once, and the offsets are where they belong."""
    results = len(world.results())
    ask(world)
    world.client.send(
        world.topics.events,
        [world.event(customer, "LicenseAssigned", **licence("late")) for customer in CUSTOMERS],
    )
    finished = world.drain()
    assert len(world.results()) == results + len(CUSTOMERS)
    assert world.client.committed(world.group) == both_ends(world)
    judge(world)
    return finished


def refuse(world: World, *words: str, arguments: tuple[str, ...] = ("run",)) -> None:
    """It ends with exit 1, having changed nothing, and says these words (patterns)."""
    before = standing(world)
    finished = world.run(*arguments, seconds=30)
    assert finished.status == 1, finished.err
    assert finished.err.splitlines()[-1] == "exit_reason=state"
    for word in words:
        assert re.search(word, finished.err), f"{word} is not in:\n{finished.err}"
    for now, then in zip(standing(world), before, strict=True):
        assert now == then
    leave(world)


def start_anew(world: World) -> None:
    """As the page says; the world is then that of the new group and its state topic."""
    names = {"NEW_GROUP": f"{world.group}-new", "NEW_STATE": f"{world.topics.state}-new"}
    carry_out(world, "Start anew", **names)
    world.group = names["NEW_GROUP"]
    world.topics = replace(world.topics, state=names["NEW_STATE"])
    world.settings |= {"group.id": world.group, "topic.state": world.topics.state}


def versions(world: World) -> list[int]:
    """How many facts each customer's newest result was decided on."""
    return list({r["customerId"]: r["customerVersion"] for r in world.results()}.values())


def shift(offsets: dict[Place, int], by: int, only: Iterable[Place] = ()) -> dict[Place, int]:
    chosen = set(only) or offsets.keys()
    return {place: max(0, offset + by) for place, offset in offsets.items() if place in chosen}


# --- missing or behind: goes on from the progress -------------------------------------------------


def test_offsets_of_the_whole_group_missing(handled: World) -> None:
    handled.client.admin.delete_consumer_groups([handled.group])[handled.group].result()
    assert handled.client.committed(handled.group) == {}
    finished = go_on(handled)
    assert handled.topics.requests in finished.err  # it says so


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_offsets_of_one_topic_missing(handled: World, kind: str) -> None:
    topic = getattr(handled.topics, kind)
    delete_offsets(handled.kafka.bootstrap_servers, handled.group, topic, range(handled.partitions))
    assert topic not in {name for name, _ in handled.client.committed(handled.group)}
    finished = go_on(handled)
    assert topic in finished.err


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_offsets_reset_to_earlier(handled: World, part: float) -> None:
    """To the earliest record, to the middle, and to the one before the last."""
    committed = handled.client.committed(handled.group)
    earlier = {place: int(offset * part) for place, offset in committed.items()}
    assert all(offset < committed[place] for place, offset in earlier.items())
    handled.client.set_committed(handled.group, earlier)
    finished = go_on(handled)
    assert handled.topics.requests in finished.err
    assert handled.topics.events in finished.err


def test_drain_ends_although_nothing_new_came(handled: World) -> None:
    """The offsets are brought up to the progress without a record to handle."""
    committed = handled.client.committed(handled.group)
    handled.client.set_committed(handled.group, shift(committed, -(10**6)))
    handled.drain()
    assert handled.client.committed(handled.group) == committed
    leave(handled)
    handled.client.admin.delete_consumer_groups([handled.group])[handled.group].result()
    handled.drain()
    assert handled.client.committed(handled.group) == committed
    judge(handled)


def test_offsets_behind_what_the_log_still_has(handled: World) -> None:
    """Nothing is missing, for the progress is what counts."""
    taken = inputs(handled)
    committed = handled.client.committed(handled.group)
    handled.client.set_committed(handled.group, shift(committed, -(10**6)))
    handled.client.delete_before(committed)
    ask(handled)
    handled.drain()
    judge(handled, taken=[*taken, *inputs(handled)])


def test_retention_took_all_that_was_handled(handled: World) -> None:
    taken = inputs(handled)
    handled.client.delete_before(both_ends(handled))
    handled.drain()
    ask(handled)
    handled.drain()
    assert len(handled.results()) == 2 * len(CUSTOMERS)
    judge(handled, taken=[*taken, *inputs(handled)])


# --- ahead of the state: refused ------------------------------------------------------------------


def set_ahead(world: World, topic: str) -> tuple[Place, int]:
    """The offset of one partition, one record too far; whose it is, and where it was."""
    committed = world.client.committed(world.group)
    ask(world)
    send_facts(world)
    place = next(place for place in committed if place[0] == topic)
    world.client.set_committed(world.group, shift(committed, 1, only=[place]))
    return place, committed[place]


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_an_offset_ahead_of_the_progress(handled: World, kind: str) -> None:
    """Records would be skipped."""
    topic = getattr(handled.topics, kind)
    place, right = set_ahead(handled, topic)
    refuse(handled, re.escape(topic), rf"\b{right}\b", rf"\b{right + 1}\b", "[Ss]et .*offset")
    numbers = {"TOPIC": topic, "PARTITION": place[1], "PROGRESS": right}
    carry_out(handled, "Ahead of the state, one partition", **numbers)
    handled.drain()
    judge(handled)


def test_all_offsets_ahead_of_the_progress(handled: World) -> None:
    """Set to the end: nothing remains after the group's offsets, but much was not applied."""
    send_facts(handled)
    ask(handled)
    handled.client.set_committed(handled.group, both_ends(handled))
    refuse(handled, "[Ss]et .*offset", arguments=("run", "--drain"))
    carry_out(handled, "Ahead of the state")
    handled.drain()
    judge(handled)


# --- the state topic ------------------------------------------------------------------------------


def remade(world: World, topic: str) -> None:
    """The topic deleted and made anew, empty."""
    for future in world.client.admin.delete_topics([topic]).values():
        future.result()
    gone = f"{topic} gone"
    eventually(lambda: topic not in world.client.admin.list_topics().topics, gone)
    compacted = {"cleanup.policy": "compact"} if topic == world.topics.state else {}
    world.client.create_topics([topic], world.partitions, compacted)


def test_a_state_topic_made_anew(handled: World) -> None:
    """Redis is the last that knows the state, and is left alone. Without its offsets the group
    begins again."""
    remade(handled, handled.topics.state)
    refuse(handled, re.escape(handled.topics.state), "lost or made anew", "kafka-consumer-groups")
    carry_out(handled, "Offsets, but no state")
    handled.drain()
    assert len(handled.results()) == 2 * len(CUSTOMERS)
    assert handled.client.committed(handled.group) == both_ends(handled)


def test_a_state_topic_put_back(handled: World) -> None:
    """From a copy of its records, at other offsets than they had."""
    kept = handled.client.read(handled.topics.state)
    remade(handled, handled.topics.state)
    refuse(handled, re.escape(handled.topics.state), "[Pp]ut the state back")
    back = [Message(record.key, record.value, partition=record.partition) for record in kept]
    handled.client.send(handled.topics.state, back)
    handled.drain()
    go_on(handled)


def test_a_state_topic_of_another_group(handled: World) -> None:
    """Another group.id, or one that was changed: neither group loses anything."""
    mine = handled.group
    handled.group = handled.settings["group.id"] = f"{mine}-other"
    refuse(handled, re.escape(handled.topics.state), "another deployment", rf"{mine}\b")
    handled.group = handled.settings["group.id"] = mine
    before = standing(handled)
    handled.drain()
    assert standing(handled) == before
    leave(handled)
    start_anew(handled)
    assert len(handled.results()) == 2 * len(CUSTOMERS)


def test_two_groups_begin_on_one_state_topic(world: World) -> None:
    """At the same moment: one of them has it, and the other ends and has spoilt nothing."""
    world.create_topics()
    send_facts(world)
    names = [f"{world.group}-{number}" for number in range(2)]
    processes = [world.start(settings={"group.id": name}) for name in names]
    eventually(lambda: not all(p.is_running for p in processes), "one has ended", 60)
    [winner] = [number for number, process in enumerate(processes) if process.is_running]
    ended = processes[1 - winner].await_exit()
    assert ended.status == 1, ended.err
    assert re.search("another deployment", ended.err), ended.err
    world.group = world.settings["group.id"] = names[winner]
    ask(world)
    world.await_taken_in(processes[winner])
    assert len(world.results()) == len(CUSTOMERS)
    judge(world)


# --- the log no longer has what is next: refused --------------------------------------------------


@pytest.mark.parametrize(("kind", "refilled"), [("requests", False), ("events", True)])
def test_an_input_topic_made_anew(handled: World, kind: str, refilled: bool) -> None:
    """The progress lies beyond the log's end: empty, or with fewer records than before."""
    topic = getattr(handled.topics, kind)
    remade(handled, topic)
    if refilled:
        here = [Message(CUSTOMERS[0].encode(), b"x", partition=n) for n in range(3)]
        handled.client.send(topic, here)
    refuse(handled, re.escape(topic), "made anew", "group.id", re.escape(handled.topics.state))
    start_anew(handled)
    if refilled:
        send_facts(handled)
    handled.drain()
    ask(handled)
    handled.drain()
    assert versions(handled) == [4] * len(CUSTOMERS)


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_records_deleted_before_they_were_read(handled: World, kind: str) -> None:
    topic = getattr(handled.topics, kind)
    send_facts(handled)
    ask(handled)
    handled.client.delete_before(shift(handled.client.ends(topic), -1))
    refuse(handled, re.escape(topic), "deleted", "group.id", re.escape(handled.topics.state))
    start_anew(handled)
    assert handled.client.committed(handled.group) == both_ends(handled)


def test_records_deleted_under_a_running_service(handled: World) -> None:
    """The process was frozen while retention took what it had not read."""
    process = handled.start()
    ask(handled)
    handled.await_taken_in(process)
    process.pause()
    topic = handled.topics.requests
    customer = CUSTOMERS[0]
    asked = sum(handled.client.ends(topic).values())
    # The first ones may still reach a fetch that waits at the broker; not all can.
    for _ in range(4):
        partition, last = handled.send_request(customer, **wish("CHECK"))
    handled.client.delete_before({(topic, partition): last})
    process.resume()
    ended = process.await_exit(30)
    assert ended.status == 1, ended.err
    assert re.search(rf"{re.escape(topic)}/{partition}.*deleted", ended.err), ended.err
    assert len(handled.results()) < asked + 4  # nothing behind the gap is answered
    leave(handled)
    refuse(handled, re.escape(topic), "deleted unread", re.escape(handled.topics.state))


# --- the first start ------------------------------------------------------------------------------


def test_the_first_start_begins_at_the_earliest_record(world: World) -> None:
    """Where retention has taken the first ones, with those that are left."""
    world.create_topics()
    send_facts(world)
    ask(world)
    ask(world)
    first = {place: end // 2 for place, end in both_ends(world).items()}
    world.client.delete_before(first)
    left: list[Record] = inputs(world)
    assert 0 < len(left) < sum(both_ends(world).values())
    world.drain()
    assert world.client.committed(world.group) == both_ends(world)
    judge(world)
    go_on(world)


def test_a_first_start_where_nothing_is_left(world: World) -> None:
    world.create_topics()
    ask(world)
    world.client.delete_before(both_ends(world))
    world.drain()
    assert world.results() == []
    go_on(world)


@pytest.mark.parametrize("arguments", [("run",), ("run", "--drain")])
def test_a_first_start_with_an_offset_already_there(world: World, arguments: tuple[str]) -> None:
    """Set by an operator to skip the old: ahead of a progress that there is not."""
    world.create_topics()
    send_facts(world)
    ask(world)
    world.client.set_committed(world.group, both_ends(world))
    refuse(world, "set before the first start", "kafka-consumer-groups", arguments=arguments)
    carry_out(world, "Offsets, but no state")
    world.drain()
    judge(world)
