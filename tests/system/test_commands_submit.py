"""`planlift submit` (contract 8): requests as an order platform sends them."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from harness import World
from harness.samples import PARTNER, TARGET, customer_facts, wish
from oracle.records import Record
from oracle.wire import REQUEST, decode_input, partition_of
from services import LOOPBACK, reserve_port

Json = dict[str, Any]
ABOUT = ["--customer-id", "c1", "--partner-id", PARTNER, "--subscription-id", "s"]


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    for customer in ("c1", "c2"):
        world.client.send(world.topics.events, customer_facts(world, customer, licences=3))
    world.drain()
    return world


def sent(world: World) -> list[Record]:
    return world.client.read(world.topics.requests)


def request_of(world: World, record: Record) -> Json:
    return decode_input(world.registry, REQUEST, record.value)


def submitted(world: World, *options: str, stdin: bytes = b"", **settings: object) -> list[Json]:
    finished = world.run("submit", "--json", *options, stdin=stdin, settings=settings)
    assert finished.status == 0, finished.err
    return [json.loads(line) for line in finished.out.splitlines()]


def test_every_field(ready: World) -> None:
    options = ["--operation", "UPGRADE", "--target-offer-id", TARGET, "--quantity", "30"]
    options += ["--expected-version", "5", "--require-license-transfer", "--request-id", "r-ü"]
    options += ["--order-id", "o", "--user-id", "u", "--role", "SALES_AGENT"]
    options += ["--requested-at", "2026-02-03T04:05:06.789Z"]
    [said] = submitted(ready, *ABOUT, *options)
    [record] = sent(ready)
    assert record.key == b"c1"
    assert record.value[:5] == b"\x00\x00\x00\x00\x02"
    assert record.partition == partition_of(b"c1", ready.partitions)
    assert request_of(ready, record) == {
        "requestId": "r-ü",
        "orderId": "o",
        "customerId": "c1",
        "partnerId": PARTNER,
        "subscriptionId": "s",
        "operation": "UPGRADE",
        "targetOfferId": TARGET,
        "quantity": 30,
        "expectedVersion": 5,
        "requireLicenseTransfer": True,
        "requestedBy": {"userId": "u", "role": "SALES_AGENT"},
        "requestedAt": 1770091506789,
    }
    assert said == {
        "requestId": "r-ü",
        "customerId": "c1",
        "topic": ready.topics.requests,
        "partition": record.partition,
        "offset": record.offset,
    }


def test_the_least(ready: World) -> None:
    [said] = submitted(ready, *ABOUT, "--operation", "CHECK")
    [record] = sent(ready)
    request = request_of(ready, record)
    assert str(uuid.UUID(request["requestId"])) == request["requestId"] == said["requestId"]
    absent = ("orderId", "targetOfferId", "quantity", "expectedVersion")
    assert [request[name] for name in absent] == [None] * 4
    assert request["requireLicenseTransfer"] is False
    assert request["requestedBy"] == {"userId": "planlift-submit", "role": "ADMIN_AGENT"}
    ready.drain()
    [result] = ready.results()
    assert result["outcome"] == "ELIGIBLE"


@pytest.mark.parametrize("partitioner", ["consistent_random", "murmur2_random", "none"])
def test_the_partitioner_counts(world: World, partitioner: str) -> None:
    world.settings["partitioner"] = partitioner
    world.create_topics()
    customers = [f"customer-{n}" for n in range(20)]
    for customer in customers:
        about = ["--customer-id", customer, "--partner-id", PARTNER, "--subscription-id", "s"]
        submitted(world, *about, "--operation", "CHECK")
    used = "murmur2_random" if partitioner == "none" else partitioner
    found = {record.key.decode(): record.partition for record in sent(world)}
    assert found == {c: partition_of(c.encode(), 3, used) for c in customers}


def test_waiting_for_the_result(ready: World) -> None:
    service = ready.start()
    service.await_ready()
    [result] = submitted(ready, *ABOUT, "--operation", "CHECK", "--wait")
    assert [result] == ready.results()
    ready.settings["result.max.accounts"] = 2
    upgrade = ["--operation", "UPGRADE", "--target-offer-id", TARGET]
    [result] = submitted(ready, *ABOUT, *upgrade, "--wait")
    assert result["outcome"] == "UPGRADED"
    assert len(result["affectedAccounts"]) == 3
    finished = ready.run("submit", *ABOUT[:4], "--sub", "gone", "--operation", "CHECK", "--wait")
    assert finished.status == 0  # a refusal is an answer
    assert "subscription_not_found" in finished.out


def test_a_check_for_people_lists_the_upgrades(ready: World) -> None:
    ready.start().await_ready()
    finished = ready.run("submit", *ABOUT, "--operation", "CHECK", "--wait")
    assert finished.status == 0, finished.err
    assert re.search(rf"^{TARGET} +yes ", finished.out, re.M), finished.out
    assert all(len(line) <= 100 for line in finished.out.splitlines())


def test_no_service(ready: World) -> None:
    finished = ready.run("submit", *ABOUT, "--operation", "CHECK", "--wait", "--timeout", "2")
    assert finished.status == 1
    assert finished.out == ""
    assert "1 of 1 requests have no result yet" in finished.err
    assert len(sent(ready)) == 1


def test_an_id_that_was_used_before(ready: World) -> None:
    """The same request again has no second result; another one with its id is a dead letter."""
    ready.start().await_ready()
    once = [*ABOUT, "--operation", "CHECK", "--request-id", "r", "--wait"]
    assert len(submitted(ready, *once)) == 1
    finished = ready.run("submit", *once, "--timeout", "2")
    assert finished.status == 1
    assert "no result yet" in finished.err
    finished = ready.run("submit", *once, "--quantity", "99", "--timeout", "20")
    assert finished.status == 1
    assert "request r is a dead letter, request_id_reused" in finished.err
    [letter] = ready.client.read(ready.topics.requests_dlq)
    place = f"{ready.topics.requests_dlq}/{letter.partition}/{letter.offset}"
    assert place in finished.err
    assert "1 of 1 requests are dead letters" in finished.err


def plain(customer: str, request_id: str, **changes: Any) -> Json:
    """REQUEST of contract 9."""
    return {
        **wish("CHECK"),
        "requestId": request_id,
        "customerId": customer,
        "requestedBy": {"userId": "u", "role": "ADMIN_AGENT"},
        "requestedAt": 1,
        **changes,
    }


def ndjson(requests: list[Json]) -> bytes:
    return b"\n".join(json.dumps(request).encode() for request in requests)


def test_many_of_a_file(ready: World, tmp_path: Path) -> None:
    ready.start().await_ready()
    requests = [plain(f"c{n % 2 + 1}", f"r{n}") for n in range(300)]
    file = tmp_path / "requests.ndjson"
    file.write_bytes(ndjson(requests) + b"\n\n\r\n")
    said = submitted(ready, "--file", str(file))
    assert [one["requestId"] for one in said] == [f"r{n}" for n in range(300)]
    of_c1 = [record for record in sent(ready) if record.key == b"c1"]
    assert [request_of(ready, record)["requestId"] for record in of_c1] == [
        f"r{n}" for n in range(0, 300, 2)
    ]
    more = [plain("c1", f"more-{n}") for n in range(100)]
    results = submitted(ready, "--file", "-", "--wait", stdin=ndjson(more))
    assert {result["requestId"] for result in results} == {f"more-{n}" for n in range(100)}


def test_a_bad_line_sends_nothing(ready: World) -> None:
    for bad in ("x", "{}", json.dumps({**plain("c1", "r2"), "operation": "DOWNGRADE"})):
        stdin = ndjson([plain("c1", "r1")]) + b"\n" + bad.encode() + b"\n"
        finished = ready.run("submit", "--file", "-", stdin=stdin)
        assert finished.status == 2
        assert "nothing is sent: line 2: " in finished.err
    assert sent(ready) == []


def test_wrong_use(world: World, tmp_path: Path) -> None:
    check = [*ABOUT, "--operation", "CHECK"]
    wrong = [
        [],
        check[2:],
        [*check, "x"],
        [*ABOUT, "--operation", "DOWNGRADE"],
        [*check, "--quantity", "many"],
        [*check, "--quantity", "2147483648"],
        [*check, "--requested-at", "soon"],
        [*check, "--timeout", "0"],
        [*check, "--file", "x"],
        ["--file", str(tmp_path / "nowhere")],
        ["--customer-id", "", *check[2:]],
    ]
    for arguments in wrong:
        finished = world.run("submit", *arguments)
        assert finished.status == 2, arguments
        assert finished.err.startswith("planlift submit: "), arguments
    assert world.run("submit", "--help").out.startswith("Usage: planlift submit")


def test_topics_are_not_made(world: World) -> None:
    finished = world.run("submit", *ABOUT, "--operation", "CHECK")
    assert finished.status == 1
    assert "planlift topics create" in finished.err
    assert world.topics.requests not in world.client.admin.list_topics().topics
    settings = {"kafka.bootstrap.servers": f"{LOOPBACK}:{reserve_port()}"}
    finished = world.run("submit", *ABOUT, "--operation", "CHECK", settings=settings)
    assert finished.status == 1
    assert str(settings["kafka.bootstrap.servers"]) in finished.err
