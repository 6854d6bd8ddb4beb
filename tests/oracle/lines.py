"""One line of `planlift decide` (contract 9): what is a bad line, and the answer to a good one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .catalogue import INT32_MAX, Catalogue
from .decide import OPERATIONS, commit, decide
from .state import CHANNELS, EVENT_TYPES, STATUSES, Customer, apply_event, invalid_event

INT32_MIN = -(2**31)
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

Check = Callable[[Any, str], None]
Json = dict[str, Any]


class BadLine(ValueError):
    """A line that contract 9 answers with {"error": ...}."""


# --- checks of single values ------------------------------------------------------------------


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise BadLine(f"{place}: not a string")


def _identifier(value: Any, place: str) -> None:
    _text(value, place)
    if not value:
        raise BadLine(f"{place}: empty")


def _boolean(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise BadLine(f"{place}: not a boolean")


def _integer(low: int, high: int) -> Check:
    def check(value: Any, place: str) -> None:
        if type(value) is not int:
            raise BadLine(f"{place}: not an integer")
        if not low <= value <= high:
            raise BadLine(f"{place}: out of range")

    return check


def _one_of(symbols: tuple[str, ...]) -> Check:
    def check(value: Any, place: str) -> None:
        _text(value, place)
        if value not in symbols:
            raise BadLine(f"{place}: unknown symbol {value!r}")

    return check


def _optional(check: Check) -> Check:
    """A field marked `?`, or with a default: it may be missing or null."""

    def checked(value: Any, place: str) -> None:
        if value is not None:
            check(value, place)

    return checked


def _array(item: Check, key: str | None = None) -> Check:
    """An array (it may be missing or null); where `key` is given its values must not repeat."""

    def check(value: Any, place: str) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            raise BadLine(f"{place}: not an array")
        seen: set[str] = set()
        for index, element in enumerate(value):
            item(element, f"{place}[{index}]")
            if key is not None:
                if element[key] in seen:
                    raise BadLine(f"{place}[{index}].{key}: repeated")
                seen.add(element[key])

    return check


def _record(fields: Mapping[str, Check]) -> Check:
    """An object with at least these fields; unknown keys are ignored."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise BadLine(f"{place}: not an object")
        for name, field in fields.items():
            field(value.get(name), f"{place}.{name}")

    return check


_INT = _integer(INT32_MIN, INT32_MAX)
_LONG = _integer(INT64_MIN, INT64_MAX)
_QUANTITY = _integer(0, INT32_MAX)
_STRINGS = _array(_text)
_CHANNEL = _optional(_one_of(CHANNELS))
_TEXT_OR_NULL = _optional(_text)

_LICENCE = {
    "userId": _identifier,
    "userPrincipalName": _text,
    "displayName": _TEXT_OR_NULL,
    "assignedByGroup": _TEXT_OR_NULL,
    "disabledServices": _STRINGS,
}
_SUBSCRIPTION = {
    "subscriptionId": _identifier,
    "offerId": _identifier,
    "status": _one_of(STATUSES),
    "quantity": _QUANTITY,
    "partnerId": _TEXT_OR_NULL,
    "channel": _CHANNEL,
    "parentSubscriptionId": _TEXT_OR_NULL,
    "revision": _LONG,
}
_STATE = _record(
    {
        "customerId": _identifier,
        "version": _integer(0, INT64_MAX),
        "subscriptions": _array(
            _record(
                {
                    **_SUBSCRIPTION,
                    "replacedBy": _TEXT_OR_NULL,
                    "licenses": _array(_record(_LICENCE), key="userId"),
                }
            ),
            key="subscriptionId",
        ),
        "delegatedAdmin": _array(
            _record({"partnerId": _identifier, "serviceFamilies": _STRINGS}), key="partnerId"
        ),
    }
)
_REQUEST = _record(
    {
        "requestId": _text,
        "orderId": _TEXT_OR_NULL,
        "customerId": _identifier,
        "partnerId": _text,
        "subscriptionId": _text,
        "operation": _one_of(OPERATIONS),
        "targetOfferId": _TEXT_OR_NULL,
        "quantity": _optional(_INT),
        "expectedVersion": _optional(_LONG),
        "requireLicenseTransfer": _optional(_boolean),
        "requestedBy": _record({"userId": _text, "role": _text}),
        "requestedAt": _LONG,
    }
)
_EVENTS: dict[str, Check] = {
    "SubscriptionChanged": _record({**_SUBSCRIPTION, "quantity": _INT}),
    "LicenseAssigned": _record({"subscriptionId": _text, **_LICENCE}),
    "LicenseRemoved": _record({"subscriptionId": _text, "userId": _text}),
    "DelegatedAdminChanged": _record(
        {"partnerId": _text, "granted": _boolean, "serviceFamilies": _STRINGS}
    ),
    "CustomerErased": _record({}),
}


def _event(value: Any, place: str) -> None:
    _record({"type": _one_of(EVENT_TYPES)})(value, place)
    _EVENTS[value["type"]](value, place)
    reason = invalid_event(value)
    if reason is not None:
        raise BadLine(f"{place}: {reason}")


# --- lines ------------------------------------------------------------------------------------


def _refuse_constant(name: str) -> Any:
    raise BadLine(f"not JSON: {name}")


def parse_line(line: bytes) -> Json:
    """The checked content of a line in; raises BadLine."""
    try:
        data = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # no lone surrogates
    except (UnicodeError, json.JSONDecodeError, RecursionError) as problem:
        raise BadLine(f"not JSON: {problem}") from problem
    if not isinstance(data, dict) or "customer" not in data:
        raise BadLine("not an object with a customer")
    if (data.get("request") is None) == (data.get("event") is None):
        raise BadLine("exactly one of request and event is needed")
    if data["customer"] is not None:
        _STATE(data["customer"], "customer")
    if data.get("event") is not None:
        if data["customer"] is None:
            raise BadLine("customer: null with an event")
        _event(data["event"], "event")
        return data
    _REQUEST(data["request"], "request")
    _LONG(data.get("now"), "now")
    if data["customer"] and data["customer"]["customerId"] != data["request"]["customerId"]:
        raise BadLine("request.customerId: not the customer's")
    return data


def answer_line(catalogue: Catalogue, line: bytes) -> Json:
    """The line out that contract 9 asks for."""
    try:
        data = parse_line(line)
    except BadLine as problem:
        return {"error": str(problem)}
    if data["customer"] is None:
        customer = Customer(data["request"]["customerId"])
    else:
        customer = Customer.from_json(data["customer"])
    if data.get("event") is not None:
        apply_event(customer, data["event"])
        erased = data["event"]["type"] == "CustomerErased"
        return {"customer": None if erased else customer.to_json()}
    decision = decide(catalogue, customer, data["request"], data["now"])
    commit(customer, decision)
    return {"result": decision.result, "customer": customer.to_json()}
