"""Topics as a test sees them: make them, write, read everything, look at a group's offsets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
)

from oracle.records import Record

from .deadline import Deadline, eventually
from .groups import is_coordinated

Place = tuple[str, int]
_JUST_BACK = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,  # of a topic that was made a moment ago
)
LATE_MARKER_S = 10
READ_COMMITTED = "read_committed"
READ_UNCOMMITTED = "read_uncommitted"


@dataclass(frozen=True, slots=True)
class Message:
    """A record to write. Without a partition, the key's own by `murmur2_random`."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int | None = None


class KafkaClient:
    """A client of the test's own, apart from the program under test."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._common = {
            "bootstrap.servers": bootstrap_servers,
            # Tests take the broker down; be back as soon as it is.
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        }
        self.admin = AdminClient(self._common)
        self._producer = self.producer()

    def producer(self, settings: Mapping[str, object] | None = None) -> Producer:
        """A producer that partitions as planlift expects; `settings` make it transactional, say."""
        return Producer(
            {
                **self._common,
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "enable.idempotence": True,
                **(settings or {}),
            }
        )

    def create_topics(
        self, names: Iterable[str], partitions: int, settings: Mapping[str, str] | None = None
    ) -> None:
        """Make topics; they are there for everybody when this returns."""
        topics = [NewTopic(name, partitions, 1, config=dict(settings or {})) for name in names]
        made = self.admin.create_topics(topics)
        for future in made.values():
            future.result()

        def are_shown() -> bool:
            shown = self.admin.list_topics().topics
            return all(
                name in shown
                and shown[name].error is None
                and len(shown[name].partitions) == partitions
                for name in made
            )

        # The answer is the controller's; the broker gets to know a moment later.
        eventually(are_shown, "topics made")

    def alter_topic(self, name: str, settings: Mapping[str, str]) -> None:
        """Set some of a topic's settings, as an operator does."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in settings.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result()

        def is_known() -> bool:
            [future] = self.admin.describe_configs([resource]).values()
            found = future.result()
            return all(found[key].value == value for key, value in settings.items())

        eventually(is_known, f"settings of {name} changed")

    def send(
        self, topic: str, messages: Iterable[Message], producer: Producer | None = None
    ) -> list[tuple[int, int]]:
        """Write the messages in order; the partition and offset of each, once all are stored."""
        producer = producer or self._producer
        places: dict[int, tuple[int, int]] = {}
        errors: list[KafkaError] = []

        def delivered(number: int, error: KafkaError | None, stored: KafkaMessage) -> None:
            if error is not None:
                errors.append(error)
            places[number] = (stored.partition(), stored.offset())

        number = -1
        for number, message in enumerate(messages):
            producer.produce(
                topic,
                message.value,
                message.key,
                -1 if message.partition is None else message.partition,
                partial(delivered, number),
                headers=list(message.headers),
            )
            producer.poll(0)
        unsent = producer.flush(Deadline(30).left)
        if errors:
            raise KafkaException(errors[0])
        assert unsent == 0, f"{unsent} messages to {topic} got no answer"
        return [places[n] for n in range(number + 1)]

    def partitions(self, topic: str) -> int:
        return _partitions(self.admin, topic)

    def read(self, topic: str, isolation: str = READ_COMMITTED) -> list[Record]:
        """All that a reader finds in the topic now, by partition and offset. A commit may have been
        acknowledged a moment before its records can be seen: that moment is waited for."""
        found = list(self._consume(topic, isolation, Deadline(60), to_end=True))
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def follow(
        self,
        topic: str,
        enough: int | Callable[[list[Record]], object],
        seconds: float = 30,
        isolation: str = READ_COMMITTED,
    ) -> list[Record]:
        """Read from the start until there are `enough` records, or enough says so of them."""
        found: list[Record] = []
        for record in self._consume(topic, isolation, Deadline(seconds), to_end=False):
            found.append(record)
            if len(found) == enough if isinstance(enough, int) else enough(found):
                return sorted(found, key=lambda record: (record.partition, record.offset))
        raise AssertionError(
            f"waited {seconds:.0f} s for {enough} records of {topic}, saw {len(found)}"
        )

    def committed(self, group: str) -> dict[Place, int]:
        """The group's committed offsets, by topic and partition; those that it has."""
        server = self.bootstrap_servers
        eventually(lambda: is_coordinated(server, group), f"coordinator of {group} there")
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self.admin.list_consumer_group_offsets(asked, require_stable=True)[group].result()
        return {
            (place.topic, place.partition): place.offset
            for place in answer.topic_partitions
            if place.offset >= 0
        }

    def set_committed(self, group: str, offsets: Mapping[Place, int]) -> None:
        """Set offsets of a group without members, as an operator does."""
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(group, places)]
        answer = self.admin.alter_consumer_group_offsets(asked)[group].result()
        for place in answer.topic_partitions:
            if place.error is not None:
                raise KafkaException(place.error)

    def ends(self, topic: str) -> dict[Place, int]:
        """Where each partition's log ends, open and aborted transactions included."""
        count = self.partitions(topic)
        places = {TopicPartition(topic, n): OffsetSpec.latest() for n in range(count)}

        def ask() -> dict[Place, int] | None:
            answers = self.admin.list_offsets(places)
            try:
                return {(p.topic, p.partition): a.result().offset for p, a in answers.items()}
            except KafkaException as error:  # of a broker that has just come back
                if not error.args[0].retriable() and error.args[0].code() not in _JUST_BACK:
                    raise
                return None

        return eventually(ask, f"ends of {topic} known")

    def delete_before(self, offsets: Mapping[Place, int]) -> None:
        """Forget the records below these offsets, as retention does."""
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        for future in self.admin.delete_records(places).values():
            future.result()

    def _consume(
        self, topic: str, isolation: str, deadline: Deadline, *, to_end: bool
    ) -> Iterator[Record]:
        """The topic's records from the start, up to its end or the deadline."""
        settings = {
            **self._common,
            "group.id": "never-joined",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            "enable.partition.eof": to_end,
            "fetch.wait.max.ms": 5,
        }
        ends = self.ends(topic) if to_end else {}
        held_back = time.monotonic() + LATE_MARKER_S  # or by a transaction that is still open
        with closing(Consumer(settings)) as consumer:
            # Asked of the consumer itself: one that knows the leaders starts half a second earlier.
            open_partitions = set(range(_partitions(consumer, topic)))
            at_stable_end: set[int] = set()
            consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in open_partitions])
            while open_partitions and not deadline.is_over:
                if to_end and time.monotonic() > held_back:
                    open_partitions -= at_stable_end
                message = consumer.poll(min(deadline.left, 0.2))
                if message is None:
                    continue
                if message.error() is None:
                    yield _record(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    at_stable_end.add(message.partition())
                    if message.offset() >= ends[topic, message.partition()]:
                        open_partitions.discard(message.partition())
                elif not message.error().retriable():
                    raise KafkaException(message.error())
        assert not (to_end and open_partitions), f"no end of {topic} in sight"


def _partitions(client: AdminClient | Consumer, topic: str) -> int:
    metadata = client.list_topics(topic, timeout=Deadline(20).left).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return len(metadata.partitions)


def _record(message: KafkaMessage) -> Record:
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        list(message.headers() or []),
    )
