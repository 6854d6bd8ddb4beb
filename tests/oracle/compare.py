"""Exact comparison of JSON values, readable differences, and the checks of free texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .decide import CONFLICT_CODES
from .state import CHANNELS

VOLATILE = frozenset({"message", "decidedAt", "effectiveAt", "part", "parts"})


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Every place where two JSON values differ, but for the fields that vectors leave out.

    Types count (true is not 1, 1 is not 1.0), the order of keys does not.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted((expected.keys() | actual.keys()) - VOLATILE):
            if key not in actual:
                yield f"{path}.{key}: missing, expected {_short(expected[key])}"
            elif key not in expected:
                yield f"{path}.{key}: unexpected {_short(actual[key])}"
            else:
                yield from differences(expected[key], actual[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _list_differences(expected, actual, path)
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{path}: expected {_short(expected)}, got {_short(actual)}"


def _list_differences(expected: list[Any], actual: list[Any], path: str) -> Iterator[str]:
    for index, (left, right) in enumerate(zip(expected, actual)):
        yield from differences(left, right, f"{path}[{index}]")
    for index in range(len(actual), len(expected)):
        yield f"{path}[{index}]: missing, expected {_short(expected[index])}"
    for index in range(len(expected), len(actual)):
        yield f"{path}[{index}]: unexpected {_short(actual[index])}"


def _short(value: Any, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def message_problems(result: dict[str, Any], channels: dict[str, str]) -> Iterator[str]:
    """What is wrong with a result's messages (contract 6).

    Each is a non-empty text; a conflict names the channel of the other subscription and says that
    it must be cancelled first. `channels`: the channel of each subscription of the customer.
    """
    for path, error in all_errors(result):
        text = error.get("message")
        if not isinstance(text, str) or not text.strip():
            yield f"{path}.message: {text!r} is not a text"
        elif error.get("code") in CONFLICT_CODES:
            channel = channels.get(error.get("subscriptionId") or "", "")
            if channel not in CHANNELS or channel.lower() not in text.lower():
                yield f"{path}.message: does not name the channel {channel}: {_short(text)}"
            if "cancel" not in text.lower():
                yield f"{path}.message: does not say to cancel first: {_short(text)}"


def all_errors(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every `UpgradeError` of a result with its path."""
    for index, error in enumerate(result["errors"]):
        yield f".errors[{index}]", error
    for place, possible in enumerate(result["possibleUpgrades"]):
        for index, error in enumerate(possible["errors"]):
            yield f".possibleUpgrades[{place}].errors[{index}]", error
    for index, account in enumerate(result["affectedAccounts"]):
        if account["licenseError"] is not None:
            yield f".affectedAccounts[{index}].licenseError", account["licenseError"]


def stamp_problems(result: dict[str, Any]) -> Iterator[str]:
    """effectiveAt equals decidedAt (contract 6)."""
    billing = result.get("billing")
    if billing is not None and billing.get("effectiveAt") != result.get("decidedAt"):
        yield f".billing.effectiveAt: {billing.get('effectiveAt')!r} is not decidedAt"
