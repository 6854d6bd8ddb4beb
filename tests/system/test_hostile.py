"""Hostile input (design I12): every kind of record that means harm, thousands of them, among
ordinary ones. Each ends as the one dead letter that the oracle expects of it (contract 7), or is
answered if it is valid after all; the ordinary ones do not suffer; memory stays what ordinary
records of the same sizes take."""

from __future__ import annotations

import json
import random
import re
import shutil
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import Message, Planlift, World
from harness.deadline import PATIENCE
from harness.samples import customer_facts, licence, subscription, wish
from harness.verdict import judge, oracle_topics
from oracle.breakage import evolved_schemas
from oracle.records import Judge, Record
from oracle.wire import EVENT, REQUEST, Registry, encode, frame, partition_of, unframe
from services import ROOT

Json = dict[str, Any]
MIB = 2**20
SEED = 7
# The largest record that a topic takes as Kafka comes (max.message.bytes), headers and all.
TOPIC_LIMIT = 1_048_588
LARGE = 900_000

MALFORMED, INCOMPATIBLE = "malformed", "incompatible_schema"
WITH_ODD_TYPES, WITH_DOUBLES, LARGE_SCHEMA, DEEP, EMPTY_ITEMS, MANY_BRANCHES = range(201, 207)


@dataclass(frozen=True, slots=True)
class Case:
    """A record, what it is an example of, and the code that it must get where that is sure by the
    way it was made (None: whatever the oracle says, None included)."""

    kind: str
    topic: str
    message: Message
    code: str | None = None


# --- writers' schemas -----------------------------------------------------------------------------


def own_schema(name: str) -> Json:
    return json.loads(Registry.load().own[name].text)


def deep_type(depth: int) -> Any:
    """A string within so many arrays, maps, records and unions."""
    deep: Any = "string"
    for level in range(depth):
        deep = (
            {"type": "array", "items": deep},
            {"type": "map", "values": deep},
            {"type": "record", "name": f"Level{level}", "fields": [{"name": "a", "type": deep}]},
        )[level % 3]
    return deep


def odd_schemas() -> dict[int, str]:
    """Of requests with more fields than planlift reads, and of numbers that it does not."""
    fields = own_schema(REQUEST)["fields"]
    fixed = {"type": "fixed", "name": "Sixteen", "size": 16}
    odd = [
        {"name": "number", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "raw", "type": "bytes"},
        {"name": "sixteen", "type": fixed},
        {"name": "map", "type": {"type": "map", "values": ["null", "double", "Sixteen"]}},
    ]
    empty = {"type": "record", "name": "Empty", "fields": []}
    items = [
        {"name": f"empty{number}", "type": {"type": "array", "items": item}}
        for number, item in enumerate(("null", empty, {**fixed, "name": "Zero", "size": 0}))
    ]
    doubles = [
        {**field, "type": ["null", "double"]} if field["name"] == "quantity" else field
        for field in fields
    ]
    branches = [{"type": "record", "name": f"B{n}", "fields": []} for n in range(300)]
    many = [{"name": "branch", "type": ["string", *branches]}]

    def request(all_fields: list[Json]) -> str:
        return json.dumps({**own_schema(REQUEST), "fields": all_fields})

    return {
        WITH_ODD_TYPES: request([*odd, *fields]),
        WITH_DOUBLES: request(doubles),
        LARGE_SCHEMA: request([*fields, {"name": "x", "type": "int", "doc": "d" * MIB}]),
        DEEP: request([{"name": "deep", "type": deep_type(30)}, *fields]),
        EMPTY_ITEMS: request([*items, *fields]),
        MANY_BRANCHES: request([*many, *fields]),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped schemas and many more."""
    place = Path(shutil.copytree(ROOT / "schemas", tmp_path / "schemas"))
    manifest = json.loads((place / "manifest.json").read_text())
    for number, text in {**evolved_schemas(Registry.load()), **odd_schemas()}.items():
        (place / f"{number}.json").write_text(text)
        manifest[str(number)] = f"{number}.json"
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


# --- good records to start from -------------------------------------------------------------------


def long_bytes(value: int) -> bytes:
    """A zig-zag varint."""
    raw = (value << 1) ^ (value >> 63)
    out = bytearray()
    while raw > 0x7F:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes([*out, raw])


class Maker:
    """Makes the records of one run. The customers are few, so that harm would meet somebody."""

    def __init__(self, world: World, registry: Registry) -> None:
        self.world = world
        self.registry = registry
        self.rng = random.Random(SEED)
        self.number = 0

    def customer(self) -> str:
        return f"c{self.rng.randrange(6)}"

    def request(self, schema_id: int | None = None, **changes: Any) -> bytes:
        """A short request of customer c0."""
        self.number += 1
        request = {
            "requestId": f"r{self.number}",
            "customerId": "c0",
            "requestedBy": {"userId": "a", "role": "GLOBAL_ADMIN"},
            "requestedAt": 1_790_000_000_000,
            **wish("CHECK"),
            **changes,
        }
        return encode(self.registry, REQUEST, request, schema_id)

    def event(self, change: Json, customer: str = "c0") -> bytes:
        event = {"eventId": "e", "customerId": customer, "occurredAt": 1, "change": change}
        return encode(self.registry, EVENT, event)

    def some_request(self) -> bytes:
        """With whatever a request may have."""
        rng = self.rng
        return self.request(
            orderId=rng.choice((None, "o", "ö")),
            operation=rng.choice(("CHECK", "UPGRADE", "ADD_LICENSES")),
            quantity=rng.choice((None, 0, 1, -1, 2**31 - 1)),
            expectedVersion=rng.choice((None, 0, 2**63 - 1)),
            requireLicenseTransfer=rng.random() < 0.5,
        )

    def some_event(self) -> bytes:
        """Of whatever kind."""
        changes = (
            {"type": "SubscriptionChanged", **subscription(quantity=7, parentSubscriptionId="p")},
            {"type": "LicenseAssigned", **licence("u", disabledServices=["A", "é"])},
            {"type": "LicenseRemoved", "subscriptionId": "s", "userId": "u"},
            {"type": "DelegatedAdminChanged", "partnerId": "p", "granted": True,
             "serviceFamilies": ["f"]},
            {"type": "CustomerErased"},
        )  # fmt: skip
        return self.event(self.rng.choice(changes))

    def case(self, kind: str, topic: str, value: bytes | None, code: str | None = None) -> Case:
        """In the place where customer c0 belongs."""
        home = partition_of(b"c0", self.world.partitions)
        return Case(kind, topic, Message(b"c0", value, (), home), code)

    def both(self, kind: str, value: bytes | None, code: str | None = None) -> Iterator[Case]:
        yield self.case(kind, "requests", value, code)
        yield self.case(kind, "events", value, code)

    def neighbour(self) -> Case:
        """An ordinary record that nothing may happen to."""
        customer = self.customer()
        if self.rng.random() < 0.5:
            message = self.world.request(customer, **wish("CHECK"))
            return Case("ordinary", "requests", message)
        message = self.world.event(customer, "LicenseAssigned", **licence(self.rng.randrange(50)))
        return Case("ordinary", "events", message)


# --- the kinds of harm (reliability, "Bad inputs") ------------------------------------------------


def framing(make: Maker) -> Iterator[Case]:
    """Null, empty, 1 to 4 bytes, another magic byte, JSON."""
    yield from make.both("null value", None, "null_value")
    for length in range(5):
        for _ in range(4):
            value = bytes([0, *make.rng.randbytes(4)])[:length]
            yield from make.both("1 to 4 bytes", value, MALFORMED)
    whole = make.request()
    for magic in (1, 2, 0x7B, 0x80, 0xFF):
        yield from make.both("another magic byte", bytes([magic]) + whole[1:], MALFORMED)
    yield from make.both("JSON", b'{"requestId": "r", "customerId": "c0"}', MALFORMED)


def ids(make: Maker) -> Iterator[Case]:
    """Unknown ids, many of them; ids of schemas that cannot be read; another writer's bytes."""
    for number in (0, 4, 255, 2**31 - 1, 2**31, 2**32 - 1):
        yield from make.both("unknown id", frame(number, make.request()[5:]), "unknown_schema")
    for _ in range(1000):
        number = make.rng.randrange(1000, 2**32)
        body = make.rng.randbytes(make.rng.randrange(60))
        yield from make.both("many unknown ids", frame(number, body), "unknown_schema")
    for number in (104, 105, 106, 3, LARGE_SCHEMA):
        yield from make.both("unreadable schema", frame(number, make.request()[5:]), INCOMPATIBLE)
    for number in sorted(make.registry.by_id):
        for value in (make.request(), make.some_event()):
            yield from make.both("another writer's bytes", frame(number, unframe(value)[1]))


def truncations(make: Maker) -> Iterator[Case]:
    """Every one of 50 valid records."""
    for number in range(50):
        topic = "requests" if number % 2 else "events"
        value = make.some_request() if number % 2 else make.some_event()
        for length in range(len(value)):
            yield make.case("truncation", topic, value[:length], MALFORMED)


def bit_flips(make: Maker) -> Iterator[Case]:
    """Every single one of 20 valid records."""
    for number in range(20):
        topic = "requests" if number % 2 else "events"
        value = make.some_request() if number % 2 else make.some_event()
        for place in range(len(value)):
            for bit in range(8):
                flipped = value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]
                yield make.case("bit flip", topic, flipped)


def numbers(make: Maker) -> Iterator[Case]:
    """Lengths, counts and indexes that are negative, of 2^31 or 2^63, or of more than 64 bits."""
    least, largest = long_bytes(-(2**63)), long_bytes(2**63 - 1)
    bad = [
        least,
        largest,
        long_bytes(-1),
        long_bytes(2**31),
        long_bytes(2**40),
        b"\xff" * 9 + b"\x02",
        b"\xff" * 10 + b"\x01",
        b"\x80" * 20 + b"\x00",
    ]
    rest = unframe(make.request(requestId=""))[1][1:]
    for number in bad:
        yield make.case("length", "requests", frame(2, number + rest), MALFORMED)
    change = {"type": "LicenseAssigned", **licence("u", disabledServices=["A", "B"])}
    head = unframe(make.event(change))[1][: -len(b"\x04\x02A\x02B\x00")]
    for number in bad:
        yield make.case("count", "events", frame(1, head + number), MALFORMED)
        yield make.case("count", "events", frame(1, head + number + b"\x02A\x00"), MALFORMED)
        sized = frame(1, head + b"\x01" + number + b"\x02A\x00")
        yield make.case("block size", "events", sized, MALFORMED)
    erased = unframe(make.event({"type": "CustomerErased"}))[1][:-1]
    for index in (5, 6, -1, -5, 2**31, 2**63 - 1, -(2**63)):
        value = frame(1, erased + long_bytes(index))
        yield make.case("union index", "events", value, MALFORMED)
    check, upgrade = (make.request(requestId="x", operation=o) for o in ("CHECK", "UPGRADE"))
    place = next(i for i, (a, b) in enumerate(zip(check, upgrade)) if a != b)
    for index in (3, 99, -1, -3, 2**31, 2**63 - 1):
        value = check[:place] + long_bytes(index) + check[place + 1 :]
        yield make.case("enum index", "requests", value, MALFORMED)


def insertions(make: Maker) -> Iterator[Case]:
    """The same numbers anywhere in a record, over a byte or between two."""
    bad = [long_bytes(n) for n in (-(2**63), 2**63 - 1, -1, 2**31, 0)] + [b"\xff" * 11, b"\x80\x00"]
    for number in range(600):
        topic = "requests" if number % 2 else "events"
        value = make.some_request() if number % 2 else make.some_event()
        place = make.rng.randrange(5, len(value) + 1)
        over = make.rng.choice((0, 1, 1, 2))
        changed = value[:place] + make.rng.choice(bad) + value[place + over :]
        yield make.case("number anywhere", topic, changed)


def texts(make: Maker) -> Iterator[Case]:
    """What is not UTF-8, and what is: U+0000, the last characters of each length."""
    bad = [b"\xff", b"\xc3", b"\xc3(", b"\xc0\x80", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\x80"]
    bad += [b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"abcdefgh\xff"]
    rest = unframe(make.request(requestId=""))[1][1:]
    for text in bad:
        value = frame(2, long_bytes(len(text)) + text + rest)
        yield make.case("invalid UTF-8", "requests", value, MALFORMED)
    for text in ("\0", "a\0b", "\x7f", "\u07ff", "\ud7ff", "\uffff", "\U0010ffff", "\u2028", ""):
        for field in ("requestId", "orderId", "partnerId", "subscriptionId", "targetOfferId"):
            value = make.request(**{field: text})
            yield make.case("odd characters", "requests", value)
        change = {"type": "LicenseAssigned", **licence(text, disabledServices=[text, text])}
        yield make.case("odd characters", "events", make.event(change))


def keys(make: Maker) -> Iterator[Case]:
    """Null, empty, 10 kB, not UTF-8, not the customer; a customer that has a NUL; other places."""
    value = make.request()
    home = partition_of(b"c0", make.world.partitions)
    for key in (None, b"", b"C0", b"c0\0", b"c", b"\xff\xfe", b"\x00", b"k" * 10_000):
        yield Case("key", "requests", Message(key, value, (), home), "key_mismatch")
        erased = make.event({"type": "CustomerErased"})
        yield Case("key", "events", Message(key, erased, (), home), "key_mismatch")
    for customer in ("\0", "c\0d", "K" * 10_000, "é", " ", "\u2028"):
        key = customer.encode()
        yield Case("odd customer", "requests", Message(key, make.request(customerId=customer)))
        erased = make.event({"type": "CustomerErased"}, customer)
        yield Case("odd customer", "events", Message(key, erased))
        away = (partition_of(key, make.world.partitions) + 1) % make.world.partitions
        wrong = Message(key, make.request(customerId=customer), (), away)
        yield Case("odd customer elsewhere", "requests", wrong, "wrong_partition")


def bytes_behind(make: Maker) -> Iterator[Case]:
    """Trailing bytes, one or many."""
    for extra in (b"\x00", b"\x01", b"\xff", b"abc", bytes(1000), make.request()):
        yield make.case("trailing bytes", "requests", make.some_request() + extra, MALFORMED)
        yield make.case("trailing bytes", "events", make.some_event() + extra, MALFORMED)


def quantities(make: Maker) -> Iterator[Case]:
    """Seats and times at the ends of their range, and beyond; numbers of another kind."""
    for seats in (0, -1, 1, 2**31 - 1, -(2**31)):
        change = {"type": "SubscriptionChanged", **subscription(quantity=seats, revision=2**63 - 1)}
        code = "invalid_event" if seats < 0 else None
        yield make.case("seats", "events", make.event(change), code)
        for operation in ("CHECK", "UPGRADE", "ADD_LICENSES"):
            value = make.request(operation=operation, quantity=seats)
            yield make.case("seats", "requests", value)
    one, two = (make.request(requestId="x", quantity=n) for n in (1, 2))
    place = next(i for i, (a, b) in enumerate(zip(one, two)) if a != b)
    for seats in (2**31, 2**32, -(2**31) - 1, 2**62):
        value = one[:place] + long_bytes(seats) + one[place + 1 :]
        yield make.case("seats out of range", "requests", value, MALFORMED)
    for moment in (-62_135_596_800_000, 253_402_300_799_999, -(2**63), 2**63 - 1, 0, -1):
        yield make.case("dates", "requests", make.request(requestedAt=moment))
    for number in (0.0, -0.0, 1.5, float("nan"), float("inf"), -float("inf"), 5e-324):
        value = make.request(WITH_DOUBLES, quantity=number)
        yield make.case("a number of another kind", "requests", value, INCOMPATIBLE)
    for number in (float("nan"), -0.0, float("inf")):
        odd = {"number": number, "double": number, "raw": b"\xff\x00", "sixteen": bytes(16)}
        inner = {"a": None, "b": number, "": bytes(16)}
        yield make.case("NaN beside", "requests", make.request(WITH_ODD_TYPES, **odd, map=inner))
    signalling = struct.pack("<f", float("nan"))[:2] + b"\xa0\x7f"
    value = bytearray(make.request(WITH_ODD_TYPES, number=0.0, double=0.0, raw=b"",
                                   sixteen=bytes(16), map={}))  # fmt: skip
    value[5:9] = signalling
    yield make.case("NaN beside", "requests", bytes(value))


def bombs(make: Maker) -> Iterator[Case]:
    """Little that promises much: items without bytes, deep nesting, sized blocks that lie."""
    rest = unframe(make.request(requestId="x"))[1]
    for count in (2**40, 2**62, 2**63 - 1, -(2**40), -(2**63), 10**12):
        block = long_bytes(count) + (b"\x00" if count < 0 else b"") + b"\x00"
        for place in range(3):
            arrays = b"\x00" * place + block + b"\x00" * (2 - place)
            value = frame(EMPTY_ITEMS, arrays + rest)
            yield make.case("items without bytes", "requests", value, MALFORMED)
    yield make.case("items without bytes", "requests", frame(EMPTY_ITEMS, b"\x02\x00" * 3 + rest))
    for count in (1, 50, 2**31, 2**63 - 1):
        value = frame(DEEP, long_bytes(count) * 8 + rest)
        yield make.case("deep nesting", "requests", value, MALFORMED)
    yield make.case("deep nesting", "requests", frame(DEEP, b"\x00" + rest))
    for depth in range(1, 200, 13):
        yield make.case("deep nesting", "requests", frame(DEEP, b"\x02" * depth), MALFORMED)
        yield make.case("recursion", "requests", frame(104, b"\x02" * depth), INCOMPATIBLE)
    for index in (0, 1, 300, 301, -1, 2**40):
        value = frame(MANY_BRANCHES, long_bytes(index) + rest)
        yield make.case("many branches", "requests", value)
    # A block that says it is longer, or shorter, than its items are.
    head = unframe(make.event({"type": "LicenseAssigned", **licence("u")}))[1][:-1]
    for size, code in ((4, None), (0, MALFORMED), (3, MALFORMED), (5, MALFORMED), (-4, MALFORMED)):
        value = frame(1, head + b"\x01" + long_bytes(size) + b"\x02AA"[:3] + b"\x00")
        yield make.case("block size", "events", value, MALFORMED if code else None)


def headers(make: Maker) -> Iterator[Case]:
    """64 kB of one, 1,000 of them, names that are ours, empty and null ones."""
    home = partition_of(b"c0", make.world.partitions)
    sets = (
        [("large", b"h" * 65_536)],
        [("n" * 20_000, b"")],
        [(f"h{n % 100}", b"v" * (n % 7)) for n in range(1000)],
        [("", b""), ("x", None), ("é", b"\xff")],
        [("planlift-error-code", b"x")] * 50,
        [("traceparent", b"t" * 10_000), ("traceparent", b"2"), ("tracestate", None)],
    )
    for some in sets:
        for value in (make.request(), b"broken"):
            yield Case("headers", "requests", Message(b"c0", value, some, home))
        broken = Message(b"c0", make.some_event()[:-1], some, home)
        yield Case("headers", "events", broken, MALFORMED)


def large(make: Maker) -> Iterator[Case]:
    """About as large as a topic takes: noise, zeros, one text, very many items."""
    noise = make.rng.randbytes(LARGE)
    change = {"type": "LicenseAssigned", **licence("u", subscription_id="unknown")}
    head = unframe(make.event(change))[1][:-1]
    for value in (noise, bytes(LARGE), b"\xff" * LARGE, b"\x80" * LARGE):
        yield from make.both("large noise", value)
        yield make.case("large noise", "requests", frame(2, value), MALFORMED)
        yield make.case("large noise", "events", frame(1, value), MALFORMED)
        yield make.case("large noise", "events", frame(1, head + value))
    yield make.case("large text", "requests", make.request(orderId="u" * LARGE))
    yield make.case("large text", "requests", make.request(subscriptionId="\0" * LARGE))
    yield make.case("large text", "events", make.event({**change, "displayName": "u" * LARGE}))
    customer = "K" * (LARGE // 3)
    for change in ({"type": "CustomerErased"}, {"type": "LicenseAssigned", **licence("u")}):
        message = Message(customer.encode(), make.event(change, customer))
        yield Case("large customer", "events", message)
    message = Message(customer.encode(), make.request(customerId=customer))
    yield Case("large customer", "requests", message)
    items = [
        long_bytes(LARGE) + bytes(LARGE),  # texts without a letter
        long_bytes(LARGE // 2) + b"\x02a" * (LARGE // 2),
        long_bytes(LARGE // 2) + b"\x02a\x02b" * (LARGE // 4),
        long_bytes(LARGE // 4) + b"\x02a\x02b" * (LARGE // 4),  # more than it says
        b"\x02\x00" * (LARGE // 2),  # a block for each
        b"\x01\x02\x00" * (LARGE // 3),
    ]
    for body in items:
        yield make.case("very many items", "events", frame(1, head + body + b"\x00"))


def at_the_limit(make: Maker) -> Iterator[Case]:
    """Exactly what a topic takes, to the byte."""
    empty = len(make.request(orderId="u" * 100_000)) - 100_000
    # What a batch of one has beside the value and a key of two bytes: 74, found by trial.
    for spare in (100, 74):
        size = TOPIC_LIMIT - empty - spare
        yield make.case("at the limit", "requests", make.request(orderId="u" * size))
        yield make.case("at the limit", "events", bytes(TOPIC_LIMIT - spare))


KINDS = (framing, ids, truncations, bit_flips, numbers, insertions, texts, keys, bytes_behind,
         quantities, bombs, headers, large, at_the_limit)  # fmt: skip


# --- sending, and looking on ----------------------------------------------------------------------


def proc_status(process: Planlift, name: str) -> int:
    """A size from /proc/PID/status, in bytes."""
    text = Path(f"/proc/{process.process.pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


def cpu_seconds(process: Planlift) -> float:
    """What the process has used so far, all threads."""
    fields = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def send(world: World, cases: list[Case]) -> None:
    producer = world.client.producer({"message.max.bytes": TOPIC_LIMIT})
    for topic in ("events", "requests"):
        messages = [case.message for case in cases if case.topic == topic]
        world.client.send(getattr(world.topics, topic), messages, producer)


def harmless(make: Maker, count: int, sizes: list[int]) -> list[Case]:
    """So many ordinary records, and some of the given sizes: what memory is compared with."""
    cases = [make.neighbour() for _ in range(count)]
    for size in sizes:
        change = {**licence("u", subscription_id="unknown"), "displayName": "n" * (size - 500)}
        message = make.world.event(make.customer(), "LicenseAssigned", **change)
        cases.append(Case("ordinary", "events", message))
    return cases


def check_generator(make: Maker, cases: list[Case]) -> None:
    """Where a code is sure by the way a record was made, the oracle must agree."""
    topics = oracle_topics(make.world)
    oracle = Judge(make.registry, topics)
    for case in cases:
        topic = getattr(make.world.topics, case.topic)
        message = case.message
        partition = message.partition or 0
        record = Record(topic, partition, 0, message.key, message.value, list(message.headers))
        if case.code is not None:
            found = oracle.judge(record)
            assert found.code == case.code, f"{case.kind}: {found.code} ({found.why}), {message}"


def with_neighbours(make: Maker, cases: list[Case]) -> list[Case]:
    """An ordinary record before and after each few of the others."""
    mixed = []
    for number, case in enumerate(cases):
        if number % 8 == 0:
            mixed.append(make.neighbour())
        mixed.append(case)
    return [*mixed, make.neighbour()]


def size_of(case: Case) -> int:
    return len(case.message.value or b"")


def take_in(world: World, folder: Path, cases: list[Case]) -> tuple[int, float, float]:
    """Have a backlog taken in by a new process. Returns its largest size in memory, how long it
    took, and the time of the processor."""
    send(world, cases)
    started = time.monotonic()
    process = world.start(settings={"schemas.path": folder})
    world.await_taken_in(process, 120)
    seconds = time.monotonic() - started
    size, cpu = proc_status(process, "VmHWM"), cpu_seconds(process)
    assert process.stop().status == 0
    return size, seconds, cpu


def test_every_kind_of_harm(world: World, folder: Path) -> None:
    """As a backlog, so that batches are as large as they ever get; memory is compared with what an
    ordinary backlog of these sizes takes."""
    world.create_topics()
    world.registry = Registry.load(folder)
    for number in range(6):
        world.client.send(world.topics.events, customer_facts(world, f"c{number}"))
    make = Maker(world, world.registry)
    cases = [case for kind in KINDS for case in kind(make)]
    check_generator(make, cases)
    make.rng.shuffle(cases)
    cases.sort(key=lambda case: size_of(case) > 100_000)  # the large ones together, at the end
    mixed = with_neighbours(make, cases)
    sizes = [size_of(case) for case in cases if size_of(case) > 100_000]
    ordinary, _, _ = take_in(world, folder, harmless(make, len(mixed) - len(sizes), sizes))
    size, seconds, cpu = take_in(world, folder, mixed)
    print(f"{len(cases)} hostile records in {len(mixed)}, {dict(Counter(c.kind for c in cases))}")
    print(f"{seconds * 1000 / len(mixed):.2f} ms a record, {cpu * 1000 / len(mixed):.3f} of CPU")
    print(f"memory: at most {size / MIB:.1f} MiB, an ordinary backlog {ordinary / MIB:.1f} MiB")
    assert len(cases) >= 10_000
    world.send_request("c0", requestId="last", **wish())
    world.drain(settings={"schemas.path": folder})
    judge(world, registry=world.registry, allow_unprocessable=True)
    for letter in world.dead_letters():
        if dict(letter.headers)["planlift-error-code"] == b"unprocessable":
            assert len(letter.value) > LARGE // 4, "its result would have fitted"
    if PATIENCE == 1:  # sanitizers keep freed memory
        assert size < ordinary + 16 * MIB


def long_lists(make: Maker, count: int) -> Iterator[Case]:
    """Each asks for eight times its size, if a name is a view."""
    change = {"type": "LicenseAssigned", **licence("u", subscription_id="unknown")}
    head = unframe(make.event(change))[1][:-1]
    names = long_bytes(LARGE // 2) + b"\x02a\x02b" * (LARGE // 4) + b"\x00"
    for _ in range(count):
        yield make.case("long list", "events", frame(1, head + names))


def test_a_backlog_of_long_lists(world: World, folder: Path) -> None:
    """Nothing but the records that ask for most memory: a batch ends before it is too much."""
    world.create_topics()
    make = Maker(world, world.registry)
    lists = list(long_lists(make, 60))
    ordinary, _, _ = take_in(world, folder, harmless(make, 0, [LARGE] * len(lists)))
    size, _, _ = take_in(world, folder, lists)
    print(f"memory: at most {size / MIB:.1f} MiB, an ordinary backlog {ordinary / MIB:.1f} MiB")
    assert world.dead_letters() == []
    if PATIENCE == 1:
        assert size < ordinary + 64 * MIB


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_batch_that_unpacks_to_very_much(world: World, codec: str) -> None:
    """A hundred records of a mebibyte of zeros, sent as one batch of some kilobytes: each becomes
    a dead letter, neighbours in the same batch are answered, and the memory is given back."""
    count = 100
    world.create_topics()
    process = world.start()
    world.client.send(world.topics.events, customer_facts(world, "c0"))
    world.await_taken_in(process)
    before = proc_status(process, "VmRSS")
    home = partition_of(b"c0", world.partitions)
    zeros = Message(b"c0", bytes(MIB - 200), (), home)
    good = [world.request("c0", **wish("CHECK")) for _ in range(2)]
    producer = world.client.producer(
        {
            "compression.codec": codec,
            "message.max.bytes": 200 * MIB,
            "batch.size": 200 * MIB,
            "linger.ms": 2000,
            "queue.buffering.max.kbytes": 400 * MIB // 1024,
        }
    )
    world.client.send(world.topics.requests, [good[0], *[zeros] * count, good[1]], producer)
    world.await_taken_in(process)
    most = proc_status(process, "VmHWM")
    assert len(world.results()) == 2
    letters = world.dead_letters()
    assert [letter.value for letter in letters] == [zeros.value] * count
    for _ in range(3):
        world.send_request("c0", **wish("CHECK"))
        world.await_taken_in(process)
    rest = proc_status(process, "VmRSS")
    sizes = ", ".join(f"{size / MIB:.1f}" for size in (before, most, rest))
    print(f"{codec}: MiB before, at most and afterwards: {sizes}")
    if PATIENCE == 1:
        assert rest < before + 48 * MIB
