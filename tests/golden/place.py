"""Golden state put where a program finds it, as if it had been stored there and compacted since."""

from __future__ import annotations

import io

import fastavro
import redis

from harness import Deadline, Message, World, eventually
from harness.stored import PROGRESS, cache_key, decode, schema

from . import Golden, Json, Partition
from .seal import seal

# So long may a cache have been left alone (design A10): its golden checkpoint is of long ago.
EVER = {"delete.retention.ms": str(2**62)}
FILLER = Message(b"k", b"taken in long ago")


def encode(kind: str, version: int, record: Json) -> bytes:
    """A progress record or a checkpoint, by its schema."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema(kind, version), record)
    return seal(version, PROGRESS, body.getvalue())


def place(world: World, golden: Golden, *, with_cache: bool) -> None:
    """Make the topics of a settled world: in the inputs records up to the progress, which must not
    be read again; in the state topic the golden pieces, each progress record at the offset that
    the golden checkpoint knows; and Redis as it was, if wanted."""
    world.create_topics(state_settings=EVER)
    _fill_inputs(world, golden)
    for number, partition in enumerate(golden.partitions):
        _write_state(world, number, partition)
        if with_cache:
            with redis.Redis.from_url(world.redis.url) as server:
                server.hset(cache_key(golden.group, number), mapping=partition.cache)


def _fill_inputs(world: World, golden: Golden) -> None:
    offsets = {}
    for number, partition in enumerate(golden.partitions):
        progress = decode("progress", partition.state[PROGRESS])
        for topic, count in (
            (world.topics.events, progress["nextEvent"]),
            (world.topics.requests, progress["nextRequest"]),
        ):
            filler = Message(FILLER.key, FILLER.value, partition=number)
            world.client.send(topic, [filler] * count)
            offsets[topic, number] = count
    world.client.set_committed(world.group, offsets)


def _write_state(world: World, number: int, partition: Partition) -> None:
    checkpoint = decode("checkpoint", partition.cache[PROGRESS])
    progress_offset = checkpoint["progressOffset"]
    # Markers, and what compaction took away, left holes: so does an aborted transaction.
    hole = progress_offset - len(partition.pieces) - 1
    write_state(world, number, [(b"hole", b"")] * hole, is_good=False)
    progress = (PROGRESS, partition.state[PROGRESS])
    write_state(world, number, [*partition.pieces.items(), progress])
    assert checkpoint["nextOffset"] == progress_offset + 2


def write_state(
    world: World, number: int, records: list[tuple[bytes, bytes]], *, is_good: bool = True
) -> None:
    """Write a partition of the state topic as planlift does, in a transaction."""
    place = (world.topics.state, number)
    end = world.client.ends(world.topics.state)[place] + len(records) + 1
    producer = world.client.producer({"transactional.id": f"{world.topics.state}-{number}"})
    limit = Deadline(20).left
    producer.init_transactions(limit)
    producer.begin_transaction()
    messages = [Message(key, value, partition=number) for key, value in records]
    world.client.send(world.topics.state, messages, producer)
    if is_good:
        producer.commit_transaction(limit)
    else:
        producer.abort_transaction(limit)
    # The marker comes a moment later.
    eventually(lambda: world.client.ends(world.topics.state)[place] == end, f"end at {end}")
