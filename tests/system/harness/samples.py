"""Facts and requests of an ordinary customer, for tests that need one to be upgraded."""

from __future__ import annotations

from typing import Any

from .kafka import Message
from .world import World

Json = dict[str, Any]

# Of the shipped catalogue: an upgrade without a limit of seats, with transitions for each account.
SOURCE, TARGET = "m365-business-basic", "o365-enterprise-e3"
PARTNER = "partner"


def subscription(subscription_id: str = "s", **changes: Any) -> Json:
    """Fields of SubscriptionChanged."""
    return {
        "subscriptionId": subscription_id,
        "offerId": SOURCE,
        "status": "ACTIVE",
        "quantity": 25,
        "partnerId": PARTNER,
        "channel": "CSP",
        "revision": 1,
        **changes,
    }


def licence(user: int | str, subscription_id: str = "s", **changes: Any) -> Json:
    """Fields of LicenseAssigned."""
    user_id = f"user-{user:06d}" if isinstance(user, int) else user
    return {
        "subscriptionId": subscription_id,
        "userId": user_id,
        "userPrincipalName": f"{user_id}@contoso.example",
        "displayName": f"Name of {user_id}",
        "disabledServices": [],
        **changes,
    }


def wish(operation: str = "UPGRADE", **changes: Any) -> Json:
    """Fields of an UpgradeRequest about `subscription()`."""
    needs: Json = {"UPGRADE": {"targetOfferId": TARGET}, "ADD_LICENSES": {"quantity": 1}}
    about = {"partnerId": PARTNER, "subscriptionId": "s", "operation": operation}
    return {**about, **needs.get(operation, {}), **changes}


def customer_facts(world: World, customer: str, licences: int = 2, **changes: Any) -> list[Message]:
    """A grant, a subscription of so many seats, and a licence for each of so many users."""
    seats = {"quantity": max(25, licences), **changes}
    return [
        world.event(customer, "DelegatedAdminChanged", partnerId=PARTNER, granted=True),
        world.event(customer, "SubscriptionChanged", **subscription(**seats)),
        *(world.event(customer, "LicenseAssigned", **licence(n)) for n in range(licences)),
    ]
