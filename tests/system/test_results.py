"""Results as a reader of the topic finds them (contract 3 and 6): headers, parts, repeated ids,
outcomes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import redis

from harness import Message, Planlift, World
from harness.samples import PARTNER, SOURCE, TARGET, customer_facts, licence, subscription, wish
from harness.verdict import judge
from oracle.records import Record
from oracle.wire import decode_result, partition_of

ONCE_MEMORY = 64


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    return world


def send_events(world: World, messages: list[Message]) -> None:
    world.client.send(world.topics.events, messages)


def send_requests(world: World, messages: list[Message]) -> list[tuple[int, int]]:
    return world.client.send(world.topics.requests, messages)


def served(world: World, process: Planlift, send: Callable[[], object]) -> None:
    """Let the running service take in what `send` writes, before anything later is written."""
    send()
    world.await_taken_in(process)


def result_records(world: World) -> list[Record]:
    return world.client.read(world.topics.results)


def by_request(world: World) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for result in world.results():
        found.setdefault(result["requestId"], []).append(result)
    return found


# --- headers ------------------------------------------------------------------------------------


TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("customer", ["plain-1", "ü/ %~+&計", "-._~"])
def test_headers_and_place(ready: World, customer: str) -> None:
    """CloudEvents in binary mode, the trace as it came, and the request's own partition."""
    send_events(ready, customer_facts(ready, customer))
    asked = ready.request(customer, requestId="r-1", orderId="o-1", **wish("CHECK"))
    headers = [("traceparent", TRACE), ("x-sender", b"crm"), ("tracestate", b"a=1,b=\xff")]
    place = ready.client.send(ready.topics.requests, [Message(asked.key, asked.value, headers)])[0]
    ready.drain()
    [record] = result_records(ready)
    result = decode_result(ready.registry, record.value)
    assert place[0] == record.partition == partition_of(customer.encode(), ready.partitions)
    assert record.key == customer.encode()
    assert record.value[:5] == b"\x00\x00\x00\x00\x03"
    found = dict(record.headers)
    assert len(found) == len(record.headers)
    assert found["traceparent"] == TRACE
    assert found["tracestate"] == b"a=1,b=\xff"
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_id"] == b"r-1"
    assert found["ce_type"] in (b"planlift.eligible", b"planlift.not-eligible")
    assert found["content-type"] == b"application/avro"
    source = f"{ready.topics.requests}/{place[0]}/{place[1]}"
    assert found["planlift-source"] == source.encode()
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["ce_time"])
    assert found["ce_source"].startswith(b"/planlift/customers/")
    assert found["ce_source"].isascii()
    assert result["orderId"] == "o-1"
    judge(ready)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", b"")],
        [("tracestate", None)],
        [("tracestate", b"a=1"), ("traceparent", TRACE), ("tracestate", b"b=2")],
        [("Traceparent", TRACE)],
    ],
    ids=["none", "empty", "null", "twice", "other name"],
)
def test_trace_headers_in_odd_forms(ready: World, headers: list[tuple[str, bytes | None]]) -> None:
    """Unchanged: also where one is empty, null, or there more than once (as tracestate may be)."""
    asked = ready.request("c", **wish("CHECK"))
    send_requests(ready, [Message(asked.key, asked.value, headers)])
    ready.drain()
    judge(ready)


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_log_names_the_trace_of_a_record(ready: World, form: str) -> None:
    """Of a dead letter always, of an answer for who debugs; nothing else of the record (I14)."""
    asked = ready.request("c", **wish("CHECK"))
    other = TRACE.replace(b"0af7", b"1bf7")
    sent = send_requests(
        ready,
        [
            Message(asked.key, asked.value, [("traceparent", TRACE)]),
            Message(b"c", b"no record", [("traceparent", other)]),
            Message(b"c", b"no record", [("traceparent", b"00-no-trace")]),
        ],
    )
    finished = ready.drain(settings={"log.format": form, "log.level": "debug"})
    told = re.compile(r"\b(answered|dead_letter)\b")
    lines = [line for line in finished.err.splitlines() if told.search(line)]
    wanted = [
        ("answered", {"operation": "CHECK", "outcome": "NOT_ELIGIBLE"}, TRACE),
        ("dead_letter", {"code": "malformed"}, other),
        ("dead_letter", {"code": "malformed"}, None),
    ]
    for line, (event, fields, trace), (partition, offset) in zip(lines, wanted, sent, strict=True):
        if form == "json":
            found = json.loads(line)
        else:
            found = dict(re.findall(r' (\w+)=(?:"[^"]*"|(\S+))', line))
            found["event"] = line.split()[2]
        place = {"topic": ready.topics.requests, "partition": partition, "offset": offset}
        for name, value in {"event": event, **place, **fields}.items():
            assert str(found[name]) == str(value)
        assert found.get("trace_id") == (trace and trace.decode().split("-")[1])


def test_empty_request_id_is_answered_and_named_by_its_place(ready: World) -> None:
    """Each time, for it cannot be remembered."""
    for _ in range(3):
        ready.send_request("c", **wish("CHECK", requestId=""))
    ready.drain()
    records = result_records(ready)
    assert len(records) == 3
    ids = [dict(record.headers)["ce_id"] for record in records]
    partition = partition_of(b"c", ready.partitions)
    assert ids == [f"{ready.topics.requests}/{partition}/{n}".encode() for n in range(3)]
    codes = [[e["code"] for e in r["errors"]] for r in ready.results()]
    assert codes == [["invalid_request"]] * 3
    judge(ready)


# --- parts --------------------------------------------------------------------------------------


def parts_of_upgrade(world: World) -> list[Record]:
    records = result_records(world)
    offsets = [record.offset for record in records]
    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))  # no marker in between
    results = [decode_result(world.registry, record.value) for record in records]
    assert [result["part"] for result in results] == list(range(1, len(results) + 1))
    assert {result["parts"] for result in results} == {len(results)}
    blank = {"part": 0, "affectedAccounts": []}
    assert all({**result, **blank} == {**results[0], **blank} for result in results)
    return records


def test_parts_by_number_of_accounts(ready: World) -> None:
    send_events(ready, customer_facts(ready, "c", licences=10))
    few = {"result.max.accounts": 3}
    served(ready, process := ready.start(settings=few), lambda: None)
    served(ready, process, lambda: ready.send_request("c", requestId="up", **wish()))
    assert process.stop().status == 0
    records = parts_of_upgrade(ready)
    slices = [decode_result(ready.registry, r.value)["affectedAccounts"] for r in records]
    assert [len(piece) for piece in slices] == [3, 3, 3, 1]
    users = [account["userId"] for piece in slices for account in piece]
    assert users == [f"user-{n:06d}" for n in range(10)]
    ids = [dict(record.headers)["ce_id"] for record in records]
    assert ids == [b"up/1", b"up/2", b"up/3", b"up/4"]
    judge(ready, max_accounts=3)


@pytest.mark.parametrize("licences", [1, 3, 6, 7])
def test_number_of_parts_at_its_edges(ready: World, licences: int) -> None:
    send_events(ready, customer_facts(ready, "c", licences=licences))
    few = {"result.max.accounts": 3}
    served(ready, process := ready.start(settings=few), lambda: None)
    served(ready, process, lambda: ready.send_request("c", requestId="up", **wish()))
    assert process.stop().status == 0
    assert len(parts_of_upgrade(ready)) == -(-licences // 3)
    judge(ready, max_accounts=3)


def test_parts_by_size_of_the_topics_messages(world: World) -> None:
    """Each part but the last has as many accounts as fit; names of different length and trace
    headers count too."""
    limit = 5000
    world.create_topics(results_settings={"max.message.bytes": str(limit)})
    send_events(world, customer_facts(world, "c", licences=0))
    names = ["n" * (n % 7 * 90) for n in range(60)]
    facts = [licence(n, displayName=name) for n, name in enumerate(names)]
    send_events(world, [world.event("c", "LicenseAssigned", **fact) for fact in facts])
    served(world, process := world.start(), lambda: None)
    asked = world.request("c", requestId="up", **wish(quantity=60))
    headers = [("traceparent", TRACE), ("tracestate", b"t" * 400)]
    served(
        world,
        process,
        lambda: send_requests(world, [Message(asked.key, asked.value, headers)]),
    )
    assert process.stop().status == 0
    records = parts_of_upgrade(world)
    assert len(records) > 5
    judge(world, message_limit=limit)


def test_parts_by_size_of_the_clients_messages(ready: World) -> None:
    limit = 40_000
    send_events(ready, customer_facts(ready, "c", licences=400, quantity=400))
    settings = {"kafka.message.max.bytes": limit}
    served(ready, process := ready.start(settings=settings), lambda: None)
    served(ready, process, lambda: ready.send_request("c", requestId="up", **wish()))
    assert process.stop().status == 0
    assert len(parts_of_upgrade(ready)) > 2
    judge(ready, message_limit=limit)


# --- once ---------------------------------------------------------------------------------------


def test_a_repeat_gets_no_second_result(ready: World) -> None:
    """Whatever differs outside the five fields, in the same batch, after a restart, and after the
    cache was lost."""
    send_events(ready, customer_facts(ready, "c"))
    first = ready.request("c", requestId="same", **wish("CHECK", targetOfferId=None))
    twin = {
        **wish("CHECK", targetOfferId=""),
        "orderId": "another",
        "expectedVersion": 99,
        "requireLicenseTransfer": True,
        "requestedBy": {"userId": "someone", "role": "nobody"},
        "requestedAt": 1,
    }
    twins = [first, ready.request("c", requestId="same", **twin)]
    send_requests(ready, [first, *twins])
    ready.drain()
    send_requests(ready, twins)
    ready.drain()
    redis.Redis.from_url(ready.redis.url).flushall()
    send_requests(ready, twins)
    ready.drain()
    assert len(result_records(ready)) == 1
    judge(ready)


def test_a_reused_id_is_a_dead_letter(ready: World) -> None:
    """Any of the five fields differs; answered ones may be checks and refusals."""
    send_events(ready, customer_facts(ready, "c"))
    asked = {
        "requestId": "same",
        **wish("CHECK", targetOfferId=TARGET, quantity=30),
    }
    others = [
        {"partnerId": "other"},
        {"subscriptionId": "other"},
        {"operation": "UPGRADE"},
        {"targetOfferId": None},
        {"quantity": None},
        {"quantity": 31},
        {"partnerId": ""},
    ]
    changed = [ready.request("c", **{**asked, **other}) for other in others]
    send_requests(ready, [ready.request("c", **asked), *changed, ready.request("c", **asked)])
    refused = {"requestId": "refused", **wish("ADD_LICENSES", subscriptionId="none")}
    send_requests(ready, [ready.request("c", **refused)])
    send_requests(ready, [ready.request("c", **{**refused, "quantity": 2})])
    ready.drain()
    assert [result["requestId"] for result in ready.results()] == ["same", "refused"]
    letters = [dict(letter.headers)["planlift-error-code"] for letter in ready.dead_letters()]
    assert letters == [b"request_id_reused"] * (len(others) + 1)
    judge(ready)


def test_ids_are_each_customers_own(ready: World) -> None:
    """Several customers use the same id, those of one partition too."""
    customers = [f"c{n}" for n in range(8)]
    for customer in customers:
        send_events(ready, customer_facts(ready, customer))
    for customer in (*customers, *customers):
        ready.send_request(customer, requestId="1", **wish("ADD_LICENSES"))
    ready.drain()
    assert sorted(result["customerId"] for result in ready.results()) == customers
    judge(ready)


def test_the_last_64_answered_ids_are_remembered(ready: World) -> None:
    """Not one more, not one fewer; neither repeats nor empty ids push others out, refusals do.
    Across batches, restarts and a lost cache."""
    send_events(ready, customer_facts(ready, "c"))

    def ask(*numbers: int) -> None:
        names = [f"r{n}" for n in numbers]
        send_requests(ready, [ready.request("c", requestId=n, **wish("CHECK")) for n in names])

    ask(*range(ONCE_MEMORY))
    ask(0, 0, ONCE_MEMORY - 1)  # all 64 are known, and asking again changes nothing
    for _ in range(3):
        ready.send_request("c", requestId="", **wish("CHECK"))
    ready.drain()
    ask(0)
    ready.send_request("c", requestId="bad", **wish("ADD_LICENSES", quantity=-1))  # 65th, refused
    ask(1, ONCE_MEMORY - 1)  # known
    ask(0)  # forgotten: answered again, so that 1 is forgotten in turn
    ready.drain()
    redis.Redis.from_url(ready.redis.url).flushall()
    ask(2, 0)  # known
    ask(1)
    ready.drain()
    answered = by_request(ready)
    counts = {name: len(results) for name, results in answered.items() if name}
    expected = {f"r{n}": 1 for n in range(ONCE_MEMORY)} | {"r0": 2, "r1": 2, "bad": 1}
    assert counts == expected
    judge(ready)


def live_values(world: World) -> dict[tuple[int, bytes], bytes]:
    """What compaction leaves of the state topic."""
    newest = {(r.partition, r.key): r.value for r in world.client.read(world.topics.state)}
    return {key: value for key, value in newest.items() if value is not None}


def cached(world: World) -> dict[bytes, dict[bytes, bytes]]:
    """All that Redis holds for this world."""
    client = redis.Redis.from_url(world.redis.url)
    return {key: client.hgetall(key) for key in client.keys(f"*{world.group}*")}


def test_erasure_forgets_everything(ready: World) -> None:
    """In the state topic and in Redis; the version and the ids begin anew."""
    marker = "Xylophon Qwertz"
    process = ready.start()
    served(ready, process, lambda: ready.send_event("other", "CustomerErased"))
    before = live_values(ready).keys()
    facts = customer_facts(ready, "c", licences=200, quantity=300)
    served(ready, process, lambda: send_events(ready, facts))
    named = ready.event("c", "LicenseAssigned", **licence("x", displayName=marker))
    served(ready, process, lambda: send_events(ready, [named]))
    requests = [("one", "CHECK"), ("two", "UPGRADE")]
    for name, operation in requests:
        ready.send_request("c", requestId=name, **wish(operation))
    ready.await_taken_in(process)
    assert live_values(ready).keys() > before
    assert any(marker.encode() in value for value in live_values(ready).values())
    served(ready, process, lambda: ready.send_event("c", "CustomerErased"))
    assert live_values(ready).keys() == before
    assert not any(marker.encode() in value for value in live_values(ready).values())
    partitions = {key: fields for key, fields in cached(ready).items() if b":p" in key}
    fields = [field for fields in partitions.values() for field in fields]
    assert len(fields) == ready.partitions  # the checkpoints
    for name, operation in requests:
        ready.send_request("c", requestId=name, **wish(operation))
    ready.await_taken_in(process)
    answers = by_request(ready)
    assert [len(answers[name]) for name, _ in requests] == [2, 2]
    for name, _ in requests:
        second = answers[name][1]
        assert second["customerVersion"] == 0
        assert [error["code"] for error in second["errors"]] == ["subscription_not_found"]
    served(ready, process, lambda: send_events(ready, customer_facts(ready, "c")))
    ready.send_request("c", requestId="three", **wish())
    ready.await_taken_in(process)
    [third] = by_request(ready)["three"]
    assert (third["outcome"], third["customerVersion"]) == ("UPGRADED", 4)
    assert process.stop().status == 0
    judge(ready)


# --- outcomes and order -------------------------------------------------------------------------


def test_outcomes(ready: World) -> None:
    """CHECK, UPGRADE and ADD_LICENSES, each granted and refused, as fastavro reads them."""
    process = ready.start()
    served(ready, process, lambda: send_events(ready, customer_facts(ready, "c", licences=3)))
    more = ready.event("c", "LicenseAssigned", **licence("by-group", assignedByGroup="g"))
    served(ready, process, lambda: send_events(ready, [more]))
    asked = [
        ("check", wish("CHECK")),
        ("check-none", wish("CHECK", targetOfferId=SOURCE)),
        ("add", wish("ADD_LICENSES", quantity=7)),
        ("add-much", wish("ADD_LICENSES", quantity=2**31 - 1)),
        ("up-few", wish(quantity=3)),
        ("up-strict", wish(requireLicenseTransfer=True)),
        ("up", wish(quantity=40)),
        ("up-again", wish()),
    ]
    for name, fields in asked:
        ready.send_request("c", requestId=name, **fields)
    ready.await_taken_in(process)
    assert process.stop().status == 0
    found = {name: results[0] for name, results in by_request(ready).items()}
    outcomes = {name: result["outcome"] for name, result in found.items()}
    assert outcomes == {
        "check": "ELIGIBLE",
        "check-none": "NOT_ELIGIBLE",
        "add": "LICENSES_ADDED",
        "add-much": "REFUSED",
        "up-few": "REFUSED",
        "up-strict": "REFUSED",
        "up": "UPGRADED",
        "up-again": "REFUSED",
    }
    codes = {name: [e["code"] for e in result["errors"]] for name, result in found.items()}
    assert codes["check-none"] == ["subscription_target_offer_not_found"]
    assert codes["add-much"] == ["quantity_exceeds_offer_limit"]
    assert codes["up-few"] == ["quantity_below_assigned_licenses"]
    assert codes["up-strict"] == ["user_license_error"]
    assert "subscription_status_not_active" in codes["up-again"]
    add, up = found["add"], found["up"]
    assert add["sourceSubscription"]["quantity"] == 25
    assert add["targetSubscription"]["quantity"] == 32
    assert add["billing"]["cancelled"] is None
    assert add["billing"]["added"]["quantity"] == 7
    assert up["upgradeType"] == "UPGRADE_WITH_LICENSE_TRANSFER"
    assert up["billing"]["cancelled"]["quantity"] == 32
    assert up["billing"]["added"]["quantity"] == 40
    assert up["billing"]["effectiveAt"] == up["decidedAt"]
    errors = {a["userId"]: a["licenseError"] for a in up["affectedAccounts"]}
    assert errors.pop("by-group")["code"] == "license_assigned_by_group"
    assert list(errors.values()) == [None] * 3
    assert up["servicesToTransition"]
    judge(ready)


def test_requests_of_one_batch_see_those_before_them(ready: World) -> None:
    """Fifty additions, an upgrade and additions to what came of it, all waiting at the start."""
    send_events(ready, customer_facts(ready, "c"))
    ready.drain()
    adds = [ready.request("c", **wish("ADD_LICENSES")) for _ in range(50)]
    send_requests(ready, adds)
    send_requests(ready, [ready.request("c", requestId="up", **wish())])
    send_requests(ready, adds[:3])
    send_requests(ready, [ready.request("c", **wish("ADD_LICENSES"))])
    ready.drain()
    results = ready.results()
    grown = [r["targetSubscription"]["quantity"] for r in results[:50]]
    assert grown == list(range(26, 76))
    assert [r["customerVersion"] for r in results[:51]] == list(range(4, 55))
    assert [r["outcome"] for r in results[50:]] == ["UPGRADED", "REFUSED"]
    judge(ready)


def test_facts_of_one_batch_are_taken_in_order(ready: World) -> None:
    """Assign, remove, change and replace the same things again and again, in one batch and in
    batches of one record."""
    facts = customer_facts(ready, "c", licences=0)
    for n in range(40):
        facts += [
            ready.event("c", "LicenseAssigned", **licence(n % 5, displayName=f"at {n}")),
            ready.event("c", "LicenseRemoved", subscriptionId="s", userId=f"user-{n % 3:06d}"),
            ready.event(
                "c", "SubscriptionChanged", **subscription(quantity=10 + n, revision=2 + n // 2)
            ),
            ready.event("c", "DelegatedAdminChanged", partnerId=PARTNER, granted=n % 2 == 1),
        ]
    half = len(facts) // 2
    send_events(ready, facts[:half])
    ready.drain()
    ready.send_request("c", requestId="first", **wish("CHECK"))
    ready.drain()
    send_events(ready, facts[half:])
    ready.drain(settings={"batch.max.records": 1})
    ready.send_request("c", requestId="up", **wish())
    ready.drain()
    first, up = ready.results()
    assert (first["customerVersion"], up["customerVersion"]) == (half, len(facts))
    assert up["outcome"] == "UPGRADED"
    judge(ready)
