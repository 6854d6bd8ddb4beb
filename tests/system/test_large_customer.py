"""A customer of very many licences: every answer right, no record too large, and a fact about one
licence costs no more than with a small customer (contract 1 and 3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import redis

from harness import Planlift, World
from harness.deadline import PATIENCE
from harness.samples import TARGET, customer_facts, licence, subscription, wish
from harness.verdict import judge
from oracle.records import Record

MIB = 2**20
LARGE = 25_000
CUSTOMER = "large"


def send_events(world: World, messages: list) -> None:
    world.client.send(world.topics.events, messages)


@pytest.fixture
def grown(world: World) -> tuple[World, Planlift]:
    """A running service that has taken the customer in: some licences by group, some with services
    disabled, names of any length."""
    world.create_topics()
    facts = customer_facts(world, CUSTOMER, licences=0, quantity=2 * LARGE)
    for n in range(LARGE):
        changes: dict = {"displayName": f"Name {n} " * (n % 4)}
        if n % 17 == 0:
            changes["assignedByGroup"] = "group"
        if n % 5 == 0:
            changes["disabledServices"] = ["EXCHANGE_S_STANDARD", "RETIRED"]
        facts.append(world.event(CUSTOMER, "LicenseAssigned", **licence(n, **changes)))
    process = world.start()
    send_events(world, facts)
    world.await_taken_in(process, 60)
    return world, process


def memory(process: Planlift, name: str = "VmRSS") -> int:
    """Bytes in use now, or at most so far (VmHWM)."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def state_records(world: World) -> list[Record]:
    return world.client.read(world.topics.state)


def size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")


def ask(
    world: World, process: Planlift, name: str, operation: str, **changes: object
) -> list[dict]:
    """One request more, and the parts of its result."""
    world.send_request(CUSTOMER, requestId=name, **wish(operation, **changes))
    world.await_taken_in(process, 60)
    return [result for result in world.results() if result["requestId"] == name]


def test_its_life(grown: tuple[World, Planlift]) -> None:
    """Checked, upgraded in parts, changed further, with restarts and a lost cache in between."""
    world, process = grown
    [check] = ask(world, process, "check", "CHECK")
    assert check["outcome"] == "ELIGIBLE"
    counts = {p["targetOfferId"]: p["affectedAccounts"] for p in check["possibleUpgrades"]}
    assert counts[TARGET] == LARGE
    assert process.stop().status == 0
    process = world.start()
    parts = ask(world, process, "up", "UPGRADE")
    assert [len(part["affectedAccounts"]) for part in parts] == [1000] * (LARGE // 1000)
    target = parts[0]["targetSubscription"]["subscriptionId"]
    # Facts about the old subscription go to the new one now.
    changes = [
        world.event(CUSTOMER, "LicenseAssigned", **licence(n, displayName="again"))
        for n in range(0, LARGE, 500)
    ] + [
        world.event(CUSTOMER, "LicenseRemoved", subscriptionId=target, userId=licence(n)["userId"])
        for n in range(100, LARGE, 500)
    ]
    send_events(world, changes)
    world.await_taken_in(process)
    [add] = ask(world, process, "add", "ADD_LICENSES", subscriptionId=target)
    assert add["outcome"] == "LICENSES_ADDED"
    assert process.stop().status == 0
    redis.Redis.from_url(world.redis.url).flushall()
    process = world.start()
    stated = subscription(target, offerId=TARGET, quantity=LARGE - 100, revision=1)
    send_events(world, [world.event(CUSTOMER, "SubscriptionChanged", **stated)])
    world.await_taken_in(process)
    [last] = ask(world, process, "last", "CHECK", subscriptionId=target)
    assert last["customerVersion"] == 2 + LARGE + 1 + len(changes) + 1 + 1
    assert process.stop().status == 0
    largest = max(map(size, state_records(world)))
    assert largest < 10**6, largest
    judge(world)


@pytest.mark.skipif(PATIENCE != 1, reason="sanitizers keep freed memory")
def test_costs_of_one_more_licence(grown: tuple[World, Planlift]) -> None:
    """Bytes of state for one fact are at most twice those of a customer of 25 licences; and the
    memory that the upgrade of all took is not more than a fixed bound, nor does it grow."""
    world, process = grown
    send_events(world, customer_facts(world, "small", licences=25, quantity=100))
    world.await_taken_in(process)

    def total() -> int:
        return sum(map(size, state_records(world)))

    costs: dict[str, list[int]] = {"small": [], CUSTOMER: []}
    for n in range(5):
        for customer, found in costs.items():
            before = total()
            more = world.event(customer, "LicenseAssigned", **licence(f"one-more-{n}"))
            send_events(world, [more])
            world.await_taken_in(process)
            found.append(total() - before)
    print("bytes of state:", costs)
    assert sum(costs[CUSTOMER]) <= 2 * sum(costs["small"])
    resting = memory(process)
    for n in range(4):
        ask(world, process, f"check-{n}", "CHECK")
    assert memory(process) - resting < 8 * MIB
    ask(world, process, "up", "UPGRADE")
    print("MiB:", resting // MIB, memory(process) // MIB, memory(process, "VmHWM") // MIB)
    assert memory(process, "VmHWM") < 160 * MIB


def test_a_customer_of_very_many_subscriptions(world: World) -> None:
    """Two thousand, with a licence each; one is upgraded, one grows, the others stay."""
    world.create_topics()
    facts = customer_facts(world, CUSTOMER)
    for n in range(2000):
        name = f"sub-{n:04d}"
        facts += [
            world.event(CUSTOMER, "SubscriptionChanged", **subscription(name)),
            world.event(CUSTOMER, "LicenseAssigned", **licence(n, subscription_id=name)),
        ]
    process = world.start()
    send_events(world, facts)
    world.await_taken_in(process, 60)
    ask(world, process, "check", "CHECK")
    [up] = ask(world, process, "up", "UPGRADE", subscriptionId="sub-0077")
    [add] = ask(world, process, "add", "ADD_LICENSES", subscriptionId="sub-1999")
    assert (up["outcome"], add["outcome"]) == ("UPGRADED", "LICENSES_ADDED")
    assert process.stop().status == 0
    assert max(map(size, state_records(world))) < 10**6
    judge(world)
