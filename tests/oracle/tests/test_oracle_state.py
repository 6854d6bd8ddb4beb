"""Events, replacedBy chains, erasure and the Once memory (contract 5, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from oracle.state import Customer, Subscription, apply_event, invalid_event, once, remember


def subscription(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "subscriptionId": key,
        "offerId": "o",
        "status": "ACTIVE",
        "quantity": 5,
        "revision": 3,
        **fields,
    }


def customer(*subscriptions: dict[str, Any]) -> Customer:
    return Customer.from_json({"customerId": "c", "version": 0, "subscriptions": subscriptions})


def changed(key: str, revision: int, **fields: Any) -> dict[str, Any]:
    return {"type": "SubscriptionChanged", **subscription(key, revision=revision, **fields)}


def assigned(key: str, user: str = "u", **fields: Any) -> dict[str, Any]:
    names = {"subscriptionId": key, "userId": user, "userPrincipalName": "n"}
    return {"type": "LicenseAssigned", **names, **fields}


@pytest.mark.parametrize(("revision", "quantity"), [(2, 5), (3, 5), (4, 9)])
def test_stale_facts_count_but_change_nothing(revision: int, quantity: int) -> None:
    state = customer(subscription("s"))
    apply_event(state, changed("s", revision, quantity=9))
    assert (state.version, state.subscriptions["s"].quantity) == (1, quantity)


def test_replaced_subscription_is_never_overwritten() -> None:
    state = customer(subscription("s", replacedBy="t", status="CANCELLED"))
    apply_event(state, changed("s", 99))
    assert state.subscriptions["s"].status == "CANCELLED"


def test_cancelled_may_come_back_with_its_licences() -> None:
    state = customer(subscription("s", status="CANCELLED"))
    apply_event(state, assigned("s", disabledServices=["z", "a", "z"], displayName=""))
    apply_event(state, changed("s", 4, partnerId="", channel=None))
    found = state.subscriptions["s"]
    assert (found.status, found.partner_id, found.channel) == ("ACTIVE", None, "OTHER")
    assert found.licences["u"].disabled == ("a", "z")
    assert found.licences["u"].display_name is None


def test_licence_follows_the_chain_to_its_end() -> None:
    state = customer(
        subscription("a", replacedBy="b"), subscription("b", replacedBy="c"), subscription("c")
    )
    apply_event(state, assigned("a"))
    assert [len(s.licences) for s in state.subscriptions.values()] == [0, 0, 1]
    apply_event(state, {"type": "LicenseRemoved", "subscriptionId": "b", "userId": "u"})
    assert not state.subscriptions["c"].licences
    assert state.version == 2


@pytest.mark.parametrize(
    "chain",
    [
        [subscription("a", replacedBy="nowhere")],
        [subscription("a", replacedBy="a")],
        [subscription("a", replacedBy="b"), subscription("b", replacedBy="a")],
        [
            subscription("a", replacedBy="b"),
            subscription("b", replacedBy="c"),
            subscription("c", replacedBy="b"),
        ],
        [subscription("x")],
    ],
)
def test_broken_chains_are_ignored(chain: list[dict[str, Any]]) -> None:
    state = customer(*chain)
    apply_event(state, assigned("a"))
    assert state.version == 1
    assert not any(s.licences for s in state.subscriptions.values())


def test_grants_come_and_go() -> None:
    state = customer()
    given = {"type": "DelegatedAdminChanged", "partnerId": "p", "granted": True}
    apply_event(state, {**given, "serviceFamilies": ["b", "a", "b"]})
    assert state.grants == {"p": ("a", "b")}
    apply_event(state, given)
    assert state.grants == {"p": ()}
    apply_event(state, {**given, "granted": False})
    assert (state.grants, state.version) == ({}, 3)


def test_erasure_forgets_everything() -> None:
    state = customer(subscription("s"))
    apply_event(state, assigned("s"))
    remember(state, request("r"))
    apply_event(state, {"type": "CustomerErased"})
    assert state == Customer("c")


def request(key: str, **fields: Any) -> dict[str, Any]:
    names = {"requestId": key, "partnerId": "p", "subscriptionId": "s", "operation": "CHECK"}
    return {**names, "targetOfferId": None, "quantity": None, **fields}


def test_once_compares_five_fields() -> None:
    state = customer()
    remember(state, request("r"))
    assert once(state, request("r", targetOfferId="", orderId="x", expectedVersion=7)) == "repeat"
    for field, value in (
        ("partnerId", "q"),
        ("subscriptionId", "t"),
        ("operation", "UPGRADE"),
        ("targetOfferId", "o"),
        ("quantity", 1),
    ):
        assert once(state, request("r", **{field: value})) == "reused"


def test_once_reaches_64_answers_back() -> None:
    state = customer()
    for number in range(65):
        remember(state, request(f"r{number}"))
        remember(state, request(""))
    assert once(state, request("r0")) == "new"
    assert once(state, request("r1")) == "repeat"
    assert once(state, request("")) == "new"


@pytest.mark.parametrize(
    ("event", "bad"),
    [
        (changed("s", 1), False),
        (changed("", 1), True),
        (changed("s", 1, offerId=""), True),
        (changed("s", 1, quantity=-1), True),
        (changed("s", 1, quantity=0, partnerId=""), False),
        (assigned("s", ""), True),
        (assigned("", "u"), True),
        ({"type": "LicenseRemoved", "subscriptionId": "s", "userId": ""}, True),
        ({"type": "DelegatedAdminChanged", "partnerId": "", "granted": False}, True),
        ({"type": "CustomerErased"}, False),
    ],
)
def test_invalid_events(event: dict[str, Any], bad: bool) -> None:
    assert (invalid_event(event) is not None) is bad


def test_state_leaves_sorted_by_utf8_bytes() -> None:
    ids = ["\U0001f600", "\uffee", "é", "a", "Z"]
    out = customer(*[subscription(key) for key in ids]).to_json()
    names = [s["subscriptionId"] for s in out["subscriptions"]]
    assert names == sorted(ids, key=lambda text: text.encode("utf-8"))
    assert names[-2:] == ["\uffee", "\U0001f600"]


def test_slots_name_every_field() -> None:
    assert "licences" in Subscription.__slots__
