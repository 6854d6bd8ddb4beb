"""Avro read byte for byte (contract 3 and 7): the strict check, and schema resolution.

Three separate steps, because contract 7 orders their dead letters:
`compile_resolver` fails where two schemas cannot be resolved (`incompatible_schema`), `decode`
where the body is not a value of the writer's schema (`malformed`), and the resolver itself where
only this body's values make it unresolvable (`incompatible_schema`).

Records decode to dicts, unions to (branch, value), enums to their index, maps to pairs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 32
MAX_SCHEMA_BYTES = 2**20
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
INT32 = range(-(2**31), 2**31)


class Malformed(ValueError):
    """The body is not a value of the writer's schema (contract 7)."""


class Incompatible(ValueError):
    """Reader and writer cannot be resolved, or not for this value (contract 3, 7)."""


# --- schemas ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Node:
    """A schema with its names resolved. Only the fields of its kind are set."""

    kind: str
    name: str = ""
    fields: tuple[Field, ...] = ()
    symbols: tuple[str, ...] = ()
    default: str | None = None
    items: Node | None = None
    branches: tuple[Node, ...] = ()
    size: int = 0

    @property
    def plain_name(self) -> str:
        """The unqualified name, which is all that the Avro specification compares."""
        return self.name.rpartition(".")[2]

    def depth(self) -> int:
        """How deep it is nested, references followed; a primitive is 1."""
        inner = [field.node for field in self.fields] + list(self.branches)
        if self.items is not None:
            inner.append(self.items)
        return 1 + max((node.depth() for node in inner), default=0)


@dataclass(slots=True)
class Field:
    """A field of a record."""

    name: str
    node: Node
    has_default: bool
    default: Any


def parse(text: str) -> Node:
    """Parse a schema; recursive, too deep and too large ones are Incompatible (contract 3)."""
    if len(text.encode("utf-8")) > MAX_SCHEMA_BYTES:
        raise Incompatible("the schema is larger than 1 MiB")
    try:
        node = _Parser().node(json.loads(text), "")
        deep = node.depth() > MAX_DEPTH
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as problem:
        raise Incompatible(f"not a schema: {problem!r}") from problem
    if deep:
        raise Incompatible(f"the schema is nested deeper than {MAX_DEPTH}")
    return node


class _Parser:
    def __init__(self) -> None:
        self.named: dict[str, Node | None] = {}

    def node(self, schema: Any, namespace: str) -> Node:
        if isinstance(schema, list):
            return Node("union", branches=tuple(self.node(s, namespace) for s in schema))
        if isinstance(schema, str):
            return self._reference(schema, namespace)
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._record(schema, namespace)
        if kind == "enum":
            symbols = tuple(schema["symbols"])
            return self._define(schema, namespace, Node("enum", symbols=symbols))
        if kind == "fixed":
            return self._define(schema, namespace, Node("fixed", size=schema["size"]))
        if kind == "array":
            return Node("array", items=self.node(schema["items"], namespace))
        if kind == "map":
            return Node("map", items=self.node(schema["values"], namespace))
        return self.node(kind, namespace)

    def _reference(self, name: str, namespace: str) -> Node:
        if name in PRIMITIVES:
            return Node(name)
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        if full not in self.named:
            raise Incompatible(f"unknown type {full}")
        found = self.named[full]
        if found is None:
            raise Incompatible(f"{full} is recursive")
        return found

    @staticmethod
    def _full_name(schema: dict[str, Any], namespace: str) -> str:
        name: str = schema["name"]
        if "." in name:
            return name
        space = schema.get("namespace", namespace)
        return f"{space}.{name}" if space else name

    def _define(self, schema: dict[str, Any], namespace: str, node: Node) -> Node:
        node.name = self._full_name(schema, namespace)
        node.default = schema.get("default")
        self.named[node.name] = node
        return node

    def _record(self, schema: dict[str, Any], namespace: str) -> Node:
        name = self._full_name(schema, namespace)
        inner = name.rpartition(".")[0]
        self.named[name] = None  # in the making: a reference to it now is a recursion
        fields = tuple(
            Field(
                field["name"],
                self.node(field["type"], inner),
                "default" in field,
                field.get("default"),
            )
            for field in schema["fields"]
        )
        node = Node("record", name=name, fields=fields)
        self.named[name] = node
        return node


# --- strict decoding --------------------------------------------------------------------------

Reader = Callable[[bytes, int], tuple[Any, int]]


def read_long(buffer: bytes, at: int) -> tuple[int, int]:
    """A zig-zag varint of at most 64 bits."""
    shift = 0
    raw = 0
    while True:
        if at >= len(buffer):
            raise Malformed("truncated varint")
        byte = buffer[at]
        at += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise Malformed("a varint over 64 bits")
    if raw >> 64:
        raise Malformed("a varint over 64 bits")
    return (raw >> 1) ^ -(raw & 1), at


def _read_int(buffer: bytes, at: int) -> tuple[int, int]:
    value, at = read_long(buffer, at)
    if value not in INT32:
        raise Malformed("an int out of range")
    return value, at


def _read_null(_buffer: bytes, at: int) -> tuple[None, int]:
    return None, at


def _read_boolean(buffer: bytes, at: int) -> tuple[bool, int]:
    if at >= len(buffer):
        raise Malformed("truncated boolean")
    if buffer[at] > 1:
        raise Malformed("a boolean that is neither 0 nor 1")
    return buffer[at] == 1, at + 1


def _take(buffer: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size < 0:
        raise Malformed("a negative length")
    if size > len(buffer) - at:
        raise Malformed("an overlong length")
    return buffer[at : at + size], at + size


def _read_bytes(buffer: bytes, at: int) -> tuple[bytes, int]:
    size, at = read_long(buffer, at)
    return _take(buffer, at, size)


def _read_string(buffer: bytes, at: int) -> tuple[str, int]:
    raw, at = _read_bytes(buffer, at)
    try:
        return raw.decode("utf-8"), at
    except UnicodeDecodeError as problem:
        raise Malformed(f"not UTF-8: {problem}") from problem


def _read_number(layout: str) -> Reader:
    size = struct.calcsize(layout)

    def read(buffer: bytes, at: int) -> tuple[float, int]:
        raw, at = _take(buffer, at, size)
        return struct.unpack(layout, raw)[0], at

    return read


_PRIMITIVE_READERS: dict[str, Reader] = {
    "null": _read_null,
    "boolean": _read_boolean,
    "int": _read_int,
    "long": read_long,
    "float": _read_number("<f"),
    "double": _read_number("<d"),
    "bytes": _read_bytes,
    "string": _read_string,
}


def compile_reader(node: Node) -> Reader:
    """The strict reader of a writer's schema."""
    if node.kind in _PRIMITIVE_READERS:
        return _PRIMITIVE_READERS[node.kind]
    return _READER_MAKERS[node.kind](node)


def _record_reader(node: Node) -> Reader:
    fields = [(field.name, compile_reader(field.node)) for field in node.fields]

    def read(buffer: bytes, at: int) -> tuple[dict[str, Any], int]:
        record = {}
        for name, read_field in fields:
            record[name], at = read_field(buffer, at)
        return record, at

    return read


def _read_index(buffer: bytes, at: int, count: int) -> tuple[int, int]:
    index, at = read_long(buffer, at)
    if not 0 <= index < count:
        raise Malformed("an index out of range")
    return index, at


def _enum_reader(node: Node) -> Reader:
    count = len(node.symbols)
    return lambda buffer, at: _read_index(buffer, at, count)


def _union_reader(node: Node) -> Reader:
    readers = [compile_reader(branch) for branch in node.branches]

    def read(buffer: bytes, at: int) -> tuple[tuple[int, Any], int]:
        index, at = _read_index(buffer, at, len(readers))
        value, at = readers[index](buffer, at)
        return (index, value), at

    return read


def _fixed_reader(node: Node) -> Reader:
    size = node.size
    return lambda buffer, at: _take(buffer, at, size)


def _blocks(read_item: Reader) -> Reader:
    """The blocks of an array or map; a negative count is followed by the block's size."""

    def read(buffer: bytes, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            count, at = read_long(buffer, at)
            if count == 0:
                return items, at
            end = None
            if count < 0:
                size, at = read_long(buffer, at)
                _take(buffer, at, size)
                end = at + size
                count = -count
            if count > len(buffer):  # items of no size at all would not end otherwise
                raise Malformed("an overlong block")
            for _ in range(count):
                item, at = read_item(buffer, at)
                items.append(item)
            if end is not None and at != end:
                raise Malformed("a block of another size than it says")

    return read


def _array_reader(node: Node) -> Reader:
    assert node.items is not None
    return _blocks(compile_reader(node.items))


def _map_reader(node: Node) -> Reader:
    assert node.items is not None
    read_value = compile_reader(node.items)

    def read_pair(buffer: bytes, at: int) -> tuple[tuple[str, Any], int]:
        key, at = _read_string(buffer, at)
        value, at = read_value(buffer, at)
        return (key, value), at

    return _blocks(read_pair)


_READER_MAKERS: dict[str, Callable[[Node], Reader]] = {
    "record": _record_reader,
    "enum": _enum_reader,
    "union": _union_reader,
    "fixed": _fixed_reader,
    "array": _array_reader,
    "map": _map_reader,
}


def decode(read: Reader, body: bytes) -> Any:
    """The one value that the whole body is; Malformed otherwise."""
    value, at = read(body, 0)
    if at != len(body):
        raise Malformed(f"{len(body) - at} trailing bytes")
    return value


# --- schema resolution ------------------------------------------------------------------------

Resolver = Callable[[Any], Any]

_PROMOTIONS = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


def compile_resolver(writer: Node, reader: Node) -> Resolver:
    """What turns a value of the writer's schema into the reader's plain JSON-like form.

    There a union is its value alone, a record in a union gets its name as "type", an enum is its
    symbol. Incompatible where the two schemas alone rule it out.
    """
    if writer.kind == "union":
        return _from_union(writer, reader)
    if reader.kind == "union":
        return _into_union(writer, reader)
    if writer.kind == reader.kind and writer.kind in _RESOLVER_MAKERS:
        return _RESOLVER_MAKERS[writer.kind](writer, reader)
    if writer.kind in PRIMITIVES and writer.kind == reader.kind:
        return _same
    if (writer.kind, reader.kind) in _PROMOTIONS:
        return _PROMOTED.get(reader.kind, _same)
    raise Incompatible(f"{writer.kind} {writer.name} is not {reader.kind} {reader.name}")


def _same(value: Any) -> Any:
    return value


def _to_bytes(value: str) -> bytes:
    return value.encode("utf-8")


def _to_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise Incompatible("bytes that are no string") from problem


_PROMOTED: dict[str, Resolver] = {"string": _to_text, "bytes": _to_bytes}


def _from_union(writer: Node, reader: Node) -> Resolver:
    """Only the branch that was written must be resolvable, so that most failures come late."""
    resolvers: list[Resolver | None] = []
    for branch in writer.branches:
        try:
            resolvers.append(compile_resolver(branch, reader))
        except Incompatible:
            resolvers.append(None)
    if not any(resolvers):
        raise Incompatible("no branch of the union can be read")

    def resolve(value: tuple[int, Any]) -> Any:
        resolver = resolvers[value[0]]
        if resolver is None:
            raise Incompatible("this branch of the union cannot be read")
        return resolver(value[1])

    return resolve


def _into_union(writer: Node, reader: Node) -> Resolver:
    """The first branch of the same type, else the first that the writer's can become."""
    plain = writer.plain_name
    same = [b for b in reader.branches if b.kind == writer.kind and b.plain_name == plain]
    for branch in (*same, *reader.branches):
        try:
            resolver = compile_resolver(writer, branch)
        except Incompatible:
            continue
        if branch.kind == "record":
            kind = branch.plain_name
            return lambda value: {"type": kind, **resolver(value)}
        return resolver
    raise Incompatible(f"{writer.kind} {writer.name} is in no branch of the union")


def _record_resolver(writer: Node, reader: Node) -> Resolver:
    if writer.plain_name != reader.plain_name:
        raise Incompatible(f"record {writer.name}, expected {reader.name}")
    written = {field.name: field.node for field in writer.fields}
    moves: list[tuple[str, Resolver]] = []
    defaults: dict[str, Any] = {}
    for field in reader.fields:
        if field.name in written:
            moves.append((field.name, compile_resolver(written[field.name], field.node)))
        elif field.has_default:
            defaults[field.name] = field.default
        else:
            raise Incompatible(f"{reader.name}.{field.name} is missing and has no default")
    return lambda record: {
        **defaults,
        **{name: resolver(record[name]) for name, resolver in moves},
    }


def _enum_resolver(writer: Node, reader: Node) -> Resolver:
    if writer.plain_name != reader.plain_name:
        raise Incompatible(f"enum {writer.name}, expected {reader.name}")
    known = set(reader.symbols)

    def resolve(index: int) -> str:
        symbol = writer.symbols[index]
        if symbol in known:
            return symbol
        if reader.default is None:
            raise Incompatible(f"unknown symbol {symbol} of {reader.name}")
        return reader.default

    return resolve


def _array_resolver(writer: Node, reader: Node) -> Resolver:
    assert writer.items is not None and reader.items is not None
    resolver = compile_resolver(writer.items, reader.items)
    return lambda items: [resolver(item) for item in items]


def _fixed_resolver(writer: Node, reader: Node) -> Resolver:
    if (writer.plain_name, writer.size) != (reader.plain_name, reader.size):
        raise Incompatible(f"fixed {writer.name}, expected {reader.name}")
    return _same


_RESOLVER_MAKERS: dict[str, Callable[[Node, Node], Resolver]] = {
    "record": _record_resolver,
    "enum": _enum_resolver,
    "array": _array_resolver,
    "fixed": _fixed_resolver,
}
