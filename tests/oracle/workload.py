"""A seeded, realistic workload of facts and requests (contract 1 to 7), with broken records too.

The generator keeps a model of every customer with the oracle's own rules, as if facts and
requests were taken in the order in which they are made. A real run interleaves them otherwise, so
that single outcomes may differ; the shares stay.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .breakage import Breaker
from .catalogue import INT32_MAX, Catalogue
from .decide import OPERATIONS, ROLES, commit, decide, new_subscription_id
from .records import Topics
from .state import Customer, Subscription, apply_event, once, remember
from .wire import Headers, Registry, encode, partition_of

Json = dict[str, Any]
PARTNERS = ("partner-a", "partner-b", "partner-ü")
START_MS = 1_790_000_000_000
ARRIVING_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Item:
    """A record to produce, in order.

    `value` is a plain record (see `wire.encode`), or bytes as they are; `schema_id` the writer's
    schema, where it is not planlift's own; `shift` how many partitions beside its home it goes to;
    `expect` the code of its dead letter where the record by itself, or by the model, is one.
    """

    topic: str
    key: bytes | None
    value: Json | bytes | None
    headers: Headers = field(default_factory=list)
    schema_id: int | None = None
    shift: int = 0
    expect: str | None = None

    def encoded(self, registry: Registry, topics: Topics) -> bytes | None:
        """The bytes to produce."""
        if not isinstance(self.value, dict):
            return self.value
        return encode(registry, topics.schema_of(self.topic), self.value, self.schema_id)

    def partition(self, topics: Topics) -> int:
        """The partition to produce to; keyless records go anywhere."""
        partitioner = "murmur2_random" if topics.partitioner == "none" else topics.partitioner
        home = partition_of(self.key or b"", topics.partitions, partitioner) or 0
        return (home + self.shift) % topics.partitions


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what.

    `repeats` is a share of the requests, `broken` of all records, `erasures` of the changes to
    settled customers. `large`: one customer more, with a subscription of so many licences (they
    count as events), which is checked and upgraded.
    """

    seed: int = 1
    events: int = 50_000
    requests: int = 20_000
    customers: int = 2_000
    repeats: float = 0.01
    broken: float = 0.0
    erasures: float = 0.002
    evolved: bool = False
    large: int = 0


def generate(catalogue: Catalogue, registry: Registry, plan: Plan, topics: Topics) -> list[Item]:
    """The workload of a plan; `plan.events` and `plan.requests` do not count broken records.

    With `plan.evolved` some records are written in the schemas of `breakage.evolved_schemas`,
    which the registry must then have, and some in bytes that are legal but unusual.
    """
    return list(_Generator(catalogue, registry, plan, topics).items())


def probes(customers: Iterable[Customer], topics: Topics) -> list[Item]:
    """A CHECK of each subscription, to send when all facts were handled (`Settings.settled`).

    `customers` as the checker found them (`Report.customers`): what a probe shows of version,
    quantities and licences must be what all facts and granted requests together make.
    """
    items = []
    for customer in customers:
        for number, key in enumerate(sorted(customer.subscriptions) or ["sub-none"]):
            found = customer.subscriptions.get(key)
            request = {
                "requestId": f"probe-{customer.version}-{number}",
                "orderId": None,
                "customerId": customer.customer_id,
                "partnerId": (found.partner_id if found else None) or PARTNERS[0],
                "subscriptionId": key,
                "operation": "CHECK",
                "targetOfferId": None,
                "quantity": None,
                "expectedVersion": customer.version,
                "requireLicenseTransfer": False,
                "requestedBy": {"userId": "probe", "role": "GLOBAL_ADMIN"},
                "requestedAt": START_MS,
            }
            items.append(Item(topics.requests, customer.customer_id.encode("utf-8"), request))
    return items


def trace_headers(rng: random.Random) -> Headers:
    """Headers of a request: often a trace, sometimes something of the sender's own."""
    headers: Headers = []
    if rng.random() < 0.5:
        trace = f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"
        headers.append(("traceparent", trace.encode()))
        if rng.random() < 0.5:
            headers.append(("tracestate", b"vendor=1,other=2"))
    if rng.random() < 0.2:
        headers.append(("x-sender", rng.choice((b"crm", b"", None, b"\xff\x00"))))
    return headers


class _Generator:
    """Makes the items of one plan."""

    def __init__(
        self, catalogue: Catalogue, registry: Registry, plan: Plan, topics: Topics
    ) -> None:
        self.catalogue = catalogue
        self.plan = plan
        self.topics = topics
        self.rng = random.Random(plan.seed)
        self.breaker = Breaker(registry, topics, self.rng, plan.evolved)
        self.upgradable = [o for o in catalogue.offers if catalogue.targets(o)]
        self.licences = max(1, min(6, (plan.events // max(1, plan.customers) - 6) // 3))
        names = [f"cust-{n:05d}" for n in range(plan.customers)]
        names[: len(_ODD_CUSTOMERS)] = _ODD_CUSTOMERS[: len(names)]
        self.names = names
        self.waiting = deque(names)
        self.models = {name: Customer(name) for name in names}
        self.arriving: list[tuple[str, deque[Json]]] = []
        self.settled: list[str] = []
        self.planted: dict[str, str] = {}
        self.sent: deque[Json] = deque(maxlen=400)
        self.serial = 0
        self.events_left = plan.events
        self.large: deque[Json] = deque(self.set_up_large() if plan.large else ())
        self.urgent: deque[Json] = deque()

    # -- the stream --

    def items(self) -> Iterator[Item]:
        """Events and requests mixed in proportion, broken ones in between."""
        left = {"event": self.plan.events, "request": self.plan.requests}
        while any(left.values()):
            kind = self.rng.choices(list(left), weights=list(left.values()))[0]
            self.events_left = left["event"]
            left[kind] -= 1
            item = self.event_item() if kind == "event" else self.request_item()
            if self.rng.random() < self.plan.broken:
                yield self.breaker.broken(item)
            yield self.breaker.odd(item)

    def next_id(self, prefix: str) -> str:
        """An id never used before."""
        self.serial += 1
        return f"{prefix}-{self.serial:07d}"

    def item(self, topic: str, customer: str, value: Json, expect: str | None = None) -> Item:
        """A good record, now and then written with an evolved schema."""
        schema_id, value = self.breaker.evolve(topic, value)
        headers = trace_headers(self.rng)
        key = customer.encode("utf-8")
        return Item(topic, key, value, headers, schema_id, expect=expect)

    # -- events --

    def event_item(self) -> Item:
        """A step of a customer's set-up, or a change of a settled one."""
        if self.large and self.rng.random() < max(0.7, 1.3 * len(self.large) / self.events_left):
            return self.large_item()
        while self.waiting and len(self.arriving) < ARRIVING_AT_ONCE:
            name = self.waiting.popleft()
            self.arriving.append((name, deque(self.set_up())))
        if self.arriving and (not self.settled or self.rng.random() < 0.8):
            name, change = self.step_of_set_up()
        else:
            name = self.rng.choice(self.settled or self.names)
            change = self.churn(self.models[name])
        if change["type"] == "CustomerErased":
            self.settled.remove(name)
            self.arriving.append((name, deque(self.set_up())))
        return self.fact(name, change)

    def fact(self, name: str, change: Json) -> Item:
        """Apply a change to the model, and make its record."""
        apply_event(self.models.setdefault(name, Customer(name)), change)
        value = {
            "eventId": self.next_id("ev"),
            "customerId": name,
            "occurredAt": START_MS + self.serial,
            "change": change,
        }
        return self.item(self.topics.events, name, value)

    def large_item(self) -> Item:
        """The next event of the large customer; after the last his requests are due."""
        item = self.fact(_LARGE, self.large.popleft())
        if not self.large:
            customer = self.models[_LARGE]
            target = self.roomy(customer.subscriptions[_LARGE].offer_id)
            for operation in ("CHECK", "UPGRADE"):
                wish = self.wish(customer, operation=operation, targetOfferId=target)
                self.urgent.append(wish)
        return item

    def set_up_large(self) -> list[Json]:
        """A customer with one subscription of very many licences."""
        offer = next(o for o in self.upgradable if self.roomy(o))
        created = {**self.created(PARTNERS[0]), "subscriptionId": _LARGE, "offerId": offer}
        created.update(status="ACTIVE", quantity=self.plan.large)
        grant = {**self.grant(PARTNERS[0]), "serviceFamilies": []}
        users = (f"user-{n:06d}" for n in range(self.plan.large))
        return [grant, created, *(self.assigned(_LARGE, offer, user) for user in users)]

    def roomy(self, offer: str) -> str | None:
        """A target of the offer that has no maxSeats."""
        for target in self.catalogue.targets(offer):
            if self.catalogue.offer(target).max_seats is None:
                return target
        return None

    def step_of_set_up(self) -> tuple[str, Json]:
        """The next event of one of the customers that are arriving."""
        place = self.rng.randrange(len(self.arriving))
        name, steps = self.arriving[place]
        change = steps.popleft()
        if not steps:
            self.arriving.pop(place)
            self.settled.append(name)
        return name, change

    def set_up(self) -> list[Json]:
        """A new customer: grants, one to three subscriptions, some licences each."""
        rng = self.rng
        partner = rng.choice(PARTNERS)
        steps = [self.grant(partner)] if rng.random() < 0.93 else []
        users = [f"user-{n:04d}" for n in range(rng.randint(1, 3 + self.licences))]
        for _ in range(rng.choices((1, 2, 3), weights=(65, 25, 10))[0]):
            created = self.created(partner)
            steps.append(created)
            for user in rng.sample(users, min(len(users), rng.randint(1, self.licences))):
                steps.append(self.assigned(created["subscriptionId"], created["offerId"], user))
        return steps

    def grant(self, partner: str) -> Json:
        """A grant, mostly for all families."""
        families: list[str] = []
        if self.rng.random() < 0.1:
            families = self.rng.sample(sorted(self.catalogue.families), 3)
        return {
            "type": "DelegatedAdminChanged",
            "partnerId": partner,
            "granted": True,
            "serviceFamilies": families,
        }

    def created(self, partner: str | None, parent: str | None = None) -> Json:
        """A new subscription, mostly active and of an offer that can be upgraded."""
        rng = self.rng
        offers = self.upgradable if rng.random() < 0.85 else sorted(self.catalogue.offers)
        status = rng.choices(("ACTIVE", "PENDING", "SUSPENDED"), weights=(90, 5, 5))[0]
        return {
            "type": "SubscriptionChanged",
            "subscriptionId": self.next_id("sub"),
            "offerId": rng.choice(offers) if rng.random() < 0.98 else "unlisted-offer",
            "status": status,
            "quantity": rng.choice((self.licences, 10, 25, 50, 300)),
            "partnerId": partner,
            "channel": rng.choices(("CSP", "DIRECT", "VOLUME", "OTHER"), weights=(7, 1, 1, 1))[0],
            "parentSubscriptionId": parent,
            "revision": rng.choice((0, 1, 1, 5)),
        }

    def assigned(self, subscription: str, offer: str, user: str) -> Json:
        """A licence; some from a group, some with disabled services."""
        rng = self.rng
        services = list(self.catalogue.offer(offer).services)
        disabled: list[str] = []
        if rng.random() < 0.3:
            disabled = rng.sample(services, min(len(services), rng.randint(1, 3)))
            disabled += rng.choice(([], [], ["RETIRED_PLAN"], disabled[:1]))
        return {
            "type": "LicenseAssigned",
            "subscriptionId": subscription,
            "userId": user,
            "userPrincipalName": f"{user}@contoso.example",
            "displayName": rng.choice((None, f"Name {user}", "Zoë 計", "")),
            "assignedByGroup": "group-1" if rng.random() < 0.06 else None,
            "disabledServices": disabled,
        }

    def churn(self, customer: Customer) -> Json:
        """A change of a settled customer."""
        if self.rng.random() < self.plan.erasures:
            return {"type": "CustomerErased"}
        if not customer.subscriptions:
            return self.created(self.rng.choice(PARTNERS))
        maker = self.rng.choices(list(_CHURN), weights=list(_CHURN.values()))[0]
        return maker(self, customer)

    def any_subscription(self, customer: Customer) -> Subscription:
        """One of the customer's subscriptions, replaced ones included."""
        return self.rng.choice(list(customer.subscriptions.values()))

    def partner_of(self, customer: Customer) -> str | None:
        """The partner of one of the customer's subscriptions."""
        return self.any_subscription(customer).partner_id

    def churn_licence(self, customer: Customer) -> Json:
        """A licence more, or again; also on replaced subscriptions (replacedBy chains)."""
        place = self.any_subscription(customer)
        user = f"user-{self.rng.randint(0, 4 + self.licences):04d}"
        return self.assigned(place.subscription_id, place.offer_id, user)

    def churn_removal(self, customer: Customer) -> Json:
        """A licence less, if the user had one."""
        place = self.any_subscription(customer)
        users = [*place.licences, "user-0000"]
        return {
            "type": "LicenseRemoved",
            "subscriptionId": place.subscription_id,
            "userId": self.rng.choice(users),
        }

    def churn_update(self, customer: Customer) -> Json:
        """A fact about a known subscription: fresh, or stale."""
        rng = self.rng
        place = self.any_subscription(customer)
        status = rng.choices(
            ("ACTIVE", "SUSPENDED", "CANCELLED", "PENDING"), weights=(75, 12, 8, 5)
        )[0]
        return {
            "type": "SubscriptionChanged",
            "subscriptionId": place.subscription_id,
            "offerId": place.offer_id,
            "status": status,
            "quantity": max(len(place.licences), rng.choice((5, 10, 50, 300))),
            "partnerId": place.partner_id,
            "channel": place.channel,
            "parentSubscriptionId": place.parent,
            "revision": place.revision + rng.choices((1, 7, 0, -1), weights=(60, 20, 10, 10))[0],
        }

    def churn_ended(self, customer: Customer) -> Json:
        """The end of a subscription that cannot be upgraded, so that others do not conflict."""
        ends = [
            s
            for s in customer.subscriptions.values()
            if s.live and not self.catalogue.targets(s.offer_id)
        ]
        if not ends:
            return self.churn_update(customer)
        stated = self.churn_update(customer)
        place = self.rng.choice(ends)
        return {
            **stated,
            "subscriptionId": place.subscription_id,
            "offerId": place.offer_id,
            "status": "CANCELLED",
            "revision": place.revision + 1,
        }

    def churn_created(self, customer: Customer) -> Json:
        """Another subscription, sometimes of another partner."""
        other = self.rng.random() < 0.2
        return self.created(self.rng.choice(PARTNERS) if other else self.partner_of(customer))

    def churn_add_on(self, customer: Customer) -> Json:
        """An add-on of one of the subscriptions."""
        parent = self.any_subscription(customer).subscription_id
        return self.created(self.partner_of(customer), parent)

    def churn_grant(self, _customer: Customer) -> Json:
        """A grant given anew, or taken back."""
        grant = self.grant(self.rng.choice(PARTNERS))
        return {**grant, "granted": self.rng.random() < 0.75}

    def churn_unknown(self, _customer: Customer) -> Json:
        """A licence on a subscription that nobody has spoken of: ignored."""
        return self.assigned(self.next_id("sub-unknown"), "unlisted-offer", "user-0001")

    def churn_planted(self, customer: Customer) -> Json:
        """A subscription with the id that a request still to come would make (error 14)."""
        request_id = self.next_id("req")
        self.planted[customer.customer_id] = request_id
        planted = self.created(self.partner_of(customer))
        key = new_subscription_id(customer.customer_id, request_id)
        return {**planted, "subscriptionId": key, "offerId": "unlisted-offer"}

    # -- requests --

    def request_item(self) -> Item:
        """A new request, or one under an id that was used before."""
        if self.urgent:
            return self.send(self.urgent.popleft())
        if self.sent and self.rng.random() < self.plan.repeats:
            return self.repeated()
        names = self.settled or self.names
        maker = self.rng.choices(list(_WISHES), weights=list(_WISHES.values()))[0]
        wanted = None
        for _ in range(12):
            customer = self.models[self.rng.choice(names)]
            wanted = maker(self, customer)
            if wanted is not None:
                break
        request = wanted or self.wish(customer)
        self.sent.append(request)
        return self.send(request)

    def send(self, request: Json, expect: str | None = None) -> Item:
        """Decide the request in the model, and make its record."""
        customer = self.models[request["customerId"]]
        if once(customer, request) == "new":
            commit(customer, decide(self.catalogue, customer, request))
            remember(customer, request)
        return self.item(self.topics.requests, customer.customer_id, request, expect)

    def repeated(self) -> Item:
        """The same request again, or another one under its id."""
        old = self.rng.choice(self.sent)
        again = {**old, "requestedAt": START_MS + self.serial, "expectedVersion": None}
        if self.rng.random() < 0.25:
            again["quantity"] = 7 if old["quantity"] is None else None
        known = once(self.models[old["customerId"]], again)
        return self.send(again, "request_id_reused" if known == "reused" else None)

    def wish(self, customer: Customer, **fields: Any) -> Json:
        """A request about one of the customer's subscriptions, with some fields as given."""
        rng = self.rng
        source = self.favourite(customer)
        operation = fields.get("operation") or rng.choice(OPERATIONS)
        targets = self.catalogue.targets(source.offer_id) if source else ()
        request = {
            "requestId": self.next_id("req"),
            "orderId": rng.choice((None, "", f"order-{self.serial}")),
            "customerId": customer.customer_id,
            "partnerId": (source.partner_id if source else None) or PARTNERS[0],
            "subscriptionId": source.subscription_id if source else "sub-none",
            "operation": operation,
            "targetOfferId": rng.choice(targets) if targets and operation == "UPGRADE" else None,
            "quantity": rng.randint(1, 5) if operation == "ADD_LICENSES" else None,
            "expectedVersion": None,
            "requireLicenseTransfer": False,
            "requestedBy": {"userId": "operator-1", "role": rng.choice(sorted(ROLES))},
            "requestedAt": START_MS + self.serial,
        }
        return {**request, **fields}

    def favourite(self, customer: Customer) -> Subscription | None:
        """A subscription that can be upgraded, if there is one."""
        subscriptions = list(customer.subscriptions.values())
        good = [
            s
            for s in subscriptions
            if s.status == "ACTIVE" and s.partner_id and self.catalogue.targets(s.offer_id)
        ]
        return self.rng.choice(good or subscriptions) if subscriptions else None

    def granted(self, customer: Customer, request: Json) -> Json | None:
        """The request if the model would grant it."""
        return request if decide(self.catalogue, customer, request).granted else None

    def wish_upgrade(self, customer: Customer) -> Json | None:
        """An upgrade that is granted, to any of the targets."""
        first = self.wish(customer, operation="UPGRADE")
        source = customer.subscriptions.get(first["subscriptionId"])
        targets = list(self.catalogue.targets(source.offer_id)) if source else []
        self.rng.shuffle(targets)
        transfer = self.rng.random() < 0.2
        for target in targets:
            request = {**first, "targetOfferId": target, "requireLicenseTransfer": transfer}
            if self.granted(customer, request):
                return request
        return None

    def wish_add(self, customer: Customer) -> Json | None:
        """ADD_LICENSES that are granted."""
        return self.granted(customer, self.wish(customer, operation="ADD_LICENSES"))

    def wish_check(self, customer: Customer) -> Json | None:
        """A CHECK of all targets, mostly with one that is eligible; at times with more said."""
        request = self.wish(customer, operation="CHECK")
        if self.rng.random() < 0.2:
            request["requireLicenseTransfer"] = True
            request["quantity"] = self.rng.choice((1, 10, 301))
        outcome = decide(self.catalogue, customer, request).result["outcome"]
        return request if outcome == "ELIGIBLE" or self.rng.random() < 0.1 else None

    def wish_exact(self, customer: Customer) -> Json | None:
        """An upgrade that asks for the very version it was decided on."""
        return self.wish(customer, operation="UPGRADE", expectedVersion=customer.version)

    def wish_refused(self, customer: Customer) -> Json | None:
        """A request that the model refuses for a reason drawn in advance."""
        code = self.rng.choice(list(_REFUSALS))
        request = _REFUSALS[code](self, customer)
        if request is None:
            return None
        errors = decide(self.catalogue, customer, request).result["errors"]
        return request if any(error["code"] == code for error in errors) else None

    def about(self, customer: Customer, chosen: Callable[[Subscription], bool]) -> Json | None:
        """An upgrade of a subscription that has a property."""
        found = [s for s in customer.subscriptions.values() if s.partner_id and chosen(s)]
        if not found:
            return None
        source = self.rng.choice(found)
        targets = self.catalogue.targets(source.offer_id)
        return self.wish(
            customer,
            operation="UPGRADE",
            subscriptionId=source.subscription_id,
            partnerId=source.partner_id,
            targetOfferId=self.rng.choice(targets or list(self.catalogue.offers)),
        )

    def about_other(self, customer: Customer, **fields: Any) -> Json:
        """An upgrade with some fields set wrong."""
        return self.wish(customer, operation="UPGRADE", **fields)

    def about_planted(self, customer: Customer) -> Json | None:
        """An upgrade under the id whose new subscription was planted."""
        request_id = self.planted.pop(customer.customer_id, None)
        if request_id is None:
            return None
        return self.wish(customer, operation="UPGRADE", requestId=request_id)

    def about_owned(self, customer: Customer) -> Json | None:
        """An upgrade to an offer that the customer has already."""
        owned = {s.offer_id for s in customer.subscriptions.values() if s.live}

        def leads_there(subscription: Subscription) -> bool:
            return not owned.isdisjoint(self.catalogue.targets(subscription.offer_id))

        request = self.about(customer, leads_there)
        if request is not None:
            source = customer.subscriptions[request["subscriptionId"]]
            targets = [t for t in self.catalogue.targets(source.offer_id) if t in owned]
            request["targetOfferId"] = self.rng.choice(targets)
        return request

    def about_limit(self, customer: Customer) -> Json:
        """More licences than any offer has."""
        operation = self.rng.choice(("UPGRADE", "ADD_LICENSES"))
        return self.wish(customer, operation=operation, quantity=self.rng.choice((301, INT32_MAX)))

    def about_nonsense(self, customer: Customer) -> Json:
        """A request that says too little or the impossible (error 0)."""
        fields = self.rng.choice(
            (
                {"requestId": ""},
                {"subscriptionId": ""},
                {"partnerId": ""},
                {"operation": "UPGRADE", "targetOfferId": ""},
                {"operation": "ADD_LICENSES", "quantity": None},
                {"quantity": 0},
                {"quantity": -5},
            )
        )
        return self.wish(customer, **fields)


_LARGE = "cust-large"
_ODD_CUSTOMERS = ["cust é", "計/50%", "a b?c#d", "~-._", "\U0001f600", "nul\u0000", "q\"'\\"]

_CHURN: dict[Callable[[_Generator, Customer], Json], int] = {
    _Generator.churn_licence: 27,
    _Generator.churn_removal: 10,
    _Generator.churn_update: 14,
    _Generator.churn_ended: 20,
    _Generator.churn_created: 20,
    _Generator.churn_add_on: 3,
    _Generator.churn_grant: 6,
    _Generator.churn_unknown: 2,
    _Generator.churn_planted: 4,
}

_WISHES: dict[Callable[[_Generator, Customer], Json | None], int] = {
    _Generator.wish_upgrade: 36,
    _Generator.wish_add: 14,
    _Generator.wish_check: 18,
    _Generator.wish_exact: 4,
    _Generator.wish_refused: 28,
}

# Every error of contract 6, and how to provoke it.
_REFUSALS: dict[str, Callable[[_Generator, Customer], Json | None]] = {
    "invalid_request": _Generator.about_nonsense,
    "role_not_permitted": lambda g, c: g.about_other(
        c, requestedBy={"userId": "op", "role": "BILLING_ADMIN"}
    ),
    "version_mismatch": lambda g, c: g.about_other(c, expectedVersion=c.version + 1000),
    "subscription_not_found": lambda g, c: g.about_other(c, subscriptionId="sub-none"),
    "subscription_not_owned_by_partner": lambda g, c: g.about_other(c, partnerId="partner-x"),
    "subscription_not_provisioned": lambda g, c: g.about(c, lambda s: s.status == "PENDING"),
    "subscription_status_not_active": lambda g, c: g.about(
        c, lambda s: s.status in ("SUSPENDED", "CANCELLED")
    ),
    "delegated_admin_permissions_disabled": lambda g, c: g.about(
        c, lambda s: c.grants.get(s.partner_id or "") != ()
    ),
    "subscription_does_not_have_any_upgrade_paths": lambda g, c: g.about(
        c, lambda s: not g.catalogue.targets(s.offer_id)
    ),
    "subscription_target_offer_not_found": lambda g, c: g.about_other(
        c, targetOfferId="unlisted-offer"
    ),
    "subscription_add_ons_present": lambda g, c: g.about(
        c, lambda s: any(o.parent == s.subscription_id for o in c.subscriptions.values())
    ),
    "target_offer_already_owned": _Generator.about_owned,
    "conflicting_service_types": lambda g, c: g.about(c, lambda s: s.live),
    "quantity_below_assigned_licenses": lambda g, c: g.about_other(c, quantity=1),
    "quantity_exceeds_offer_limit": _Generator.about_limit,
    "user_license_error": lambda g, c: g.about_other(c, requireLicenseTransfer=True),
    "target_subscription_exists": _Generator.about_planted,
}
