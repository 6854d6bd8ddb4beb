"""The group's offsets and the progress in the state topic (contract 2): a record is applied once,
whatever an operator or retention does to the one or the other."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from harness import Message, World
from harness.deadline import eventually
from harness.groups import delete_offsets, remove_member
from harness.kafka import Place
from harness.planlift import Finished
from harness.samples import customer_facts, licence, wish
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


def refuse(world: World, *words: str) -> Finished:
    """It ends with exit 1, having done nothing, and says these words (patterns)."""
    before = (len(world.client.read(world.topics.state)), len(world.results()))
    finished = world.run("run", seconds=30)
    assert finished.status == 1, finished.err
    assert finished.err.splitlines()[-1].startswith("exit_reason=")
    for word in words:
        assert re.search(word, finished.err), f"{word} is not in:\n{finished.err}"
    assert (len(world.client.read(world.topics.state)), len(world.results())) == before
    leave(world)
    return finished


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


@pytest.mark.parametrize("back", [1, 10**6])
def test_offsets_reset_to_earlier(handled: World, back: int) -> None:
    committed = handled.client.committed(handled.group)
    handled.client.set_committed(handled.group, shift(committed, -back))
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


# --- ahead, or beyond the log: refused ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_an_offset_ahead_of_the_progress(handled: World, kind: str) -> None:
    """Records would be skipped. What it says to do helps."""
    topic = getattr(handled.topics, kind)
    committed = handled.client.committed(handled.group)
    ask(handled)
    send_facts(handled)
    place = next(place for place in committed if place[0] == topic)
    handled.client.set_committed(handled.group, shift(committed, 1, only=[place]))
    right = committed[place]
    refuse(handled, re.escape(topic), rf"\b{right}\b", rf"\b{right + 1}\b", "[Ss]et .*offset")
    handled.client.set_committed(handled.group, {place: right})
    handled.drain()
    judge(handled)


def test_draining_with_offsets_ahead_of_the_progress(handled: World) -> None:
    """Set to the end: nothing remains after the group's offsets, but much was not applied."""
    send_facts(handled)
    ask(handled)
    handled.client.set_committed(handled.group, both_ends(handled))
    finished = handled.run("run", "--drain", seconds=30)
    assert finished.status == 1, finished.err
    assert re.search("[Ss]et .*offset", finished.err)


def remade(world: World, topic: str) -> None:
    """The topic deleted and made anew, empty."""
    for future in world.client.admin.delete_topics([topic]).values():
        future.result()
    gone = f"{topic} gone"
    eventually(lambda: topic not in world.client.admin.list_topics().topics, gone)
    world.client.create_topics([topic], world.partitions)


@pytest.mark.parametrize(("kind", "refilled"), [("requests", False), ("events", True)])
def test_an_input_topic_made_anew(handled: World, kind: str, refilled: bool) -> None:
    """The progress lies beyond the log's end: empty, or with fewer records than before."""
    topic = getattr(handled.topics, kind)
    remade(handled, topic)
    if refilled:
        here = [Message(CUSTOMERS[0].encode(), b"x", partition=n) for n in range(3)]
        handled.client.send(topic, here)
    refuse(handled, re.escape(topic), "group.id|state")


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_records_deleted_before_they_were_read(handled: World, kind: str) -> None:
    topic = getattr(handled.topics, kind)
    send_facts(handled)
    ask(handled)
    ends = handled.client.ends(topic)
    handled.client.delete_before(shift(ends, -1))
    refuse(handled, re.escape(topic), "deleted")


def test_records_deleted_under_a_running_service(handled: World) -> None:
    """The process was frozen while retention took what it had not read."""
    process = handled.start()
    ask(handled)
    handled.await_taken_in(process)
    process.pause()
    topic = handled.topics.requests
    customer = CUSTOMERS[0]
    asked = sum(handled.client.ends(topic).values())
    # The first may still reach a fetch that waits at the broker; the others cannot.
    for _ in range(4):
        partition, last = handled.send_request(customer, **wish("CHECK"))
    handled.client.delete_before({(topic, partition): last})
    process.resume()
    ended = process.await_exit(30)
    assert ended.status == 1, ended.err
    assert ended.err.splitlines()[-1].startswith("exit_reason=")
    assert re.search(rf"{re.escape(topic)}/{partition}.*deleted", ended.err), ended.err
    assert len(handled.results()) <= asked + 1


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
    finished = world.run(*arguments, seconds=30)
    assert finished.status == 1, finished.err
    assert re.search("[Ss]et .*offset", finished.err)
