"""`planlift cache rebuild / verify` (contract 8): Redis against the state topic."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from harness import Finished, Message, Planlift, World, eventually
from harness.samples import customer_facts, licence, subscription, wish
from harness.verdict import judge
from oracle.wire import partition_of
from services import LOOPBACK, reserve_port

Json = dict[str, Any]
Hashes = dict[bytes, dict[bytes, bytes]]
CUSTOMERS = [f"c{n}" for n in range(10, 22)]
SLICE = 1_048_576  # bytes that are written at once


class Cache:
    """What Redis holds for a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = redis.Redis.from_url(world.redis.url)

    def key(self, partition: int) -> bytes:
        return f"planlift:{{{self.world.group}:p{partition}}}".encode()

    def key_of(self, customer: str) -> bytes:
        return self.key(partition_of(customer.encode(), self.world.partitions))

    def hashes(self) -> Hashes:
        keys = [self.key(n) for n in range(self.world.partitions)]
        return {key: self.client.hgetall(key) for key in keys if self.client.exists(key)}

    def put(self, hashes: Hashes) -> None:
        for n in range(self.world.partitions):
            self.client.delete(self.key(n))
        for key, fields in hashes.items():
            self.client.hset(key, mapping=fields)

    def pieces(self) -> Hashes:
        """All but the checkpoints, which tell when they were written."""
        return {
            key: {name: value for name, value in fields.items() if name != b"#"}
            for key, fields in self.hashes().items()
        }


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    for customer in CUSTOMERS:
        facts = customer_facts(world, customer, licences=70, quantity=200)
        world.client.send(world.topics.events, facts)
        world.send_request(customer, **wish("CHECK"))
    world.drain()
    return world


def verify(world: World, *options: str) -> list[Json]:
    """The differences."""
    finished = world.run("cache", "verify", "--json", *options)
    differences = [json.loads(line) for line in finished.out.splitlines()]
    assert finished.status == (1 if differences else 0), finished.err
    return differences


def rebuild(world: World, *options: str) -> list[Json]:
    finished = world.run("cache", "rebuild", "--json", *options)
    assert finished.status == 0, finished.err
    return [json.loads(line) for line in finished.out.splitlines()]


def told(differences: list[Json]) -> list[tuple[str | None, str]]:
    return sorted((d["field"] or "", d["difference"]) for d in differences)


# --- verify ---------------------------------------------------------------------------------------


def test_what_the_service_leaves_is_right(ready: World) -> None:
    assert verify(ready) == []
    finished = ready.run("cache", "verify")
    assert finished.status == 0
    fields = sum(len(pieces) for pieces in Cache(ready).pieces().values())
    assert finished.out == f"no differences, {fields} fields compared\n"


def test_each_difference_is_named(ready: World) -> None:
    cache = Cache(ready)
    key = cache.key_of("c10")
    heads = sorted(name for name in cache.client.hkeys(key) if name.startswith(b"h/"))
    chunk = min(name for name in cache.client.hkeys(key) if name.startswith(b"l"))
    cache.client.hdel(key, heads[0])
    value = cache.client.hget(key, heads[1])
    cache.client.hset(key, heads[1], value[:-1] + bytes([value[-1] ^ 1]))
    cache.client.hset(key, chunk, b"")
    cache.client.hset(key, b"stranger\xff", b"was here")
    differences = verify(ready)
    assert {d["partition"] for d in differences} == {partition_of(b"c10", ready.partitions)}
    expected = [
        ("", "is in Redis, but not in the state topic"),  # its name is no text
        (heads[0].decode(), "is missing in Redis"),
        (heads[1].decode(), "is damaged"),
        (chunk.decode(), "is damaged"),
    ]
    assert told(differences) == sorted(expected)
    finished = ready.run("cache", "verify")
    assert finished.status == 1
    assert "4 differences" in finished.err
    assert "stranger?" in finished.out
    assert all(len(line) <= 100 for line in finished.out.splitlines())


def test_an_older_value_of_a_field(ready: World) -> None:
    """Its seal is right, so that only the state topic tells."""
    cache = Cache(ready)
    field = b"h/c11"
    older = cache.client.hget(cache.key_of("c11"), field)
    ready.send_event("c11", "SubscriptionChanged", **subscription("more"))
    ready.drain()
    cache.client.hset(cache.key_of("c11"), field, older)
    assert told(verify(ready)) == [("h/c11", "has another value than in the state topic")]


def test_a_customer_that_is_erased(ready: World) -> None:
    cache = Cache(ready)
    before = cache.hashes()[cache.key_of("c12")]
    ready.send_event("c12", "CustomerErased")
    ready.drain()
    assert verify(ready) == []
    for name in (b"h/c12", b"a0/c12"):
        cache.client.hset(cache.key_of("c12"), name, before[name])
    expected = [
        (name, "is in Redis, but deleted in the state topic") for name in ("a0/c12", "h/c12")
    ]
    assert told(verify(ready)) == expected


def lose_one(cache: Cache) -> str:
    cache.client.delete(cache.key(1))
    return "nothing in Redis"


def lose_checkpoint(cache: Cache) -> str:
    cache.client.hdel(cache.key(1), "#")
    return "but no checkpoint"


def garble_checkpoint(cache: Cache) -> str:
    cache.client.hset(cache.key(1), "#", b"x" * 50)
    return "the checkpoint is damaged"


def another_partition(cache: Cache) -> str:
    cache.client.delete(cache.key(1))
    cache.client.hset(cache.key(1), mapping=cache.client.hgetall(cache.key(0)))
    return "checkpoint"


@pytest.mark.parametrize(
    "fault",
    [lose_one, lose_checkpoint, garble_checkpoint, another_partition],
    ids=lambda f: f.__name__,
)
def test_a_hash_that_cannot_be_compared(ready: World, fault: Callable[[Cache], str]) -> None:
    expected = fault(Cache(ready))
    [difference] = verify(ready)
    assert (difference["partition"], difference["field"]) == (1, None)
    assert expected in difference["difference"]
    assert verify(ready, "--partition", "0") == verify(ready, "--partition", "2") == []
    assert verify(ready, "--partition", "1") == [difference]


def test_a_redis_that_is_behind_is_no_difference(ready: World) -> None:
    cache = Cache(ready)
    before = cache.hashes()
    for customer in CUSTOMERS:
        ready.send_event(customer, "LicenseAssigned", **licence("late"))
        ready.send_event(f"new-{customer}", "SubscriptionChanged", **subscription())
    ready.drain()
    cache.put(before)
    assert verify(ready) == []


def test_nothing_at_all(world: World) -> None:
    world.create_topics()
    assert verify(world) == []
    assert [row["records"] for row in rebuild(world)] == [0, 0, 0]
    assert Cache(world).hashes() == {}


# --- rebuild --------------------------------------------------------------------------------------


def damage(cache: Cache, rng: random.Random) -> None:
    """A bit of everything."""
    for key, fields in cache.hashes().items():
        names = sorted(fields)
        cache.client.hdel(key, *rng.sample(names, 3))
        for name in rng.sample(names, 3):
            cache.client.hset(key, name, rng.randbytes(40))
        cache.client.hset(key, f"stranger-{key.decode()}", "was here")


def test_what_is_rebuilt_is_as_the_service_left_it(ready: World) -> None:
    cache = Cache(ready)
    right = cache.pieces()
    for spoil in (lambda: damage(cache, random.Random(7)), lambda: cache.put({}), lambda: None):
        spoil()
        rows = rebuild(ready)
        assert [row["partition"] for row in rows] == [0, 1, 2]
        assert not any(row["takenOver"] for row in rows)
        assert cache.pieces() == right
        assert verify(ready) == []
    # The service goes on with it, and does not make it anew.
    ready.send_event("c10", "LicenseAssigned", **licence("late"))
    finished = ready.drain()
    assert "cache_rebuild" not in finished.err
    assert verify(ready) == []
    judge(ready)


def test_one_partition(ready: World) -> None:
    cache = Cache(ready)
    right = cache.pieces()
    cache.put({})
    [row] = rebuild(ready, "--partition", "1")
    assert row["partition"] == 1
    assert row["pieces"] == len(right[cache.key(1)])
    assert cache.pieces() == {cache.key(1): right[cache.key(1)]}


def test_a_large_one_is_written_in_slices(world: World) -> None:
    world.create_topics()
    world.client.send(world.topics.events, customer_facts(world, "c1", licences=14000))
    world.drain()
    records = world.client.read(world.topics.state)
    home = partition_of(b"c1", world.partitions)
    assert sum(len(r.value or b"") for r in records if r.partition == home) > SLICE
    cache = Cache(world)
    right = cache.pieces()
    cache.put({})
    rebuild(world)
    assert cache.pieces() == right
    assert verify(world) == []


def test_a_state_topic_that_is_empty_is_not_believed(ready: World) -> None:
    """Redis may hold the last copy: it is left as it is."""
    cache = Cache(ready)
    before = cache.hashes()
    topic = f"{ready.topics.state}-anew"
    ready.client.create_topics([topic], ready.partitions, {"cleanup.policy": "compact"})
    finished = ready.run("cache", "rebuild", settings={"topic.state": topic})
    assert finished.status == 1
    assert "last copy" in finished.err
    assert cache.hashes() == before


def test_a_state_topic_of_another_deployment(ready: World) -> None:
    for part in ("rebuild", "verify"):
        finished = ready.run("cache", part, settings={"group.id": "somebody-else"})
        assert finished.status == 1
        assert f"group.id {ready.group}" in finished.err


def test_a_state_topic_that_somebody_else_writes_to(ready: World) -> None:
    """It cannot be rebuilt from: Redis is left as it is."""
    cache = Cache(ready)
    before = cache.hashes()
    partition = partition_of(b"c10", ready.partitions)
    strange = Message(b"h/stranger", b"was here", partition=partition)
    ready.client.send(ready.topics.state, [strange])
    finished = ready.run("cache", "rebuild", "--partition", str(partition))
    assert finished.status == 1
    assert f"{ready.topics.state}/{partition}" in finished.err
    assert cache.hashes() == before


# --- beside a running service ---------------------------------------------------------------------


class Load:
    """Facts and requests of all customers, until it is stopped."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rounds = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.rounds += 1
            number = self.rounds
            facts = [
                self.world.event(c, "LicenseAssigned", **licence(f"late-{number % 40}"))
                for c in CUSTOMERS
            ]
            asked = [self.world.request(c, **wish("CHECK")) for c in CUSTOMERS]
            self.world.client.send(self.world.topics.events, facts)
            self.world.client.send(self.world.topics.requests, asked)


def served(world: World) -> Planlift:
    process = world.start()
    process.await_ready()
    return process


def assert_well(world: World, process: Planlift) -> None:
    world.await_taken_in(process, 60)
    assert process.stop().status == 0
    assert verify(world) == []
    judge(world)


def test_verify_beside_a_busy_service(ready: World) -> None:
    process = served(ready)
    with Load(ready) as load:
        for _ in range(4):
            before = load.rounds
            assert verify(ready) == []
            eventually(lambda: load.rounds > before, "load goes on")  # noqa: B023
    assert_well(ready, process)


def test_rebuild_beside_a_busy_service(ready: World) -> None:
    """Whoever wins a partition, nothing is lost, nobody ends, and every answer is right."""
    process = served(ready)
    with Load(ready):
        for _ in range(4):
            rows = rebuild(ready)
            assert [row["partition"] for row in rows] == [0, 1, 2]
    assert_well(ready, process)


def test_rebuild_beside_an_idle_service(ready: World) -> None:
    process = served(ready)
    damage(Cache(ready), random.Random(9))
    rebuild(ready)
    assert verify(ready) == []
    ready.send_request("c10", **wish("UPGRADE"))
    assert_well(ready, process)


def test_two_rebuilds_at_once(ready: World) -> None:
    cache = Cache(ready)
    right = cache.pieces()
    finished: list[Finished] = []

    def run() -> None:
        finished.append(ready.run("cache", "rebuild"))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in finished] == [0, 0, 0], [one.err for one in finished]
    if verify(ready):  # each left it to another, and that one was dropped
        rebuild(ready)
    assert cache.pieces() == right


# --- wrong use ------------------------------------------------------------------------------------


def test_wrong_use(world: World) -> None:
    for arguments in ([], ["nonsense"], ["verify", "x"], ["rebuild", "x"], ["verify", "-p", "x"]):
        assert world.run("cache", *arguments).status == 2, arguments
    for part in ([], ["verify"], ["rebuild"]):
        finished = world.run("cache", *part, "--help")
        assert finished.status == 0
        assert finished.out.startswith(" ".join(["Usage: planlift cache", *part]))
    world.create_topics()
    for part in ("verify", "rebuild"):
        assert world.run("cache", part, "--partition", "3").status == 2
        nowhere = f"{LOOPBACK}:{reserve_port()}"
        finished = world.run("cache", part, settings={"kafka.bootstrap.servers": nowhere})
        assert finished.status == 1
        assert nowhere in finished.err
        finished = world.run("cache", part, settings={"redis.url": f"redis://{nowhere}"})
        assert finished.status == 1
        assert nowhere in finished.err
