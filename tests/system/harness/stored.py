"""What planlift has stored, in the state topic and in Redis; and whether anything has changed."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import redis

from services import ROOT

from .world import World

PROGRESS = b"#"  # key of the progress record in the state topic, and of the checkpoint in Redis
ENVELOPE_BYTES = 9  # format version and check sum before each body
FORMAT_VERSION = 2  # that planlift writes


def cache_key(group: str, partition: int) -> str:
    """The Redis key of a partition's hash."""
    return f"planlift:{{{group}:p{partition}}}"


def stored_state(world: World) -> list[dict[bytes, bytes]]:
    """Each partition of the state topic as its compaction leaves it, tombstones gone."""
    found: list[dict[bytes, bytes]] = [{} for _ in range(world.partitions)]
    for record in world.client.read(world.topics.state):
        found[record.partition].pop(record.key, None)
        if record.value is not None:
            found[record.partition][record.key] = record.value
    return found


def stored_cache(world: World) -> list[dict[bytes, bytes]]:
    """Each partition's hash in Redis."""
    with redis.Redis.from_url(world.redis.url) as server:
        return [server.hgetall(cache_key(world.group, n)) for n in range(world.partitions)]


def schema(kind: str, version: int) -> Any:
    """That of a stored value: head, licences, answered, progress or checkpoint, in a format
    version. What older versions lacked is taken out of today's schemas."""
    text = json.loads((ROOT / "schemas" / f"state-{kind}.avsc").read_text())
    if version == 1 and kind in ("progress", "checkpoint"):
        progress = text if kind == "progress" else text["fields"][-1]["type"]
        progress["fields"] = [f for f in progress["fields"] if f["name"] != "catalogueSha256"]
    return fastavro.schema.parse_schema(text)


def decode(kind: str, value: bytes) -> dict[str, Any]:
    """The body of a stored value, which the schema must explain to its last byte."""
    body = io.BytesIO(value[ENVELOPE_BYTES:])
    record = fastavro.schemaless_reader(body, schema(kind, value[0]))
    assert not body.read()
    return record


def standing(world: World) -> list[Any]:
    """What must not change when planlift refuses to go on: where the logs of its outputs end, the
    group's offsets, and Redis; but for the date of a checkpoint, which a look at the state topic
    renews."""
    topics = world.topics
    logs = (topics.state, topics.results, topics.requests_dlq, topics.events_dlq)
    return [
        *(world.client.ends(log) for log in logs),
        world.client.committed(world.group),
        *(_undated(cache) for cache in stored_cache(world)),
    ]


def _undated(cache: dict[bytes, bytes]) -> dict[bytes, Any]:
    if PROGRESS not in cache or cache[PROGRESS][0] > FORMAT_VERSION:
        return cache
    return cache | {PROGRESS: decode("checkpoint", cache[PROGRESS]) | {"writtenAt": None}}
