"""Is the outcome of a schedule right? The oracle (tests/oracle) says so from the topics alone."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from oracle.catalogue import Catalogue
from oracle.catalogue import load as load_catalogue
from oracle.history import Report, Settings, check
from oracle.records import Record, Topics
from oracle.state import Customer
from oracle.wire import Registry

from .schedule import EVENTS, REQUESTS, STATE, TOPICS, Schedule

ROOT = Path(__file__).resolve().parents[2]
ENVELOPE = 9  # of a stored value: format version, check sum
STATUSES = ("PENDING", "ACTIVE", "SUSPENDED", "CANCELLED")


@dataclass(slots=True)
class Verdict:
    """What is wrong with a schedule (nothing: it is right), and what was in it."""

    seed: int
    faults: list[str]
    counts: dict[str, int] = field(default_factory=dict)
    tallies: list[tuple[int, int]] = field(default_factory=list)


@cache
def _catalogue() -> Catalogue:
    return load_catalogue(ROOT / "catalogue" / "csp.json")


@cache
def _registry() -> Registry:
    return Registry.load()


@cache
def _schema(name: str) -> Any:
    text = (ROOT / "schemas" / f"state-{name}.avsc").read_text("utf-8")
    return fastavro.parse_schema(json.loads(text))


# --- answers ----------------------------------------------------------------------------------


def _settings(schedule: Schedule, unprocessable: bool) -> Settings:
    """As the schedule was run; where it did not come to rest, only what was taken in counts."""
    partitions = schedule.settings["partitions"]
    letters = schedule.settings["dlq_partitions"]
    first_probes = schedule.end["first_probes"]
    probes = (r for r in schedule.records[REQUESTS] if r.offset >= first_probes[r.partition])
    committed = None
    if schedule.settings["foreign"] or schedule.violations:
        committed = {
            (TOPICS[topic], partition): offset
            for partition, offsets in enumerate(schedule.end["progress"])
            for topic, offset in enumerate(offsets)
        }
    return Settings(
        Topics(partitions),
        dlq_partitions={TOPICS[2]: letters, TOPICS[3]: letters},
        max_accounts=schedule.settings["max_accounts"],
        allow_unprocessable=unprocessable,
        committed=committed,
        settled=frozenset(record.source for record in probes),
    )


def _report(schedule: Schedule, unprocessable: bool) -> Report:
    inputs = schedule.records[EVENTS] + schedule.records[REQUESTS]
    outputs = [record for topic in (2, 3, 4) for record in schedule.records[topic]]
    settings = _settings(schedule, unprocessable)
    return check(_catalogue(), _registry(), settings, inputs, outputs)


# --- stored state -----------------------------------------------------------------------------


def _decode(name: str, value: bytes) -> dict[str, Any]:
    body = io.BytesIO(value[ENVELOPE:])
    record = fastavro.schemaless_reader(body, _schema(name), None)
    assert isinstance(record, dict) and not body.read()
    return record


@dataclass(slots=True)
class _Stored:
    """A customer's pieces in the state topic: the head, and users by the ordinal of the place."""

    head: dict[str, Any] | None = None
    users: dict[int, dict[str, list[str]]] = field(default_factory=dict)


def _stored(records: list[Record]) -> dict[tuple[int, str], _Stored]:
    """Every customer that the state topic tells of, by partition and id."""
    latest: dict[tuple[int, bytes], bytes | None] = {}
    for record in records:
        latest[record.partition, record.key or b""] = record.value
    found: dict[tuple[int, str], _Stored] = {}
    for (partition, key), value in latest.items():
        piece, _, name = key.partition(b"/")
        if value is None or piece == b"#":
            continue
        stored = found.setdefault((partition, name.decode()), _Stored())
        if piece == b"h":
            stored.head = _decode("head", value)
        elif piece[:1] == b"l":
            users = stored.users.setdefault(int(piece[1:].partition(b".")[0]), {})
            for licence in _decode("licences", value)["licences"]:
                users[licence["userId"]] = licence["disabledServices"]
    return found


def _shown(customer: Customer) -> dict[str, Any]:
    """What the oracle's customer and a stored one are compared by."""
    return {
        "version": customer.version,
        "answered": len(customer.answered),
        "grants": {key: list(value) for key, value in customer.grants.items()},
        "subscriptions": {
            key: [s.offer_id, s.status, s.quantity, s.revision, s.replaced_by]
            for key, s in customer.subscriptions.items()
        },
        "users": {
            key: {user: list(licence.disabled) for user, licence in s.licences.items()}
            for key, s in customer.subscriptions.items()
        },
    }


def _shown_stored(stored: _Stored) -> dict[str, Any]:
    head = stored.head or {"version": 0, "answeredTotal": 0, "grants": [], "subscriptions": []}
    subscriptions = head["subscriptions"]
    return {
        "version": head["version"],
        "answered": min(head["answeredTotal"], 64),
        "grants": {grant["partnerId"]: grant["serviceFamilies"] for grant in head["grants"]},
        "subscriptions": {
            s["subscriptionId"]: [
                s["offerId"],
                s["status"],
                s["quantity"],
                s["revision"],
                s["replacedBy"],
            ]
            for s in subscriptions
        },
        "users": {s["subscriptionId"]: stored.users.get(s["ordinal"], {}) for s in subscriptions},
    }


def _state_faults(schedule: Schedule, report: Report) -> list[str]:
    """The state topic holds just the customers that the inputs and answers make."""
    stored = _stored(schedule.records[STATE])
    faults = []
    # Of customers that differ in nothing but their answered requests the oracle keeps one.
    is_in_doubt = report.summary.get("erasures", 0) > 0
    for key, customers in report.customers.items():
        found = _shown_stored(stored.pop(key, _Stored()))
        wanted = [_shown(customer) for customer in customers]
        for shown in (found, *wanted) if is_in_doubt else ():
            del shown["answered"]
        if found not in wanted:
            faults.append(f"state of {key[1]!r} in partition {key[0]}: {found}, expected {wanted}")
    faults += [f"state of {key[1]!r} in partition {key[0]}, of whom nobody spoke" for key in stored]
    return faults


# --- all of it --------------------------------------------------------------------------------


def judge(schedule: Schedule, names: list[str]) -> Verdict:
    """Everything that is wrong with a schedule. `names`: of the bad manners, in order."""
    faults = list(schedule.violations)
    tallies = [(tally.occurred, tally.mattered) for tally in schedule.tallies]
    if schedule.crash is not None:
        return Verdict(schedule.seed, [f"crash: {schedule.crash}"])
    occurred = {name: tally.occurred for name, tally in zip(names, schedule.tallies, strict=True)}
    # A record that Kafka is said to refuse is unprocessable, though it was not the record's fault.
    refused = occurred["PRODUCE_REFUSED"] + occurred["REPORT_FAILED"]
    report = _report(schedule, refused > 0)
    faults += [f"oracle: {violation}" for violation in report.violations]
    if not faults and not schedule.settings["foreign"]:
        faults += _state_faults(schedule, report)
    counts = {name: int(number) for name, number in report.summary.items()}
    for name in ("steps", "simulated_ms", "processes", "redis_commands"):
        counts[name] = int(schedule.end[name])
    return Verdict(schedule.seed, faults, counts, tallies)
