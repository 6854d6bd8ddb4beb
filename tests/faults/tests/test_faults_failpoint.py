"""A process really ends where it is told to: what is in the topic and in Redis then shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import failpoint
from faults.commits import PROGRESS_KEY
from faults.fleet import Fleet
from faults.rig import Servers
from faults.verdict import CHECKPOINT, PROGRESS, readable_end
from harness import World, eventually
from harness.planlift import BINARY, environment
from harness.samples import customer_facts
from services import spawn

FACTS = 8
COUNT = 4
KILLED = -9
# With one partition and a record a batch, every transaction writes one progress record, and every
# write to Redis is of one transaction. It goes on beside the next transaction, so that either may
# be ahead of the other by one. How many of COUNT may be committed, how many may be in Redis:
BEFORE_COMMIT = ((COUNT - 1,), (COUNT - 2, COUNT - 1))
COMMITTED = ((COUNT,), (COUNT - 2, COUNT - 1))
WHERE = {
    "begin": BEFORE_COMMIT,
    "before_flush": BEFORE_COMMIT,
    "after_flush": BEFORE_COMMIT,
    "add_offsets_sent": BEFORE_COMMIT,
    "offsets_sent": BEFORE_COMMIT,
    "after_offsets": BEFORE_COMMIT,
    "commit_sent": COMMITTED,
    "after_commit": COMMITTED,
    "before_redis_write": ((COUNT, COUNT + 1), (COUNT - 1,)),
    "redis_write_sent": ((COUNT, COUNT + 1), (COUNT,)),
    "redis_written": ((COUNT, COUNT + 1), (COUNT,)),
}
# How often the empty transaction at the start that ends what may hang (settle.c) gets there: its
# abort flushes once more, and nothing is committed.
BY_SETTLING = {
    "before_flush": 2,
    "after_flush": 2,
    "after_commit": 0,
    "before_redis_write": 0,
    "redis_write_sent": 0,
    "redis_written": 0,
}
OTHERS = sorted({*failpoint.POINTS, *failpoint.RECOVERY_POINTS} - WHERE.keys())


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def world(servers: Servers, request: pytest.FixtureRequest) -> World:
    """One partition, with a few facts in it."""
    world = World(servers.kafka, servers.redis, servers.client, "failpoint")
    world.partitions = 1
    world.settings |= {"topic.partitions": 1, "batch.max.records": 1}
    world.create_topics()
    facts = customer_facts(world, "c", licences=FACTS - 2)
    world.client.send(world.topics.events, facts)
    return world


@pytest.fixture
def fleet(world: World, servers: Servers, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(world.settings, tmp_path, servers.shim)
    yield fleet
    fleet.close()


def progress(world: World) -> list[int]:
    """The next event of each committed transaction."""
    state = world.client.read(world.topics.state)
    return [PROGRESS.decode(r.value)["nextEvent"] for r in state if r.key == PROGRESS_KEY]


def in_redis(world: World, servers: Servers) -> int | None:
    """The next event as Redis has it."""
    client = servers.redis_client(servers.redis)
    checkpoint = client.hget(f"planlift:{{{world.group}:p0}}", PROGRESS_KEY)
    return None if checkpoint is None else CHECKPOINT.decode(checkpoint)["progress"]["nextEvent"]


@pytest.mark.parametrize("point", WHERE)
def test_ends_there(point: str, world: World, fleet: Fleet, servers: Servers) -> None:
    committed, cached = WHERE[point]
    count = COUNT + BY_SETTLING.get(point, 1)
    assert fleet.add_doomed(1, point, count).await_end(1).status == KILLED
    # What was sent before the end still takes effect.
    eventually(lambda: len(progress(world)) in committed, f"{committed} transactions committed")
    wanted = [progress(world)[count - 1] for count in cached]
    eventually(lambda: in_redis(world, servers) in wanted, f"{wanted} in Redis")


@pytest.mark.parametrize(
    "point", sorted({*failpoint.POINTS, *failpoint.RECOVERY_POINTS} - WHERE.keys())
)
def test_the_others_are_reached(point: str, world: World, fleet: Fleet, servers: Servers) -> None:
    """By a process that finds state, but no cache."""
    fleet.add(1)
    eventually(lambda: progress(world)[-1:] == [FACTS], "all taken in", 30)
    fleet.remove(1)
    servers.redis_client(servers.redis).flushall()
    world.client.send(world.topics.events, customer_facts(world, "d"))
    assert fleet.add_doomed(1, point).await_end(1).status == KILLED


def test_another_number_of_times(world: World, fleet: Fleet, servers: Servers) -> None:
    """The later the point, the more is committed before it."""
    assert fleet.add_doomed(1, "before_redis_write", COUNT + 3).await_end(1).status == KILLED
    assert len(progress(world)) == COUNT + 3


def test_stops_there_and_goes_on(world: World, fleet: Fleet, servers: Servers) -> None:
    slot = fleet.add_doomed(1, "after_offsets", COUNT, "stop")
    eventually(lambda: slot.is_stopped, "stopped", 30)
    [end] = world.client.ends(world.topics.state).values()
    assert readable_end(world, world.topics.state, 0) < end, "its transaction is not open"
    slot.resume()
    eventually(lambda: progress(world)[-1:] == [FACTS], "all taken in", 30)
    assert slot.is_running and not slot.ends


def test_by_the_environment(world: World, servers: Servers) -> None:
    """For a process started by hand."""
    told = {"LD_PRELOAD": str(servers.shim), "FAILPOINT": f"after_commit:{COUNT}"}
    process = spawn([BINARY, "run"], env={**environment({**world.settings, "slot": 1}), **told})
    assert process.wait(30) == KILLED
    assert len(progress(world)) == COUNT


def test_only_when_told(world: World, fleet: Fleet) -> None:
    """The shim by itself changes nothing."""
    slot = fleet.add(1)
    eventually(lambda: progress(world)[-1:] == [FACTS], "all taken in", 30)
    assert slot.is_running and not slot.ends
