"""A single record of a topic, and what contract 7 makes of it by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .state import invalid_event
from .wire import (
    EVENT,
    REQUEST,
    Headers,
    Registry,
    Source,
    WireError,
    decode_input,
    partition_of,
)


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as a consumer sees it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)

    @property
    def source(self) -> Source:
        """Topic, partition and offset."""
        return self.topic, self.partition, self.offset


@dataclass(frozen=True, slots=True)
class Input:
    """An input record judged by itself: its plain value, or the code of its dead letter.

    `request_id_reused` and `unprocessable` depend on more than the record and are not found here.
    """

    record: Record
    code: str | None
    value: dict[str, Any]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """Names and counts of contract 2, as far as the rules depend on them."""

    partitions: int
    requests: str = "upgrade-requests"
    events: str = "subscription-events"
    results: str = "upgrade-results"
    partitioner: str = "murmur2_random"

    def schema_of(self, topic: str) -> str:
        """The expected record of an input topic."""
        return {self.requests: REQUEST, self.events: EVENT}[topic]


class Judge:
    """Judges input records in the order of contract 7."""

    def __init__(self, registry: Registry, topics: Topics) -> None:
        self.registry = registry
        self.topics = topics
        self._homes: dict[bytes, int | None] = {}

    def home(self, key: bytes) -> int | None:
        """The partition of a key (cached)."""
        if key not in self._homes:
            topics = self.topics
            self._homes[key] = partition_of(key, topics.partitions, topics.partitioner)
        return self._homes[key]

    def judge(self, record: Record) -> Input:
        """The first rule of contract 7 that applies, `invalid_event` being the last here."""
        expected = self.topics.schema_of(record.topic)
        try:
            value = decode_input(self.registry, expected, record.value)
        except WireError as problem:
            return Input(record, problem.code, {}, str(problem))
        if not record.key or record.key != value["customerId"].encode("utf-8"):
            return Input(record, "key_mismatch", value, f"key {record.key!r}")
        if self.home(record.key) not in (None, record.partition):
            return Input(record, "wrong_partition", value, f"not {record.partition}")
        reason = invalid_event(value["change"]) if expected == EVENT else None
        if reason is not None:
            return Input(record, "invalid_event", value, reason)
        return Input(record, None, value)
