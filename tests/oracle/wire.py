"""Records on the wire (contract 2 and 3): framing, Avro, partitioners, headers.

Encoding and the reading of results use fastavro; what is wrong with an input record is judged by
`strict_avro`, byte for byte.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastavro

from . import strict_avro

Json = dict[str, Any]
Headers = list[tuple[str, bytes | None]]
Source = tuple[str, int, int]

EVENT, REQUEST, RESULT = "SubscriptionEvent", "UpgradeRequest", "UpgradeResult"
EMBEDDED_IDS = {1: EVENT, 2: REQUEST, 3: RESULT}
SCHEMA_FILES = {
    EVENT: "subscription-event.avsc",
    REQUEST: "upgrade-request.avsc",
    RESULT: "upgrade-result.avsc",
}
DEAD_LETTER_HEADERS = tuple(
    f"planlift-{name}"
    for name in ("error-code", "error-message", "topic", "partition", "offset", "time")
)


class WireError(ValueError):
    """A record that is not framed, or of an unknown schema; `code` as in contract 7."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


# --- schemas ----------------------------------------------------------------------------------


def repository_schemas() -> Path:
    """The folder `schemas/` of this repository."""
    return Path(__file__).resolve().parents[2] / "schemas"


def without_logical_types(schema: Any) -> Any:
    """The same schema with times as plain longs, whatever their values."""
    if isinstance(schema, list):
        return [without_logical_types(item) for item in schema]
    if isinstance(schema, dict):
        return {
            key: value if key == "default" else without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    return schema


@dataclass
class Writer:
    """A writer's schema: how to encode with it, and how to read it strictly."""

    text: str

    @cached_property
    def parsed(self) -> Any:
        """For fastavro."""
        return fastavro.parse_schema(without_logical_types(json.loads(self.text)))

    @cached_property
    def node(self) -> strict_avro.Node:
        """For strict_avro; raises Incompatible."""
        return strict_avro.parse(self.text)

    @cached_property
    def read(self) -> strict_avro.Reader:
        """The strict reader."""
        return strict_avro.compile_reader(self.node)


class Registry:
    """Schemas by id, and planlift's own three to read with (contract 3)."""

    def __init__(self, own: Mapping[str, str], by_id: Mapping[int, str]) -> None:
        self.own = {name: Writer(text) for name, text in own.items()}
        self.by_id = {number: Writer(text) for number, text in by_id.items()}
        self._resolvers: dict[tuple[int, str], strict_avro.Resolver | strict_avro.Incompatible] = {}

    @classmethod
    def load(cls, folder: Path | None = None, more: Mapping[int, str] | None = None) -> Registry:
        """The embedded registry: `manifest.json` where there is one, else the three fixed ids.

        `more` adds ids, or replaces them (those of a schema registry).
        """
        place = folder or repository_schemas()
        own = {name: (place / file).read_text("utf-8") for name, file in SCHEMA_FILES.items()}
        by_id = {number: own[name] for number, name in EMBEDDED_IDS.items()}
        manifest = place / "manifest.json"
        if manifest.exists():
            listed = json.loads(manifest.read_text("utf-8"))
            by_id = {int(key): (place / file).read_text("utf-8") for key, file in listed.items()}
        return cls(own, {**by_id, **(more or {})})

    def resolver(self, schema_id: int, expected: str) -> strict_avro.Resolver:
        """What makes values of a writer's schema into those of ours; raises Incompatible."""
        key = (schema_id, expected)
        if key not in self._resolvers:
            try:
                writer = self.by_id[schema_id].node
                self._resolvers[key] = strict_avro.compile_resolver(writer, self.own[expected].node)
            except strict_avro.Incompatible as problem:
                self._resolvers[key] = problem
        found = self._resolvers[key]
        if isinstance(found, strict_avro.Incompatible):
            raise found
        return found


# --- framing and values -----------------------------------------------------------------------


def frame(schema_id: int, body: bytes) -> bytes:
    """Confluent framing: byte 0, a 4-byte big-endian schema id, the body."""
    return struct.pack(">bI", 0, schema_id) + body


def unframe(value: bytes) -> tuple[int, bytes]:
    """Schema id and body; WireError `malformed` where it is not framed."""
    if len(value) < 5 or value[0] != 0:
        raise WireError("malformed", "not in Confluent framing")
    return struct.unpack(">I", value[1:5])[0], value[5:]


def to_avro(name: str, value: Json) -> Json:
    """Our plain form of a record as fastavro wants it: an event's change as (name, fields)."""
    if name != EVENT:
        return value
    change = {key: item for key, item in value["change"].items() if key != "type"}
    return {**value, "change": (f"planlift.{value['change']['type']}", change)}


def encode(registry: Registry, name: str, value: Json, schema_id: int | None = None) -> bytes:
    """A framed record in our schema `name`, or in the writer's schema of `schema_id`.

    `value` is plain JSON; an event's change is {"type": ..., its fields} as in contract 9.
    """
    if schema_id is None:
        schema_id = next(key for key, own in EMBEDDED_IDS.items() if own == name)
        writer = registry.own[name]
    else:
        writer = registry.by_id[schema_id]
    out = io.BytesIO()
    fastavro.schemaless_writer(out, writer.parsed, to_avro(name, value))
    return frame(schema_id, out.getvalue())


def decode_result(registry: Registry, value: bytes) -> Json:
    """A published result in plain JSON; WireError where it is not one."""
    schema_id, body = unframe(value)
    writer = registry.by_id.get(schema_id)
    if writer is None:
        raise WireError("unknown_schema", f"schema id {schema_id}")
    if writer.parsed.get("name") != f"planlift.{RESULT}":
        raise WireError("incompatible_schema", f"schema id {schema_id} is not {RESULT}")
    source = io.BytesIO(body)
    try:
        result = fastavro.schemaless_reader(source, writer.parsed, None)
    except Exception as problem:  # fastavro raises nearly anything on broken input
        raise WireError("malformed", f"not a result: {problem!r}") from problem
    if source.tell() != len(body) or not isinstance(result, dict):
        raise WireError("malformed", "trailing bytes")
    return result


def decode_input(registry: Registry, expected: str, value: bytes | None) -> Json:
    """A record of an input topic in plain form; WireError with the code of contract 7."""
    if value is None:
        raise WireError("null_value", "null")
    schema_id, body = unframe(value)
    if schema_id not in registry.by_id:
        raise WireError("unknown_schema", f"schema id {schema_id}")
    try:
        resolver = registry.resolver(schema_id, expected)
        record: Json = resolver(strict_avro.decode(registry.by_id[schema_id].read, body))
        return record
    except strict_avro.Incompatible as problem:
        raise WireError("incompatible_schema", str(problem)) from problem
    except strict_avro.Malformed as problem:
        raise WireError("malformed", str(problem)) from problem


# --- partitioners (contract 2) ----------------------------------------------------------------


def murmur2(key: bytes) -> int:
    """The 32-bit murmur2 of Kafka's Java client."""
    mask = 0xFFFFFFFF
    factor = 0x5BD1E995
    value = (0x9747B28C ^ len(key)) & mask
    whole = len(key) & ~3
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        word = word * factor & mask
        word = (word ^ (word >> 24)) * factor & mask
        value = (value * factor & mask) ^ word
    rest = key[whole:]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ (value >> 13)) * factor & mask
    return value ^ (value >> 15)


def partition_of(key: bytes, partitions: int, partitioner: str = "murmur2_random") -> int | None:
    """Where a keyed record belongs, or None where that is not checked (`none`)."""
    if partitioner == "murmur2_random":
        return (murmur2(key) & 0x7FFFFFFF) % partitions
    if partitioner == "consistent_random":
        return zlib.crc32(key) % partitions
    if partitioner == "none":
        return None
    raise ValueError(f"unknown partitioner {partitioner!r}")


# --- headers (contract 3) ---------------------------------------------------------------------


def rfc3339(milliseconds: int) -> str:
    """A time as in headers: UTC with milliseconds."""
    whole, part = divmod(milliseconds, 1000)
    moment = datetime.fromtimestamp(whole, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{part:03d}Z"


def source_header(source: Source) -> str:
    """The value of `planlift-source`: topic/partition/offset of the request."""
    return "/".join(str(part) for part in source)


def result_headers(result: Json, source: Source, request_headers: Headers) -> Headers:
    """Every header that a result must have: CloudEvents binary mode and the trace."""
    event_id = result["requestId"]
    if event_id and result["parts"] > 1:
        event_id = f"{event_id}/{result['part']}"
    wanted = {
        "ce_specversion": "1.0",
        "ce_source": f"/planlift/customers/{quote(result['customerId'], safe='')}",
        "ce_id": event_id or source_header(source),
        "ce_type": f"planlift.{result['outcome'].lower().replace('_', '-')}",
        "ce_time": rfc3339(result["decidedAt"]),
        "content-type": "application/avro",
        "planlift-source": source_header(source),
    }
    traced = [header for header in request_headers if header[0] in ("traceparent", "tracestate")]
    return [(name, text.encode("utf-8")) for name, text in wanted.items()] + traced


def dead_letter_headers(
    original: Headers, code: str, text: str, source: Source, time: int
) -> Headers:
    """The headers of a dead letter: ours in place of any older ones, the others stay."""
    kept = [header for header in original if header[0] not in DEAD_LETTER_HEADERS]
    values = (code, text, source[0], str(source[1]), str(source[2]), rfc3339(time))
    return kept + [(n, v.encode("utf-8")) for n, v in zip(DEAD_LETTER_HEADERS, values, strict=True)]
