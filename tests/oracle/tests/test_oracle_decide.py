"""Finer points of contract 6 that the vectors may not pin, and the speed of large customers."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from oracle.catalogue import INT32_MAX, Catalogue, from_json
from oracle.decide import NAMESPACE, commit, decide
from oracle.state import Customer, apply_event


def offer(*services: str, seats: int | None = None) -> dict[str, Any]:
    return {
        "name": "N",
        "sku": None,
        "guid": None,
        "maxSeats": seats,
        "services": list(services),
    }


def family(**flags: bool) -> dict[str, Any]:
    return {"name": "F", "exclusive": False, "conflicts": False, "transition": False, **flags}


@pytest.fixture(name="small")
def small_catalogue() -> Catalogue:
    services = {"m1": "mail", "m2": "mail", "m3": "mail", "t1": "talk", "t2": "talk", "x": "misc"}
    return from_json(
        {
            "version": "small",
            "families": {
                "mail": family(exclusive=True, conflicts=True, transition=True),
                "talk": family(transition=True),
                "misc": family(),
            },
            "services": {
                key: {"name": key.upper(), "guid": None, "family": value}
                for key, value in services.items()
            },
            "offers": {
                "low": offer("x", "t1", "m1", seats=10),
                "high": offer("m2", "x", seats=300),
                "mail3": offer("m3"),
                "talk2": offer("t2"),
                "none": offer(),
            },
            "upgrades": {"low": ["high", "none"], "none": ["high"]},
        }
    )


def source(**fields: Any) -> dict[str, Any]:
    return {
        "subscriptionId": "s",
        "offerId": "low",
        "status": "ACTIVE",
        "quantity": 5,
        "partnerId": "p",
        "channel": "CSP",
        "revision": 1,
        **fields,
    }


def licence(user: str, *disabled: str, **fields: Any) -> dict[str, Any]:
    names = {"userId": user, "userPrincipalName": f"{user}@x"}
    return {**names, "disabledServices": list(disabled), **fields}


def customer(*subscriptions: dict[str, Any], families: tuple[str, ...] = ()) -> Customer:
    grant = {"partnerId": "p", "serviceFamilies": list(families)}
    state = {"customerId": "c", "version": 4, "subscriptions": list(subscriptions)}
    return Customer.from_json({**state, "delegatedAdmin": [grant]})


def request(operation: str = "UPGRADE", **fields: Any) -> dict[str, Any]:
    return {
        "requestId": "r",
        "customerId": "c",
        "partnerId": "p",
        "subscriptionId": "s",
        "operation": operation,
        "targetOfferId": "high" if operation == "UPGRADE" else None,
        "requestedBy": {"userId": "op", "role": "SALES_AGENT"},
        "requestedAt": 0,
        **fields,
    }


def codes(result: dict[str, Any]) -> list[str]:
    return [error["code"] for error in result["errors"]]


def test_upgrade_moves_licences_and_lists_transitions(small: Catalogue) -> None:
    state = customer(source(licenses=[licence("v", "m1"), licence("u", assignedByGroup="g")]))
    decision = decide(small, state, request(), 77)
    result = decision.result
    new_id = str(uuid.uuid5(uuid.uuid5(NAMESPACE, "c"), "r"))
    assert result["outcome"] == "UPGRADED"
    assert result["upgradeType"] == "UPGRADE_WITH_LICENSE_TRANSFER"
    assert result["targetSubscription"]["subscriptionId"] == new_id
    first, second = result["affectedAccounts"]
    assert first["userId"] == "u"
    assert first["licenseError"]["code"] == "license_assigned_by_group"
    assert first["transitions"] == [
        {"service": "t1", "replacement": None, "transition": "REMOVED"},
        {"service": "m1", "replacement": "m2", "transition": "REPLACED"},
    ]
    assert second["transitions"] == first["transitions"][:1]
    assert [(s["service"], s["accounts"]) for s in result["servicesToTransition"]] == [
        ("t1", 2),
        ("m1", 1),
    ]
    assert result["billing"]["effectiveAt"] == result["decidedAt"] == 77
    commit(state, decision)
    assert state.version == 5
    assert state.subscriptions["s"].licences == {}
    moved = state.subscriptions[new_id].licences
    assert list(moved) == ["v"]
    assert moved["v"].disabled == ("m2",)


def test_licence_conflict_needs_another_enabled_plan(small: Catalogue) -> None:
    other = source(subscriptionId="t", offerId="mail3", parentSubscriptionId="s")
    for disabled, is_clash in (((), True), (("m3",), False)):
        state = customer(
            source(licenses=[licence("u")]), {**other, "licenses": [licence("u", *disabled)]}
        )
        possible = decide(small, state, request("CHECK", targetOfferId="high")).result
        accounts = possible["possibleUpgrades"][0]
        assert accounts["affectedAccounts"] == 1
        refused = decide(small, state, request(requireLicenseTransfer=True)).result
        assert ("user_license_error" in codes(refused)) is is_clash


def test_the_quantity_sum_may_not_leave_int32(small: Catalogue) -> None:
    state = customer(source(offerId="mail3", quantity=INT32_MAX - 1))
    granted = decide(small, state, request("ADD_LICENSES", quantity=1))
    assert granted.granted
    assert granted.result["targetSubscription"]["quantity"] == INT32_MAX
    refused = decide(small, state, request("ADD_LICENSES", quantity=2)).result
    assert codes(refused) == ["quantity_exceeds_offer_limit"]


def test_errors_keep_their_order(small: Catalogue) -> None:
    state = customer(
        source(status="SUSPENDED", quantity=400, licenses=[licence("u", assignedByGroup="g")]),
        source(subscriptionId="a", parentSubscriptionId="s", offerId="high"),
        source(subscriptionId="b", offerId="high"),
        source(subscriptionId="d", offerId="mail3", channel="DIRECT"),
        families=("talk",),
    )
    asked = request(
        requestedBy={"userId": "op", "role": "x"}, expectedVersion=1, requireLicenseTransfer=True
    )
    result = decide(small, state, asked).result
    assert codes(result) == [
        "role_not_permitted",
        "version_mismatch",
        "subscription_status_not_active",
        "delegated_admin_permissions_disabled",
        "subscription_add_ons_present",
        "target_offer_already_owned",
        "quantity_exceeds_offer_limit",
        "user_license_error",
    ]
    assert result["errors"][3]["services"] == ["x", "m1"]
    assert [error["subscriptionId"] for error in result["errors"][4:6]] == ["a", "b"]


def test_unknown_offer_without_grant_still_lacks_permission(small: Catalogue) -> None:
    state = customer(source(offerId="gone", partnerId="q"))
    result = decide(small, state, request("ADD_LICENSES", partnerId="q", quantity=1)).result
    assert codes(result) == ["delegated_admin_permissions_disabled"]
    assert result["errors"][0]["services"] == []
    assert result["sourceSubscription"]["offerName"] == "gone"


def test_deciding_changes_nothing(small: Catalogue) -> None:
    state = customer(source(licenses=[licence("u")]))
    before = state.to_json()
    assert decide(small, state, request()).granted
    assert state.to_json() == before


def test_large_customers_are_quick(small: Catalogue) -> None:
    count = 25_000
    state = customer(source(quantity=count))
    started = time.monotonic()
    for number in range(count):
        event = {"type": "LicenseAssigned", "subscriptionId": "s", **licence(f"u{number:06d}")}
        apply_event(state, event)
    for _ in range(1000):
        assert not decide(small, state, request("ADD_LICENSES", quantity=1)).granted
    state.subscriptions["s"].quantity = count
    assert codes(decide(small, state, request(targetOfferId="none", quantity=1)).result) == [
        "quantity_below_assigned_licenses"
    ]
    decision = decide(small, state, request(targetOfferId="none"))
    assert len(decision.result["affectedAccounts"]) == count
    assert time.monotonic() - started < 10
