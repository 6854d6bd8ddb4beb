"""The state of a customer (contract 5): events, replacedBy chains, erasure, the Once memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ONCE_MEMORY = 64
STATUSES = ("PENDING", "ACTIVE", "SUSPENDED", "CANCELLED")
CHANNELS = ("CSP", "DIRECT", "VOLUME", "OTHER")

Once = tuple[str | None, ...]


def optional(value: str | None) -> str | None:
    """An optional string: "" is read as null everywhere (contract 3)."""
    return value or None


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of one user; never changed, only replaced."""

    user_id: str
    user_principal_name: str
    display_name: str | None
    assigned_by_group: str | None
    disabled: tuple[str, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Licence:
        """From STATE or from `LicenseAssigned`; sorts disabledServices and drops repeats."""
        return cls(
            data["userId"],
            data["userPrincipalName"],
            optional(data.get("displayName")),
            optional(data.get("assignedByGroup")),
            tuple(sorted(set(data.get("disabledServices") or ()))),
        )

    def with_disabled(self, disabled: tuple[str, ...]) -> Licence:
        """The same licence as it is on the new subscription of an upgrade."""
        return Licence(
            self.user_id,
            self.user_principal_name,
            self.display_name,
            self.assigned_by_group,
            disabled,
        )

    def to_json(self) -> dict[str, Any]:
        """As in STATE."""
        return {
            "userId": self.user_id,
            "userPrincipalName": self.user_principal_name,
            "displayName": self.display_name,
            "assignedByGroup": self.assigned_by_group,
            "disabledServices": list(self.disabled),
        }


@dataclass(slots=True)
class Subscription:
    """A subscription with its licences by user id."""

    subscription_id: str
    offer_id: str
    status: str
    quantity: int
    partner_id: str | None
    channel: str
    parent: str | None
    revision: int
    replaced_by: str | None = None
    licences: dict[str, Licence] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """*Live* means not CANCELLED (contract 5)."""
        return self.status != "CANCELLED"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Subscription:
        """From STATE, or from `SubscriptionChanged` (which has neither replacedBy nor licenses)."""
        licences = [Licence.from_json(item) for item in data.get("licenses") or ()]
        return cls(
            data["subscriptionId"],
            data["offerId"],
            data["status"],
            data["quantity"],
            optional(data.get("partnerId")),
            data.get("channel") or "OTHER",
            optional(data.get("parentSubscriptionId")),
            data["revision"],
            optional(data.get("replacedBy")),
            {licence.user_id: licence for licence in licences},
        )

    def to_json(self) -> dict[str, Any]:
        """As in STATE, licences sorted."""
        return {
            "subscriptionId": self.subscription_id,
            "offerId": self.offer_id,
            "status": self.status,
            "quantity": self.quantity,
            "partnerId": self.partner_id,
            "channel": self.channel,
            "parentSubscriptionId": self.parent,
            "revision": self.revision,
            "replacedBy": self.replaced_by,
            "licenses": [self.licences[user].to_json() for user in sorted(self.licences)],
        }


@dataclass(slots=True)
class Customer:
    """A customer; `answered` maps the last 64 answered request ids to their five fields."""

    customer_id: str
    version: int = 0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    grants: dict[str, tuple[str, ...]] = field(default_factory=dict)
    answered: dict[str, Once] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Customer:
        """From a valid STATE, sorted or not."""
        subscriptions = [Subscription.from_json(item) for item in data.get("subscriptions") or ()]
        return cls(
            data["customerId"],
            data["version"],
            {subscription.subscription_id: subscription for subscription in subscriptions},
            {
                grant["partnerId"]: _families(grant.get("serviceFamilies"))
                for grant in data.get("delegatedAdmin") or ()
            },
        )

    def to_json(self) -> dict[str, Any]:
        """STATE as contract 9 prints it, sorted."""
        return {
            "customerId": self.customer_id,
            "version": self.version,
            "subscriptions": [
                self.subscriptions[key].to_json() for key in sorted(self.subscriptions)
            ],
            "delegatedAdmin": [
                {"partnerId": partner, "serviceFamilies": list(self.grants[partner])}
                for partner in sorted(self.grants)
            ],
        }

    def live_others(self, subscription_id: str) -> list[Subscription]:
        """The other live subscriptions, by subscriptionId."""
        return [
            self.subscriptions[key]
            for key in sorted(self.subscriptions)
            if key != subscription_id and self.subscriptions[key].live
        ]

    def forget(self) -> None:
        """CustomerErased: everything goes, the version and the answered ids too."""
        self.version = 0
        self.subscriptions.clear()
        self.grants.clear()
        self.answered.clear()


def _families(families: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(families or ())))


# --- events ---------------------------------------------------------------------------------

_REQUIRED_IDS = {
    "SubscriptionChanged": ("subscriptionId", "offerId"),
    "LicenseAssigned": ("subscriptionId", "userId"),
    "LicenseRemoved": ("subscriptionId", "userId"),
    "DelegatedAdminChanged": ("partnerId",),
    "CustomerErased": (),
}
EVENT_TYPES = tuple(_REQUIRED_IDS)


def invalid_event(event: Mapping[str, Any]) -> str | None:
    """Why an event is `invalid_event` (contract 7), or None where it is well formed."""
    for name in _REQUIRED_IDS[event["type"]]:
        if not event[name]:
            return f"{name} is empty"
    if event["type"] == "SubscriptionChanged" and event["quantity"] < 0:
        return "quantity is negative"
    return None


def apply_event(customer: Customer, event: Mapping[str, Any]) -> None:
    """Apply a well-formed event, {"type": ..., its fields}, in place (contract 5)."""
    if event["type"] == "CustomerErased":
        customer.forget()
        return
    customer.version += 1
    _APPLY[event["type"]](customer, event)


def _subscription_changed(customer: Customer, event: Mapping[str, Any]) -> None:
    stated = Subscription.from_json({**event, "replacedBy": None, "licenses": None})
    stored = customer.subscriptions.get(stated.subscription_id)
    if stored is not None:
        if stored.replaced_by is not None or stored.revision >= stated.revision:
            return
        stated.licences = stored.licences
    customer.subscriptions[stated.subscription_id] = stated


def licence_place(customer: Customer, subscription_id: str) -> Subscription | None:
    """The subscription that a licence fact is about: the end of the replacedBy chain."""
    seen: set[str] = set()
    current = customer.subscriptions.get(subscription_id)
    while current is not None and current.replaced_by is not None:
        if current.subscription_id in seen:
            return None
        seen.add(current.subscription_id)
        current = customer.subscriptions.get(current.replaced_by)
    return current


def _license_assigned(customer: Customer, event: Mapping[str, Any]) -> None:
    subscription = licence_place(customer, event["subscriptionId"])
    if subscription is not None:
        subscription.licences[event["userId"]] = Licence.from_json(event)


def _license_removed(customer: Customer, event: Mapping[str, Any]) -> None:
    subscription = licence_place(customer, event["subscriptionId"])
    if subscription is not None:
        subscription.licences.pop(event["userId"], None)


def _delegated_admin_changed(customer: Customer, event: Mapping[str, Any]) -> None:
    if event["granted"]:
        customer.grants[event["partnerId"]] = _families(event.get("serviceFamilies"))
    else:
        customer.grants.pop(event["partnerId"], None)


_APPLY = {
    "SubscriptionChanged": _subscription_changed,
    "LicenseAssigned": _license_assigned,
    "LicenseRemoved": _license_removed,
    "DelegatedAdminChanged": _delegated_admin_changed,
}


# --- Once -----------------------------------------------------------------------------------


def compared_fields(request: Mapping[str, Any]) -> Once:
    """The five fields that a repeat must share with the answered request (contract 6, Once)."""
    return (
        request["partnerId"],
        request["subscriptionId"],
        request["operation"],
        optional(request.get("targetOfferId")),
        request.get("quantity"),
    )


def once(customer: Customer, request: Mapping[str, Any]) -> str:
    """`new`, `repeat` (no result) or `reused` (dead letter) for a request (contract 6, Once)."""
    known = customer.answered.get(request["requestId"])
    if known is None:
        return "new"
    return "repeat" if known == compared_fields(request) else "reused"


def remember(customer: Customer, request: Mapping[str, Any]) -> None:
    """Note an answered request; an empty id is not remembered, the oldest of 64 is forgotten."""
    if request["requestId"]:
        customer.answered[request["requestId"]] = compared_fields(request)
        if len(customer.answered) > ONCE_MEMORY:
            del customer.answered[next(iter(customer.answered))]
