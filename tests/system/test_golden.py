"""Golden state (tests/golden): today's program reads what every version stored, and stores today
what this version always stored; what a newer version stored is refused, and left as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from golden import FOLDER, PROGRESS, Golden, Json, Partition, files, load
from golden.place import encode, place, write_state
from golden.seal import newer
from golden.take import (
    CATALOGUE,
    by_id,
    expected_customers,
    golden_kafka,
    read_states,
    settle,
    take,
)
from harness import World
from harness.stored import FORMAT_VERSION, cache_key, decode, standing, stored_cache
from oracle.catalogue import load as load_catalogue
from oracle.compare import differences
from oracle.decide import commit, decide
from oracle.state import Customer, once, remember
from services import Kafka

ADVICE = f"""
The stored form has changed. Running systems hold state in the old one. Either undo the change, or
  - raise FORMAT_VERSION in src/wire/state_seal.c, so that an older planlift refuses the new form,
  - read the old form as well: {FOLDER.name}/state-*.json.xz must all stay readable,
  - keep those files, and add one of the new form with tests/golden/write.
"""
GOLDEN = files()
NEWEST = GOLDEN[-1]
each_version = pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name.split(".")[0])


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The same cluster every time."""
    with golden_kafka() as server:
        yield server


@pytest.fixture
def settled(world: World) -> Iterator[World]:
    """A world of the golden group."""
    with settle(world):
        yield world


# --- what was stored is read ----------------------------------------------------------------------


@each_version
def test_golden_pieces_are_those_customers(path: Path) -> None:
    """From the state topic as from Redis."""
    golden = load(path)
    assert str(golden.format) == re.sub(r"\D", "", path.name), "named by its format version"
    for stored, arguments in (("state", ()), ("cache", ("cache",))):
        customers = []
        for partition in golden.partitions:
            values = getattr(partition, stored)
            progress, found = read_states(values, *arguments)
            assert (progress["groupId"], progress["pieces"]) == (golden.group, len(values) - 1)
            customers += found
        assert by_id(customers) == golden.customers


@each_version
@pytest.mark.parametrize("with_cache", [False, True], ids=["cache-empty", "cache-kept"])
def test_a_service_goes_on_from_golden_state(settled: World, path: Path, with_cache: bool) -> None:
    """It rebuilds Redis, or takes it as it is; it answers as the customers demand, and knows what
    was answered."""
    golden = load(path)
    place(settled, golden, with_cache=with_cache)
    finished = settled.drain()
    assert ("cache_rebuild" in finished.err) is not with_cache
    for cache, partition in zip(stored_cache(settled), golden.partitions, strict=True):
        assert {key: value for key, value in cache.items() if key != PROGRESS} == partition.pieces
    requests = questions(golden)
    settled.client.send(
        settled.topics.requests,
        [settled.request(request["customerId"], **request) for request in requests],
    )
    settled.drain()
    results, reused = answers(golden, requests)
    found = [_of_customer(settled.results(), customer) for customer in results]
    for expected, actual in zip(results.values(), found, strict=True):
        assert list(differences(expected, actual)) == []
    letters = settled.dead_letters()
    assert len(letters) == reused
    assert {dict(letter.headers)["planlift-error-code"] for letter in letters} == {
        b"request_id_reused"
    }


def _of_customer(results: list[Json], customer: str) -> list[Json]:
    return [result for result in results if result["customerId"] == customer]


def questions(golden: Golden) -> list[Json]:
    """All that was ever asked, again; then what is new about every subscription there is."""
    asked = list(golden.requests)
    asked += [{**request, "quantity": 12345} for request in golden.requests[-3:]]
    common = {"requestedBy": {"userId": "u", "role": "GLOBAL_ADMIN"}, "requestedAt": 0}
    for customer in golden.customers:
        for subscription in [*customer["subscriptions"], {"subscriptionId": "none"}]:
            for operation, more in (("CHECK", {}), ("ADD_LICENSES", {"quantity": 1})):
                asked.append(
                    {
                        "requestId": f"new-{operation}-{subscription['subscriptionId']}",
                        "customerId": customer["customerId"],
                        "partnerId": subscription.get("partnerId") or "partner",
                        "subscriptionId": subscription["subscriptionId"],
                        "operation": operation,
                        **more,
                        **common,
                    }
                )
    return asked


def answers(golden: Golden, requests: list[Json]) -> tuple[dict[str, list[Json]], int]:
    """By the oracle: the results of each customer in order, and the number of reused ids."""
    catalogue = load_catalogue(CATALOGUE)
    customers = {state["customerId"]: Customer.from_json(state) for state in golden.customers}
    for request in golden.requests:
        remember(customers[request["customerId"]], request)
    results: dict[str, list[Json]] = {customer: [] for customer in customers}
    reused = 0
    for request in requests:
        customer = customers[request["customerId"]]
        verdict = once(customer, request)
        if verdict == "new":
            decision = decide(catalogue, customer, request)
            commit(customer, decision)
            remember(customer, request)
            results[customer.customer_id].append(decision.result)
        reused += verdict == "reused"
    return results, reused


# --- what is stored is the same -------------------------------------------------------------------


def test_the_story_stores_the_same_bytes(settled: World) -> None:
    golden = load(NEWEST)
    taken = take(settled)
    assert taken.customers == expected_customers()
    assert taken.format == golden.format, ADVICE
    assert taken.customers == golden.customers, "another story: write golden state anew"
    for mine, theirs in zip(taken.partitions, golden.partitions, strict=True):
        assert mine.pieces == theirs.pieces, ADVICE
        assert {k: v for k, v in mine.cache.items() if k != PROGRESS} == mine.pieces
        check_same_but(mine, theirs)


def check_same_but(mine: Partition, theirs: Partition) -> None:
    """Progress record and checkpoint are the same but for what chance and the clock put there."""
    progress = decode("progress", mine.state[PROGRESS])
    incarnation = {"incarnation": progress["incarnation"]}
    expected = decode("progress", theirs.state[PROGRESS]) | incarnation
    version = theirs.state[PROGRESS][0]
    assert mine.state[PROGRESS] == encode("progress", version, expected), ADVICE

    checkpoint = decode("checkpoint", mine.cache[PROGRESS])
    expected = decode("checkpoint", theirs.cache[PROGRESS])
    expected["progress"] |= incarnation
    expected["writtenAt"] = checkpoint["writtenAt"]
    assert mine.cache[PROGRESS] == encode("checkpoint", version, expected), ADVICE


def test_golden_state_has_every_kind_of_piece() -> None:
    """So that none of them can change unseen."""
    golden = load(NEWEST)
    keys = [key for partition in golden.partitions for key in partition.pieces]
    assert all(partition.pieces for partition in golden.partitions)
    for kind in (rb"h/.+", rb"a[0-7]/.+", rb"l\d+\.0\.0/.+", rb"l\d+\.[1-9]\d*\.[0-9a-f]+/.+"):
        assert any(re.fullmatch(kind, key, re.S) for key in keys), kind
    assert {key[:3] for key in keys if key.endswith(b"/litware")} >= {
        b"a%d/" % segment for segment in range(8)
    }
    for key in keys:
        assert not key.endswith(b"/erased")


# --- what a newer version stored ------------------------------------------------------------------


@pytest.fixture
def placed(settled: World) -> World:
    """Golden state and its Redis in place."""
    place(settled, load(NEWEST), with_cache=True)
    return settled


def refuse(world: World, *places: str) -> None:
    """It ends with 1, says where the newer format is and what to do, and has changed nothing."""
    before = standing(world)
    finished = world.run("run", seconds=15)
    assert finished.status == 1, finished.err
    for words in (
        *places,
        rf"format version {FORMAT_VERSION + 1}\b.* up to {FORMAT_VERSION}\b",
        "run that version or a later one",
    ):
        assert re.search(words, finished.err), f"{words} is not in:\n{finished.err}"
    assert finished.err.splitlines()[-1].startswith("exit_reason=")
    for now, then in zip(standing(world), before, strict=True):
        assert now == then


def some_piece(kind: bytes) -> tuple[int, bytes]:
    """A piece of the customer who returned, or the progress record, and its partition."""
    return next(
        (number, key)
        for number, partition in reversed([*enumerate(load(NEWEST).partitions)])
        for key in partition.state
        if key.startswith(kind) and key.endswith((b"/returned", PROGRESS))
    )


@pytest.mark.parametrize("kind", ["#", "h", "a", "l"])
@pytest.mark.parametrize("with_cache", [False, True], ids=["cache-empty", "cache-kept"])
def test_a_newer_record_in_the_state_topic(placed: World, kind: str, with_cache: bool) -> None:
    number, key = some_piece(kind.encode())
    partition = load(NEWEST).partitions[number]
    records = [(key, newer(key, partition.state[key]))]
    if kind != "#":
        records.append((PROGRESS, partition.state[PROGRESS]))
    write_state(placed, number, records)
    if not with_cache:
        redis.Redis.from_url(placed.redis.url).flushall()
    refuse(placed, rf"{placed.topics.state}/{number}\b")


def test_a_newer_checkpoint(placed: World) -> None:
    change_cache(placed, 2, PROGRESS, newer)
    refuse(placed, "Redis", re.escape(cache_key(placed.group, 2)))


@pytest.mark.parametrize("kind", ["h", "a", "l"])
def test_a_newer_piece_in_the_cache(placed: World, kind: str) -> None:
    """It is found when it is needed."""
    number, key = some_piece(kind.encode())
    change_cache(placed, number, key, newer)
    placed.send_request(
        "returned", partnerId="partner", subscriptionId="s", operation="CHECK", requestId="new"
    )
    refuse(placed, "Redis", re.escape(cache_key(placed.group, number)))


def change_cache(
    world: World, number: int, field: bytes, change: Callable[[bytes, bytes], bytes]
) -> None:
    server = redis.Redis.from_url(world.redis.url)
    key = cache_key(world.group, number)
    server.hset(key, field, change(field, server.hget(key, field)))
