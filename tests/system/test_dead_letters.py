"""Dead letters (contract 2, 3 and 7) through the real service: each code, what the letter carries,
what becomes of the records around it, and bytes that mean harm."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Message, Planlift, World
from harness.deadline import PATIENCE
from harness.samples import customer_facts, licence, subscription, wish
from harness.verdict import CATALOGUE, judge
from harness.world import now_ms
from oracle import workload
from oracle.records import Record, Topics
from oracle.wire import (
    DEAD_LETTER_HEADERS,
    EVENT,
    encode,
    frame,
    partition_of,
    rfc3339,
    unframe,
)

MIB = 2**20
LEFTOVERS = [
    ("trace", b"1"),
    ("planlift-error-code", b"an older one"),
    ("trace", b"2"),
    ("trace", None),
    ("planlift-time", None),
    ("raw", b"\xff\xfe\x00\x80"),
    ("empty", b""),
    ("planlift-source", b"of a result, so not ours here"),
    ("planlift-offset", b"7"),
    ("planlift-offset", b"8"),
    ("näme", b"non-ASCII"),
    ("traceparent", b"not a trace"),
]


@pytest.fixture
def served(world: World) -> tuple[World, Planlift]:
    """A world whose dead letter topics have fewer partitions, and a process that serves it."""
    world.create_topics(dlq_partitions=2)
    return world, world.start()


def rest_of(headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    return [header for header in headers if header[0] not in DEAD_LETTER_HEADERS]


def letter_of(world: World, topic: str, place: tuple[int, int]) -> Record:
    """The one dead letter of a record."""
    source = [topic.encode(), *(str(number).encode() for number in place)]
    names = ("planlift-topic", "planlift-partition", "planlift-offset")
    letters = [
        letter
        for letter in world.client.read(f"{topic}.dlq")
        if [dict(letter.headers).get(name) for name in names] == source
    ]
    assert len(letters) == 1, f"{len(letters)} dead letters of {topic}/{place}"
    return letters[0]


# --- each code ----------------------------------------------------------------------------------


def broken_requests(world: World) -> Iterator[tuple[str, Message]]:
    """A message for each code that a request can have, but request_id_reused and unprocessable."""
    good = world.request("c", **wish("CHECK"))
    body = unframe(good.value)[1]
    home = partition_of(b"c", world.partitions)
    here = {"partition": home}
    yield "null_value", Message(b"c", None, **here)
    yield "null_value", Message(None, None, **here)
    yield "malformed", Message(b"c", b"", **here)
    yield "malformed", Message(b"c", b"\x00\x00\x00\x00", **here)
    yield "malformed", Message(b"c", b"\x01" + good.value[1:], **here)
    yield "malformed", Message(b"c", good.value + b"\x00", **here)
    yield "malformed", Message(b"c", good.value[:-1], **here)
    yield "unknown_schema", Message(b"c", frame(4, body), **here)
    yield "unknown_schema", Message(b"c", frame(2**32 - 1, b""), **here)
    yield "incompatible_schema", Message(b"c", frame(1, body), **here)
    yield "incompatible_schema", Message(b"c", frame(3, b""), **here)
    yield "key_mismatch", Message(None, good.value, **here)
    yield "key_mismatch", Message(b"", good.value, **here)
    yield "key_mismatch", Message(b"C", good.value, **here)
    yield "key_mismatch", Message(b"c\x00", good.value, **here)
    nameless = world.request("", **wish("CHECK"))
    yield "key_mismatch", Message(b"", nameless.value, **here)
    yield "wrong_partition", Message(b"c", good.value, partition=(home + 1) % world.partitions)


def broken_events(world: World) -> Iterator[tuple[str, Message]]:
    good = world.event("c", "CustomerErased")
    body = unframe(good.value)[1]
    home = partition_of(b"c", world.partitions)
    here = {"partition": home}
    yield "null_value", Message(b"c", None, **here)
    yield "malformed", Message(b"c", b"{}", **here)
    yield "malformed", Message(b"c", frame(1, body[:-1] + b"\x0a"), **here)
    yield "unknown_schema", Message(b"c", frame(0, body), **here)
    yield "incompatible_schema", Message(b"c", frame(2, body), **here)
    yield "key_mismatch", Message(b"d", good.value, **here)
    yield "wrong_partition", Message(b"c", good.value, partition=(home + 2) % world.partitions)
    invalid = [
        ("SubscriptionChanged", subscription("")),
        ("SubscriptionChanged", subscription(offerId="")),
        ("SubscriptionChanged", subscription(quantity=-1)),
        ("LicenseAssigned", licence("")),
        ("LicenseAssigned", licence("u", subscription_id="")),
        ("LicenseRemoved", {"subscriptionId": "s", "userId": ""}),
        ("LicenseRemoved", {"subscriptionId": "", "userId": "u"}),
        ("DelegatedAdminChanged", {"partnerId": "", "granted": False}),
    ]
    for kind, fields in invalid:
        message = world.event("c", kind, **fields)
        yield "invalid_event", Message(b"c", message.value, **here)


@pytest.mark.parametrize("kind", ["requests", "events"])
def test_each_code(served: tuple[World, Planlift], kind: str) -> None:
    """Key, value and headers as received, ours in place of older ones, the right partition, and
    the records before and after it taken in."""
    world, process = served
    world.client.send(world.topics.events, customer_facts(world, "c"))
    world.await_taken_in(process)
    topic = getattr(world.topics, kind)
    makers = {"requests": broken_requests, "events": broken_events}
    cases = list(makers[kind](world))
    messages = []
    for _, broken in cases:
        with_headers = Message(broken.key, broken.value, LEFTOVERS, broken.partition)
        messages += [neighbour(world, kind), with_headers]
    messages.append(neighbour(world, kind))
    places = world.client.send(topic, messages)
    world.await_taken_in(process)
    for (code, broken), place in zip(cases, places[1::2]):
        letter = letter_of(world, topic, place)
        assert (letter.key, letter.value) == (broken.key, broken.value)
        assert letter.partition == place[0] % 2
        assert rest_of(letter.headers) == rest_of(LEFTOVERS)
        ours = {name: value for name, value in letter.headers if name in DEAD_LETTER_HEADERS}
        assert ours["planlift-error-code"] == code.encode()
        assert ours["planlift-error-message"].decode().strip()
        assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ours["planlift-time"])
        names = [name for name, _ in letter.headers]
        assert all(names.count(name) == 1 for name in DEAD_LETTER_HEADERS)
    world.send_request("c", requestId="last", **wish("CHECK"))
    world.await_taken_in(process)
    assert world.results()[-1]["customerVersion"] == 4 + (kind == "events") * (len(cases) + 1)
    judge(world)


def neighbour(world: World, kind: str) -> Message:
    if kind == "requests":
        return world.request("c", **wish("CHECK"))
    return world.event("c", "LicenseAssigned", **licence("neighbour"))


def test_a_record_without_headers(served: tuple[World, Planlift]) -> None:
    """And one with very many."""
    world, process = served
    many = [(f"h{n % 50}", b"v" * n) for n in range(500)]
    places = world.client.send(
        world.topics.requests, [Message(b"c", b"x"), Message(b"c", b"y", many)]
    )
    world.await_taken_in(process)
    plain, full = (letter_of(world, world.topics.requests, place) for place in places)
    assert [name for name, _ in plain.headers] == list(DEAD_LETTER_HEADERS)
    assert rest_of(full.headers) == many
    judge(world)


def test_the_time_of_a_dead_letter_is_now(served: tuple[World, Planlift]) -> None:
    world, process = served
    before = now_ms()
    [place] = world.client.send(world.topics.requests, [Message(b"c", b"x")])
    world.await_taken_in(process)
    stamp = dict(letter_of(world, world.topics.requests, place).headers)["planlift-time"].decode()
    assert rfc3339(before) <= stamp <= rfc3339(now_ms())


# --- unprocessable ------------------------------------------------------------------------------


def code_of(letter: Record) -> bytes:
    return dict(letter.headers)["planlift-error-code"]


def test_a_result_too_large_even_with_one_account_a_part(world: World) -> None:
    """It changes nothing; an order of ordinary size is granted afterwards, in the same batch."""
    limit = 4000
    world.create_topics(results_settings={"max.message.bytes": str(limit)})
    facts = customer_facts(world, "c")
    facts.append(world.event("c", "LicenseAssigned", **licence("long", displayName="n" * 5000)))
    facts += customer_facts(world, "d")
    world.client.send(world.topics.events, facts)
    process = world.start()
    world.await_taken_in(process)
    requests = [
        world.request("c", requestId="before", **wish("CHECK")),
        world.request("c", requestId="too-large", **wish()),
        world.request("c", requestId="check", **wish("CHECK")),
        world.request("d", requestId="long-order", orderId="o" * 5000, **wish()),
        world.request("d", requestId="d" * 5000, **wish()),
        world.request("d", requestId="good", orderId="o", **wish()),
        world.request("c", requestId="after", **wish("ADD_LICENSES")),
    ]
    places = world.client.send(world.topics.requests, requests)
    world.await_taken_in(process)
    names = [result["requestId"] for result in world.results()]
    assert sorted(names) == ["after", "before", "check", "good"]
    for number in (1, 3, 4):
        letter = letter_of(world, world.topics.requests, places[number])
        assert code_of(letter) == b"unprocessable"
        assert letter.value == requests[number].value
    assert len(world.dead_letters()) == 3
    # They were not answered, so that their ids are still free.
    again = [
        world.request("c", requestId="too-large", **wish("CHECK")),
        world.request("d", requestId="long-order", **wish("CHECK")),
    ]
    world.client.send(world.topics.requests, again)
    world.await_taken_in(process)
    names = [result["requestId"] for result in world.results()]
    assert sorted(names) == ["after", "before", "check", "good", "long-order", "too-large"]
    assert len(world.dead_letters()) == 3
    judge(world, message_limit=limit, allow_unprocessable=True)


def test_new_state_that_is_too_large(world: World) -> None:
    """Facts and requests; what comes after them is taken in."""
    limit = 6000
    world.create_topics(state_settings={"max.message.bytes": str(limit)})
    process = world.start()
    long = "x" * 7000
    facts = [
        *customer_facts(world, "c"),
        world.event("c", "LicenseAssigned", **licence("u", displayName=long)),
        world.event("c", "LicenseAssigned", **licence("v", disabledServices=["d" * 7000])),
        world.event("c", "SubscriptionChanged", **subscription("other", partnerId=long)),
        world.event("c", "SubscriptionChanged", **subscription(long)),
        world.event("c", "LicenseRemoved", subscriptionId=long, userId="u"),
        world.event(long, "CustomerErased"),
        world.event("c", "LicenseAssigned", **licence("w")),
    ]
    places = world.client.send(world.topics.events, facts)
    world.await_taken_in(process)
    for number in range(4, 8):
        letter = letter_of(world, world.topics.events, places[number])
        assert code_of(letter) == b"unprocessable"
    world.send_request("c", requestId="up", **wish())
    world.await_taken_in(process)
    [result] = world.results()
    # Removing what never was, on a subscription that is not there, counts as a fact.
    assert (result["outcome"], result["customerVersion"]) == ("UPGRADED", 6)
    assert len(result["affectedAccounts"]) == 3
    judge(world, allow_unprocessable=True)


def test_poison_among_many(world: World) -> None:
    """Ten records that cannot be processed, in one backlog of two thousand."""
    world.create_topics()
    limit = 4000
    customers = [f"c{n}" for n in range(20)]
    for customer in customers:
        world.client.send(world.topics.events, customer_facts(world, customer))
    requests = []
    for n in range(2000):
        order = "o" * 5000 if n % 200 == 77 else "o"
        customer = customers[n % 20]
        requests.append(world.request(customer, orderId=order, **wish("ADD_LICENSES")))
    world.client.send(world.topics.requests, requests)
    world.drain(settings={"kafka.message.max.bytes": limit})
    assert [code_of(letter) for letter in world.dead_letters()] == [b"unprocessable"] * 10
    assert len(world.results()) == 1990
    judge(world, message_limit=limit, allow_unprocessable=True)


# --- hostile bytes ------------------------------------------------------------------------------


def a_full_request(world: World) -> bytes:
    fields = {
        "orderId": "ö",
        "quantity": 30,
        "expectedVersion": 3,
        "requireLicenseTransfer": True,
        "requestId": "r",
        "requestedAt": 1_790_000_000_000,
    }
    return world.request("c", **wish("CHECK", **fields)).value


def a_full_event(world: World) -> bytes:
    fact = licence("u", assignedByGroup="g", disabledServices=["A", "B"])
    event = {
        "eventId": "e",
        "customerId": "c",
        "occurredAt": 1_790_000_000_000,
        "change": {"type": "LicenseAssigned", **fact},
    }
    return encode(world.registry, EVENT, event)


def truncations(value: bytes) -> list[bytes]:
    return [value[:length] for length in range(len(value))]


def bit_flips(value: bytes) -> list[bytes]:
    return [
        value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]
        for place in range(len(value))
        for bit in range(8)
    ]


def insertions(value: bytes, rng: random.Random, count: int) -> list[bytes]:
    """Numbers that mean harm as lengths, counts, indexes, at any place, over or between bytes."""
    numbers = [
        b"\xff" * 9 + b"\x01",  # the least long
        b"\xfe" + b"\xff" * 8 + b"\x01",  # the largest long
        b"\xff" * 10 + b"\x01",  # over 64 bits
        b"\x80" * 9 + b"\x02",
        b"\x80" * 20 + b"\x00",
        b"\xfe\xff\xff\xff\x0f",  # 2^31 - 1
        b"\x80\x80\x80\x80\x10",  # 2^31
        b"\xff\xff\xff\xff\x0f",
        b"\x80\x00",  # zero, in a longer form
        b"\x01",
    ]
    made = []
    for _ in range(count):
        place = rng.randrange(5, len(value) + 1)
        over = rng.choice((0, 1, 1, 2))
        made.append(value[:place] + rng.choice(numbers) + value[place + over :])
    return made


def bombs(world: World) -> list[bytes]:
    """Arrays that promise very much and bring nothing; blocks whose size is a lie; legal blocks."""
    fields = unframe(a_full_event(world))[1]
    at = fields.index(b"\x04\x02A\x02B\x00")
    head = fields[:at]
    tails = [
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xfe\xff\xff\xff\x0f\x00",
        b"\x80\x80\x80\x80\x80\x40",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02A\x00",  # a count without an opposite
        b"\x01\x04\x02A\x00",  # legal: one item in a block of two bytes
        b"\x01\x06\x02A\x00",
        b"\x01\x00\x02A\x00",
        b"\x01\x01\x02A\x00",
        b"\x01\xfe\xff\xff\xff\x0f\x02A\x00",
        b"\x02\x02A\x02\x02B\x01\x04\x02C\x00",  # legal: three blocks
    ]
    return [frame(1, head + tail) for tail in tails] + [b"\x00\x00\x00\x00\x01\xff"]


def large(world: World, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Records of nearly the largest size, broken and good ones."""
    noise = rng.randbytes(900_000)
    yield "events", noise
    yield "requests", noise
    yield "events", frame(1, noise)
    yield "requests", frame(2, b"\x80\x80\x6e" + b"a" * 900_000)
    yield "requests", frame(2, b"\x00" * 900_000)
    yield "events", frame(1, b"\xff" * 900_000)
    yield "events", frame(1, b"\x80" * 900_000)
    unknown = "u" * 900_000
    yield "requests", world.request("c", orderId=unknown, **wish("CHECK")).value
    about = licence("u", subscription_id="unknown", displayName=unknown)
    yield "events", world.event("c", "LicenseAssigned", **about).value
    disabled = licence("u", subscription_id="unknown", disabledServices=[""] * 800_000)
    yield "events", world.event("c", "LicenseAssigned", **disabled).value


def hostile(world: World, seed: int) -> list[tuple[str, bytes]]:
    rng = random.Random(seed)
    made: list[tuple[str, bytes]] = [
        (kind, bytes(rng.randbytes(size)))
        for kind in ("events", "requests")
        for size in (0, 1, 2, 3, 4, 5, 5, 6, 6, 17)
    ]
    made += [("events", value) for value in bombs(world)]
    for kind, value in (("events", a_full_event(world)), ("requests", a_full_request(world))):
        for changed in (truncations(value), bit_flips(value), insertions(value, rng, 300)):
            made += [(kind, item) for item in changed]
    made += large(world, rng)
    return made


def send_hostile(world: World, seed: int) -> None:
    for kind in ("events", "requests"):
        values = [value for name, value in hostile(world, seed) if name == kind]
        world.client.send(getattr(world.topics, kind), [Message(b"c", value) for value in values])


def test_hostile_bytes(served: tuple[World, Planlift]) -> None:
    """Each becomes the dead letter that it is, or is valid after all; nobody else suffers."""
    world, process = served
    world.client.send(world.topics.events, customer_facts(world, "c"))
    world.client.send(world.topics.events, customer_facts(world, "d"))
    send_hostile(world, 1)
    world.await_taken_in(process, 60)  # the facts, which the request would not wait for
    world.send_request("d", requestId="last", **wish())
    world.await_taken_in(process)
    assert [r["outcome"] for r in world.results() if r["requestId"] == "last"] == ["UPGRADED"]
    assert process.stop().status == 0
    judge(world)


def resident(process: Planlift) -> int:
    """Bytes of memory that the process has in use."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif(PATIENCE != 1, reason="sanitizers keep freed memory")
def test_memory_stays_where_it_was(world: World) -> None:
    """After the same bytes again and again. A backlog first, so that batches are as large as they
    ever get."""
    world.create_topics()
    for _ in range(4):
        send_hostile(world, 2)
    process = world.start()
    world.await_taken_in(process, 60)
    sizes = [resident(process)]
    for _ in range(6):
        send_hostile(world, 2)
        world.await_taken_in(process, 60)
        sizes.append(resident(process))
    print("RSS in MiB:", [size // MIB for size in sizes])
    assert sizes[-1] - max(sizes[:3]) < 4 * MIB, sizes
    assert max(sizes) < 192 * MIB, sizes


def noise(size: int) -> Message:
    return Message(b"c", random.Random(size).randbytes(size))


def test_records_of_the_largest_size(world: World) -> None:
    """A record that an input topic just takes still fits into the dead letter topic, with our
    headers: noise of a mebibyte, and of three where the input topics allow it."""
    assert world.run("topics", "create").status == 0
    producer = world.client.producer({"message.max.bytes": 8 * MIB})
    inputs = (world.topics.requests, world.topics.events)
    for topic in inputs:
        world.client.alter_topic(topic, {"max.message.bytes": str(4 * MIB)})
    process = world.start()
    for topic in inputs:
        world.client.send(topic, [noise(1_048_400), noise(3 * MIB)], producer)
    world.send_request("c", requestId="last", **wish("CHECK"))
    world.await_taken_in(process)
    assert [r["requestId"] for r in world.results()] == ["last"]
    judge(world)


@pytest.mark.parametrize("size", [20 * MIB, 150 * MIB])
def test_a_record_that_unpacks_to_very_much(world: World, size: int) -> None:
    """Zeros, a few kilobytes as Kafka stores them, so that the input topics take them."""
    assert world.run("topics", "create").status == 0
    settings = {"message.max.bytes": 200 * MIB, "compression.codec": "gzip"}
    settings["queue.buffering.max.kbytes"] = 200 * MIB // 1024
    producer = world.client.producer(settings)
    process = world.start()
    [place] = world.client.send(world.topics.requests, [Message(b"c", bytes(size))], producer)
    world.send_request("c", requestId="last", **wish("CHECK"))
    world.await_taken_in(process)
    assert [r["requestId"] for r in world.results()] == ["last"]
    letter = letter_of(world, world.topics.requests, place)
    assert letter.value == bytes(size)


def test_a_dead_letter_topic_of_too_small_records(world: World) -> None:
    """One that was not made by planlift: it says what to do, and goes on once that is done."""
    world.create_topics()
    producer = world.client.producer({"message.max.bytes": 8 * MIB})
    world.client.send(world.topics.requests, [noise(1_048_400)], producer)
    world.send_request("c", requestId="last", **wish("CHECK"))
    ended = world.run("run")
    assert ended.status == 1
    assert re.search(r"max\.message\.bytes.*\.dlq|\.dlq.*max\.message\.bytes", ended.err)
    assert world.results() == []
    world.client.alter_topic(world.topics.requests_dlq, {"max.message.bytes": str(2 * MIB)})
    world.drain()
    assert [r["requestId"] for r in world.results()] == ["last"]
    judge(world)


# --- a workload ---------------------------------------------------------------------------------


def test_a_workload_with_every_tenth_record_broken(served: tuple[World, Planlift]) -> None:
    world, process = served
    topics = Topics(
        world.partitions, world.topics.requests, world.topics.events, world.topics.results
    )
    plan = workload.Plan(seed=5, events=3000, requests=1500, customers=100, broken=0.1)
    items = workload.generate(CATALOGUE, world.registry, plan, topics)
    for topic in (topics.events, topics.requests):
        chosen = (item for item in items if item.topic == topic)
        world.client.send(
            topic,
            (
                Message(i.key, i.encoded(world.registry, topics), i.headers, i.partition(topics))
                for i in chosen
            ),
        )
    world.await_taken_in(process, 60)
    assert process.stop().status == 0
    report = judge(world)
    codes = {name for name in report.summary if name.startswith("dead ")}
    assert len(codes) >= 7, codes
