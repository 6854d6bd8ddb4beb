"""One test's corner of the servers: topics, group and settings that no other test has."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.records import Record
from oracle.wire import EVENT, REQUEST, Registry, decode_result, encode
from services import Kafka, Redis

from .deadline import eventually
from .kafka import KafkaClient, Message
from .planlift import Finished, Planlift

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of contract 2."""

    requests: str
    events: str
    results: str
    state: str

    @property
    def requests_dlq(self) -> str:
        return f"{self.requests}.dlq"

    @property
    def events_dlq(self) -> str:
        return f"{self.events}.dlq"


class World:
    """What a test needs around planlift. `settings` are those of every process it starts."""

    def __init__(self, kafka: Kafka, redis: Redis, client: KafkaClient, name: str) -> None:
        self.kafka = kafka
        self.redis = redis
        self.client = client
        self.registry = Registry.load()
        prefix = f"{name[:40]}-{uuid.uuid4().hex[:8]}"
        kinds = ("requests", "events", "results", "state")
        self.topics = Topics(*(f"{prefix}.{kind}" for kind in kinds))
        self.group = prefix
        self.partitions = 3
        self.settings: dict[str, object] = {
            "kafka.bootstrap.servers": kafka.bootstrap_servers,
            "redis.url": redis.url,
            "group.id": self.group,
            "slot": 0,
            **{f"topic.{kind}": getattr(self.topics, kind) for kind in kinds},
            "topic.partitions": self.partitions,
            "topic.replication.factor": 1,
        }
        self._processes: list[Planlift] = []

    # --- the program ----------------------------------------------------------------------------

    def start(
        self,
        *arguments: str | Path,
        settings: Mapping[str, object] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Planlift:
        """A planlift process that goes on by itself; ended with the test at the latest."""
        chosen = {**self.settings, **(settings or {})}
        process = Planlift(arguments or ("run",), chosen, variables)
        self._processes.append(process)
        return process

    def run(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        settings: Mapping[str, object] | None = None,
        seconds: float = 60,
    ) -> Finished:
        """A planlift command from start to end."""
        process = self.start(*arguments, settings=settings)
        process.feed(stdin)
        return process.await_exit(seconds)

    def drain(self, settings: Mapping[str, object] | None = None, seconds: float = 60) -> Finished:
        """Let the service handle all that is in the input topics, which must go well."""
        finished = self.run("run", "--drain", settings=settings, seconds=seconds)
        assert finished.status == 0, finished.err
        return finished

    # --- its topics -----------------------------------------------------------------------------

    def create_topics(
        self,
        state_settings: Mapping[str, str] | None = None,
        results_settings: Mapping[str, str] | None = None,
        dlq_partitions: int | None = None,
    ) -> None:
        """All topics of contract 2, without help of `planlift topics create`."""
        topics, create = self.topics, self.client.create_topics
        create((topics.requests, topics.events), self.partitions)
        create([topics.results], self.partitions, results_settings)
        create((topics.requests_dlq, topics.events_dlq), dlq_partitions or self.partitions)
        compacted = {"cleanup.policy": "compact", **(state_settings or {})}
        create([topics.state], self.partitions, compacted)

    def event(self, customer: str, kind: str, **fields: Any) -> Message:
        """A fact, as in event("c1", "LicenseAssigned", subscriptionId="s1", …)."""
        event = {
            "eventId": uuid.uuid4().hex,
            "customerId": customer,
            "occurredAt": now_ms(),
            "change": {"type": kind, **fields},
        }
        return Message(customer.encode(), encode(self.registry, EVENT, event))

    def request(self, customer: str, **fields: Any) -> Message:
        """A request with these fields; ids, requester and time are made up where missing."""
        request = {
            "requestId": uuid.uuid4().hex,
            "customerId": customer,
            "requestedBy": {"userId": "admin", "role": "GLOBAL_ADMIN"},
            "requestedAt": now_ms(),
            **fields,
        }
        return Message(customer.encode(), encode(self.registry, REQUEST, request))

    def send_event(self, customer: str, kind: str, **fields: Any) -> tuple[int, int]:
        """Write a fact; see event()."""
        return self.client.send(self.topics.events, [self.event(customer, kind, **fields)])[0]

    def send_request(self, customer: str, **fields: Any) -> tuple[int, int]:
        """Write a request; see request()."""
        return self.client.send(self.topics.requests, [self.request(customer, **fields)])[0]

    def await_taken_in(self, process: Planlift, seconds: float = 30) -> None:
        """Until the running process has committed all that is in the input topics now."""
        topics = self.topics
        ends = {**self.client.ends(topics.requests), **self.client.ends(topics.events)}

        def is_taken_in() -> bool:
            assert process.is_running, f"{process} ended:\n{process.err.tail()}"
            committed = self.client.committed(self.group)
            return all(committed.get(place, 0) >= end for place, end in ends.items())

        eventually(is_taken_in, f"taken in by {process}", seconds)

    def results(self, enough: int | None = None, seconds: float = 30) -> list[Json]:
        """The published results in plain form: those that are there, or once there are enough."""
        topic = self.topics.results
        if enough is None:
            records = self.client.read(topic)
        else:
            records = self.client.follow(topic, enough, seconds)
        return [decode_result(self.registry, record.value) for record in records]

    def dead_letters(self) -> list[Record]:
        """All dead letters, those of requests first."""
        topics = self.topics
        return self.client.read(topics.requests_dlq) + self.client.read(topics.events_dlq)

    def close(self) -> None:
        """End every process; fails if a sanitizer found something in any of them."""
        faults = []
        for process in self._processes:
            try:
                process.close()
            except AssertionError as fault:
                faults.append(str(fault))
        assert not faults, "\n".join(faults)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
