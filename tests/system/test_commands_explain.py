"""`planlift explain` (contract 8): a past decision is replayed from what the topics have, checked
against the published result, and told rule by rule; what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import World
from harness.samples import TARGET, customer_facts, licence, subscription, wish
from services import ROOT

Json = dict[str, Any]


@pytest.fixture
def told(world: World) -> World:
    """A customer with a past: an upgrade between facts, a refusal, a check, licences added."""
    world.create_topics()
    send, topics = world.client.send, world.topics
    send(topics.events, customer_facts(world, "c", licences=3))
    send(topics.events, customer_facts(world, "other"))
    world.drain()
    send(
        topics.requests,
        [
            world.request("c", requestId="check", **wish("CHECK")),
            world.request("other", requestId="upgrade", **wish()),
            world.request("c", requestId="upgrade", **wish()),
            world.request("c", requestId="upgrade", **wish()),
            world.request("c", requestId="refused", **wish(partnerId="somebody")),
        ],
    )
    world.drain()
    moved = licence(9, "s")
    send(topics.events, [world.event("c", "LicenseAssigned", **moved)])
    world.drain()
    send(topics.requests, [world.request("c", requestId="cancelled", **wish())])
    world.drain()
    return world


def explain(world: World, *arguments: str | Path) -> tuple[int, Json]:
    finished = world.run("explain", "--json", *arguments)
    assert finished.out, finished.err
    return finished.status, json.loads(finished.out)


def result_of(world: World, customer: str, request: str) -> Json:
    [result] = [
        r for r in world.results() if (r["customerId"], r["requestId"]) == (customer, request)
    ]
    return result


@pytest.mark.parametrize("request_id", ["check", "upgrade", "refused", "cancelled"])
def test_a_decision_is_replayed(told: World, request_id: str) -> None:
    status, found = explain(told, "c", request_id)
    assert (status, found["equal"], found["missing"]) == (0, True, [])
    published = result_of(told, "c", request_id)
    for side in ("published", "replayed"):
        assert found[side]["outcome"] == published["outcome"]
        assert found[side]["customerVersion"] == published["customerVersion"]
        assert len(found[side]["affectedAccounts"]) == len(published["affectedAccounts"])
    assert found["customer"]["version"] == published["customerVersion"]
    said = {code for rule in found["rules"] for code in rule["errors"]}
    wanted = [published["errors"], *(u["errors"] for u in published["possibleUpgrades"])]
    assert said == {error["code"] for errors in wanted for error in errors}


def test_each_rule_is_told(told: World) -> None:
    rules = explain(told, "c", "upgrade")[1]["rules"]
    assert [rule["number"] for rule in rules] == list(range(15))
    assert all(rule["asked"] and rule["errors"] == [] for rule in rules)
    assert {rule["targetOfferId"] for rule in rules if rule["number"] > 7} == {TARGET}
    rules = explain(told, "c", "refused")[1]["rules"]
    assert [rule["number"] for rule in rules if rule["asked"]] == [0, 1, 2, 3, 4]
    assert rules[4]["errors"] == ["subscription_not_owned_by_partner"]
    assert len(rules) == 15


def test_people_get_tables_that_fit(told: World) -> None:
    finished = told.run("explain", "c", "refused")
    assert finished.status == 0, finished.err
    assert max(map(len, finished.out.splitlines())) <= 100
    for text in ("REFUSED", "subscription_not_owned_by_partner", "not asked", "The replay gives"):
        assert text in finished.out


def test_after_an_erasure_the_versions_come_again(told: World) -> None:
    told.send_event("c", "CustomerErased")
    told.client.send(told.topics.events, customer_facts(told, "c", licences=3, quantity=30))
    told.drain()
    told.send_request("c", requestId="later", **wish())
    told.drain()
    status, found = explain(told, "c", "later")
    assert (status, found["equal"]) == (0, True), found
    assert found["replayed"]["billing"]["added"]["quantity"] == 30
    assert explain(told, "c", "upgrade")[0] == 0


def test_another_catalogue_is_told(told: World, tmp_path: Path) -> None:
    catalogue = json.loads((ROOT / "catalogue" / "csp.json").read_text())
    catalogue["version"] = "other"
    catalogue["upgrades"] = {}
    file = tmp_path / "other.json"
    file.write_text(json.dumps(catalogue))
    status, found = explain(told, "c", "upgrade", "--catalogue", file)
    assert (status, found["equal"], found["catalogueVersion"]) == (1, False, "other")
    assert found["replayed"]["outcome"] == "REFUSED"
    assert len(found["missing"]) == 1  # the check before it
    finished = told.run("explain", "c", "upgrade", "--catalogue", file)
    assert finished.status == 1
    assert "give the one of then with --catalogue" in " ".join(finished.out.split())


def test_what_is_not_retained_is_told(told: World) -> None:
    topic = told.topics.events
    places = [(r.partition, r.offset) for r in told.client.read(topic) if r.key == b"c"]
    partition, offset = places[2]
    told.client.delete_before({(topic, partition): offset})
    status, found = explain(told, "c", "upgrade")
    assert status == 1
    assert found["replayed"] is None
    assert any(f"retained from offset {offset} on" in line for line in found["missing"])
    assert found["published"]["outcome"] == "UPGRADED"


def test_what_was_never_answered(told: World) -> None:
    finished = told.run("explain", "c", "nothing")
    assert (finished.status, finished.out) == (1, "")
    assert "no result of request nothing of customer c" in finished.err
    assert told.run("explain", "c").status == 2
    assert told.run("explain", "", "r").status == 2


def test_facts_of_the_same_version_twice(world: World) -> None:
    """A stale fact counts for the version, though it changes nothing."""
    world.create_topics()
    facts = customer_facts(world, "c", licences=1)
    stale = world.event("c", "SubscriptionChanged", **subscription(revision=0))
    world.client.send(world.topics.events, [*facts, stale])
    world.drain()
    world.send_request("c", requestId="r", **wish("ADD_LICENSES"))
    world.drain()
    status, found = explain(world, "c", "r")
    assert (status, found["customer"]["version"]) == (0, 4)
