"""Servers, processes, load and watch, together: what a fault works on.

A campaign goes in chapters. Each has topics, a group and a workload of its own, lives through
some faults one after the other, and is then judged; so that a judgement never takes long, and what
it finds is close to its cause.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from harness import KafkaClient, World, eventually
from oracle import workload
from services import LOOPBACK, Kafka, Redis, reserve_port

from . import failpoint
from .commits import Commits
from .fleet import Fleet, Slot
from .members import assignment
from .proxy import KafkaProxy, RedisProxy, listener_settings
from .traffic import Traffic
from .verdict import Garbled, Verdict, Wrong, judge

Place = tuple[str, int]
PARTITIONS = 6
RECOVER_S = 180.0  # on a machine that has much else to do; the table tells what it takes
SESSION_S = 6.0  # the least that a broker allows by default
CRASHES = (4, 6, 7, 8, 11)  # signals that a program brings upon itself
PROCESS = {"kafka.session.timeout.ms": int(SESSION_S * 1000)}
STATE_TOPIC = {
    # Compaction goes on all the time, as it does in a topic that has lived for long.
    "segment.bytes": "1048576",
    "segment.ms": "10000",
    "min.cleanable.dirty.ratio": "0.01",
}
BROKER = {
    "log.cleaner.backoff.ms": 2000,
    # Else an open transaction of a process that is gone may live 10 s longer than it should.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
}


@dataclass
class Outcome:
    """What came of one fault. Times in seconds; `ends`: of the inputs, when it happened."""

    kind: str
    number: int
    detail: str = ""
    at: float = 0.0
    outage: float | None = None
    recovery: float | None = None
    stall: float | None = None
    settled: float | None = None
    ends: dict[Place, int] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    failure: str | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def trouble(self) -> str:
        """What must not be: something wrong, something stuck, or a process that ended by itself."""
        return "; ".join([*self.wrong, *self.surprises, *([self.failure] if self.failure else [])])


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `inject` does it, undoes it where that is part of it, and says which
    partitions it concerns; none: nothing is to recover, for planlift must have stopped."""

    name: str
    group: str
    inject: Callable[[Rig, Outcome], set[int]]
    is_proxied: bool = False  # needs the proxy between planlift and Kafka
    is_last: bool = False  # nothing goes on after it


class Servers:
    """A Kafka, a Redis and the proxies before them, for as many chapters as are wanted."""

    def __init__(self, folder: Path, broker: Mapping[str, object] = BROKER) -> None:
        self.folder = folder
        self.shim = failpoint.build(folder)
        self.kafka = Kafka(broker)
        proxied = reserve_port()
        self.kafka_proxy = KafkaProxy(proxied)
        self.kafka.settings |= listener_settings(self.kafka, proxied, self.kafka_proxy.port)
        self.redis = Redis()
        self.redis_proxy = RedisProxy(self.redis.port)
        self._spare: Redis | None = None

    def __enter__(self) -> Servers:
        try:
            self.kafka.start()
            self.redis.start()
        except BaseException:
            self.close()
            raise
        self.renew_client()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.kafka_proxy.close()
        self.redis_proxy.close()
        for server in (self.kafka, self.redis, self._spare):
            if server is not None:
                server.close()

    def renew_client(self) -> KafkaClient:
        self.client = KafkaClient(self.kafka.bootstrap_servers)
        return self.client

    def heal(self) -> None:
        """Whatever a fault left behind: everything is up and speaks."""
        self.kafka_proxy.clear()
        self.redis_proxy.is_silent = self.redis_proxy.breaks_next = False
        for server in (self.kafka, self.redis):
            if server.is_running:
                server.resume()
            else:
                server.start()

    def spare_redis(self) -> Redis:
        if self._spare is None:
            self._spare = Redis()
            self._spare.start()
        return self._spare

    def promote(self, spare: Redis) -> None:
        """The two change their roles."""
        self.redis, self._spare = spare, self.redis
        self.redis_proxy.point_to(self.redis.port)

    @staticmethod
    def redis_client(server: Redis) -> redis.Redis:
        return redis.Redis(host=LOOPBACK, port=server.port)


class Rig:
    """One chapter."""

    def __init__(
        self,
        servers: Servers,
        name: str,
        seed: int,
        *,
        processes: int = 2,
        rate: float = 250.0,
        is_proxied: bool = False,
        settings: Mapping[str, object] = PROCESS,
        state_topic: Mapping[str, str] = STATE_TOPIC,
    ) -> None:
        self.servers = servers
        self.rng = random.Random(seed)
        self.folder = servers.folder / name
        self.folder.mkdir(parents=True)
        self.world = World(servers.kafka, servers.redis, servers.client, name)
        self.world.partitions = PARTITIONS
        port = servers.kafka_proxy.port if is_proxied else servers.kafka.port
        self.world.settings |= {
            "kafka.bootstrap.servers": f"{LOOPBACK}:{port}",
            "redis.url": f"redis://{LOOPBACK}:{servers.redis_proxy.port}",
            "topic.partitions": PARTITIONS,
            **settings,
        }
        self.state_topic = state_topic
        self.garbled: Garbled = {}
        self.max_accounts = int(str(settings.get("result.max.accounts", 1000)))
        self.processes = processes
        self.nobody_port = reserve_port()
        self.fleet = Fleet(self.world.settings, self.folder, servers.shim)
        self.traffic = Traffic(self.world, seed, rate)
        self.commits: Commits | None = None

    def __enter__(self) -> Rig:
        try:
            self.world.create_topics(state_settings=self.state_topic)
            self.commits = Commits(self.world)
            self.prepare()
            for number in range(1, self.processes + 1):
                self.fleet.add(number)
            self.traffic.start()
            self.await_all_assigned()
            self.commits.await_news(range(PARTITIONS), {}, 0.0, RECOVER_S)
        except BaseException:
            self.close()
            raise
        return self

    def prepare(self) -> None:
        """What is to be there before the first process starts."""

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.traffic.close()
        self.fleet.close()
        if self.commits is not None:
            self.commits.close()

    # --- for faults -----------------------------------------------------------------------------

    @property
    def kafka(self) -> Kafka:
        return self.servers.kafka

    @property
    def redis(self) -> Redis:
        return self.servers.redis

    def redis_client(self) -> redis.Redis:
        """Of the one that is primary now, past the proxy."""
        return self.servers.redis_client(self.redis)

    def redis_key(self, partition: int) -> str:
        return f"planlift:{{{self.world.group}:p{partition}}}"

    def any_slot(self) -> Slot:
        return self.fleet.slots[self.rng.choice(sorted(self.fleet.slots))]

    @staticmethod
    def now() -> float:
        return time.time()

    @staticmethod
    def wait(seconds: float) -> None:
        """How long a fault lasts."""
        time.sleep(seconds)

    def idle(self, most: float) -> None:
        """So that a fault falls anywhere."""
        time.sleep(self.rng.uniform(0, most))

    @staticmethod
    def until(condition: Callable[[], object], what: str, seconds: float) -> None:
        eventually(condition, what, seconds)

    def mark(self, outcome: Outcome, at: float) -> None:
        """The fault happened then."""
        outcome.at = at
        outcome.ends = self.traffic.ends()

    def heal(self, outcome: Outcome, at: float | None = None) -> None:
        """What the fault took away is back."""
        outcome.outage = (at or self.now()) - outcome.at

    def renew_client(self) -> None:
        """Ours, after the broker was away: the former one may not find it again for a while."""
        self.world.client = self.servers.renew_client()

    # --- who has what ---------------------------------------------------------------------------

    def assignment(self) -> dict[int, set[int]]:
        """Partitions by slot, as the group's coordinator has it; none while it cannot be told."""
        server = self.world.client.bootstrap_servers
        found = assignment(server, self.world.group)
        return {int(name.rpartition("-")[2]): numbers for name, numbers in found.items()}

    def partitions_of(self, slot: Slot) -> set[int]:
        return self.await_all_assigned()[slot.number]

    def await_all_assigned(self, seconds: float = RECOVER_S) -> dict[int, set[int]]:
        """Until every slot, and nobody else, has partitions, and together they have all."""

        def found() -> dict[int, set[int]] | None:
            slots = self.assignment()
            owned = sorted(number for numbers in slots.values() for number in numbers)
            is_so = slots.keys() == self.fleet.slots.keys() and all(slots.values())
            return slots if is_so and owned == list(range(PARTITIONS)) else None

        return eventually(found, "all partitions assigned", seconds)

    # --- waiting --------------------------------------------------------------------------------

    def await_settled(self, seconds: float = RECOVER_S) -> float:
        """Until all is taken in that the inputs hold now: a lag of 0, were it not for new ones."""
        return self.commits.await_taken(self.traffic.ends(), seconds)

    def await_news(
        self, outcome: Outcome, partitions: Iterable[int], seconds: float = RECOVER_S
    ) -> float:
        """When the last of the partitions committed something that was sent after the fault."""
        news = self.commits.await_news(partitions, outcome.ends, outcome.at, seconds)
        return max(news.values())

    def await_recovery(
        self, outcome: Outcome, partitions: set[int], seconds: float = RECOVER_S
    ) -> None:
        """Note how long it took until every partition has committed something that was sent after
        the fault, and until nothing is left to catch up."""
        if partitions:
            outcome.recovery = self.await_news(outcome, partitions, seconds) - outcome.at
            settled = self.await_settled(seconds)
            outcome.settled = settled - outcome.at
            outcome.stall = self.commits.longest_gap(partitions, outcome.at, settled)

    # --- the end --------------------------------------------------------------------------------

    def judge(self) -> Verdict:
        """Stop the load, let all be taken in, and ask; then ask planlift about every customer."""
        self.traffic.stop()
        self.await_settled()
        verdict = self._judge()
        if not verdict.wrongs:
            requests = workload.probes(verdict.customers, self.traffic.topics)
            settled = self.traffic.send_requests(requests)
            self.await_settled()
            verdict = self._judge(settled=settled)
        verdict.wrongs += self.crashes()
        return verdict

    def judge_stopped(self) -> Verdict:
        """As judge(), where planlift has stopped: only what is committed must be right."""
        self.traffic.stop()
        self.fleet.stop()
        handled = self.world.client.committed(self.world.group)
        verdict = self._judge(handled=handled)
        verdict.wrongs += self.crashes()
        return verdict

    def _judge(self, **settings: Any) -> Verdict:
        garbled, most = self.garbled, self.max_accounts
        return judge(self.world, garbled=garbled, max_accounts=most, **settings)

    def crashes(self) -> list[Wrong]:
        return [
            Wrong("process", str(end))
            for end in self.fleet.ends
            if end.reason == "sanitizer" or -end.status in CRASHES
        ]
