"""The main job on a random workload: one answer to each request, each as an independent replay of
the topics has it, whoever drains the topics and whatever happens to the cache meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

import pytest
import redis

from harness import World
from harness.deadline import eventually
from harness.kafka import Message
from oracle import history, workload
from oracle.catalogue import load as load_catalogue
from oracle.records import Topics
from oracle.wire import Registry, Source
from oracle.workload import Item, Plan
from services import ROOT

PARTITIONS = 4
SCALE = float(os.environ.get("PLANLIFT_TEST_SCALE", "1"))
CATALOGUE = load_catalogue(ROOT / "catalogue" / "csp.json")


PLAN = Plan(
    seed=11,
    events=int(50_000 * SCALE),
    requests=int(20_000 * SCALE),
    customers=int(2_000 * SCALE),
    broken=0.005,
)


@pytest.fixture(scope="session")
def messages() -> dict[str, list[Message]]:
    """The workload of the project's first promise, by input topic; made once for all tests."""
    topics = Topics(PARTITIONS)
    registry = Registry.load()
    items = workload.generate(CATALOGUE, registry, PLAN, topics)
    return {
        topic: [message(item, registry, topics) for item in items if item.topic == topic]
        for topic in (topics.events, topics.requests)
    }


@pytest.fixture
def loaded(world: World, messages: dict[str, list[Message]]) -> World:
    """A world whose inputs hold the workload."""
    world.partitions = PARTITIONS
    world.create_topics()
    world.client.send(world.topics.events, messages[Topics(PARTITIONS).events])
    world.client.send(world.topics.requests, messages[Topics(PARTITIONS).requests])
    return world


def message(item: Item, registry: Registry, topics: Topics) -> Message:
    return Message(item.key, item.encoded(registry, topics), item.headers, item.partition(topics))


def oracle_topics(world: World) -> Topics:
    return Topics(
        PARTITIONS,
        requests=world.topics.requests,
        events=world.topics.events,
        results=world.topics.results,
    )


def check(world: World, settled: Iterable[Source] = ()) -> history.Report:
    """What the history checker says of everything in the topics, which must be nothing bad."""
    names = world.topics
    inputs = world.client.read(names.requests) + world.client.read(names.events)
    outputs = world.client.read(names.results) + world.dead_letters()
    settings = history.Settings(oracle_topics(world), settled=frozenset(settled))
    report = history.check(CATALOGUE, world.registry, settings, inputs, outputs)
    print(report.describe())
    assert not report.violations, report.describe()
    return report


def judge(world: World, slot: int = 0) -> None:
    """Check the run; then ask about every subscription, and check what the answers show of it."""
    customers = [states[-1] for states in check(world).customers.values()]
    topics = oracle_topics(world)
    probes = [message(item, world.registry, topics) for item in workload.probes(customers, topics)]
    places = world.client.send(topics.requests, probes)
    world.drain(settings={"slot": slot}, seconds=300)
    check(world, ((topics.requests, *place) for place in places))


def test_drained_by_one_process(loaded: World) -> None:
    inputs = (loaded.topics.events, loaded.topics.requests)
    records = sum(sum(loaded.client.ends(topic).values()) for topic in inputs)
    start = time.monotonic()
    loaded.drain(seconds=300)
    seconds = time.monotonic() - start
    print(f"drained {records} records in {seconds:.1f} s, start and end of the process included")
    judge(loaded)


def test_drained_by_two_processes_at_once(loaded: World) -> None:
    first = loaded.start("run", "--drain", settings={"slot": 1})
    second = loaded.start("run", "--drain", settings={"slot": 2})
    assert first.await_exit(120).status == 0
    assert second.await_exit(120).status == 0
    judge(loaded, slot=1)


def test_cache_flushed_and_process_restarted_on_the_way(loaded: World) -> None:
    """In the middle of the requests Redis loses everything; a little later the process is stopped
    and another one goes on."""
    small_batches = {"batch.max.records": 200}
    first = loaded.start(settings=small_batches)
    eventually(handled(loaded, 0.2), "a fifth of the requests", 60)
    redis.Redis.from_url(loaded.redis.url).flushall()
    first.err.await_match("starting_over|cache_rebuild", 30)
    eventually(handled(loaded, 0.5), "half of the requests", 60)
    assert first.stop().status == 0
    loaded.drain(seconds=300)
    judge(loaded)


def test_processes_join_and_leave(loaded: World) -> None:
    """One process, a second beside it, then only the second."""
    small_batches = {"batch.max.records": 200}
    first = loaded.start(settings={**small_batches, "slot": 1})
    eventually(handled(loaded, 0.1), "a tenth of the requests", 60)
    second = loaded.start(settings={**small_batches, "slot": 2})
    second.err.await_match("assigned partitions=[1-9]", 30)
    eventually(handled(loaded, 0.3), "a third of the requests", 60)
    assert first.stop().status == 0
    loaded.drain(settings={"slot": 3}, seconds=300)
    assert second.stop().status == 0
    judge(loaded, slot=3)


def handled(world: World, share: float) -> Callable[[], bool]:
    """True once the group has committed so much of the requests."""
    topic = world.topics.requests
    target = share * sum(world.client.ends(topic).values())

    def is_reached() -> bool:
        committed = world.client.committed(world.group)
        return sum(offset for (name, _), offset in committed.items() if name == topic) >= target

    return is_reached
