"""The main job on a random workload: one answer to each request, each as an independent replay of
the topics has it, whoever drains the topics and whatever happens to the cache meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import redis
from harness import World
from harness.deadline import eventually
from harness.kafka import Message
from services import ROOT

from oracle import history, workload
from oracle.catalogue import load as load_catalogue
from oracle.records import Topics
from oracle.workload import Plan

PARTITIONS = 4
SCALE = float(os.environ.get("WORKLOAD_SCALE", "1"))
CATALOGUE = load_catalogue(ROOT / "catalogue" / "csp.json")


@pytest.fixture
def loaded(world: World) -> World:
    """A world whose inputs hold the workload of the project's first promise."""
    return load(world, Plan(seed=11, **sizes(50_000, 20_000, 2_000), broken=0.005))


def sizes(events: int, requests: int, customers: int) -> dict[str, int]:
    return {
        "events": int(events * SCALE),
        "requests": int(requests * SCALE),
        "customers": max(int(customers * SCALE), 10),
    }


def oracle_topics(world: World) -> Topics:
    return Topics(
        PARTITIONS,
        requests=world.topics.requests,
        events=world.topics.events,
        results=world.topics.results,
    )


def load(world: World, plan: Plan) -> World:
    world.partitions = PARTITIONS
    world.create_topics()
    topics = oracle_topics(world)
    items = workload.generate(CATALOGUE, world.registry, plan, topics)
    for topic in (topics.events, topics.requests):
        world.client.send(
            topic,
            (
                Message(
                    item.key,
                    item.encoded(world.registry, topics),
                    item.headers,
                    item.partition(topics),
                )
                for item in items
                if item.topic == topic
            ),
        )
    return world


def judge(world: World) -> dict[str, object]:
    """What the history checker says of everything in the topics."""
    names = world.topics
    inputs = world.client.read(names.requests) + world.client.read(names.events)
    outputs = world.client.read(names.results) + world.dead_letters()
    report = history.check(
        CATALOGUE, world.registry, history.Settings(oracle_topics(world)), inputs, outputs
    )
    print(report.describe())
    assert not report.violations, report.describe()
    return report.summary


def test_drained_by_one_process(loaded: World) -> None:
    loaded.drain(seconds=120)
    judge(loaded)


def test_drained_by_two_processes_at_once(loaded: World) -> None:
    first = loaded.start("run", "--drain", settings={"slot": 1})
    second = loaded.start("run", "--drain", settings={"slot": 2})
    assert first.await_exit(120).status == 0
    assert second.await_exit(120).status == 0
    judge(loaded)


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
    loaded.drain(seconds=120)
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
    loaded.drain(settings={"slot": 3}, seconds=120)
    assert second.stop().status == 0
    judge(loaded)


def handled(world: World, share: float) -> Callable[[], bool]:
    """True once the group has committed so much of the requests."""
    topic = world.topics.requests
    target = share * sum(world.client.ends(topic).values())

    def is_reached() -> bool:
        committed = world.client.committed(world.group)
        return sum(offset for (name, _), offset in committed.items() if name == topic) >= target

    return is_reached
