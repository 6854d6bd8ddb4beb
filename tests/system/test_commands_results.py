"""`planlift results` (contract 8): what was decided, as a table or NDJSON, parts put together."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from harness import Message, Planlift, World
from harness.planlift import BINARY, environment
from harness.samples import customer_facts, wish
from oracle.wire import partition_of
from services import LOOPBACK, reserve_port, spawn

Json = dict[str, Any]


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    for customer in ("c1", "c2", "c3"):
        world.client.send(world.topics.events, customer_facts(world, customer, licences=5))
    world.drain()
    return world


def ask(world: World, *requests: Message) -> None:
    world.client.send(world.topics.requests, requests)
    world.drain()


def listed(world: World, *options: str) -> list[Json]:
    finished = world.run("results", "--json", *options)
    assert finished.status == 0, finished.err
    return [json.loads(line) for line in finished.out.splitlines()]


def ids(results: list[Json]) -> list[str]:
    return sorted(result["requestId"] for result in results)


def test_json_is_what_was_published(ready: World) -> None:
    asked = [ready.request(c, requestId=f"r-{c}", **wish("CHECK")) for c in ("c1", "c2", "c3")]
    ask(ready, *asked, ready.request("c1", requestId="up", orderId="o", **wish()))
    published = {result["requestId"]: result for result in ready.results()}
    assert len(published) == 4
    assert {result["requestId"]: result for result in listed(ready)} == published
    # By partition and, within it, as they were decided.
    order = [partition_of(result["customerId"].encode(), 3) for result in listed(ready)]
    assert order == sorted(order)
    assert [r["requestId"] for r in listed(ready, "--customer", "c1")] == ["r-c1", "up"]


def test_parts_are_put_together(ready: World) -> None:
    ready.settings["result.max.accounts"] = 2
    ask(ready, ready.request("c1", requestId="up", **wish()))
    parts = ready.results()
    assert [(part["part"], part["parts"]) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    [result] = listed(ready)
    accounts = [account for part in parts for account in part["affectedAccounts"]]
    assert result == {**parts[0], "affectedAccounts": accounts, "part": 1, "parts": 1}
    finished = ready.run("results")
    assert finished.out.count("UPGRADED") == 1
    assert "5 accounts affected" in finished.out


def test_a_result_whose_first_parts_are_gone_is_left_out(ready: World) -> None:
    ready.settings["result.max.accounts"] = 2
    ask(ready, ready.request("c1", requestId="up", **wish()))
    ask(ready, ready.request("c1", requestId="next", **wish("CHECK")))
    place = ready.topics.results, partition_of(b"c1", ready.partitions)
    ready.client.delete_before({place: 1})
    finished = ready.run("results", "--json", "--from-beginning")
    assert finished.status == 0
    assert ids([json.loads(line) for line in finished.out.splitlines()]) == ["next"]
    assert "1 results are left out" in finished.err


def test_which(ready: World) -> None:
    ask(ready, *(ready.request("c1", requestId=f"r{n}", **wish("CHECK")) for n in range(9)))
    assert ids(listed(ready, "--max", "3")) == ["r0", "r1", "r2"]
    assert ids(listed(ready, "--since", "2100-01-01")) == []
    assert ids(listed(ready, "--since", "0s")) == []
    assert len(listed(ready, "--since", "1970-01-01")) == 9
    assert len(listed(ready, "--since", "10m")) == 9
    assert len(listed(ready, "--from-beginning")) == 9
    assert listed(ready, "--customer", "nobody") == []
    middle = ready.results()[4]["decidedAt"]
    assert all(r["decidedAt"] >= middle - 60_000 for r in listed(ready, "--since", "1m"))


def test_a_table_for_people(ready: World) -> None:
    ask(
        ready,
        ready.request("c1", requestId="check-1", **wish("CHECK")),
        ready.request("c1", requestId="no", **wish(subscriptionId="nowhere")),
    )
    finished = ready.run("results")
    assert finished.status == 0, finished.err
    lines = finished.out.splitlines()
    assert lines[0].split() == [
        "Decided",
        "Request",
        "Outcome",
        "What",
        "came",
        "of",
        "it",
    ]
    assert len([line for line in lines if line.startswith("20")]) == 2
    assert "REFUSED" in finished.out
    assert "subscription_not_found" in finished.out
    assert all(len(line) <= 100 for line in lines)


def test_what_is_no_result_is_passed_over(ready: World) -> None:
    ready.client.send(ready.topics.results, [Message(b"c1", b"garbage")])
    ask(ready, ready.request("c1", requestId="r", **wish("CHECK")))
    finished = ready.run("results", "--json")
    assert finished.status == 0
    assert ids([json.loads(line) for line in finished.out.splitlines()]) == ["r"]
    assert f"{ready.topics.results}/" in finished.err
    assert "malformed" in finished.err


def test_what_was_aborted_is_not_shown(ready: World) -> None:
    ask(ready, ready.request("c1", requestId="r", **wish("CHECK")))
    value = ready.client.read(ready.topics.results)[0].value
    producer = ready.client.producer({"transactional.id": f"{ready.group}-test"})
    producer.init_transactions()
    producer.begin_transaction()
    ready.client.send(ready.topics.results, [Message(b"c2", value)], producer)
    producer.abort_transaction()
    assert ids(listed(ready)) == ["r"]


def follow(world: World, *options: str) -> Planlift:
    process = world.start("results", "--follow", "--json", *options)
    return process


def stop(process: Planlift) -> list[Json]:
    process.process.send_signal(signal.SIGINT)
    finished = process.await_exit(20)
    assert finished.status == 0, finished.err
    return [json.loads(line) for line in finished.out.splitlines()]


def test_following_goes_on_with_what_comes(ready: World) -> None:
    ask(ready, ready.request("c1", requestId="before", **wish("CHECK")))
    all_of_them = follow(ready, "--from-beginning")
    all_of_them.out.await_match('"requestId":"before"')
    of_one = follow(ready, "--from-beginning", "--customer", "c2")
    from_now = follow(ready)
    last = follow(ready, "--from-beginning", "--max", "3")
    for n in range(200):  # those that start now need not see the first
        ask(ready, ready.request("c1", requestId=f"r{n}", **wish("CHECK")))
        if '"requestId"' in from_now.out.text:
            break
    ask(ready, ready.request("c2", requestId="other", **wish("CHECK")))
    for process in (all_of_them, of_one, from_now):
        process.out.await_match('"requestId":"other"')
    assert ids(stop(of_one)) == ["other"]
    seen = ids(stop(all_of_them))
    assert seen == ids(ready.results())
    assert "before" not in ids(stop(from_now))
    assert last.await_exit(20).status == 0
    assert len(last.out.text.splitlines()) == 3


def test_a_reader_that_goes_away_ends_it(ready: World) -> None:
    ask(ready, ready.request("c1", requestId="r", **wish("CHECK")))
    command = [BINARY, "results", "--follow", "--json", "--from-beginning"]
    process = spawn(
        command,
        env=environment(ready.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process.stdout as out, process.stderr as err:
        assert json.loads(out.readline())["requestId"] == "r"
        out.close()
        ask(ready, ready.request("c1", requestId="next", **wish("CHECK")))
        assert process.wait(120) == 1
        assert b"cannot write the output" in err.read()


def test_wrong_use(world: World) -> None:
    wrong = [
        ["x"],
        ["--max", "0"],
        ["--max", "many"],
        ["--since", "1h", "--from-beginning"],
        ["--since", "lately"],
        ["--nonsense"],
    ]
    for arguments in wrong:
        assert world.run("results", *arguments).status == 2, arguments
    assert world.run("results", "--help").out.startswith("Usage: planlift results")
    finished = world.run("results", settings={"kafka.nonsense": 1})
    assert finished.status == 2
    assert "nonsense" in finished.err
    settings = {"kafka.bootstrap.servers": f"{LOOPBACK}:{reserve_port()}"}
    finished = world.run("results", settings=settings, seconds=30)
    assert finished.status == 1
    assert str(settings["kafka.bootstrap.servers"]) in finished.err
    assert world.topics.results in world.run("results").err  # it is not there
