"""Schema resolution against fastavro's: random writers' schemas, random bodies of them.

Each round varies one of our two input schemas as the years might: fields added, removed, moved and
defaulted, numbers widened and narrowed, enums and unions changed, types defined elsewhere and
referred to by name, namespaces, logical types. Bodies that follow the varied schema are decoded by
planlift's own code (tests/drivers/avro_decode.c) and by fastavro's `schemaless_reader`, and both
must come to the same record, or both find the schemas or this value of them incompatible.

Where fastavro differs from the Avro specification, planlift follows the specification and the
contract; `varied` and `random_type` do not go there:
- fastavro matches named types of one name whatever their kind, so an enum `LicenseRemoved` is read
  as a record of that name; the specification wants the same kind.
- fastavro sees that an array's items can never be read only when there is an item, if the items are
  a union; by the two schemas alone (contract 7) planlift refuses the empty array as well.
- fastavro fails with a TypeError where the writer names a type defined before and the reader has a
  union.
- fastavro reports bytes that are no UTF-8 but read as a string as a UnicodeDecodeError, which is
  `malformed` here (contract 7).
"""

from __future__ import annotations

import copy
import io
import itertools
import json
import os
import random
import struct
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError

from oracle.wire import without_logical_types

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("PLANLIFT_BINARY", ROOT / "build/dev/planlift"))
DRIVER = BINARY.parent / "drivers/avro_decode"

PAIRS = 4000
BODIES = 4
SEED = 20240229

Json = Any
OWN = {
    "event": json.loads((ROOT / "schemas/subscription-event.avsc").read_text()),
    "request": json.loads((ROOT / "schemas/upgrade-request.avsc").read_text()),
}
READERS = {
    name: fastavro.parse_schema(without_logical_types(schema)) for name, schema in OWN.items()
}


# --- schemas ----------------------------------------------------------------------------------


class Variation:
    """One way in which a schema differs from ours."""

    def __init__(self, rng: random.Random, record: str) -> None:
        self.rng = rng
        self.used = 0
        self.hoisted: list[Json] = []
        self.schema = self.record(copy.deepcopy(OWN[record]))
        if self.hoisted:
            # Types that are defined in a field of their own, and only named where they are used.
            holder = self.extra({"type": "record", "name": self.name("Types"), "fields": []})
            for hoisted in self.hoisted:
                holder["type"]["fields"].append(self.extra(hoisted))
            self.schema["fields"].insert(0, holder)
        if self.chance(0.1):
            self.schema["namespace"] = self.rng.choice(["other", "a.b", ""])
        if self.chance(0.02):
            self.schema["name"] = "Renamed"
            self.schema["aliases"] = [OWN[record]["name"]]  # of the writer: they mean nothing

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def name(self, prefix: str) -> str:
        self.used += 1
        return f"{prefix}{self.used}"

    def extra(self, schema: Json) -> Json:
        """A field that our schema does not have."""
        return {"name": self.name("extra"), "type": schema}

    def record(self, schema: Json) -> Json:
        fields = []
        for field in schema["fields"]:
            if self.chance(0.15 if "default" in field else 0.01):
                continue
            if self.chance(0.02):
                field["name"] = self.name("renamed")
            old = copy.deepcopy(field["type"])
            field["type"] = self.type(field["type"])
            if field["type"] != old or self.chance(0.1):
                field.pop("default", None)  # it might not fit, and the writer's mean nothing
            fields.append(field)
        while self.chance(0.25):
            fields.append(self.extra(self.random_type(3)))
        if self.chance(0.3):
            self.rng.shuffle(fields)
        schema["fields"] = fields
        if self.chance(0.05) and schema["name"] not in ("SubscriptionEvent", "UpgradeRequest"):
            schema["namespace"] = self.rng.choice(["other", "x.y"])
        return schema

    def type(self, schema: Json) -> Json:
        """A type of ours, often as it is."""
        if isinstance(schema, list):
            named = any(isinstance(branch, dict) for branch in schema)
            return self.choice(schema) if named else self.optional(schema)
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind == "record":
            return self.named(self.record(schema))
        if kind == "enum":
            return self.named(self.enum(schema))
        if self.chance(0.85):
            return schema
        return self.rng.choice(self.alternatives(kind))

    def alternatives(self, kind: str) -> list[Json]:
        if kind == "string":
            good = ["bytes", ["null", "string"], ["bytes", "string"], ["int", "string"]]
            return [*good, {"type": "string", "logicalType": "uuid"}, "int", ["null", "long"]]
        if kind == "int":
            return [["int"], ["null", "int"], ["long", "int"], "long", "string", ["float", "long"]]
        if kind == "long":
            date = {"type": "int", "logicalType": "date"}
            return ["int", date, ["int", "long"], ["long", "null"], "double", ["string", "boolean"]]
        if kind == "boolean":
            return [["boolean", "null"], ["boolean"], "int"]
        assert kind == "array"
        lists: list[Json] = ["bytes", ["null", "string"], ["bytes", "string", "null"], "int"]
        wrapped = [{"type": "array", "items": items} for items in lists]
        return [*wrapped, ["null", {"type": "array", "items": "string"}], "null"]

    def optional(self, schema: list[str]) -> Json:
        """[null, T]."""
        if self.chance(0.7):
            return schema
        inner = schema[1]
        others = {"string": "bytes", "int": "long", "long": "int"}
        more = ["boolean", "double", {"type": "map", "values": "int"}]
        ways: list[Json] = [
            [inner, "null"],
            inner,
            "null",
            ["null"],
            [inner],
            ["null", others[inner]],
            [others[inner], "null"],
            others[inner],
            ["null", inner, self.rng.choice(more)],
            [self.rng.choice(more), "null", inner],
            [self.rng.choice(more)],
        ]
        return self.rng.choice(ways)

    def choice(self, schema: list[Json]) -> Json:
        """The union of the changes."""
        branches = [self.named(self.record(branch)) for branch in schema]
        if self.chance(0.3):
            self.rng.shuffle(branches)
        if self.chance(0.2):
            branches.pop(self.rng.randrange(len(branches)))
        if self.chance(0.2):
            place = self.rng.randrange(len(branches) + 1)
            branches.insert(place, self.rng.choice(["null", "string", self.random_record(2)]))
        single = self.rng.choice(branches)
        return single if self.chance(0.1) and isinstance(single, dict) else branches

    def enum(self, schema: Json) -> Json:
        symbols = schema["symbols"]
        if self.chance(0.2):
            self.rng.shuffle(symbols)
        if self.chance(0.15):
            symbols.insert(self.rng.randrange(len(symbols) + 1), "UNHEARD_OF")
        if self.chance(0.1):
            symbols.pop(self.rng.randrange(len(symbols)))
        if self.chance(0.1):
            schema["default"] = self.rng.choice(symbols)
        if schema.get("default") not in symbols:
            schema.pop("default", None)
        if self.chance(0.02):
            schema["name"] += "2"
        return schema

    def named(self, schema: Json) -> Json:
        """Where it is used, or defined elsewhere and named here; now and then within a union."""
        place: Json = schema
        if self.chance(0.1):
            schema.setdefault("namespace", "planlift")
            self.hoisted.append(schema)
            place = f"{schema['namespace']}.{schema['name']}"
        if schema["type"] == "enum" and self.chance(0.1):
            return ["null", place]
        return place

    def random_record(self, depth: int) -> Json:
        fields = [self.extra(self.random_type(depth - 1)) for _ in range(self.rng.randrange(4))]
        return {"type": "record", "name": self.name("Record"), "fields": fields}

    def random_type(self, depth: int) -> Json:
        """Any type at all."""
        plain = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
        if depth == 0 or self.chance(0.3):
            return self.rng.choice(plain)
        inner = depth - 1
        way = self.rng.randrange(8)
        if way == 0:
            return {"type": "array", "items": self.random_type(inner)}
        if way == 1:
            return {"type": "map", "values": self.random_type(inner)}
        if way == 2:
            return {"type": "fixed", "name": self.name("Fixed"), "size": self.rng.randrange(20)}
        if way == 3:
            symbols = [f"S{i}" for i in range(self.rng.randrange(1, 70))]
            return {"type": "enum", "name": self.name("Enum"), "symbols": symbols}
        if way == 4:
            return self.random_record(depth)
        if way == 5:
            branches = [self.random_record(depth), {"type": "map", "values": "long"}]
            return self.rng.sample([*plain, *branches], self.rng.randrange(1, 6))
        if way == 6:
            decimal = {"logicalType": "decimal", "precision": 9, "scale": 2}
            fixed = {"type": "fixed", "name": self.name("Decimal"), "size": 8}
            return self.rng.choice([{"type": "bytes", **decimal}, {**fixed, **decimal}])
        return {"type": "long", "logicalType": "timestamp-micros", "doc": "ignored"}


# --- bodies -----------------------------------------------------------------------------------


def put_long(value: int) -> bytes:
    zigzag = (value << 1) ^ (value >> 63)
    whole = bytearray()
    while zigzag >= 0x80:
        whole.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes(whole) + bytes([zigzag])


class Body:
    """A random value of a schema, in Avro binary. `change` is the branch that an event has.

    With `is_text` all bytes could be strings; else it is the same value, but for some that are not.
    """

    def __init__(self, schema: Json, seed: int, is_text: bool = False) -> None:
        self.rng = random.Random(seed)
        self.is_text = is_text
        self.types: dict[str, tuple[Json, str]] = {}
        self.change = ""
        self.data = self.put(schema, "")

    def put(self, schema: Json, space: str) -> bytes:
        """A value of a schema within a namespace."""
        if isinstance(schema, list):
            return self.union(schema, space)
        if isinstance(schema, str):
            full = f"{space}.{schema}" if f"{space}.{schema}" in self.types else schema
            return self.named(*self.types[full]) if full in self.types else self.plain(schema)
        kind = schema["type"]
        if kind in ("record", "enum", "fixed"):
            full = schema["name"]
            if "." not in full:
                full = f"{schema.get('namespace', space)}.{full}".lstrip(".")
            self.types[full] = (schema, full.rpartition(".")[0])
            return self.named(*self.types[full])
        if kind in ("array", "map"):
            return self.blocks(schema, space)
        return self.put(kind, space)

    def plain(self, kind: str) -> bytes:
        choose = self.rng.choice
        if kind == "null":
            return b""
        if kind == "boolean":
            return choose([b"\0", b"\1"])
        if kind == "int":
            return put_long(choose([0, 1, -1, 2**31 - 1, -(2**31), self.rng.randrange(5000)]))
        if kind == "long":
            return put_long(choose([0, 1, -1, 2**63 - 1, -(2**63), self.rng.getrandbits(40)]))
        if kind == "float":
            return struct.pack("<f", self.rng.uniform(-1e9, 1e9))
        if kind == "double":
            return struct.pack("<d", self.rng.uniform(-1e99, 1e99))
        assert kind in ("bytes", "string")
        texts = ["", "a", "role", "x\0y", "é", "€uro", "😀", "z" * 70, "\U0010ffff"]
        content = "".join(choose(texts) for _ in range(self.rng.randrange(3))).encode()
        noise = self.rng.randbytes(8)
        if kind == "bytes" and not self.is_text and noise < b"\x20":
            content = noise[1:]
        return put_long(len(content)) + content

    def named(self, schema: Json, space: str) -> bytes:
        if schema["type"] == "enum":
            return put_long(self.rng.randrange(len(schema["symbols"])))
        if schema["type"] == "fixed":
            return self.rng.randbytes(schema["size"])
        return b"".join(
            self.put_change(field["type"], space)
            if field["name"] == "change"
            else self.put(field["type"], space)
            for field in schema["fields"]
        )

    def union(self, branches: list[Json], space: str) -> bytes:
        bodies = [self.put(branch, space) for branch in branches]  # all, to learn their names
        index = self.rng.randrange(len(branches))
        return put_long(index) + bodies[index]

    def put_change(self, schema: Json, space: str) -> bytes:
        branches = schema if isinstance(schema, list) else [schema]
        bodies = [self.put(branch, space) for branch in branches]
        index = self.rng.randrange(len(branches))
        branch = branches[index]
        name = branch if isinstance(branch, str) else branch["name"]
        self.change = name.rpartition(".")[2]
        return (put_long(index) if isinstance(schema, list) else b"") + bodies[index]

    def blocks(self, schema: Json, space: str) -> bytes:
        """Blocks as writers may make them: several, some with their size in bytes."""
        is_map = schema["type"] == "map"
        inner = schema["values"] if is_map else schema["items"]
        self.put(inner, space)  # to learn its names
        whole = b""
        while self.rng.random() < 0.4:
            count = self.rng.randrange(1, 4)
            keys = [self.plain("string") if is_map else b"" for _ in range(count)]
            items = b"".join(key + self.put(inner, space) for key in keys)
            sized = self.rng.random() < 0.3
            whole += put_long(-count) + put_long(len(items)) if sized else put_long(count)
            whole += items
        return whole + put_long(0)


# --- both readers -----------------------------------------------------------------------------


def without_blanks(schema: Json, record: Json) -> Json:
    """The record with "" as null where a string is optional (contract 3)."""
    optional = {f["name"] for f in schema["fields"] if f["type"] == ["null", "string"]}
    return {k: v or None if k in optional else v for k, v in record.items()}


def without_repeats(record: Json) -> Json:
    """The record as planlift takes it in: of names that follow themselves in a list, one; in these
    lists repeats mean nothing (contract 5)."""
    return {
        key: [name for name, _ in itertools.groupby(value)] if isinstance(value, list) else value
        for key, value in record.items()
    }


def plain_record(name: str, record: Json, change: str) -> Json:
    """What fastavro read, in the form that the driver has: without what planlift does not keep."""
    if name == "request":
        return without_blanks(OWN[name], record)
    branches = OWN[name]["fields"][3]["type"]
    schema = next(branch for branch in branches if branch["name"] == change)
    fields = without_repeats(without_blanks(schema, record["change"]))
    return {"customerId": record["customerId"], "kind": change, "change": fields}


def expectation(name: str, writer: Json, body: Body) -> Json:
    """What fastavro makes of a body: {"value": ...} or {"refusal": ...}."""
    stream = io.BytesIO(body.data)
    try:
        record = fastavro.schemaless_reader(stream, writer, READERS[name])
    except SchemaResolutionError:
        return {"refusal": "incompatible_schema"}
    except UnicodeDecodeError:
        return {"refusal": "malformed"}
    assert stream.read() == b"", "fastavro has left bytes over"
    return {"value": plain_record(name, record, body.change)}


def expectations(name: str, schema: Json, writer: Json, seed: int) -> tuple[bytes, list[Json]]:
    """A body, and what may come of it: one thing, but where bytes are no string fastavro stops at
    the first fault it meets, and says nothing of one that comes first by contract 7."""
    body = Body(schema, seed)
    expected = [expectation(name, writer, body)]
    other = Body(schema, seed, is_text=True)
    if "refusal" in expected[0] and other.data != body.data:
        if "refusal" in expectation(name, writer, other):
            expected.append({"refusal": "incompatible_schema"})
        expected.append({"refusal": "malformed"})
    return body.data, expected


def answers(lines: list[Json]) -> list[list[Json]]:
    """What planlift makes of the bodies of each line."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    process = subprocess.run(
        [DRIVER], input=text, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


def strict(value: Json) -> str:
    """For comparing: true is not 1."""
    return json.dumps(value, sort_keys=True)


def line_of(name: str, schema: Json, bodies: Sequence[bytes]) -> Json:
    text = json.dumps(schema).encode()
    return {"record": name, "schema": text.hex(), "bodies": [body.hex() for body in bodies]}


def test_random_schemas_are_resolved_as_by_fastavro() -> None:
    rng = random.Random(SEED)
    lines: list[Json] = []
    expected: list[Sequence[list[Json]]] = []
    for _ in range(PAIRS):
        name = rng.choice(["event", "request"])
        schema = Variation(rng, name).schema
        writer = fastavro.parse_schema(without_logical_types(schema))
        seeds = [rng.getrandbits(64) for _ in range(BODIES)]
        bodies, wanted = zip(*(expectations(name, schema, writer, seed) for seed in seeds))
        lines.append(line_of(name, schema, bodies))
        expected.append(wanted)

    seen: Counter[str] = Counter()
    for line, wanted, found in zip(lines, expected, answers(lines), strict=True):
        for body, some, one in zip(line["bodies"], wanted, found, strict=True):
            message = one.pop("message", "")
            schema = bytes.fromhex(line["schema"]).decode()
            assert strict(one) in [strict(wish) for wish in some], (
                f"{message}\nbody {body}\nwritten as {schema}\nexpected {some}, found {one}"
            )
            seen[one.get("refusal", "value")] += 1
    assert seen["value"] > PAIRS, seen
    assert seen["incompatible_schema"] > PAIRS, seen
    assert seen["malformed"] > 5, seen
