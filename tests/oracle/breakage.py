"""Records that are broken in one known way (contract 7), and records of evolved schemas (3)."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .records import Topics
from .wire import EVENT, REQUEST, Registry, encode, frame, unframe

if TYPE_CHECKING:
    from .workload import Item

Json = dict[str, Any]

# Ids that `evolved_schemas` adds to a registry, beside planlift's own 1, 2 and 3.
NEWER_EVENT, OLDER_REQUEST, NEWER_REQUEST, RECURSIVE, OTHER_RECORD, TOO_DEEP = range(101, 107)
UNKNOWN_ID = 999_999


def evolved_schemas(registry: Registry) -> dict[int, str]:
    """Writer schemas by id: older and newer compatible ones, and some that never are."""
    node = {
        "type": "record",
        "name": "UpgradeRequest",
        "namespace": "planlift",
        "fields": [{"name": "next", "type": ["null", "UpgradeRequest"]}],
    }
    other = {"type": "record", "name": "Other", "namespace": "planlift", "fields": []}
    deep: Any = "string"
    for _ in range(40):
        deep = {"type": "array", "items": deep}
    newer = _newer_request(json.loads(registry.own[REQUEST].text))
    too_deep = copy.deepcopy(newer)
    too_deep["fields"].append({"name": "deep", "type": deep})
    schemas = {
        NEWER_EVENT: _newer_event(json.loads(registry.own[EVENT].text)),
        OLDER_REQUEST: _older_request(json.loads(registry.own[REQUEST].text)),
        NEWER_REQUEST: newer,
        RECURSIVE: node,
        OTHER_RECORD: other,
        TOO_DEEP: too_deep,
    }
    return {number: json.dumps(schema) for number, schema in schemas.items()}


def _newer_event(schema: Json) -> Json:
    """One more field in front, one more status, channel and kind of change."""
    extra = {
        "type": "map",
        "values": ["null", "double", {"type": "fixed", "name": "Four", "size": 4}],
    }
    schema["fields"].insert(0, {"name": "labels", "type": extra})
    change = next(field for field in schema["fields"] if field["name"] == "change")
    for field in change["type"][0]["fields"]:
        if field["name"] == "status":
            field["type"]["symbols"].insert(0, "EXPIRED")
        if field["name"] == "channel":
            field["type"]["symbols"].insert(0, "MARKETPLACE")
    where = {"name": "to", "type": "string"}
    change["type"].insert(0, {"type": "record", "name": "CustomerMoved", "fields": [where]})
    return schema


def _older_request(schema: Json) -> Json:
    """Without all that has a default."""
    schema["fields"] = [field for field in schema["fields"] if "default" not in field]
    return schema


def _newer_request(schema: Json) -> Json:
    """Fields in another order, one more, and an int where a long is expected."""
    schema["fields"].reverse()
    schema["fields"].insert(3, {"name": "score", "type": "float"})
    for field in schema["fields"]:
        if field["name"] == "expectedVersion":
            field["type"] = ["null", "int"]
        if field["name"] == "orderId":
            field["type"] = "string"
            del field["default"]
    return schema


class Breaker:
    """Makes broken twins of good records, and good ones of evolved schemas."""

    def __init__(
        self, registry: Registry, topics: Topics, rng: random.Random, evolved: bool
    ) -> None:
        self.registry = registry
        self.topics = topics
        self.rng = rng
        self.evolved = evolved

    def evolve(self, topic: str, value: Json) -> tuple[int | None, Json]:
        """Now and then the id of an evolved schema, and the value as that schema has it."""
        if not self.evolved or self.rng.random() < 0.9:
            return None, value
        if topic == self.topics.events:
            value = {**value, "labels": {"a": 1.5, "b": None, "c": b"\x00\xff\xfe\xfd"}}
            if value["change"].get("channel") == "OTHER":
                value = {**value, "change": {**value["change"], "channel": "MARKETPLACE"}}
            return NEWER_EVENT, value
        if self._old_enough(value):
            return OLDER_REQUEST, value
        order = value["orderId"] or ""
        return NEWER_REQUEST, {**value, "score": 0.5, "orderId": order}

    def odd(self, good: Item) -> Item:
        """Now and then the same fact in bytes that are legal but unusual (contract 7)."""
        value = good.value
        if not self.evolved or good.topic != self.topics.events or self.rng.random() < 0.9:
            return good
        if not isinstance(value, dict) or good.schema_id is not None or good.expect is not None:
            return good
        change = value["change"]
        if change["type"] == "LicenseAssigned":
            empty = {**value, "change": {**change, "disabledServices": []}}
            blocks = b"".join(_negative_block(text) for text in change["disabledServices"])
            body = self.body(EVENT, empty)[:-1] + blocks + b"\x00"
        elif change["type"] == "SubscriptionChanged":
            body = self.body(EVENT, value)  # ends with the varint of the revision
            body = body[:-1] + bytes([body[-1] | 0x80, 0x00])
        else:
            return good
        return replace(good, value=self.framed(EVENT, body))

    @staticmethod
    def _old_enough(value: Json) -> bool:
        """True where a request says nothing that the older schema lacks."""
        optional = ("orderId", "targetOfferId", "quantity", "expectedVersion")
        return not any(value[name] for name in (*optional, "requireLicenseTransfer"))

    def broken(self, good: Item) -> Item:
        """A record like a good one, but broken; `expect` says how."""
        name = REQUEST if good.topic == self.topics.requests else EVENT
        value = copy.deepcopy(good.value)
        assert isinstance(value, dict)
        if good.schema_id is not None:
            return self._null(good, value, name)
        makers = [*_BREAKAGES, *(_EVENT_BREAKAGES if name == EVENT else _REQUEST_BREAKAGES)]
        if self.evolved:
            makers += _EVOLVED_EVENT if name == EVENT else _EVOLVED_REQUEST
        return self.rng.choice(makers)(self, good, value, name)

    def item(self, good: Item, value: Any, expect: str, **changes: Any) -> Item:
        """A copy of a good item with other content."""
        from .workload import Item

        fields = {"key": good.key, "headers": good.headers, **changes}
        return Item(good.topic, value=value, expect=expect, **fields)

    def body(self, name: str, value: Json) -> bytes:
        """The Avro body of a good record."""
        return unframe(encode(self.registry, name, value))[1]

    def framed(self, name: str, body: bytes) -> bytes:
        """A body under the id of our schema."""
        return frame({EVENT: 1, REQUEST: 2}[name], body)

    # -- by framing and bytes --

    def _null(self, good: Item, _value: Json, _name: str) -> Item:
        return self.item(good, None, "null_value")

    def _framing(self, good: Item, value: Json, name: str) -> Item:
        whole = encode(self.registry, name, value)
        broken = self.rng.choice((b"", b"\x00", whole[:4], b"\x01" + whole[1:], b"{}" + whole))
        return self.item(good, broken, "malformed")

    def _unknown_id(self, good: Item, value: Json, name: str) -> Item:
        broken = frame(UNKNOWN_ID, self.body(name, value))
        return self.item(good, broken, "unknown_schema")

    def _other_record(self, good: Item, value: Json, name: str) -> Item:
        broken = frame(2 if name == EVENT else 1, self.body(name, value))
        return self.item(good, broken, "incompatible_schema")

    def _length(self, good: Item, value: Json, name: str) -> Item:
        body = self.body(name, value)
        broken = self.rng.choice((body[:-1], body + b"\x00", body[: len(body) // 2], b"", body * 2))
        return self.item(good, self.framed(name, broken), "malformed")

    def _first_string(self, good: Item, value: Json, name: str) -> Item:
        """Both records begin with a string: its length, or its bytes, are wrong."""
        first = "eventId" if name == EVENT else "requestId"
        rest = self.body(name, {**value, first: ""})[1:]
        lengths = (b"\x01", b"\xfe\xff\xff\xff\x0f", b"\xff" * 10 + b"\x01", b"\x80" * 9 + b"\x02")
        texts = (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")
        framed_texts = (bytes([2 * len(text)]) + text for text in texts)
        broken = self.rng.choice((*lengths, *framed_texts)) + rest
        return self.item(good, self.framed(name, broken), "malformed")

    def _index(self, good: Item, value: Json, name: str) -> Item:
        """The index of a union, or of an enum, is out of range."""
        if name == EVENT:
            erased = {**value, "change": {"type": "CustomerErased"}}
            broken = self.body(name, erased)[:-1] + self.rng.choice((b"\x0a", b"\x01", b"\x80\x01"))
        else:
            broken = self._replaced(
                name, value, "operation", ("CHECK", "UPGRADE"), self.rng.choice((b"\x06", b"\x01"))
            )
        return self.item(good, self.framed(name, broken), "malformed")

    def _replaced(self, name: str, value: Json, field: str, pair: Any, byte: bytes) -> bytes:
        """The body with the one byte changed in which two values of a field differ."""
        one, two = (self.body(name, {**value, field: item}) for item in pair)
        place = next(i for i, (left, right) in enumerate(zip(one, two)) if left != right)
        return one[:place] + byte + one[place + 1 :]

    # -- by key and partition --

    def _key(self, good: Item, value: Json, _name: str) -> Item:
        other = (good.key or b"") + b"x"
        key = self.rng.choice((None, b"", other, b"\xff\xfe"))
        shift = self.rng.randrange(self.topics.partitions)
        return self.item(good, value, "key_mismatch", key=key, shift=shift)

    def _partition(self, good: Item, value: Json, name: str) -> Item:
        if self.topics.partitions < 2 or self.topics.partitioner == "none":
            return self._key(good, value, name)
        return self.item(good, value, "wrong_partition", shift=1)

    # -- by content --

    def _boolean(self, good: Item, value: Json, name: str) -> Item:
        pair = (False, True)
        broken = self._replaced(name, value, "requireLicenseTransfer", pair, b"\x02")
        return self.item(good, self.framed(name, broken), "malformed")

    def _int_range(self, good: Item, value: Json, name: str) -> Item:
        """A quantity of 2^31, or of -2^31-1."""
        too_big = self.rng.choice((b"\x80\x80\x80\x80\x10", b"\x81\x80\x80\x80\x10"))
        broken = self._replaced(name, value, "quantity", (1, 2), too_big)
        return self.item(good, self.framed(name, broken), "malformed")

    def _invalid_event(self, good: Item, value: Json, _name: str) -> Item:
        change = self.rng.choice(
            (
                {"type": "LicenseRemoved", "subscriptionId": "", "userId": "u"},
                {"type": "LicenseRemoved", "subscriptionId": "s", "userId": ""},
                {**_LICENCE, "userId": ""},
                {**_LICENCE, "subscriptionId": ""},
                {**_CHANGED, "subscriptionId": ""},
                {**_CHANGED, "offerId": ""},
                {**_CHANGED, "quantity": -1},
                {**_CHANGED, "quantity": -(2**31)},
                {"type": "DelegatedAdminChanged", "partnerId": "", "granted": True},
            )
        )
        return self.item(good, {**value, "change": change}, "invalid_event")

    # -- by schemas that only an evolved registry has --

    def _never(self, good: Item, value: Json, name: str) -> Item:
        schema_id = self.rng.choice((RECURSIVE, OTHER_RECORD, TOO_DEEP))
        body = self.rng.choice((b"", b"\x00", self.body(name, value)))
        return self.item(good, frame(schema_id, body), "incompatible_schema")

    def _status(self, good: Item, value: Json, _name: str) -> Item:
        """A status that the reader does not know and has no default for."""
        newer = {**value, "labels": {}, "change": {**_CHANGED, "status": "EXPIRED"}}
        return self.item(good, newer, "incompatible_schema", schema_id=NEWER_EVENT)

    def _branch(self, good: Item, value: Json, _name: str) -> Item:
        """A kind of change that the reader does not know."""
        change = {"type": "CustomerMoved", "to": "elsewhere"}
        newer = {**value, "labels": {}, "change": change}
        return self.item(good, newer, "incompatible_schema", schema_id=NEWER_EVENT)

    def _malformed_first(self, good: Item, value: Json, _name: str) -> Item:
        """Unknown branch and trailing bytes: the whole body is checked first."""
        change = {"type": "CustomerMoved", "to": "elsewhere"}
        newer = {**value, "labels": {}, "change": change}
        broken = encode(self.registry, EVENT, newer, NEWER_EVENT) + b"\x00"
        return self.item(good, broken, "malformed")


def _negative_block(text: str) -> bytes:
    """A block of one string, counted as -1 and followed by its size."""
    raw = text.encode("utf-8")
    assert len(raw) < 63
    item = bytes([2 * len(raw)]) + raw
    return b"\x01" + bytes([2 * len(item)]) + item


_LICENCE = {
    "type": "LicenseAssigned",
    "subscriptionId": "s",
    "userId": "u",
    "userPrincipalName": "u@x",
}
_CHANGED = {
    "type": "SubscriptionChanged",
    "subscriptionId": "s",
    "offerId": "o",
    "status": "ACTIVE",
    "quantity": 1,
    "revision": 1,
}

_Maker = Callable[[Breaker, "Item", Json, str], "Item"]
_BREAKAGES: tuple[_Maker, ...] = (
    Breaker._null,
    Breaker._framing,
    Breaker._unknown_id,
    Breaker._other_record,
    Breaker._length,
    Breaker._first_string,
    Breaker._index,
    Breaker._key,
    Breaker._partition,
)
_EVENT_BREAKAGES: tuple[_Maker, ...] = (Breaker._invalid_event, Breaker._invalid_event)
_REQUEST_BREAKAGES: tuple[_Maker, ...] = (Breaker._boolean, Breaker._int_range)
_EVOLVED_REQUEST: tuple[_Maker, ...] = (Breaker._never,)
_EVOLVED_EVENT: tuple[_Maker, ...] = (
    Breaker._never,
    Breaker._status,
    Breaker._branch,
    Breaker._malformed_first,
)
