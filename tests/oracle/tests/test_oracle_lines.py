"""The generator of lines and bad lines (contract 9): valid, varied, and judged right."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from oracle.catalogue import Catalogue, from_json
from oracle.lines import BadLine, answer_line, parse_line
from oracle.vectors import LineMaker, all_bad_cases, encode_line, good_templates, random_catalogue

ERROR_CODES = {
    "invalid_request",
    "role_not_permitted",
    "version_mismatch",
    "subscription_not_found",
    "subscription_not_owned_by_partner",
    "subscription_not_provisioned",
    "subscription_status_not_active",
    "delegated_admin_permissions_disabled",
    "subscription_does_not_have_any_upgrade_paths",
    "subscription_target_offer_not_found",
    "subscription_add_ons_present",
    "target_offer_already_owned",
    "conflicting_service_types",
    "quantity_below_assigned_licenses",
    "quantity_exceeds_offer_limit",
    "user_license_error",
    "target_subscription_exists",
}
OTHER_FACTS = {
    "UPGRADED",
    "LICENSES_ADDED",
    "ELIGIBLE",
    "NOT_ELIGIBLE",
    "REFUSED",
    "UPGRADE_ONLY",
    "UPGRADE_WITH_LICENSE_TRANSFER",
    "REPLACED",
    "REMOVED",
    "licence license_assigned_by_group",
    "licence conflicting_service_types",
    "erased",
    "event",
}


def note(counts: Counter[str], answer: dict[str, Any]) -> None:
    """Count what an answer shows."""
    if "result" not in answer:
        counts["erased" if answer["customer"] is None else "event"] += 1
        return
    result = answer["result"]
    counts[result["outcome"]] += 1
    counts[result["upgradeType"]] += 1
    for error in result["errors"]:
        counts[error["code"]] += 1
    for change in result["servicesToTransition"]:
        counts[change["transition"]] += 1
    for account in result["affectedAccounts"]:
        if account["licenseError"]:
            counts[f"licence {account['licenseError']['code']}"] += 1


def test_good_lines_reach_every_rule(facts: Catalogue) -> None:
    counts: Counter[str] = Counter()
    catalogues = [from_json(random_catalogue(random.Random(seed))) for seed in range(20)]
    for number, catalogue in enumerate([facts, *catalogues]):
        rng = random.Random(number)
        maker = LineMaker(catalogue, rng)
        for _ in range(250):
            line = encode_line(maker.line(), rng)
            answer = answer_line(catalogue, line)
            assert "error" not in answer, (answer, line)
            note(counts, answer)
    rare = {fact: counts[fact] for fact in ERROR_CODES | OTHER_FACTS if counts[fact] < 10}
    assert not rare


def test_generator_is_seeded(facts: Catalogue) -> None:
    def some() -> list[Any]:
        maker = LineMaker(facts, random.Random(5))
        return [maker.line() for _ in range(50)]

    assert some() == some()


def test_bad_lines_are_bad_and_their_originals_good() -> None:
    for good in good_templates():
        parse_line(good)
    cases = all_bad_cases()
    assert len(cases) > 300
    for case in cases:
        try:
            parse_line(case.line)
        except BadLine:
            continue
        raise AssertionError(f"not refused ({case.rule}): {case.line!r}")


def test_bad_lines_fit_on_a_line() -> None:
    assert not [case for case in all_bad_cases() if b"\n" in case.line or not case.line]


def test_nothing_but_a_bad_line_is_refused(facts: Catalogue) -> None:
    line = json.loads(good_templates()[0])
    line["customer"]["subscriptions"][0].update(partnerId="", channel=None, licenses=None)
    line["request"].update(unknown={"x": 1}, quantity=-7, requestId="")
    answer = answer_line(facts, json.dumps(line).encode())
    assert answer["result"]["errors"][0]["code"] == "invalid_request"
