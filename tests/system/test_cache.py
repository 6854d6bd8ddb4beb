"""Redis lies, forgets and goes away (contract 1 and 7): it is a cache, so that no answer is ever
wrong for it, and planlift goes on by itself."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import redis

from harness import Planlift, World, eventually
from harness.proxy import Proxy, redis_commands
from harness.samples import customer_facts, licence, subscription, wish
from harness.verdict import judge
from oracle.wire import partition_of
from services import LOOPBACK, Redis

CUSTOMERS = [f"c{n}" for n in range(10, 22)]  # names of one length
Fields = dict[bytes, bytes]


@pytest.fixture
def own_redis(make_world: object) -> Iterator[Redis]:
    """A Redis of the test's own, whose data may be tampered with as a whole."""
    with Redis() as server:
        yield server


@dataclass
class Bench:
    """A world with customers whose every change shows in the next answers."""

    world: World
    redis: Redis
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    rounds: int = 0

    def __post_init__(self) -> None:
        self.world.settings["redis.url"] = self.redis.url
        self.client = redis.Redis.from_url(self.redis.url)
        self.world.create_topics()
        for customer in CUSTOMERS:
            facts = customer_facts(self.world, customer, licences=70, quantity=200)
            self.world.client.send(self.world.topics.events, facts)

    def write(self) -> None:
        """A round of facts and requests of every customer: licences, quantities, an order."""
        self.rounds += 1
        facts, requests = [], []
        for customer in CUSTOMERS:
            late = licence(f"late-{self.rounds}", displayName=f"Late {self.rounds}")
            stated = subscription(quantity=200 + self.rounds, revision=1 + self.rounds)
            facts += [
                self.world.event(customer, "LicenseAssigned", **late),
                self.world.event(
                    customer, "LicenseRemoved", subscriptionId="s", userId="user-000003"
                ),
                self.world.event(customer, "SubscriptionChanged", **stated),
            ]
            requests += [
                self.world.request(customer, **wish("CHECK")),
                self.world.request(customer, requestId="again", **wish("CHECK")),
                self.world.request(customer, **wish("ADD_LICENSES")),
            ]
        self.world.client.send(self.world.topics.events, facts)
        self.world.client.send(self.world.topics.requests, requests)

    def round(self, process: Planlift) -> None:
        self.write()
        self.world.await_taken_in(process, 20)

    def upgrade_all(self) -> None:
        """What every licence is like shows in this; sent again, it changes nothing."""
        requests = [self.world.request(c, requestId="up", **wish()) for c in CUSTOMERS]
        self.world.client.send(self.world.topics.requests, requests)

    def finish(self) -> None:
        """Upgrade everybody once all else is taken in, and judge."""
        self.after_upgrades()
        report = judge(self.world)
        granted = [r for r in self.world.results() if r["outcome"] == "UPGRADED"]
        assert sorted(result["customerId"] for result in granted) == CUSTOMERS
        # To the checker a fact may always come later. Here all came before, so none is forgotten.
        for result in granted:
            customer = result["customerId"]
            place = partition_of(customer.encode(), self.world.partitions), customer
            [right] = report.customers[place]
            assert result["customerVersion"] + 1 == right.version, customer

    def compare(self) -> None:
        """The cache is like one that is made anew."""
        kept = self.everything()
        self.client.flushall()
        anew = self.after_upgrades()
        assert kept.keys() == anew.keys()
        for key in kept:
            assert kept[key].keys() == anew[key].keys()
            unequal = [name for name in kept[key] if kept[key][name] != anew[key][name]]
            assert len(unequal) <= 1, unequal  # the checkpoint tells when it was written

    def after_upgrades(self) -> dict[bytes, Fields]:
        process = self.world.start()
        self.world.await_taken_in(process, 20)
        self.upgrade_all()
        self.world.await_taken_in(process, 20)
        assert process.stop().status == 0
        return self.everything()

    # -- what is in Redis --

    def hashes(self) -> list[bytes]:
        return sorted(self.client.keys(f"*{self.world.group}:p*"))

    def everything(self) -> dict[bytes, Fields]:
        return {key: self.client.hgetall(key) for key in self.hashes()}

    def some_fields(self, count: int) -> list[tuple[bytes, bytes]]:
        """Fields of different kinds of different partitions, but no more than one of each key."""
        found = []
        for key in self.hashes():
            names = sorted(self.client.hkeys(key))
            found += [(key, name) for name in self.rng.sample(names, min(count, len(names)))]
        return found


@pytest.fixture
def bench(world: World, own_redis: Redis) -> Bench:
    return Bench(world, own_redis)


# --- faults that a command makes ------------------------------------------------------------------


def checkpoint_name(names: Iterable[bytes]) -> bytes:
    """Whatever it is called: it is about no customer, so that its name is the shortest."""
    return min(names, key=len)


def flush(bench: Bench) -> None:
    bench.client.flushall()


def drop_one_partition(bench: Bench) -> None:
    bench.client.delete(bench.hashes()[1])


def flush_scripts(bench: Bench) -> None:
    bench.client.script_flush()


def restart_empty(bench: Bench) -> None:
    bench.redis.restart()


def delete_a_field(bench: Bench) -> None:
    for key, name in bench.some_fields(1):
        bench.client.hdel(key, name)


def delete_the_checkpoints(bench: Bench) -> None:
    for key in bench.hashes():
        bench.client.hdel(key, checkpoint_name(bench.client.hkeys(key)))


def garble_fields(bench: Bench) -> None:
    """Noise, nothing, a bit more, a bit less, one bit flipped."""
    for key in bench.hashes():
        for n, name in enumerate(sorted(bench.client.hkeys(key))):
            value = bytearray(bench.client.hget(key, name))
            value[bench.rng.randrange(len(value))] ^= 1 << bench.rng.randrange(8)
            forms = [bench.rng.randbytes(40), b"", bytes(value) + b"\0", bytes(value)[:-1]]
            bench.client.hset(key, name, [bytes(value), *forms][n % 5])


def flip_one_bit(bench: Bench) -> None:
    for key, name in bench.some_fields(3):
        value = bytearray(bench.client.hget(key, name))
        value[bench.rng.randrange(len(value))] ^= 1 << bench.rng.randrange(8)
        bench.client.hset(key, name, bytes(value))


def swap_values(bench: Bench) -> None:
    """Each field gets the value of the one after it, which may be another customer's."""
    for key in bench.hashes():
        names = sorted(bench.client.hkeys(key))
        values = [bench.client.hget(key, name) for name in names]
        for name, value in zip(names, values[1:] + values[:1]):
            bench.client.hset(key, name, value)


def swap_partitions(bench: Bench) -> None:
    """Two whole hashes change places."""
    one, two, *_ = bench.hashes()
    bench.client.rename(one, b"aside")
    bench.client.rename(two, one)
    bench.client.rename(b"aside", two)


def add_a_foreign_field(bench: Bench) -> None:
    for n, key in enumerate(bench.hashes()):
        bench.client.hset(key, f"stranger{n}", "was here")


def cut_connections(bench: Bench) -> None:
    bench.client.client_kill_filter(_type="normal", skipme=True)


FAULTS = [
    flush,
    drop_one_partition,
    flush_scripts,
    restart_empty,
    delete_a_field,
    delete_the_checkpoints,
    garble_fields,
    flip_one_bit,
    swap_values,
    swap_partitions,
    add_a_foreign_field,
    cut_connections,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault(bench: Bench, fault: Callable[[Bench], None]) -> None:
    """While it runs, twice, and between two runs."""
    process = bench.world.start()
    bench.round(process)
    for _ in range(2):
        fault(bench)
        bench.round(process)
    assert process.stop().status == 0
    fault(bench)
    bench.write()
    bench.finish()


def test_all_that_is_kept_is_right(bench: Bench) -> None:
    """Also what no answer showed: after losses and rebuilds the cache is as one made anew."""
    process = bench.world.start(settings={"batch.max.records": 50})
    for fault in (delete_a_field, flip_one_bit, drop_one_partition):
        bench.round(process)
        fault(bench)
    bench.round(process)
    assert process.stop().status == 0
    bench.finish()
    bench.compare()


def test_old_values(bench: Bench) -> None:
    """Pieces beside the heads are put back to what they were some batches ago, under the checkpoint
    of today: no answer is decided on them. (An old head is a limit that docs/design.md names.)"""
    process = bench.world.start()
    bench.round(process)
    for _ in range(3):
        assert process.stop().status == 0  # so that it has written all that it will
        old = bench.everything()
        process = bench.world.start()
        bench.round(process)
        assert process.stop().status == 0
        for key, fields in old.items():
            now = bench.client.hgetall(key)
            names = sorted(fields.keys() - {checkpoint_name(fields)})
            older = [name for name in names if now.get(name) not in (None, fields[name])]
            name = bench.rng.choice([name for name in older if not name.startswith(b"h/")])
            bench.client.hset(key, name, fields[name])
        process = bench.world.start()
        bench.round(process)
    assert process.stop().status == 0
    bench.finish()


def test_an_old_hash(bench: Bench) -> None:
    """A whole partition as it was some batches ago, checkpoint and all: it catches up."""
    process = bench.world.start()
    bench.round(process)
    key = bench.hashes()[0]
    old = bench.client.dump(key)
    for _ in range(2):
        bench.round(process)
        bench.client.restore(key, 0, old, replace=True)
    bench.round(process)
    assert process.stop().status == 0
    bench.client.restore(key, 0, old, replace=True)
    bench.write()
    bench.finish()


def test_an_old_snapshot_put_back(bench: Bench) -> None:
    """Redis is restarted with the file of an earlier hour; also between erasures."""
    snapshot = bench.redis.directory / "dump.rdb"
    kept = bench.redis.directory / "kept.rdb"
    process = bench.world.start()
    bench.round(process)
    bench.client.save()
    shutil.copy(snapshot, kept)
    bench.world.send_event(CUSTOMERS[0], "CustomerErased")
    facts = customer_facts(bench.world, CUSTOMERS[0], licences=5)
    bench.world.client.send(bench.world.topics.events, facts)
    bench.round(process)
    for _ in range(2):
        bench.redis.kill()
        shutil.copy(kept, snapshot)
        bench.redis.start()
        assert bench.everything()
        bench.round(process)
    assert process.stop().status == 0
    bench.redis.kill()
    shutil.copy(kept, snapshot)
    bench.redis.start()
    bench.write()
    bench.finish()


def test_a_snapshot_of_another_deployment(
    make_world: Callable[[], World], own_redis: Redis
) -> None:
    """The hashes of another group, renamed to ours: another history, not to be gone on from."""
    other = Bench(make_world(), own_redis)
    process = other.world.start()
    other.round(process)
    other.round(process)
    assert process.stop().status == 0
    mine = Bench(make_world(), own_redis)
    process = mine.world.start()
    mine.round(process)
    theirs, ours = other.everything(), mine.hashes()
    for (_, fields), key in zip(sorted(theirs.items()), ours):
        mine.client.delete(key)
        mine.client.hset(key, mapping=fields)
    mine.round(process)
    assert process.stop().status == 0
    mine.finish()


# --- Redis away -----------------------------------------------------------------------------------


def test_redis_down_while_requests_come(bench: Bench) -> None:
    """Nothing is answered, the place in the group is kept beyond a session's time, and it goes on
    by itself."""
    process = bench.world.start(settings={"kafka.session.timeout.ms": 6000})
    bench.round(process)
    answered = len(bench.world.results(enough=3 * len(CUSTOMERS)))
    bench.redis.kill()
    bench.write()
    process.err.await_match("waiting.*[Rr]edis", 20)
    beyond_the_session = time.monotonic() + 7
    while time.monotonic() < beyond_the_session:
        assert process.is_running
        assert len(bench.world.results()) == answered
    bench.redis.start()
    bench.world.await_taken_in(process, 30)
    process.err.await_match("going_on")
    assert process.err.text.count(" assigned ") == 1
    assert " revoked " not in process.err.text
    assert process.stop().status == 0
    bench.finish()


def test_redis_hangs_while_requests_come(bench: Bench) -> None:
    process = bench.world.start()
    bench.round(process)
    answered = len(bench.world.results(enough=3 * len(CUSTOMERS)))
    bench.redis.pause()
    bench.write()
    process.err.await_match("waiting.*[Rr]edis", 20)
    assert len(bench.world.results()) == answered
    bench.redis.resume()
    bench.world.await_taken_in(process, 30)
    assert process.stop().status == 0
    bench.finish()


def test_a_key_of_another_type(bench: Bench) -> None:
    """Somebody has put strings where our hashes were: it says so, and goes on once they are
    gone."""
    process = bench.world.start()
    bench.round(process)
    answered = len(bench.world.results(enough=3 * len(CUSTOMERS)))
    for key in bench.hashes():
        bench.client.set(key, "no hash")
    bench.write()
    process.err.await_match("waiting.*WRONGTYPE", 20)
    assert len(bench.world.results()) == answered
    bench.client.flushall()
    bench.world.await_taken_in(process, 30)
    assert process.stop().status == 0
    bench.finish()


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_redis_that_takes_no_writes(bench: Bench, kind: str) -> None:
    """Reads work, writes do not; it waits, says why, and goes on by itself."""
    process = bench.world.start()
    bench.round(process)
    if kind == "full":
        bench.client.config_set("maxmemory", "1")
    else:
        bench.client.replicaof("127.0.0.1", 1)
    bench.write()
    process.err.await_match("waiting.*(OOM|READONLY)", 20)
    if kind == "full":
        bench.client.config_set("maxmemory", "0")
    else:
        bench.client.replicaof("NO", "ONE")
    bench.world.await_taken_in(process)
    process.err.await_match("going_on")
    assert process.stop().status == 0
    bench.finish()


def test_redis_comes_and_goes(bench: Bench) -> None:
    """Restarted again and again while much is to be done."""
    process = bench.world.start(settings={"batch.max.records": 5})
    for _ in range(6):
        bench.write()
        bench.redis.restart()
    bench.world.await_taken_in(process, 40)
    assert process.stop().status == 0
    bench.finish()


def test_redis_that_loads_its_data(bench: Bench) -> None:
    """Really, from a file, slowly: it refuses everything until it is done."""
    process = bench.world.start()
    bench.round(process)
    bench.client.save()
    bench.redis.kill()
    slow = {"--key-load-delay": "700000", "--loading-process-events-interval-bytes": "1024"}
    bench.redis.arguments += [word for setting in slow.items() for word in setting]

    def is_loading() -> bool:
        return "Loading RDB" in bench.redis.log_text()

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(bench.redis.start)  # returns when all is loaded
        eventually(is_loading, "loading")
        bench.write()
        process.err.await_match("waiting.*loading its data")
        started.result()
    bench.world.await_taken_in(process, 10)
    assert "cache_rebuild" not in process.err.text  # it went on from what was loaded
    assert process.stop().status == 0
    bench.finish()


def test_a_failover_to_a_lagging_replica(bench: Bench) -> None:
    """The replica lacks what was written last, and takes its time to become the master."""
    with Redis(["--replicaof", LOOPBACK, str(bench.redis.port)]) as replica:
        other = redis.Redis.from_url(replica.url)
        with Proxy((LOOPBACK, bench.redis.port), redis_commands) as path:
            bench.world.settings["redis.url"] = f"redis://{path.address}"
            process = bench.world.start()
            bench.round(process)
            written = bench.client.info("replication")["master_repl_offset"]

            def is_replicated() -> bool:
                return other.info("replication")["slave_repl_offset"] >= written

            eventually(is_replicated, "replicated")
            other.replicaof("NO", "ONE")
            bench.round(process)  # the master has it, the other one not
            other.replicaof(LOOPBACK, 1)  # a replica again, of nobody that is there
            bench.redis.kill()
            path.target = LOOPBACK, replica.port
            bench.write()
            process.err.await_match("waiting.*READONLY")
            other.replicaof("NO", "ONE")
            bench.world.await_taken_in(process, 10)
            assert process.stop().status == 0
            bench.redis.start()
            assert not bench.hashes()  # all that is known is in the other one
            bench.client = other
            bench.finish()


# --- what Redis may do to its data ----------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-info"],
        ["--rename-command", "INFO", "HIDDEN"],
    ],
    ids=["forbidden", "renamed"],
)
def test_a_redis_that_does_not_tell_whether_it_evicts(world: World, arguments: list[str]) -> None:
    """It says that it cannot know, and goes on: what is lost is seen, and made anew."""
    with Redis([*arguments, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) as server:
        bench = Bench(world, server)
        process = world.start()
        process.err.await_match("redis_unchecked.*(?i:info)")
        bench.round(process)
        for key in bench.hashes():
            bench.client.delete(key)
        bench.round(process)
        assert process.stop().status == 0
        bench.finish()


def test_a_redis_that_evicts_from_now_on(bench: Bench) -> None:
    """It was checked at the start, and changed since: what is lost is seen, and made anew."""
    process = bench.world.start()
    bench.round(process)
    before = bench.hashes()
    bench.client.config_set("maxmemory-policy", "allkeys-random")
    bench.client.config_set("maxmemory", bench.client.info("memory")["used_memory"] + 1_000_000)
    fillers = itertools.count()

    def is_any_gone() -> bool:
        bench.client.set(f"filler{next(fillers)}", bytes(50_000))
        return bench.hashes() != before

    eventually(is_any_gone, "evicted")
    bench.client.config_set("maxmemory", 0)
    bench.round(process)
    process.err.await_match("cache_rebuild")
    assert process.stop().status == 0
    bench.finish()


def test_a_redis_that_allows_only_what_is_needed(world: World) -> None:
    """Exactly these commands, on the keys that begin with its name."""
    allowed = "multi exec hmget hlen hget hset hdel unlink eval info".split()
    user = ["planlift", "on", ">secret", "~planlift:*", "resetchannels", "-@all"]
    with Redis(["--user", *user, *(f"+{command}" for command in allowed)]) as server:
        bench = Bench(world, server)
        address = server.url.replace("redis://", "redis://planlift@")
        world.settings |= {"redis.url": address, "redis.password": "secret"}
        process = world.start()
        bench.round(process)
        for key in bench.hashes():
            bench.client.hset(key, "#", "damaged")  # dropped, and made anew
        bench.round(process)
        assert process.stop().status == 0
        assert "NOPERM" not in process.err.text
        assert "redis_unchecked" not in process.err.text
        bench.finish()


def test_a_login_that_redis_does_not_know_is_not_shown(world: World) -> None:
    """Redis repeats the arguments of a command that it does not know."""
    with Redis(["--rename-command", "AUTH", "HIDDEN"]) as server:
        address = {"redis.url": server.url, "redis.password": "top-secret"}
        world.create_topics()
        process = world.start(settings=address)
        process.err.await_match("waiting.*unknown command.*AUTH")
        assert "top-secret" not in process.stop().err
