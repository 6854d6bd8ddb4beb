"""Decisions (contract 6): CHECK, UPGRADE and ADD_LICENSES, as a pure function.

`decide` changes nothing; `commit` applies what it decided. Results are plain JSON as contract 9
prints them; the texts of messages are free and only say enough to be checked.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .catalogue import INT32_MAX, Catalogue, Transition
from .state import Customer, Licence, Subscription, optional

NAMESPACE = uuid.UUID("6f0f5c0e-6a0b-5b5e-9d6e-0d6a8f1c2b3a")
ROLES = frozenset(
    {
        "GLOBAL_ADMIN",
        "USER_MANAGEMENT_ADMIN",
        "ADMIN_AGENT",
        "SALES_AGENT",
        "HELPDESK_AGENT",
    }
)
OPERATIONS = ("CHECK", "UPGRADE", "ADD_LICENSES")
CONFLICT_CODES = frozenset({"target_offer_already_owned", "conflicting_service_types"})

Error = dict[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """An `UpgradeRequest` with its defaults filled in (contract 3)."""

    request_id: str
    order_id: str | None
    customer_id: str
    partner_id: str
    subscription_id: str
    operation: str
    target_offer_id: str | None
    quantity: int | None
    expected_version: int | None
    require_license_transfer: bool
    role: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """From a valid REQUEST of contract 9 or a decoded Avro record."""
        return cls(
            data["requestId"],
            optional(data.get("orderId")),
            data["customerId"],
            data["partnerId"],
            data["subscriptionId"],
            data["operation"],
            optional(data.get("targetOfferId")),
            data.get("quantity"),
            data.get("expectedVersion"),
            bool(data.get("requireLicenseTransfer")),
            data["requestedBy"]["role"],
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What an upgrade means for one licence (contract 6, UPGRADE)."""

    licence: Licence
    transitions: tuple[Transition, ...]
    new_disabled: tuple[str, ...]
    error: Error | None

    @property
    def affected(self) -> bool:
        """An account is affected if it has a transition or a licenseError."""
        return bool(self.transitions) or self.error is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """The result, and what a granted request writes: the new fields of source and new one."""

    result: Json
    source: Subscription | None = None
    added: Subscription | None = None

    @property
    def granted(self) -> bool:
        """True where the decision changes the customer (and its version)."""
        return self.source is not None


def new_subscription_id(customer_id: str, request_id: str) -> str:
    """UUIDv5(UUIDv5(namespace, customerId), requestId), in lower case (contract 6)."""
    return str(uuid.uuid5(uuid.uuid5(NAMESPACE, customer_id), request_id))


def error(
    code: str, message: str, subscription_id: str | None = None, services: tuple[str, ...] = ()
) -> Error:
    """An `UpgradeError`."""
    return {
        "code": code,
        "message": message,
        "subscriptionId": subscription_id,
        "services": list(services),
    }


# --- errors 0 to 7: about the request and its source ------------------------------------------


def invalid_reason(request: Request) -> str | None:
    """Error 0: what is wrong with the request itself."""
    if not request.request_id or not request.subscription_id or not request.partner_id:
        return "requestId, subscriptionId and partnerId must not be empty"
    if request.operation == "UPGRADE" and request.target_offer_id is None:
        return "an UPGRADE needs a targetOfferId"
    if request.operation == "ADD_LICENSES" and request.quantity is None:
        return "ADD_LICENSES needs a quantity"
    if request.quantity is not None and request.quantity <= 0:
        return "quantity must be positive"
    return None


@dataclass(slots=True)
class Preamble:
    """Errors 0 to 7 of a request; `source` only where the result may show it."""

    errors: list[Error]
    fatal: bool
    source: Subscription | None


def preamble(catalogue: Catalogue, customer: Customer, request: Request) -> Preamble:
    """Collect errors 0 to 7 in order, ending with a fatal one."""
    reason = invalid_reason(request)
    if reason is not None:
        return Preamble([error("invalid_request", reason)], True, None)
    errors = list(_about_caller(customer, request))
    source = customer.subscriptions.get(request.subscription_id)
    if source is None:
        text = "the customer has no such subscription: correct subscriptionId"
        errors.append(error("subscription_not_found", text, request.subscription_id))
        return Preamble(errors, True, None)
    if source.partner_id != request.partner_id:
        text = "the subscription belongs to another partner, who must ask"
        errors.append(error("subscription_not_owned_by_partner", text, source.subscription_id))
        return Preamble(errors, True, None)
    errors.extend(_about_source(catalogue, customer, source, request))
    path_error = _about_path(catalogue, source, request)
    if path_error is not None:
        errors.append(path_error)
    return Preamble(errors, path_error is not None, source)


def _about_caller(customer: Customer, request: Request) -> Iterator[Error]:
    """Errors 1 and 2."""
    if request.role not in ROLES:
        yield error("role_not_permitted", "ask someone with a permitted role")
    if request.expected_version is not None and request.expected_version != customer.version:
        yield error("version_mismatch", f"the version is {customer.version}: look again")


def _about_source(
    catalogue: Catalogue, customer: Customer, source: Subscription, request: Request
) -> Iterator[Error]:
    """Errors 5 and 6."""
    if source.status == "PENDING":
        text = "wait until the subscription is provisioned"
        yield error("subscription_not_provisioned", text, source.subscription_id)
    elif source.status != "ACTIVE":
        text = "the subscription is not active: activate it first"
        yield error("subscription_status_not_active", text, source.subscription_id)
    services = catalogue.offer(source.offer_id).services
    grant = customer.grants.get(request.partner_id)
    if grant is None:
        missing = services
    else:
        missing = tuple(s for s in services if grant and catalogue.services[s].family not in grant)
    if grant is None or missing:
        text = "the customer must grant delegated admin permissions"
        yield error("delegated_admin_permissions_disabled", text, None, missing)


def _about_path(catalogue: Catalogue, source: Subscription, request: Request) -> Error | None:
    """Error 7, for CHECK and UPGRADE."""
    if request.operation == "ADD_LICENSES":
        return None
    targets = catalogue.targets(source.offer_id)
    if not targets:
        return error(
            "subscription_does_not_have_any_upgrade_paths",
            "the offer cannot be upgraded",
            source.subscription_id,
        )
    if request.target_offer_id is not None and request.target_offer_id not in targets:
        return error("subscription_target_offer_not_found", "choose one of the offer's targets")
    return None


# --- errors 8 to 13: about one target ---------------------------------------------------------


class TargetCase:
    """One target of one source: its errors 8 to 13 and its accounts."""

    def __init__(
        self,
        catalogue: Catalogue,
        customer: Customer,
        source: Subscription,
        target_offer: str,
        request: Request,
    ) -> None:
        self.source = source
        self.target_offer = target_offer
        self.request = request
        self.catalogue = catalogue
        self.transfer = catalogue.transfer(source.offer_id, target_offer)
        self.quantity = source.quantity if request.quantity is None else request.quantity
        self.live_others = customer.live_others(source.subscription_id)
        self._accounts: list[Account] | None = None

    def accounts(self) -> list[Account]:
        """Every licence of the source as the upgrade would treat it, in order of userId."""
        if self._accounts is None:
            licences = self.source.licences
            self._accounts = [self._account(licences[user]) for user in sorted(licences)]
        return self._accounts

    def _account(self, licence: Licence) -> Account:
        transitions, new_disabled = self.transfer.carry(licence.disabled)
        return Account(
            licence, transitions, new_disabled, self._licence_error(licence, new_disabled)
        )

    def _licence_error(self, licence: Licence, new_disabled: tuple[str, ...]) -> Error | None:
        if licence.assigned_by_group is not None:
            text = "the licence was assigned by a group: change it on the group"
            return error("license_assigned_by_group", text)
        for other in self.live_others:
            held = other.licences.get(licence.user_id)
            if held is None:
                continue
            services = self.transfer.clashes(other.offer_id, held.disabled, new_disabled)
            if services:
                text = _conflict_text(other)
                return error("conflicting_service_types", text, other.subscription_id, services)
        return None

    def errors(self) -> list[Error]:
        """Errors 8 to 13 in order."""
        return [*self._add_ons(), *self._owned(), *self._conflicts(), *self._limits()]

    def _add_ons(self) -> Iterator[Error]:
        for other in self.live_others:
            if other.parent == self.source.subscription_id:
                text = "cancel the add-on first"
                yield error("subscription_add_ons_present", text, other.subscription_id)

    def _unrelated(self) -> list[Subscription]:
        """*Other*: neither the source nor an add-on of it (contract 6)."""
        return [o for o in self.live_others if o.parent != self.source.subscription_id]

    def _owned(self) -> Iterator[Error]:
        for other in self._unrelated():
            if other.offer_id == self.target_offer:
                text = _conflict_text(other)
                yield error("target_offer_already_owned", text, other.subscription_id)

    def _conflicts(self) -> Iterator[Error]:
        for other in self._unrelated():
            if other.offer_id == self.target_offer:
                continue
            owned = self.catalogue.offer(other.offer_id).service_set
            services = tuple(s for s in self.transfer.conflicting if s in owned)
            if services:
                text = _conflict_text(other)
                yield error("conflicting_service_types", text, other.subscription_id, services)

    def _limits(self) -> Iterator[Error]:
        """Errors 11, 12 and 13."""
        source_id = self.source.subscription_id
        if self.quantity < len(self.source.licences):
            text = f"{len(self.source.licences)} licences are assigned: ask for as many"
            yield error("quantity_below_assigned_licenses", text, source_id)
        if _exceeds(self.quantity, self.transfer.target.max_seats):
            yield error("quantity_exceeds_offer_limit", "ask for fewer licences")
        if self.request.require_license_transfer and any(a.error for a in self.accounts()):
            text = "some licences cannot be moved: see CHECK, or do not require it"
            yield error("user_license_error", text, source_id)

    def upgrade_type(self) -> str:
        """With transfer if at least one licence moves (contract 6, UPGRADE)."""
        moved = any(account.error is None for account in self.accounts())
        return "UPGRADE_WITH_LICENSE_TRANSFER" if moved else "UPGRADE_ONLY"


def _exceeds(quantity: int, limit: int | None) -> bool:
    return limit is not None and quantity > limit


def _conflict_text(other: Subscription) -> str:
    return (
        f"subscription {other.subscription_id}, bought through channel {other.channel}, "
        "must be cancelled first"
    )


# --- results ----------------------------------------------------------------------------------


def _shown(catalogue: Catalogue, subscription: Subscription | None) -> Json | None:
    """The record `Subscription` of a result."""
    if subscription is None:
        return None
    return {
        "subscriptionId": subscription.subscription_id,
        "offerId": subscription.offer_id,
        "offerName": catalogue.offer(subscription.offer_id).name,
        "status": subscription.status,
        "quantity": subscription.quantity,
    }


def _billing_line(catalogue: Catalogue, subscription: Subscription, quantity: int) -> Json:
    return {
        "subscriptionId": subscription.subscription_id,
        "offerId": subscription.offer_id,
        "offerName": catalogue.offer(subscription.offer_id).name,
        "quantity": quantity,
    }


def _blank_result(catalogue: Catalogue, customer: Customer, request: Request, now: int) -> Json:
    """A refused result without errors; what differs is overwritten."""
    return {
        "requestId": request.request_id,
        "orderId": request.order_id,
        "customerId": request.customer_id,
        "partnerId": request.partner_id,
        "subscriptionId": request.subscription_id,
        "operation": request.operation,
        "outcome": "REFUSED",
        "upgradeType": "NONE",
        "errors": [],
        "possibleUpgrades": [],
        "sourceSubscription": None,
        "targetSubscription": None,
        "affectedAccounts": [],
        "servicesToTransition": [],
        "billing": None,
        "customerVersion": customer.version,
        "catalogueVersion": catalogue.version,
        "decidedAt": now,
        "part": 1,
        "parts": 1,
    }


def decide(
    catalogue: Catalogue, customer: Customer, request: Mapping[str, Any], now: int = 0
) -> Decision:
    """Decide a readable request on the customer's state, which is left as it is (contract 6)."""
    wish = Request.from_json(request)
    found = preamble(catalogue, customer, wish)
    result = _blank_result(catalogue, customer, wish, now)
    result["errors"] = found.errors
    result["sourceSubscription"] = _shown(catalogue, found.source)
    if wish.operation == "CHECK":
        return Decision(_checked(catalogue, customer, wish, found, result))
    if found.fatal or found.source is None:
        return Decision(result)
    if wish.operation == "ADD_LICENSES":
        return _add_licenses(catalogue, found.source, wish, result)
    return _upgrade(catalogue, customer, found.source, wish, result)


def _checked(
    catalogue: Catalogue, customer: Customer, request: Request, found: Preamble, result: Json
) -> Json:
    """CHECK: errors 8 to 13 of each target, and what the upgrade would mean."""
    targets: tuple[str, ...] = ()
    if not found.fatal and found.source is not None:
        targets = catalogue.targets(found.source.offer_id)
        if request.target_offer_id is not None:
            targets = (request.target_offer_id,)
        result["possibleUpgrades"] = [
            _possible(TargetCase(catalogue, customer, found.source, t, request), found.errors)
            for t in targets
        ]
    eligible = any(possible["eligible"] for possible in result["possibleUpgrades"])
    result["outcome"] = "ELIGIBLE" if eligible else "NOT_ELIGIBLE"
    return result


def _possible(case: TargetCase, general: list[Error]) -> Json:
    errors = case.errors()
    eligible = not general and not errors
    return {
        "targetOfferId": case.target_offer,
        "eligible": eligible,
        "upgradeType": case.upgrade_type() if eligible else "NONE",
        "quantity": case.quantity,
        "errors": errors,
        "affectedAccounts": sum(account.affected for account in case.accounts()),
        "additionalServices": list(case.transfer.additional),
    }


def _add_licenses(
    catalogue: Catalogue, source: Subscription, request: Request, result: Json
) -> Decision:
    """ADD_LICENSES: error 12, and the grown subscription."""
    assert request.quantity is not None
    quantity = source.quantity + request.quantity
    if quantity > INT32_MAX or _exceeds(quantity, catalogue.offer(source.offer_id).max_seats):
        result["errors"].append(error("quantity_exceeds_offer_limit", "ask for fewer licences"))
    if result["errors"]:
        return Decision(result)
    grown = _changed(source, quantity=quantity)
    result["outcome"] = "LICENSES_ADDED"
    result["targetSubscription"] = _shown(catalogue, grown)
    added = _billing_line(catalogue, grown, request.quantity)
    result["billing"] = {"cancelled": None, "added": added, "effectiveAt": result["decidedAt"]}
    return Decision(result, source=grown)


def _upgrade(
    catalogue: Catalogue, customer: Customer, source: Subscription, request: Request, result: Json
) -> Decision:
    """UPGRADE: errors 8 to 14, and the two subscriptions after it."""
    assert request.target_offer_id is not None
    case = TargetCase(catalogue, customer, source, request.target_offer_id, request)
    new_id = new_subscription_id(request.customer_id, request.request_id)
    result["errors"].extend(case.errors())
    if new_id in customer.subscriptions:
        text = "a subscription of that id exists: send the request under a new id"
        result["errors"].append(error("target_subscription_exists", text, new_id))
    if result["errors"]:
        return Decision(result)
    added = Subscription(
        new_id,
        case.target_offer,
        "ACTIVE",
        case.quantity,
        source.partner_id,
        source.channel,
        None,
        0,
        licences={
            account.licence.user_id: account.licence.with_disabled(account.new_disabled)
            for account in case.accounts()
            if account.error is None
        },
    )
    cancelled = _changed(source, status="CANCELLED", replaced_by=new_id, licences={})
    _show_upgrade(catalogue, case, cancelled, added, result)
    return Decision(result, source=cancelled, added=added)


def _show_upgrade(
    catalogue: Catalogue,
    case: TargetCase,
    cancelled: Subscription,
    added: Subscription,
    result: Json,
) -> None:
    result["outcome"] = "UPGRADED"
    result["upgradeType"] = case.upgrade_type()
    result["sourceSubscription"] = _shown(catalogue, cancelled)
    result["targetSubscription"] = _shown(catalogue, added)
    result["affectedAccounts"] = [_shown_account(a) for a in case.accounts() if a.affected]
    result["servicesToTransition"] = _service_transitions(catalogue, case)
    result["billing"] = {
        "cancelled": _billing_line(catalogue, cancelled, cancelled.quantity),
        "added": _billing_line(catalogue, added, added.quantity),
        "effectiveAt": result["decidedAt"],
    }


def _shown_account(account: Account) -> Json:
    return {
        "userId": account.licence.user_id,
        "userPrincipalName": account.licence.user_principal_name,
        "displayName": account.licence.display_name,
        "transitions": [
            {"service": t.service, "replacement": t.replacement, "transition": t.kind}
            for t in account.transitions
        ],
        "licenseError": account.error,
    }


def _service_transitions(catalogue: Catalogue, case: TargetCase) -> list[Json]:
    """Sums by service, replacement and transition, in the source offer's order."""
    counts = Counter(t for account in case.accounts() for t in account.transitions)
    order = {service: place for place, service in enumerate(case.transfer.source.services)}
    return [
        {
            "service": t.service,
            "serviceName": catalogue.services[t.service].name,
            "replacement": t.replacement,
            "replacementName": t.replacement and catalogue.services[t.replacement].name,
            "transition": t.kind,
            "accounts": counts[t],
        }
        for t in sorted(counts, key=lambda t: order[t.service])
    ]


def _changed(source: Subscription, **fields: Any) -> Subscription:
    """A copy of a subscription with some fields changed; licences are shared, not copied."""
    values = {name: getattr(source, name) for name in Subscription.__slots__}
    return Subscription(**{**values, **fields})


def commit(customer: Customer, decision: Decision) -> None:
    """Apply a granted decision to the customer it was made on (contract 6); else do nothing."""
    for subscription in (decision.source, decision.added):
        if subscription is not None:
            customer.subscriptions[subscription.subscription_id] = subscription
    if decision.granted:
        customer.version += 1
