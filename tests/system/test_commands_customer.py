"""`planlift customer` (contract 8): what Kafka knows of a customer, whatever Redis says."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from harness import Finished, Message, World
from harness.groups import remove_member
from harness.samples import PARTNER, customer_facts, licence, subscription, wish
from oracle.wire import partition_of
from services import LOOPBACK, reserve_port

Json = dict[str, Any]
CUSTOMERS = ["c1", "c2", "c3", "kunde/ü %計"]


@pytest.fixture
def ready(world: World) -> World:
    """Customers of 70 licences each, so that theirs are several chunks; no service runs."""
    world.create_topics()
    for customer in CUSTOMERS:
        facts = customer_facts(world, customer, licences=70, quantity=100)
        world.client.send(world.topics.events, facts)
    world.drain()
    return world


def shown(world: World, customer: str, *options: str, **settings: object) -> Json:
    """What --json says."""
    finished = world.run("customer", customer, "--json", *options, settings=settings)
    assert finished.status == 0, finished.err
    [line] = finished.out.splitlines()
    return json.loads(line)


def everything(world: World) -> object:
    """What a command that changes nothing leaves as it is."""
    topics = world.topics
    names = [topics.requests, topics.events, topics.results, topics.state, topics.requests_dlq]
    client = redis.Redis.from_url(world.redis.url)
    hashes = {key: client.hgetall(key) for key in client.keys(f"*{world.group}*")}
    ends = [world.client.ends(name) for name in names]
    return ends, hashes, world.client.committed(world.group)


def assert_as_a_check_says(world: World, customer: str, said: Json) -> None:
    """The service itself answers a CHECK of each subscription as the command has."""
    checks = {check["subscriptionId"]: check for check in said["checks"]}
    before = {result["requestId"] for result in world.results()}
    for name, check in checks.items():
        about = {"subscriptionId": name, "partnerId": check["partnerId"]}
        world.send_request(customer, **wish("CHECK", **about))
    world.drain()
    answers = [result for result in world.results() if result["requestId"] not in before]
    assert len(answers) == len(checks) > 0
    differ = ("requestId", "decidedAt")
    for answer in answers:
        check = checks[answer["subscriptionId"]]
        assert {k: v for k, v in answer.items() if k not in differ} == {
            k: v for k, v in check.items() if k not in differ
        }


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_state_and_possible_upgrades(ready: World, customer: str) -> None:
    extra = [
        ready.event(customer, "SubscriptionChanged", **subscription("apps", offerId="made-up")),
        ready.event(
            customer, "SubscriptionChanged", **subscription("direct", partnerId=None, quantity=3)
        ),
        ready.event(customer, "SubscriptionChanged", **subscription("off", status="SUSPENDED")),
    ]
    ready.client.send(ready.topics.events, extra)
    ready.drain()
    said = shown(ready, customer)
    state = said["customer"]
    assert state["customerId"] == customer
    assert state["version"] == 75
    assert [s["subscriptionId"] for s in state["subscriptions"]] == ["apps", "direct", "off", "s"]
    licences = state["subscriptions"][3]["licenses"]
    assert [one["userId"] for one in licences] == [f"user-{n:06d}" for n in range(70)]
    assert licences[7]["userPrincipalName"] == "user-000007@contoso.example"
    assert state["delegatedAdmin"] == [{"partnerId": PARTNER, "serviceFamilies": []}]
    assert said["partition"] == partition_of(customer.encode(), ready.partitions)
    assert said["eventsBehind"] == said["requestsBehind"] == 0
    assert_as_a_check_says(ready, customer, said)


def test_the_state_goes_into_decide(ready: World) -> None:
    said = shown(ready, "c1")
    request = {**wish("UPGRADE"), "requestId": "up", "customerId": "c1", "requestedAt": 0}
    request["requestedBy"] = {"userId": "u", "role": "GLOBAL_ADMIN"}
    line = {"customer": said["customer"], "request": request, "now": 0}
    decided = json.loads(ready.run("decide", stdin=json.dumps(line).encode()).out)
    ready.send_request("c1", **request)
    ready.drain()
    [result] = ready.results()
    assert decided["result"]["affectedAccounts"] == result["affectedAccounts"]
    assert shown(ready, "c1")["customer"] == decided["customer"]


def test_a_table_for_people(ready: World) -> None:
    finished = ready.run("customer", "c2")
    assert finished.status == 0, finished.err
    assert "Customer c2, version 72," in finished.out
    assert "As a CHECK of each subscription" in finished.out
    assert all(len(line) <= 100 for line in finished.out.splitlines())
    assert finished.err == ""  # Redis was of use


def lose_redis(world: World) -> dict[str, object]:
    return {"redis.url": f"redis://{LOOPBACK}:{reserve_port()}"}


def empty_redis(world: World) -> dict[str, object]:
    client = redis.Redis.from_url(world.redis.url)
    client.delete(*client.keys(f"*{world.group}*"))
    return {}


def another_history(world: World) -> dict[str, object]:
    """The hash of a group of the same name, on other topics, with another c1."""
    client = redis.Redis.from_url(world.redis.url)
    keys = client.keys(f"*{world.group}*")
    for key in keys:
        client.rename(key, b"mine" + key)
    theirs = {
        "topic.events": world.topics.events + "2",
        "topic.requests": world.topics.requests + "2",
        "topic.results": world.topics.results + "2",
        "topic.state": world.topics.state + "2",
    }
    assert world.run("topics", "create", settings=theirs).status == 0
    remove_member(world.client.bootstrap_servers, world.group, f"{world.group}-0")
    facts = [world.event("c1", "SubscriptionChanged", **subscription("theirs"))]
    world.client.send(theirs["topic.events"], facts * 200)
    world.client.send(theirs["topic.events"], [world.event("c3", "CustomerErased")])
    world.drain(settings=theirs)
    for key in client.keys(f"mine*{world.group}*"):
        client.delete(key)
    return {}


def damage(world: World) -> dict[str, object]:
    client = redis.Redis.from_url(world.redis.url)
    for key in client.keys(f"*{world.group}*"):
        for field in client.hkeys(key):
            if field.startswith(b"l"):
                client.hset(key, field, client.hget(key, field)[:-1])
    return {}


def lose_chunks(world: World) -> dict[str, object]:
    client = redis.Redis.from_url(world.redis.url)
    for key in client.keys(f"*{world.group}*"):
        for field in client.hkeys(key):
            if field.startswith(b"l"):
                client.hdel(key, field)
    return {}


FAULTS = [lose_redis, empty_redis, another_history, damage, lose_chunks]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_redis_is_but_a_short_cut(ready: World, fault: Any) -> None:
    right = {customer: shown(ready, customer, "--no-cache") for customer in CUSTOMERS}
    settings = fault(ready)
    for customer in CUSTOMERS:
        finished = ready.run("customer", customer, "--json", settings=settings)
        assert finished.status == 0, finished.err
        said = json.loads(finished.out)
        assert said["customer"] == right[customer]["customer"]
        assert "Redis is passed over: " in finished.err


def test_a_cache_that_is_behind_is_caught_up_with(ready: World) -> None:
    """Redis comes back with what it had earlier: the rest is in the state topic."""
    client = redis.Redis.from_url(ready.redis.url)
    before = {key: client.hgetall(key) for key in client.keys(f"*{ready.group}*")}
    changes = [
        ready.event("c1", "LicenseRemoved", subscriptionId="s", userId="user-000003"),
        ready.event("c1", "LicenseAssigned", **licence("late")),
        ready.event("c2", "CustomerErased"),
    ]
    ready.client.send(ready.topics.events, changes)
    ready.drain()
    for key, fields in before.items():
        client.delete(key)
        client.hset(key, mapping=fields)
    said = ready.run("customer", "c1", "--json")
    assert said.err == ""
    state = json.loads(said.out)["customer"]
    users = [one["userId"] for one in state["subscriptions"][0]["licenses"]]
    assert state["version"] == 74
    assert users == sorted({f"user-{n:06d}" for n in range(70) if n != 3} | {"late"})
    assert ready.run("customer", "c2").status == 1


def test_what_the_service_has_yet_to_take_in_is_said(ready: World) -> None:
    version = shown(ready, "c1")["customer"]["version"]
    for n in range(3):
        ready.send_event("c1", "LicenseAssigned", **licence(f"late-{n}"))
    ready.send_request("c1", **wish("CHECK"))
    said = shown(ready, "c1")
    assert (said["eventsBehind"], said["requestsBehind"]) == (3, 1)
    assert said["customer"]["version"] == version
    assert "yet to take in up to 3 events and 1 requests" in ready.run("customer", "c1").out
    ready.drain()
    said = shown(ready, "c1")
    assert (said["eventsBehind"], said["requestsBehind"]) == (0, 0)
    assert said["customer"]["version"] == version + 3


def test_nothing_is_changed_and_nobody_disturbed(ready: World) -> None:
    before = everything(ready)
    for _ in range(2):
        shown(ready, "c1")
        shown(ready, "c1", "--no-cache")
    assert everything(ready) == before
    groups = ready.client.admin.describe_consumer_groups([ready.group])[ready.group].result()
    assert [member.group_instance_id for member in groups.members] in ([], [f"{ready.group}-0"])


def test_a_running_service_is_not_disturbed(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    seen = []
    for n in range(5):
        ready.send_event("c1", "LicenseAssigned", **licence(f"late-{n}"))
        seen.append(shown(ready, "c1")["customer"]["version"])
    ready.await_taken_in(process)
    assert seen == sorted(seen)
    assert shown(ready, "c1")["customer"]["version"] == 77
    assert process.is_running
    assert "fenced" not in process.err.text
    assert process.stop().status == 0


def check_unknown(finished: Finished, customer: str) -> None:
    assert finished.status == 1
    assert finished.out == ""
    assert f"knows no customer {customer}" in finished.err


def test_a_customer_that_is_not_there(ready: World) -> None:
    for options in ([], ["--json"], ["--no-cache"]):
        check_unknown(ready.run("customer", "nobody", *options), "nobody")
    ready.send_event("c1", "CustomerErased")
    ready.drain()
    for options in ([], ["--no-cache"]):
        check_unknown(ready.run("customer", "c1", *options), "c1")


def test_without_a_partitioner_every_partition_is_looked_in(world: World) -> None:
    world.settings["partitioner"] = "none"
    world.create_topics()
    fact = world.event("c", "SubscriptionChanged", **subscription())
    for partition in (0, 2):
        world.client.send(world.topics.events, [Message(fact.key, fact.value, (), partition)])
    world.drain()
    finished = world.run("customer", "c", "--json")
    assert finished.status == 0, finished.err
    assert [json.loads(line)["partition"] for line in finished.out.splitlines()] == [0, 2]


def test_wrong_use(world: World) -> None:
    for arguments in ([], ["a", "b"], [""], ["a", "--nonsense"], ["a", "--config"]):
        finished = world.run("customer", *arguments)
        assert finished.status == 2, arguments
        assert "planlift customer --help" in finished.err
    finished = world.run("customer", "--help")
    assert finished.status == 0
    assert finished.out.startswith("Usage: planlift customer")


def test_topics_that_are_not_there(world: World) -> None:
    finished = world.run("customer", "c")
    assert finished.status == 1
    assert world.topics.state in finished.err
    assert "planlift topics create" in finished.err


def test_a_kafka_that_is_not_there(world: World) -> None:
    settings = {"kafka.bootstrap.servers": f"{LOOPBACK}:{reserve_port()}"}
    finished = world.run("customer", "c", settings=settings, seconds=30)
    assert finished.status == 1
    assert "planlift customer: " in finished.err
