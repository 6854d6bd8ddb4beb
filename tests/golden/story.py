"""Facts and requests that are always the same, and leave every kind of stored piece behind.

Each record is a batch of its own, and the two inputs are never read at once, so that it all happens
in the same order every time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]
PARTITIONS = 3
PARTNER = "partner"
INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1
ODD = 'Ωmega/h é #"\\\x00'  # a customer's id, as Kafka and Redis take any


class Fact(NamedTuple):
    """`kind` and fields of a `SubscriptionEvent`'s change."""

    customer: str
    kind: str
    fields: Json


class Step(NamedTuple):
    """Facts, and requests that come once the facts are taken in."""

    facts: list[Fact]
    requests: list[Json]


def steps() -> list[Step]:
    """The story; a step begins when the one before is over."""
    customers = [*_every_value(), *_many_licences(), *_wide_licences(), *_odd_one(), *_busy()]
    losses = [*_erased(), *_emptied(), _left("bare", "none", 1)]
    return [
        Step([*customers, *losses], [*_upgrades(), *_many_requests()]),
        Step([*_after_the_upgrade(), *_returned()], [_wish("returned", "late", "CHECK", "s")]),
    ]


# --- facts ----------------------------------------------------------------------------------------


def _stated(subscription_id: str, **changes: Any) -> Json:
    common: Json = {"offerId": "basic", "status": "ACTIVE", "quantity": 300, "revision": 1}
    sold = {"partnerId": PARTNER, "channel": "CSP"}
    return {"subscriptionId": subscription_id, **common, **sold, **changes}


def _user(subscription_id: str, number: int, **changes: Any) -> Json:
    user_id = f"user-{number:03d}"
    name = {"userPrincipalName": f"{user_id}@contoso.example", "displayName": f"User {number}"}
    return {"subscriptionId": subscription_id, "userId": user_id, **name, **changes}


def _left(customer: str, subscription_id: str, number: int) -> Fact:
    fields = {"subscriptionId": subscription_id, "userId": f"user-{number:03d}"}
    return Fact(customer, "LicenseRemoved", fields)


def _grant(customer: str, partner: str = PARTNER, families: tuple[str, ...] = ()) -> Fact:
    fields = {"partnerId": partner, "granted": True, "serviceFamilies": list(families)}
    return Fact(customer, "DelegatedAdminChanged", fields)


def _ordinary(customer: str, **changes: Any) -> list[Fact]:
    return [_grant(customer), Fact(customer, "SubscriptionChanged", _stated("s", **changes))]


def _every_value() -> list[Fact]:
    """Each status and channel, what may be null as null and not, numbers at their bounds."""
    stated = [
        _stated("pending", status="PENDING", channel="CSP", quantity=0, revision=-5),
        _stated("active", status="ACTIVE", channel="DIRECT", quantity=1, revision=0),
        _stated("suspended", status="SUSPENDED", channel="VOLUME", quantity=INT_MAX),
        _stated("cancelled", status="CANCELLED", channel="OTHER", revision=LONG_MAX),
        _stated("add-on", parentSubscriptionId="active", partnerId=None, offerId="not-sold-here"),
    ]
    facts = [Fact("adatum", "SubscriptionChanged", fields) for fields in stated]
    facts.append(_grant("adatum", families=("minor", "mail", "of-tomorrow", "mail")))
    facts += [_grant("adatum", "another"), _grant("adatum", "former")]
    gone = {"partnerId": "former", "granted": False}
    facts.append(Fact("adatum", "DelegatedAdminChanged", gone))
    licence = _user("suspended", 1, displayName=None, disabledServices=["z", "extra", "z"])
    return [*facts, Fact("adatum", "LicenseAssigned", licence)]


def _many_licences() -> list[Fact]:
    """Enough for several chunks, by their number; some are removed again."""
    facts = _ordinary("contoso")
    for number in range(100):
        special: Json = {}
        if number % 10 == 3:
            special["disabledServices"] = ["mail-1", "unknown"]
        if number % 10 == 7:
            special["assignedByGroup"] = "group"
        facts.append(Fact("contoso", "LicenseAssigned", _user("s", number, **special)))
    return [*facts, *(_left("contoso", "s", number) for number in range(0, 100, 9))]


def _wide_licences() -> list[Fact]:
    """Few, and yet several chunks, by their size."""
    wide = [_user("s", number, displayName="W" * 5000) for number in range(12)]
    return [*_ordinary("wide"), *(Fact("wide", "LicenseAssigned", fields) for fields in wide)]


def _odd_one() -> list[Fact]:
    licence = _user("s", 1, userId=ODD, userPrincipalName="", displayName=ODD)
    return [*_ordinary(ODD), Fact(ODD, "LicenseAssigned", licence)]


def _busy() -> list[Fact]:
    return _ordinary("litware", quantity=1)


def _erased() -> list[Fact]:
    """Two customers with everything, of which nothing must be left."""
    facts = []
    for customer in ("erased", "returned"):
        facts += _ordinary(customer)
        facts += [Fact(customer, "LicenseAssigned", _user("s", n)) for n in range(40)]
        facts.append(Fact(customer, "CustomerErased", {}))
    return facts


def _emptied() -> list[Fact]:
    """A subscription whose licences have all gone."""
    facts = _ordinary("emptied")
    facts += [Fact("emptied", "LicenseAssigned", _user("s", n)) for n in range(40)]
    return [*facts, *(_left("emptied", "s", number) for number in range(40))]


def _after_the_upgrade() -> list[Fact]:
    """About the replaced subscription: it counts for the one that took its place."""
    facts = [Fact("contoso", "LicenseAssigned", _user("s", n)) for n in (200, 201, 7)]
    return [
        *facts,
        _left("contoso", "s", 1),
        Fact("contoso", "SubscriptionChanged", _stated("s", revision=9)),
    ]


def _returned() -> list[Fact]:
    return [*_ordinary("returned"), Fact("returned", "LicenseAssigned", _user("s", 1))]


# --- requests -------------------------------------------------------------------------------------


def _wish(customer: str, name: str, operation: str, subscription: str, **changes: Any) -> Json:
    return {
        "requestId": f"{customer}-{name}",
        "customerId": customer,
        "partnerId": PARTNER,
        "subscriptionId": subscription,
        "operation": operation,
        "requestedBy": {"userId": "admin", "role": "GLOBAL_ADMIN"},
        "requestedAt": 0,
        **changes,
    }


def _upgrades() -> list[Json]:
    """Of many licences, of wide ones, of one with an odd id; and one that is refused."""
    return [
        *(
            _wish(customer, "up", "UPGRADE", "s", targetOfferId="standard")
            for customer in ("contoso", "wide", ODD)
        ),
        _wish("nobody", "up", "UPGRADE", "none", targetOfferId="standard"),
    ]


def _many_requests() -> list[Json]:
    """More than are remembered."""
    return [
        _wish("litware", f"{number:02d}", "CHECK", "s")
        if number % 3
        else _wish("litware", f"{number:02d}", "ADD_LICENSES", "s", quantity=number + 1)
        for number in range(70)
    ]
