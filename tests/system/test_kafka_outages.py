"""Kafka breaks in each way, in each stage of the work (contract 7: planlift waits, says why, and
goes on by itself): it stays alive, is up to date within ten seconds after Kafka is back, and all
answers are right.

The trials run side by side, each with a way to the broker of its own: a listener that is advertised
as a path which breaks. Each test asks for the outcome of its own.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from harness import KafkaClient, Planlift, World, eventually
from harness.groups import committed_offsets
from harness.kafka import Place
from harness.proxy import Fault, Proxy, kafka_requests
from harness.trial import BACK_S, Trial, Trials, check_times, side_by_side, sit_out
from harness.verdict import judge
from services import LOOPBACK, Kafka, Redis, reserve_port

OUTAGE_S = 7
SIDE_BY_SIDE = 8

WAYS = {
    "refused": Fault(refuses=True),
    "black_hole": Fault(connects=False, forwards=False),
    "never_answers": Fault(share=0),
    "two_seconds_late": Fault(delay_s=2),
    "half_a_frame": Fault(share=0.5),
    "half_a_frame_and_reset": Fault(share=0.5, resets=True),
}


# --- the stages, by the kind of request (ApiKey) --------------------------------------------------


def at_fetch(_: World) -> Callable[[str], bool]:
    return lambda kind: kind == "1"


def at_produce(_: World) -> Callable[[str], bool]:
    return lambda kind: kind == "0"


def at_offsets(_: World) -> Callable[[str], bool]:
    """When the offsets of what was handled enter the transaction."""
    return lambda kind: kind == "28"


def at_commit(_: World) -> Callable[[str], bool]:
    """When the transaction ends."""
    return lambda kind: kind == "26"


def at_restore(world: World) -> Callable[[str], bool]:
    """When the end of the state log is asked for, as the cache is lost."""
    client = redis.Redis.from_url(world.redis.url)
    for key in client.keys(f"*{world.group}:p*"):
        client.delete(key)
    return lambda kind: kind == "2"


STAGES = {
    "fetch": at_fetch,
    "produce": at_produce,
    "offsets": at_offsets,
    "commit": at_commit,
    "restore": at_restore,
}


# --- a trial --------------------------------------------------------------------------------------


def written(world: World) -> dict[Place, int]:
    """Where the input topics end now."""
    return {**world.client.ends(world.topics.requests), **world.client.ends(world.topics.events)}


def await_back(world: World, process: Planlift, ends: dict[Place, int]) -> None:
    """Until it has committed all of that. Asked without regard to open transactions, which the
    Python client would wait for."""

    def is_back() -> bool:
        assert process.is_running, f"{process} ended:\n{process.err.tail()}"
        committed = committed_offsets(world.client.bootstrap_servers, world.group)
        return all(committed.get(place, 0) >= end for place, end in ends.items())

    eventually(is_back, f"up to date: {process}", BACK_S)


def finish(trial: Trial, process: Planlift) -> None:
    """Once it is up to date."""
    trial.write()
    await_back(trial.world, process, written(trial.world))
    assert process.stop().status == 0
    judge(trial.world)


def run_trial(trial: Trial, path: Proxy, way: str, stage: str) -> float:
    trial.world.settings["kafka.bootstrap.servers"] = path.address
    process = trial.start()
    path.break_at(WAYS[way], STAGES[stage](trial.world))
    trial.write()
    path.await_broken()
    trial.write()
    ends = written(trial.world)
    sit_out(process, OUTAGE_S)
    path.heal()
    healed = time.monotonic()
    await_back(trial.world, process, ends)
    seconds = time.monotonic() - healed
    finish(trial, process)
    return seconds


# --- all of them ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paths() -> Iterator[list[Proxy]]:
    """Ways to the broker: each leads to a listener of its own."""
    with ExitStack() as stack:
        ports = [reserve_port() for _ in range(SIDE_BY_SIDE)]
        yield [stack.enter_context(Proxy((LOOPBACK, port), kafka_requests)) for port in ports]


@pytest.fixture(scope="module")
def broker(paths: list[Proxy]) -> Iterator[Kafka]:
    kafka = Kafka()
    names = [f"PATH{n}" for n in range(len(paths))]
    for name, path in zip(names, paths):
        kafka.settings["listeners"] += f",{name}://{LOOPBACK}:{path.target[1]}"
        kafka.settings["advertised.listeners"] += f",{name}://{path.address}"
    plain = [f"{name}:PLAINTEXT" for name in (*names, "PLAINTEXT", "CONTROLLER")]
    kafka.settings["listener.security.protocol.map"] = ",".join(plain)
    kafka.settings["inter.broker.listener.name"] = "PLAINTEXT"
    with kafka:
        yield kafka


@pytest.fixture(scope="module")
def trials(
    request: pytest.FixtureRequest, broker: Kafka, redis_server: Redis, paths: list[Proxy]
) -> Iterator[Trials]:
    free: queue.SimpleQueue[Proxy] = queue.SimpleQueue()
    for path in paths:
        free.put(path)

    def run(way: str, stage: str) -> float:
        path = free.get()
        client = KafkaClient(broker.bootstrap_servers)
        world = World(broker, redis_server, client, f"{way}-{stage}")
        try:
            return run_trial(Trial(world), path, way, stage)
        finally:
            world.close()
            path.heal()
            free.put(path)

    with side_by_side(request, len(paths), run) as trials:
        yield trials


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", WAYS)
def test_an_outage(trials: Trials, way: str, stage: str) -> None:
    trials[way, stage].result()


def test_they_are_over_soon(trials: Trials) -> None:
    check_times(trials)


# --- the broker itself ----------------------------------------------------------------------------


@pytest.fixture
def own_world(broker: Kafka, redis_server: Redis) -> Iterator[World]:
    client = KafkaClient(broker.bootstrap_servers)
    world = World(broker, redis_server, client, "broker")
    yield world
    world.close()


# A single broker that is killed right after a commit sometimes comes back without that commit's
# marker in __consumer_offsets; planlift then waits for stable offsets (docs/guarantees.md).
@pytest.mark.campaign
def test_a_broker_that_crashes(own_world: World) -> None:
    trial = Trial(own_world)
    process = trial.start()
    for _ in range(2):
        trial.write()
        ends = written(own_world)
        own_world.kafka.kill()
        sit_out(process, 3)
        own_world.kafka.start()
        await_back(own_world, process, ends)
    finish(trial, process)


@pytest.mark.parametrize("seconds", [5, 12], ids=["shortly", "longer_than_a_session"])
def test_a_broker_that_stalls(own_world: World, seconds: int) -> None:
    trial = Trial(own_world)
    process = trial.start()
    for _ in range(2):
        trial.write()
        ends = written(own_world)
        own_world.kafka.pause()
        sit_out(process, seconds)
        own_world.kafka.resume()
        await_back(own_world, process, ends)
    finish(trial, process)
