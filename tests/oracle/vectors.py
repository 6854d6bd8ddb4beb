"""Seeded random catalogues, lines of `decide`, and bad lines with the rule they break (contract 9).

Heavy on corner cases: everything that contract 5 and 6 mention should happen often, alone and
together. Good lines are good by construction, bad lines break one named rule.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .catalogue import INT32_MAX, Catalogue
from .decide import OPERATIONS, ROLES, new_subscription_id
from .lines import INT64_MAX, INT64_MIN
from .state import CHANNELS, STATUSES

Json = dict[str, Any]

# Ids whose order differs between bytes, UTF-16 units, locales and case-blind comparison.
ODD_IDS = (
    "a", "A", "aa", "a-", "a.", "b", "Z", "é", "e\u0301", "計", "\uffee", "\U0001f600", " ",
    "a b", "0", "00", "-", "10", "9", "x/y", 'q"q', "back\\slash", "tab\t", "%41", "a\u0000b",
    "a\u0000c", "\u007f", "\u0080", "ß", "İ", "long-" + "x" * 300,
)  # fmt: skip
CATALOGUE_IDS = tuple(text for text in ODD_IDS if "\u0000" not in text)
SEATS = (None, None, 1, 2, 3, 5, 300, INT32_MAX - 1, INT32_MAX)
QUANTITIES = (0, 1, 2, 3, 4, 5, 6, 7, 299, 300, 301, INT32_MAX - 1, INT32_MAX)
REVISIONS = (0, 1, 2, 3, 4, 5, -1, INT64_MIN, INT64_MAX)
SUBSCRIPTION_IDS = tuple(f"sub-{n}" for n in range(1, 12)) + ODD_IDS[:10]
USER_IDS = tuple(f"user-{n}" for n in range(1, 7)) + ("User-1", "é", "\U0001f600", "z\u0000")
PARTNERS = ("partner-a", "partner-b", "Partner-a", "計")


# --- catalogues -------------------------------------------------------------------------------


def random_catalogue(rng: random.Random) -> Json:
    """A valid catalogue (contract 4) of a few families, services and offers."""
    families = _names(rng, "f", rng.randint(1, 5))
    services = _names(rng, "S", rng.randint(0, 20))
    offers = _names(rng, "offer-", rng.choice((1, 2, 3, 4, 5, 6, 8)))
    return {
        "version": f"made-up {rng.randint(0, 999)} é",
        "families": {family: _family(rng, family) for family in families},
        "services": {
            service: {
                "name": f"Service {service} 計",
                "guid": rng.choice((None, f"guid-{service}")),
                "family": rng.choice(families),
            }
            for service in services
        },
        "offers": {offer: _offer(rng, offer, services) for offer in offers},
        "upgrades": _upgrades(rng, offers),
    }


def _names(rng: random.Random, prefix: str, count: int) -> list[str]:
    """Different ids, odd ones among them, in no order."""
    pool = [f"{prefix}{n}" for n in range(count)] + rng.sample(CATALOGUE_IDS, min(count, 6))
    return rng.sample(pool, count)


def _family(rng: random.Random, family: str) -> Json:
    return {
        "name": f"Family {family}",
        "exclusive": rng.random() < 0.7,
        "conflicts": rng.random() < 0.5,
        "transition": rng.random() < 0.7,
    }


def _offer(rng: random.Random, offer: str, services: list[str]) -> Json:
    return {
        "name": rng.choice((f"Offer {offer}", "Angebot für alle", "")),
        "sku": rng.choice((None, f"sku-{offer}")),
        "guid": rng.choice((None, f"guid-{offer}")),
        "maxSeats": rng.choice(SEATS),
        "services": rng.sample(services, rng.randint(0, min(len(services), 9))),
    }


def _upgrades(rng: random.Random, offers: list[str]) -> dict[str, list[str]]:
    """The matrix: some offers are lacking, some have an empty list."""
    matrix: dict[str, list[str]] = {}
    for offer in rng.sample(offers, len(offers)):
        others = [other for other in offers if other != offer]
        if rng.random() < 0.85:
            fewest = min(len(others), rng.choice((0, 1, 1, 1)))
            matrix[offer] = rng.sample(others, rng.randint(fewest, min(len(others), 4)))
    return matrix


# --- good lines -------------------------------------------------------------------------------


class LineMaker:
    """Makes good lines over one catalogue.

    A part of them is *friendly*: made so that the request has a fair chance to be granted.
    """

    def __init__(self, catalogue: Catalogue, rng: random.Random) -> None:
        self.catalogue = catalogue
        self.rng = rng
        self.offers = sorted(catalogue.offers)
        self.upgradable = [offer for offer in self.offers if catalogue.targets(offer)]
        self.services = sorted(catalogue.services)
        self.families = sorted(catalogue.families)
        self.friendly = False

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def odd(self, friendly: float, wild: float) -> bool:
        """True with one probability on friendly lines, and another on the rest."""
        return self.chance(friendly if self.friendly else wild)

    def line(self) -> Json:
        """A good line, with a request or an event."""
        self.friendly = self.chance(0.6)
        customer = self.customer()
        if self.chance(0.35):
            return {"customer": customer, "event": self.event(customer)}
        if self.chance(0.03):
            request = self.request({"customerId": "nobody é", "subscriptions": [], "version": 0})
            return {"customer": None, "request": request, "now": self.now()}
        request = self.request(customer)
        if self.chance(0.04):
            self.plant_target(customer, request)
        line = {"customer": customer, "request": request, "now": self.now()}
        return self.shuffled(line)

    def large_line(self, count: int) -> Json:
        """A request about a subscription of many licences."""
        self.friendly = True
        customer = self.customer()
        request = self.request(customer)
        for subscription in customer.get("subscriptions") or ():
            if subscription["subscriptionId"] == request["subscriptionId"]:
                offer = subscription["offerId"]
                users = (f"user-{n}" for n in range(count))
                subscription["licenses"] = [self.licence(user, offer) for user in users]
                subscription["quantity"] = count
        return {"customer": customer, "request": request, "now": self.now()}

    def now(self) -> int:
        """A time in ms, now and then an odd one."""
        return self.rng.choice((0, 1, 1790000000494, 1790000000494, 253402300799999))

    def shuffled(self, record: Json) -> Json:
        """The same record with its keys in another order and perhaps one that means nothing."""
        keys = list(record)
        self.rng.shuffle(keys)
        shuffled = {key: record[key] for key in keys}
        if self.chance(0.1):
            shuffled["unknownKey"] = self.rng.choice((None, 1, "x", [], {"quantity": "x"}))
        return shuffled

    def absent(self, record: Json, *names: str) -> Json:
        """Drop fields that may be missing: null and "" mean the same (contract 3, 9)."""
        for name in names:
            if record[name] is None:
                how = self.rng.random()
                if how < 0.3:
                    del record[name]
                elif how < 0.6 and name in _OPTIONAL_STRINGS:
                    record[name] = ""
        return self.shuffled(record)

    # -- STATE --

    def customer(self) -> Json:
        """A STATE, unsorted, with everything that contract 5 allows in it."""
        rng = self.rng
        count = rng.choice((1, 1, 2, 2, 3) if self.friendly else (0, 1, 2, 2, 3, 3, 4, 5, 7))
        ids = rng.sample(SUBSCRIPTION_IDS, count)
        partners = rng.sample(PARTNERS, rng.randint(0, 3))
        if self.friendly and PARTNERS[0] not in partners:
            partners.append(PARTNERS[0])
        state = {
            "customerId": rng.choice(("cust-1", "cust é計", "c\u0000", "a/b c%")),
            "version": rng.choice((0, 1, 2, 7, 2**31, 2**53 + 1)),
            "subscriptions": [self.subscription(key, ids) for key in ids] or self.nothing(),
            "delegatedAdmin": [self.grant(p) for p in partners] or self.nothing(),
        }
        return self.absent(state, "subscriptions", "delegatedAdmin")

    def nothing(self) -> list[Any] | None:
        """An empty array in one of its spellings."""
        return self.rng.choice(([], None))

    def subscription(self, key: str, ids: list[str]) -> Json:
        """One subscription of STATE; `ids` are those of all."""
        rng = self.rng
        offer = self.offer_id()
        licences = self.licences(offer)
        quantity = rng.choice(QUANTITIES)
        if self.friendly and self.chance(0.9):
            quantity = max(len(licences), min(quantity, 3))
        record = {
            "subscriptionId": key,
            "offerId": offer,
            "status": "ACTIVE" if not self.odd(0.15, 0.45) else rng.choice(STATUSES),
            "quantity": quantity,
            "partnerId": self.partner(),
            "channel": rng.choice((*CHANNELS, None)),
            "parentSubscriptionId": self.reference(key, ids) if self.odd(0.1, 0.25) else None,
            "revision": rng.choice(REVISIONS),
            "replacedBy": self.reference(key, ids) if self.odd(0.06, 0.25) else None,
            "licenses": licences or self.nothing(),
        }
        return self.absent(
            record, "partnerId", "channel", "parentSubscriptionId", "replacedBy", "licenses"
        )

    def offer_id(self) -> str:
        """Mostly an offer that can be upgraded, sometimes one that the catalogue lacks."""
        if self.odd(0.03, 0.12):
            return self.rng.choice(("unknown-offer", "é", "other-offer"))
        if self.upgradable and self.chance(0.85 if self.friendly else 0.5):
            return self.rng.choice(self.upgradable)
        return self.rng.choice(self.offers)

    def partner(self) -> str | None:
        """A partner of a subscription, nearly always the first on friendly lines."""
        if self.odd(0.05, 0.4):
            return self.rng.choice((*PARTNERS, None))
        return PARTNERS[0]

    def reference(self, own: str, ids: list[str]) -> str:
        """Another subscription, the own one, or one that does not exist."""
        how = self.rng.random()
        if how < 0.15:
            return own
        return "sub-nowhere" if how < 0.3 else self.rng.choice(ids)

    def licences(self, offer: str) -> list[Json]:
        """Licences of a few users that the subscriptions share."""
        count = self.rng.choice((0, 1, 2, 3, 4, 6))
        return [self.licence(user, offer) for user in self.rng.sample(USER_IDS, count)]

    def licence(self, user: str, offer: str) -> Json:
        """A licence, at times from a group, at times with disabled services."""
        record = {
            "userId": user,
            "userPrincipalName": self.rng.choice((f"{user}@contoso.example", "", "Ä@é")),
            "displayName": self.rng.choice((None, f"Name {user}", "計")),
            "assignedByGroup": "group-1" if self.odd(0.1, 0.2) else None,
            "disabledServices": self.disabled(offer) or self.nothing(),
        }
        return self.absent(record, "displayName", "assignedByGroup", "disabledServices")

    def disabled(self, offer: str) -> list[str]:
        """Services of this offer and of others, unknown ids, repeats; unsorted."""
        rng = self.rng
        own = list(self.catalogue.offer(offer).services)
        chosen = rng.sample(own, rng.choice((0, 0, 0, min(1, len(own)), len(own) // 2)))
        if self.services and self.chance(0.3):
            chosen += rng.choices(self.services, k=rng.randint(1, 3))
        if self.chance(0.15):
            chosen += rng.choice((["unknown"], [""], ["é", "é", "a"], ["\U0001f600", "\uffee"]))
        if chosen and self.chance(0.2):
            chosen.append(rng.choice(chosen))
        rng.shuffle(chosen)
        return chosen

    def grant(self, partner: str) -> Json:
        """A grant for all families, or for some."""
        record = {"partnerId": partner, "serviceFamilies": self.granted_families()}
        return self.absent(record, "serviceFamilies")

    def granted_families(self) -> list[str] | None:
        """Families of a grant: all of them, most of them, repeats and unknown ones."""
        rng = self.rng
        if not self.odd(0.2, 0.55):
            return self.nothing()
        chosen = rng.sample(self.families, rng.randint(0, len(self.families)))
        if self.friendly or self.chance(0.3):
            chosen = list(self.families)
        if self.chance(0.3):
            chosen += rng.choice((["unknown"], chosen[:1], [""]))
        rng.shuffle(chosen)
        return chosen

    # -- REQUEST --

    def request(self, customer: Json) -> Json:
        """A request about one of the customer's subscriptions, or none."""
        rng = self.rng
        source = self.source(customer)
        operation = rng.choice((*OPERATIONS, "UPGRADE", "UPGRADE", "UPGRADE"))
        record = {
            "requestId": "" if self.odd(0.01, 0.05) else f"req-{rng.randint(0, 10**9)} é",
            "orderId": rng.choice((None, "order-1")),
            "customerId": customer["customerId"],
            "partnerId": self.asking_partner(source),
            "subscriptionId": self.requested_id(source),
            "operation": operation,
            "targetOfferId": self.target(source, operation),
            "quantity": self.wanted(source, operation),
            "expectedVersion": self.expected_version(customer["version"]),
            "requireLicenseTransfer": rng.choice((True, False, False, None)),
            "requestedBy": self.shuffled({"userId": rng.choice(("op", "")), "role": self.role()}),
            "requestedAt": rng.choice((0, 1790000000000, INT64_MIN, INT64_MAX)),
        }
        return self.absent(
            record,
            "orderId",
            "targetOfferId",
            "quantity",
            "expectedVersion",
            "requireLicenseTransfer",
        )

    def source(self, customer: Json) -> Json | None:
        """The subscription that the request is about."""
        subscriptions = customer.get("subscriptions") or []
        active = [s for s in subscriptions if s["status"] == "ACTIVE"]
        if self.friendly and active:
            subscriptions = active
        return self.rng.choice(subscriptions) if subscriptions else None

    def requested_id(self, source: Json | None) -> str:
        """The id of the source, or one that is empty or unknown."""
        if source is None or self.odd(0.02, 0.1):
            return self.rng.choice(("", "sub-nowhere", "SUB-1", "sub-1", "é"))
        return str(source["subscriptionId"])

    def asking_partner(self, source: Json | None) -> str:
        """Mostly the partner of the source."""
        if source is None or not source.get("partnerId") or self.odd(0.02, 0.12):
            return self.rng.choice((*PARTNERS, "partner-x", ""))
        return str(source["partnerId"])

    def target(self, source: Json | None, operation: str) -> str | None:
        """A target of the source's offer, another offer, an unknown one, or none."""
        rng = self.rng
        if operation != "UPGRADE" and self.chance(0.5):
            return None
        targets = self.catalogue.targets(source["offerId"]) if source else ()
        if targets and not self.odd(0.05, 0.2):
            return rng.choice(targets)
        if self.odd(0.03, 0.15):
            return None
        return rng.choice((*self.offers, "unknown-offer"))

    def wanted(self, source: Json | None, operation: str) -> int | None:
        """A quantity around the limits, or none."""
        rng = self.rng
        if operation != "ADD_LICENSES" and self.odd(0.8, 0.5):
            return None
        if self.odd(0.03, 0.08):
            return rng.choice((None, 0, -1, -(2**31)))
        if source is not None and self.chance(0.3):
            licences = len(source.get("licenses") or ())
            near = (licences, licences - 1, INT32_MAX - source["quantity"])
            return max(1, min(INT32_MAX, rng.choice(near) + rng.randint(0, 1)))
        return rng.choice(QUANTITIES[1:])

    def expected_version(self, version: int) -> int | None:
        """None, the right one, or a wrong one."""
        if self.chance(0.6):
            return None
        return self.rng.choice((-1, 0, version + 1)) if self.odd(0.05, 0.3) else version

    def role(self) -> str:
        """One of the five roles, or something else."""
        if self.odd(0.02, 0.1):
            return self.rng.choice(("", "global_admin", "BILLING_ADMIN", "GLOBAL_ADMIN "))
        return self.rng.choice(sorted(ROLES))

    def plant_target(self, customer: Json, request: Json) -> None:
        """Let the subscription exist that the upgrade would make (error 14)."""
        key = new_subscription_id(request["customerId"], request["requestId"])
        planted = self.subscription(key, [key])
        customer["subscriptions"] = [*(customer.get("subscriptions") or []), planted]

    # -- events --

    def event(self, customer: Json) -> Json:
        """A well-formed event about the customer's subscriptions."""
        ids = [s["subscriptionId"] for s in customer.get("subscriptions") or []]
        key = self.rng.choice([*ids, *ids, *ids, "sub-new"])
        kind = self.rng.choice(
            ("SubscriptionChanged",) * 4
            + ("LicenseAssigned",) * 4
            + ("LicenseRemoved", "LicenseRemoved", "DelegatedAdminChanged", "CustomerErased")
        )
        return {"type": kind, **_EVENT_MAKERS[kind](self, key, ids, customer)}

    def subscription_changed(self, key: str, ids: list[str], customer: Json) -> Json:
        """Fresh, equal and stale revisions; also of cancelled and replaced subscriptions."""
        record = self.subscription(key, ids or [key])
        for name in ("replacedBy", "licenses"):
            record.pop(name, None)
        for stored in customer.get("subscriptions") or ():
            near = stored["revision"] + self.rng.randint(-1, 2)
            if stored["subscriptionId"] == key and self.chance(0.8):
                record["revision"] = max(INT64_MIN, min(INT64_MAX, near))
        return record

    def license_assigned(self, key: str, _ids: list[str], customer: Json) -> Json:
        """A licence for a user who may have one."""
        offers = {s["subscriptionId"]: s["offerId"] for s in customer.get("subscriptions") or ()}
        user = self.rng.choice(USER_IDS)
        return {"subscriptionId": key, **self.licence(user, offers.get(key, "unknown-offer"))}

    def license_removed(self, key: str, _ids: list[str], customer: Json) -> Json:
        """Mostly of a user who has a licence there."""
        users = [
            licence["userId"]
            for subscription in customer.get("subscriptions") or ()
            for licence in subscription.get("licenses") or ()
        ]
        return {"subscriptionId": key, "userId": self.rng.choice([*users, USER_IDS[0]])}

    def delegated_admin_changed(self, _key: str, _ids: list[str], _customer: Json) -> Json:
        """A grant or its end, also of partners without one."""
        record = self.grant(self.rng.choice(PARTNERS))
        record["granted"] = self.chance(0.6)
        return record

    def customer_erased(self, _key: str, _ids: list[str], _customer: Json) -> Json:
        """No fields."""
        return {}


_OPTIONAL_STRINGS = frozenset(
    {"partnerId", "parentSubscriptionId", "replacedBy", "displayName", "assignedByGroup"}
    | {"orderId", "targetOfferId"}
)
_EVENT_MAKERS: dict[str, Callable[[LineMaker, str, list[str], Json], Json]] = {
    "SubscriptionChanged": LineMaker.subscription_changed,
    "LicenseAssigned": LineMaker.license_assigned,
    "LicenseRemoved": LineMaker.license_removed,
    "DelegatedAdminChanged": LineMaker.delegated_admin_changed,
    "CustomerErased": LineMaker.customer_erased,
}


def encode_line(line: Any, rng: random.Random) -> bytes:
    """A line as bytes: non-ASCII text as it is, or escaped."""
    return json.dumps(line, ensure_ascii=rng.random() < 0.3).encode("utf-8")


# --- bad lines --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadCase:
    """A line that must be answered with an error, and the rule of contract 9 that it breaks."""

    line: bytes
    rule: str


Path = tuple[str | int, ...]


def _request_template() -> Json:
    """A small good line with a request; every object has one element to break."""
    licence = {"userId": "u1", "userPrincipalName": "u1@x", "disabledServices": ["s"]}
    subscription = {
        "subscriptionId": "s1",
        "offerId": "o1",
        "status": "ACTIVE",
        "quantity": 5,
        "partnerId": "p1",
        "channel": "CSP",
        "revision": 1,
        "licenses": [licence, {**licence, "userId": "u2"}],
    }
    return {
        "customer": {
            "customerId": "c1",
            "version": 3,
            "subscriptions": [subscription, {**subscription, "subscriptionId": "s2"}],
            "delegatedAdmin": [{"partnerId": "p1"}, {"partnerId": "p2"}],
        },
        "request": {
            "requestId": "r1",
            "customerId": "c1",
            "partnerId": "p1",
            "subscriptionId": "s1",
            "operation": "CHECK",
            "quantity": 1,
            "requireLicenseTransfer": False,
            "requestedBy": {"userId": "op", "role": "GLOBAL_ADMIN"},
            "requestedAt": 1790000000000,
        },
        "now": 1790000000001,
    }


def _event_templates() -> list[Json]:
    """A small good line for each event that has fields."""
    customer = _request_template()["customer"]
    events = [
        {
            "type": "SubscriptionChanged",
            "subscriptionId": "s1",
            "offerId": "o1",
            "status": "ACTIVE",
            "quantity": 1,
            "revision": 2,
        },
        {
            "type": "LicenseAssigned",
            "subscriptionId": "s1",
            "userId": "u1",
            "userPrincipalName": "u1@x",
        },
        {"type": "LicenseRemoved", "subscriptionId": "s1", "userId": "u1"},
        {"type": "DelegatedAdminChanged", "partnerId": "p1", "granted": True},
    ]
    return [{"customer": copy.deepcopy(customer), "event": event} for event in events]


_SUB: Path = ("customer", "subscriptions", 1)
_LICENCE: Path = (*_SUB, "licenses", 1)
_GRANT: Path = ("customer", "delegatedAdmin", 1)
_REQUIRED_TEXTS: tuple[Path, ...] = (
    ("customer", "customerId"),
    (*_SUB, "subscriptionId"),
    (*_SUB, "offerId"),
    (*_SUB, "status"),
    (*_LICENCE, "userId"),
    (*_LICENCE, "userPrincipalName"),
    (*_GRANT, "partnerId"),
    ("request", "requestId"),
    ("request", "customerId"),
    ("request", "partnerId"),
    ("request", "subscriptionId"),
    ("request", "operation"),
    ("request", "requestedBy", "userId"),
    ("request", "requestedBy", "role"),
)
_REQUIRED_NUMBERS: tuple[Path, ...] = (
    ("customer", "version"),
    (*_SUB, "quantity"),
    (*_SUB, "revision"),
    ("request", "requestedAt"),
    ("now",),
)
_OPTIONAL_TEXTS: tuple[Path, ...] = (
    (*_SUB, "partnerId"),
    (*_SUB, "channel"),
    (*_SUB, "parentSubscriptionId"),
    (*_SUB, "replacedBy"),
    (*_LICENCE, "displayName"),
    (*_LICENCE, "assignedByGroup"),
    ("request", "orderId"),
    ("request", "targetOfferId"),
)
_ARRAYS: tuple[Path, ...] = (
    ("customer", "subscriptions"),
    ("customer", "delegatedAdmin"),
    (*_SUB, "licenses"),
    (*_LICENCE, "disabledServices"),
    (*_GRANT, "serviceFamilies"),
)
_INT32_FIELDS: tuple[Path, ...] = ((*_SUB, "quantity"), ("request", "quantity"))
_INT64_FIELDS: tuple[Path, ...] = (
    ("customer", "version"),
    (*_SUB, "revision"),
    ("request", "expectedVersion"),
    ("request", "requestedAt"),
    ("now",),
)
_TOO_BIG = {_INT32_FIELDS: (2**31, -(2**31) - 1), _INT64_FIELDS: (2**63, -(2**63) - 1, 10**30)}


def _changed(template: Json, path: Path, value: Any) -> Json:
    """A copy with one place overwritten; `...` deletes it."""
    line = copy.deepcopy(template)
    place: Any = line
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return line


def _request_breakages() -> list[tuple[Json, str]]:
    """Every way to break the request template in one place."""
    good = _request_template()
    found: list[tuple[Json, str]] = []

    def breaks(rule: str, paths: tuple[Path, ...], *values: Any) -> None:
        for path in paths:
            name = ".".join(str(step) for step in path)
            found.extend((_changed(good, path, value), f"{rule}: {name}") for value in values)

    required = (*_REQUIRED_TEXTS, *_REQUIRED_NUMBERS, ("request", "requestedBy"), ("request",))
    breaks("missing", required, ...)
    breaks("null", required, None)
    breaks("not a string", (*_REQUIRED_TEXTS, *_OPTIONAL_TEXTS), 1, True, [], {})
    breaks("not an integer", (*_REQUIRED_NUMBERS, *_INT32_FIELDS), "1", True, 1.5, [])
    breaks("not an integer", (("request", "expectedVersion"),), "1", False, 0.5)
    breaks("not a boolean", (("request", "requireLicenseTransfer"),), 0, "false", [])
    breaks("not an array", _ARRAYS, {}, "x", 3, False)
    breaks("not an object", ((*_SUB,), (*_LICENCE,), (*_GRANT,)), None, 1, "x", [])
    breaks("not an object", (("request", "requestedBy"), ("request",), ("customer",)), [], 1, "x")
    breaks("element not a string", ((*_LICENCE, "disabledServices"),), ["s", None], [1])
    breaks("element not a string", ((*_GRANT, "serviceFamilies"),), [None], [["x"]])
    for paths, values in _TOO_BIG.items():
        breaks("out of range", paths, *values)
    breaks("unknown symbol", ((*_SUB, "status"),), "active", "", "EXPIRED")
    breaks("unknown symbol", ((*_SUB, "channel"),), "csp", "RESELLER")
    breaks("unknown symbol", (("request", "operation"),), "upgrade", "", "DOWNGRADE")
    ids = ((*_SUB, "subscriptionId"), (*_SUB, "offerId"), (*_LICENCE, "userId"))
    breaks("empty id", (*ids, (*_GRANT, "partnerId")), "")
    breaks("negative", ((*_SUB, "quantity"), ("customer", "version")), -1, -(2**31))
    breaks("repeated", ((*_SUB, "subscriptionId"),), "s1")
    breaks("repeated", ((*_LICENCE, "userId"),), "u1")
    breaks("repeated", ((*_GRANT, "partnerId"),), "p1")
    breaks("customerId differs", (("customer", "customerId"), ("request", "customerId")), "c2")
    breaks("customerId empty", (("customer", "customerId"), ("request", "customerId")), "")
    both_empty = _changed(_changed(good, ("customer", "customerId"), ""), _REQUIRED_TEXTS[8], "")
    nobody = {**_changed(good, ("request", "customerId"), ""), "customer": None}
    found += [(both_empty, "customerId empty: both"), (nobody, "customerId empty: null customer")]
    both = {**good, "event": {"type": "CustomerErased"}}
    return [*found, (both, "both request and event")]


def _event_breakages() -> list[tuple[Json, str]]:
    """Every way to break an event template in one place."""
    found: list[tuple[Json, str]] = []
    for good in _event_templates():
        kind = good["event"]["type"]
        for name, value in good["event"].items():
            path: Path = ("event", name)
            found.append((_changed(good, path, ...), f"missing: {kind}.{name}"))
            found.append((_changed(good, path, None), f"null: {kind}.{name}"))
            for wrong in (1, "x", []) if isinstance(value, bool) else ({}, [], True):
                found.append((_changed(good, path, wrong), f"wrong type: {kind}.{name}"))
        for name in ("subscriptionId", "userId", "offerId", "partnerId"):
            if name in good["event"]:
                found.append((_changed(good, ("event", name), ""), f"invalid_event: {kind}.{name}"))
        found.append(({**good, "customer": None}, f"null customer with an event: {kind}"))
        unknown = _changed(good, ("event", "type"), "SubscriptionCreated")
        found.append((unknown, "unknown event type"))
    changed = _event_templates()[0]
    for quantity in (-1, -(2**31)):
        broken = _changed(changed, ("event", "quantity"), quantity)
        found.append((broken, "invalid_event: negative quantity"))
    for quantity in (2**31, -(2**31) - 1, 2**63):
        broken = _changed(changed, ("event", "quantity"), quantity)
        found.append((broken, "out of range: event.quantity"))
    found.append((_changed(changed, ("event", "status"), "GONE"), "unknown symbol: event.status"))
    found.append((_changed(changed, ("event", "channel"), "WEB"), "unknown symbol: event.channel"))
    erased = {"customer": None, "event": {"type": "CustomerErased"}}
    return [*found, (erased, "null customer with an event: CustomerErased")]


def _text_breakages() -> list[BadCase]:
    """What is not JSON, or not an object."""
    good = json.dumps(_request_template()).encode()
    not_json = (
        good[:-1],
        good[: len(good) // 2],
        good + b"x",
        good + good,
        good.replace(b'"', b"'"),
        good.replace(b'"now"', b"now"),
        good.replace(b"false", b"False"),
        good.replace(b"1790000000001", b"NaN"),
        good.replace(b"1790000000001", b"017"),
        good.replace(b"1790000000001", b"+1"),
        good.replace(b'"r1"', b'"r\x801"'),
        good.replace(b'"r1"', b'"\xed\xa0\x80"'),
        good.replace(b'"r1"', b'"\xc0\xaf"'),
        good.replace(b'"r1"', b'"\\ud800"'),
        good.replace(b'"r1"', b'"\\x41"'),
        good.replace(b'"r1"', b'"\x01"'),
        b"\x00",
        b"}",
        b"{",
        b"decide",
    )
    not_object = (b"null", b"[]", b"3", b'"x"', b"true", b"{}", b"[" + good + b"]")
    return [BadCase(line, "not JSON") for line in not_json] + [
        BadCase(line, "not an object, or nothing in it") for line in not_object
    ]


def all_bad_cases() -> list[BadCase]:
    """Every bad line that this module knows."""
    broken = _request_breakages() + _event_breakages()
    cases = [BadCase(json.dumps(line, ensure_ascii=False).encode(), rule) for line, rule in broken]
    return cases + _text_breakages()


def good_templates() -> list[bytes]:
    """The lines that the bad ones were made from: they must not be refused."""
    return [json.dumps(line).encode() for line in (_request_template(), *_event_templates())]
