"""The history checker: right histories pass, every kind of wrong one is reported."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from runs import Run, perfect_run, to_records

from oracle.catalogue import Catalogue
from oracle.decide import commit, decide
from oracle.history import Report, Settings
from oracle.perfect import PerfectPlanlift
from oracle.records import Input, Judge, Record, Topics
from oracle.state import Customer, apply_event
from oracle.wire import (
    EVENT,
    REQUEST,
    RESULT,
    Headers,
    Registry,
    WireError,
    dead_letter_headers,
    decode_input,
    encode,
    result_headers,
)
from oracle.workload import Plan, probes

TOPICS = Topics(partitions=4)
LETTERS = {"upgrade-requests.dlq": 3, "subscription-events.dlq": 1}
PLAN = Plan(seed=3, events=1600, requests=700, customers=40, broken=0.06, erasures=0.02)
SETTINGS = Settings(TOPICS, dlq_partitions=LETTERS, max_accounts=2)


@pytest.fixture(scope="module", name="run")
def whole_run(facts: Catalogue, registry: Registry) -> Run:
    return perfect_run(facts, registry, replace(PLAN, evolved=True), SETTINGS)


def kinds(report: Report) -> set[str]:
    return {violation.kind for violation in report.violations}


# --- right histories --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_right_histories_pass(facts: Catalogue, registry: Registry, seed: int) -> None:
    plan = replace(PLAN, seed=100 + seed, erasures=0.1, evolved=seed % 2 == 0)
    run = perfect_run(facts, registry, plan, SETTINGS)
    report = run.check(random.Random(seed).sample(run.outputs, len(run.outputs)))
    assert not report.violations, report.describe()
    assert report.summary["result records"] > report.summary["results"]
    assert report.summary["repeats"] > 0
    assert report.summary["erasures"] > 5
    assert len(report.customers) == report.summary["customers"]


def test_a_large_customer(facts: Catalogue, registry: Registry) -> None:
    plan = replace(PLAN, events=26_500, requests=300, large=25_000)
    run = perfect_run(facts, registry, plan, Settings(TOPICS, max_accounts=500))
    report = run.check()
    assert not report.violations, report.describe()
    assert max(value["parts"] for _, value in run.results()) >= 20


def test_the_run_has_what_the_mutations_need(run: Run) -> None:
    sizes = [len(value["affectedAccounts"]) for _, value in run.results() if value["parts"] > 1]
    assert set(sizes) == {1, 2}
    assert len(run.letters()) > 50


def test_final_customers_are_those_of_the_run(facts: Catalogue, registry: Registry) -> None:
    plan = replace(PLAN, seed=77)
    made = perfect_run(facts, registry, plan, SETTINGS)
    planlift = PerfectPlanlift(facts, registry, SETTINGS, random.Random(plan.seed))
    outputs = planlift.run(made.inputs)
    found = made.check(outputs).customers
    assert found.keys() == planlift.customers.keys()
    for key, customer in planlift.customers.items():
        assert customer.to_json() in [state.to_json() for state in found[key]]


def test_unprocessable_only_where_allowed(facts: Catalogue, registry: Registry) -> None:
    first = perfect_run(facts, registry, PLAN, SETTINGS)
    sources = [record.source for record in first.inputs]
    poison = frozenset(random.Random(1).sample(sources, 40))
    run = perfect_run(facts, registry, PLAN, SETTINGS, unprocessable=poison)
    report = run.check(allow_unprocessable=True)
    assert not report.violations, report.describe()
    assert kinds(run.check()) == {"unexpected_dead_letter"}


def test_an_unfinished_run(facts: Catalogue, registry: Registry) -> None:
    run = perfect_run(facts, registry, PLAN, SETTINGS)
    counts: dict[tuple[str, int], int] = {}
    for record in run.inputs:
        place = (record.topic, record.partition)
        counts[place] = max(counts.get(place, 0), record.offset + 1)
    committed = {place: count // 2 for place, count in counts.items()}
    handled = [r for r in run.inputs if r.offset < committed[r.topic, r.partition]]
    half = replace(run, inputs=handled)
    rng = random.Random(8)
    half.outputs = PerfectPlanlift(facts, registry, SETTINGS, rng).run(handled)
    half.inputs = run.inputs
    report = half.check(committed=committed)
    assert not report.violations, report.describe()
    assert "missing_result" in kinds(half.check())
    fewer = {place: count - 5 for place, count in committed.items()}
    assert "not_committed" in kinds(half.check(committed=fewer))


class Careless(PerfectPlanlift):
    """Loses one fact, or takes it twice."""

    def __init__(self, run: Run, victim: Record, slip: str) -> None:
        super().__init__(run.catalogue, run.registry, run.settings, random.Random(5))
        self.victim = victim
        self.slip = slip

    def _take(self, item: Input) -> None:
        chosen = item.record.source == self.victim.source
        if not (chosen and self.slip == "loses"):
            super()._take(item)
        if chosen and self.slip == "doubles":
            super()._take(item)


@pytest.mark.parametrize("slip", ["", "loses", "doubles"])
def test_probes_show_every_lost_or_doubled_fact(run: Run, slip: str) -> None:
    """After the run a CHECK of everything is sent, which must see all facts exactly once."""
    judge = Judge(run.registry, TOPICS)
    judged = [judge.judge(record) for record in run.inputs if record.topic == TOPICS.events]
    erased = {record.key for record in run.inputs if is_erasure(run, record)}
    facts = [i.record for i in judged if i.code is None and i.record.key not in erased]
    states = [state for found in run.check().customers.values() for state in found[-1:]]
    more = to_records(probes(states, TOPICS), run.registry, TOPICS, run.inputs)
    settled = frozenset(record.source for record in more)
    both = replace(run, inputs=[*run.inputs, *more])
    for victim in random.Random(2).sample(facts, 12):
        planlift = Careless(run, victim, slip)
        planlift.run(run.inputs)
        both.outputs = planlift.run(more)
        report = both.check(settled=settled)
        assert bool(report.violations) is bool(slip), (victim.source, report.describe())


# --- mutations of results ---------------------------------------------------------------------

Value = dict[str, Any]
Chosen = Callable[[Value], bool]


def pick(run: Run, chosen: Chosen, seed: int) -> tuple[int, Value]:
    """One of the result records with a property."""
    return random.Random(seed).choice([pair for pair in run.results() if chosen(pair[1])])


def whole(value: Value) -> bool:
    return bool(value["parts"] == 1)


def in_parts(value: Value) -> bool:
    return bool(value["parts"] > 1)


def upgraded(value: Value) -> bool:
    return whole(value) and bool(value["affectedAccounts"])


def drop_result(run: Run, seed: int) -> list[Record]:
    return run.with_record(pick(run, whole, seed)[0])


def drop_part(run: Run, seed: int) -> list[Record]:
    return run.with_record(pick(run, in_parts, seed)[0])


def drop_all_parts(run: Run, seed: int) -> list[Record]:
    value = pick(run, in_parts, seed)[1]
    gone = {n for n, v in run.results() if v["requestId"] == value["requestId"]}
    return [record for n, record in enumerate(run.outputs) if n not in gone]


def end_of(run: Run, record: Record) -> int:
    return 1 + max(
        r.offset for r in run.outputs if (r.topic, r.partition) == (record.topic, record.partition)
    )


def double_at_end(run: Run, seed: int) -> list[Record]:
    record = run.outputs[pick(run, whole, seed)[0]]
    return [*run.outputs, replace(record, offset=end_of(run, record))]


def double_adjacent(run: Run, seed: int) -> list[Record]:
    index = pick(run, whole, seed)[0]
    return [*shifted(run, index), run.outputs[index]]


def shifted(run: Run, index: int) -> list[Record]:
    """The outputs with this record and all after it one offset further."""
    here = run.outputs[index]
    return [
        replace(r, offset=r.offset + 1)
        if (r.topic, r.partition) == (here.topic, here.partition) and r.offset >= here.offset
        else r
        for r in run.outputs
    ]


def double_part(run: Run, seed: int) -> list[Record]:
    index = pick(run, in_parts, seed)[0]
    return [*shifted(run, index), run.outputs[index]]


def tear_parts(run: Run, seed: int) -> list[Record]:
    """Another result between the parts."""
    index, _ = pick(run, lambda v: in_parts(v) and v["part"] == 2, seed)
    here = run.outputs[index]
    others = [
        n
        for n, value in run.results()
        if whole(value) and run.outputs[n].partition == here.partition
    ]
    other = random.Random(seed).choice(others)
    out = shifted(run, index)
    out[other] = replace(out[other], offset=here.offset)
    return out


def swap_offsets(run: Run, seed: int) -> list[Record]:
    """Two results of a partition change places."""
    index, _ = pick(run, whole, seed)
    here = run.outputs[index]
    others = [
        n
        for n, value in run.results()
        if whole(value) and n != index and run.outputs[n].partition == here.partition
    ]
    other = random.Random(seed).choice(others)
    out = list(run.outputs)
    out[index] = replace(here, offset=out[other].offset)
    out[other] = replace(out[other], offset=here.offset)
    return out


def swap_values(run: Run, seed: int) -> list[Record]:
    """Two results of a partition change their values."""
    rng = random.Random(seed)
    partition = rng.randrange(TOPICS.partitions)
    found = [
        n for n, value in run.results() if whole(value) and run.outputs[n].partition == partition
    ]
    one, other = rng.sample(found, 2)
    out = list(run.outputs)
    out[one] = replace(out[one], value=out[other].value)
    out[other] = replace(out[other], value=run.outputs[one].value)
    return out


def other_partition(run: Run, seed: int) -> list[Record]:
    index, _ = pick(run, whole, seed)
    record = run.outputs[index]
    moved = replace(record, partition=(record.partition + 1) % TOPICS.partitions)
    return run.with_record(index, replace(moved, offset=end_of(run, moved)))


def edited(chosen: Chosen, change: Callable[[Value, random.Random], None]) -> Any:
    """A mutation that edits one value."""

    def mutate(run: Run, seed: int) -> list[Record]:
        index, value = pick(run, chosen, seed)
        change(value, random.Random(seed))
        return run.with_value(index, value)

    return mutate


def lose_account(value: Value, rng: random.Random) -> None:
    value["affectedAccounts"].pop(rng.randrange(len(value["affectedAccounts"])))


def double_account(value: Value, _rng: random.Random) -> None:
    value["affectedAccounts"] = value["affectedAccounts"][:1] * 2


def change_account(value: Value, rng: random.Random) -> None:
    rng.choice(value["affectedAccounts"])["userPrincipalName"] += "x"


def change_transition(value: Value, _rng: random.Random) -> None:
    value["servicesToTransition"][0]["accounts"] += 1


def next_version(value: Value, _rng: random.Random) -> None:
    value["customerVersion"] += 10_000


def negative_version(value: Value, _rng: random.Random) -> None:
    value["customerVersion"] = -1


def grant_refused(value: Value, _rng: random.Random) -> None:
    value["errors"] = []


def other_catalogue(value: Value, _rng: random.Random) -> None:
    value["catalogueVersion"] = "another"


def late_billing(value: Value, _rng: random.Random) -> None:
    value["billing"]["effectiveAt"] += 1


def silent_error(value: Value, _rng: random.Random) -> None:
    value["errors"][0]["message"] = ""


def hide_channel(value: Value, _rng: random.Random) -> None:
    for error in value["errors"]:
        error["message"] = "cancel it first"


def other_request(value: Value, _rng: random.Random) -> None:
    value["requestId"] += "x"


def refused(value: Value) -> bool:
    return bool(value["outcome"] == "REFUSED")


def conflict(value: Value) -> bool:
    codes = {error["code"] for error in value["errors"]}
    return whole(value) and "conflicting_service_types" in codes


def header(name: str, change: Callable[[bytes | None], bytes | None]) -> Any:
    """A mutation that changes one header of a result."""

    def mutate(run: Run, seed: int) -> list[Record]:
        found = [n for n, _ in run.results() if name in dict(run.outputs[n].headers)]
        index = random.Random(seed).choice(found)
        record = run.outputs[index]
        headers = [(k, change(v) if k == name else v) for k, v in record.headers]
        return run.with_record(index, replace(record, headers=headers))

    return mutate


def dropped_header(name: str) -> Any:
    """A mutation that drops one header of a result."""

    def mutate(run: Run, seed: int) -> list[Record]:
        found = [n for n, _ in run.results() if name in dict(run.outputs[n].headers)]
        index = random.Random(seed).choice(found)
        record = run.outputs[index]
        headers = [pair for pair in record.headers if pair[0] != name]
        return run.with_record(index, replace(record, headers=headers))

    return mutate


def doubled_header(run: Run, seed: int) -> list[Record]:
    index, _ = pick(run, whole, seed)
    record = run.outputs[index]
    headers = [*record.headers, ("ce_id", dict(record.headers)["ce_id"])]
    return run.with_record(index, replace(record, headers=headers))


def added_trace(run: Run, seed: int) -> list[Record]:
    found = [n for n, _ in run.results() if "traceparent" not in dict(run.outputs[n].headers)]
    index = random.Random(seed).choice(found)
    record = run.outputs[index]
    headers = [*record.headers, ("traceparent", b"00-1-1-01")]
    return run.with_record(index, replace(record, headers=headers))


def other_key(run: Run, seed: int) -> list[Record]:
    index, _ = pick(run, whole, seed)
    return run.with_record(index, replace(run.outputs[index], key=b"other"))


def null_key(run: Run, seed: int) -> list[Record]:
    index, _ = pick(run, whole, seed)
    return run.with_record(index, replace(run.outputs[index], key=None))


def broken_value(run: Run, seed: int) -> list[Record]:
    index, _ = pick(run, whole, seed)
    record = run.outputs[index]
    return run.with_record(index, replace(record, value=(record.value or b"") + b"\x00"))


def null_result(run: Run, seed: int) -> list[Record]:
    return run.with_record((n := pick(run, whole, seed)[0]), replace(run.outputs[n], value=None))


def unequal_part(run: Run, seed: int) -> list[Record]:
    index, value = pick(run, lambda v: in_parts(v) and v["part"] > 1, seed)
    return run.with_value(index, {**value, "decidedAt": value["decidedAt"] + 1})


def moved_account(run: Run, seed: int) -> list[Record]:
    """The last account of a part leaves for the next part, which has room."""
    pairs = run.results()
    found = [
        (pairs[n], pairs[n + 1])
        for n in range(len(pairs) - 1)
        if in_parts(pairs[n][1])
        and pairs[n][1]["part"] == 1
        and len(pairs[n][1]["affectedAccounts"]) > 1
        and pairs[n][1]["parts"] == 2
        and len(pairs[n + 1][1]["affectedAccounts"]) < SETTINGS.max_accounts
    ]
    (first, one), (second, two) = random.Random(seed).choice(found)
    account = one["affectedAccounts"].pop()
    two["affectedAccounts"].insert(0, account)
    out = run.with_value(first, one)
    out[second] = replace(out[second], value=encode(run.registry, RESULT, two))
    return out


def answer_repeat(run: Run, seed: int) -> list[Record]:
    """A repeat gets the result of the first one again."""
    answered = {dict(run.outputs[n].headers)["planlift-source"]: v for n, v in run.results()}
    by_id = {v["requestId"]: v for v in answered.values() if v["requestId"]}
    letters = {letter_source(run.outputs[n]) for n in run.letters()}
    erased = {record.key for record in run.inputs if is_erasure(run, record)}
    repeats = []
    for record in run.inputs:
        source = "/".join(map(str, record.source)).encode()
        if record.topic != TOPICS.requests or source in answered or source in letters:
            continue
        value = decode_input(run.registry, REQUEST, record.value)
        if value["requestId"] in by_id and record.key not in erased:
            repeats.append((record, by_id[value["requestId"]]))
    record, value = random.Random(seed).choice(repeats)
    value = {**value, "part": 1, "parts": 1}
    made = Record(
        TOPICS.results,
        record.partition,
        0,
        record.key,
        encode(run.registry, RESULT, value),
        result_headers(value, record.source, record.headers),
    )
    return [*run.outputs, replace(made, offset=end_of(run, made))]


def is_erasure(run: Run, record: Record) -> bool:
    try:
        value = decode_input(run.registry, EVENT, record.value)
    except WireError:
        return False
    return bool(value["change"]["type"] == "CustomerErased")


def letter_source(letter: Record) -> bytes:
    named = dict(letter.headers)
    parts = (named[f"planlift-{name}"] or b"" for name in ("topic", "partition", "offset"))
    return b"/".join(parts)


# Of an erased customer the replay cannot tell one from the other.
WRONG = {"wrong_result", "impossible_version"}
MUTATIONS: dict[str, tuple[Any, set[str]]] = {
    "drop a result": (drop_result, {"missing_result"}),
    "drop a part": (drop_part, {"torn_parts"}),
    "drop all parts": (drop_all_parts, {"missing_result"}),
    "double a result at the end": (double_at_end, {"result_twice"}),
    "double a result in place": (double_adjacent, {"result_twice"}),
    "double a part": (double_part, {"torn_parts"}),
    "tear parts": (tear_parts, {"torn_parts"}),
    "swap two results' places": (swap_offsets, {"result_order"}),
    "swap two results' values": (swap_values, WRONG),
    "wrong partition": (other_partition, {"wrong_result_partition"}),
    "lose an account": (edited(upgraded, lose_account), WRONG),
    "double an account": (edited(upgraded, double_account), WRONG),
    "change an account": (edited(upgraded, change_account), WRONG),
    "change a sum": (
        edited(lambda v: bool(v["servicesToTransition"]) and whole(v), change_transition),
        WRONG,
    ),
    "impossible version": (edited(whole, next_version), {"impossible_version"}),
    "negative version": (edited(whole, negative_version), {"impossible_version"}),
    "refused without reason": (edited(refused, grant_refused), WRONG),
    "another catalogue": (edited(whole, other_catalogue), WRONG),
    "another request id": (edited(whole, other_request), WRONG),
    "billing not now": (
        edited(lambda v: whole(v) and v["billing"] is not None, late_billing),
        {"wrong_message"},
    ),
    "silent error": (edited(refused, silent_error), {"wrong_message"}),
    "channel not named": (edited(conflict, hide_channel), {"wrong_message"}),
    "wrong ce_id": (header("ce_id", lambda v: v + b"x" if v else b"x"), {"wrong_header"}),
    "wrong ce_time": (header("ce_time", lambda v: v and v[:-1]), {"wrong_header"}),
    "wrong ce_type": (header("ce_type", lambda v: v and v.upper()), {"wrong_header"}),
    "wrong ce_source": (header("ce_source", lambda v: v and v + b"/"), {"wrong_header"}),
    "wrong traceparent": (header("traceparent", lambda _: b"00"), {"wrong_header"}),
    "no traceparent": (dropped_header("traceparent"), {"wrong_header"}),
    "no tracestate": (dropped_header("tracestate"), {"wrong_header"}),
    "no content-type": (dropped_header("content-type"), {"wrong_header"}),
    "trace from nowhere": (added_trace, {"wrong_header"}),
    "header twice": (doubled_header, {"wrong_header"}),
    "no planlift-source": (
        dropped_header("planlift-source"),
        {"result_without_request", "torn_parts"},
    ),
    "planlift-source of nothing": (
        header("planlift-source", lambda _: b"upgrade-requests/0/999999"),
        {"result_without_request", "torn_parts"},
    ),
    "planlift-source of an event": (
        header("planlift-source", lambda _: b"subscription-events/0/1"),
        {"result_without_request", "torn_parts"},
    ),
    "another key": (other_key, {"wrong_result_key"}),
    "no key": (null_key, {"wrong_result_key"}),
    "trailing byte": (broken_value, {"unreadable_result"}),
    "null result": (null_result, {"unreadable_result"}),
    "unequal parts": (unequal_part, {"unequal_parts"}),
    "uneven slices": (moved_account, {"wrong_slice"}),
    "answer a repeat": (answer_repeat, {"answered_again"}),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_wrong_result_is_reported(run: Run, name: str) -> None:
    mutate, expected = MUTATIONS[name]
    for seed in range(3):
        found = kinds(run.check(mutate(run, seed)))
        assert found & expected, (seed, found)


def test_parts_by_size(facts: Catalogue, registry: Registry) -> None:
    """So small a limit that some parts carry fewer accounts, and some requests are too large."""
    small = Settings(TOPICS, message_limit=1700, allow_unprocessable=True, max_accounts=5)
    run = perfect_run(facts, registry, PLAN, small)
    report = run.check()
    assert not report.violations, report.describe()
    assert report.summary["dead unprocessable"] > 3
    assert sum(in_parts(value) for _, value in run.results()) > 3
    assert kinds(run.check(message_limit=1900)) == {"wrong_slice"}
    assert kinds(run.check(message_limit=1500)) == {"too_large"}


def test_parts_by_count(run: Run) -> None:
    assert kinds(run.check(max_accounts=1)) == {"wrong_slice"}
    assert kinds(run.check(max_accounts=3)) == {"wrong_slice"}


# --- mutations of dead letters ----------------------------------------------------------------


def set_headers(change: Callable[[list[tuple[str, bytes | None]]], Any]) -> Any:
    """A mutation of a dead letter's headers."""

    def mutate(record: Record) -> list[Record]:
        return [replace(record, headers=change(list(record.headers)))]

    return mutate


def with_header(name: str, value: bytes) -> Any:
    return set_headers(lambda headers: [(k, value if k == name else v) for k, v in headers])


LETTER_MUTATIONS: dict[str, tuple[Callable[[Record], list[Record]], set[str]]] = {
    "dropped": (lambda _: [], {"missing_dead_letter"}),
    "doubled": (lambda r: [r, replace(r, offset=r.offset + 10**6)], {"dead_letter_twice"}),
    "value": (lambda r: [replace(r, value=(r.value or b"") + b"x")], {"wrong_dead_letter"}),
    "key": (lambda r: [replace(r, key=(r.key or b"") + b"x")], {"wrong_dead_letter"}),
    "partition": (lambda r: [replace(r, partition=r.partition + 1)], {"wrong_dead_letter"}),
    "topic": (lambda r: [replace(r, topic="other.dlq")], {"dead_letter_without_source"}),
    "code": (
        with_header("planlift-error-code", b"mal_formed"),
        {"wrong_code", "unexpected_dead_letter"},
    ),
    "unprocessable": (
        with_header("planlift-error-code", b"unprocessable"),
        {"wrong_code", "unexpected_dead_letter"},
    ),
    "no text": (with_header("planlift-error-message", b""), {"wrong_dead_letter"}),
    "no time": (with_header("planlift-time", b"yesterday"), {"wrong_dead_letter"}),
    "offset": (with_header("planlift-offset", b"99999999"), {"dead_letter_without_source"}),
    "no offset": (
        set_headers(lambda headers: [h for h in headers if h[0] != "planlift-offset"]),
        {"dead_letter_without_source"},
    ),
    "code twice": (
        set_headers(lambda headers: [*headers, ("planlift-error-code", b"malformed")]),
        {"wrong_dead_letter"},
    ),
    "foreign header": (set_headers(lambda headers: [*headers, ("x", b"")]), {"wrong_dead_letter"}),
    "empty for null": (
        lambda r: [replace(r, value=b"" if r.value is None else None)],
        {"wrong_dead_letter"},
    ),
}


@pytest.mark.parametrize("name", LETTER_MUTATIONS)
def test_every_wrong_dead_letter_is_reported(run: Run, name: str) -> None:
    mutate, expected = LETTER_MUTATIONS[name]
    for index in random.Random(1).sample(run.letters(), 4):
        out = run.with_record(index, *mutate(run.outputs[index]))
        assert kinds(run.check(out)) & expected


def test_older_dead_letter_headers_are_replaced(facts: Catalogue, registry: Registry) -> None:
    run = perfect_run(facts, registry, PLAN, SETTINGS)
    old: Headers = [
        ("planlift-error-code", b"old"),
        ("a", b"1"),
        ("planlift-time", b""),
        ("a", b"2"),
    ]
    run.inputs = [replace(record, headers=old) for record in run.inputs]
    run.outputs = PerfectPlanlift(facts, registry, SETTINGS, random.Random(0)).run(run.inputs)
    assert not run.check().violations
    letter = run.letters()[0]
    kept = [*old[:1], *run.outputs[letter].headers]
    wrong = run.with_record(letter, replace(run.outputs[letter], headers=kept))
    assert "wrong_dead_letter" in kinds(run.check(wrong))


def test_a_good_record_as_a_dead_letter(run: Run) -> None:
    """A letter of an answered request, and one of a fact that is in order."""
    known = {letter_source(run.outputs[n]) for n in run.letters()}
    for topic, expected in (
        (TOPICS.requests, "two_dispositions"),
        (TOPICS.events, "unexpected_dead_letter"),
    ):
        good = next(
            r
            for r in run.inputs
            if r.topic == topic and "/".join(map(str, r.source)).encode() not in known
        )
        headers = dead_letter_headers(good.headers, "malformed", "x", good.source, 0)
        partition = good.partition % LETTERS[f"{topic}.dlq"]
        letter = Record(f"{topic}.dlq", partition, 10**6, good.key, good.value, headers)
        assert expected in kinds(run.check([*run.outputs, letter]))


# --- one customer, by hand --------------------------------------------------------------------


class Story:
    """A history of one customer, told step by step."""

    def __init__(self, catalogue: Catalogue, registry: Registry) -> None:
        self.catalogue = catalogue
        self.registry = registry
        self.settings = Settings(Topics(partitions=1))
        self.customer = Customer("c")
        self.inputs: list[Record] = []
        self.outputs: list[Record] = []

    def add(self, name: str, value: Value) -> Record:
        topics = self.settings.topics
        topic = topics.events if name == EVENT else topics.requests
        offset = sum(record.topic == topic for record in self.inputs)
        record = Record(topic, 0, offset, b"c", encode(self.registry, name, value))
        self.inputs.append(record)
        return record

    def event(self, kind: str, **fields: Any) -> None:
        change = {"type": kind, **fields}
        names = {"eventId": "e", "customerId": "c", "occurredAt": 0}
        self.add(EVENT, {**names, "change": change})
        apply_event(self.customer, change)

    def subscription(self, key: str = "s", **fields: Any) -> None:
        offer = {"offerId": "m365-apps-for-business", "status": "ACTIVE", "quantity": 5}
        names = {"subscriptionId": key, "partnerId": "p", "channel": "CSP", "revision": 1}
        self.event("SubscriptionChanged", **{**offer, **names, **fields})

    def grant(self) -> None:
        self.event("DelegatedAdminChanged", partnerId="p", granted=True)

    def request(self, key: str, operation: str = "ADD_LICENSES", **fields: Any) -> Record:
        wish = {
            "requestId": key,
            "customerId": "c",
            "partnerId": "p",
            "subscriptionId": "s",
            "operation": operation,
            "targetOfferId": None,
            "quantity": 1,
            "expectedVersion": None,
            "requestedBy": {"userId": "u", "role": "SALES_AGENT"},
            "requestedAt": 0,
            **fields,
        }
        self.wish = wish
        return self.add(REQUEST, wish)

    def answer(self, record: Record, customer: Customer | None = None, **fields: Any) -> Value:
        """Decide the last request, on the customer as he is or as he was."""
        decision = decide(self.catalogue, customer or self.customer, self.wish, 1)
        commit(self.customer, decision)
        result = {**decision.result, **fields}
        headers = result_headers(result, record.source, record.headers)
        offset = len(self.outputs)
        value = encode(self.registry, RESULT, result)
        self.outputs.append(Record("upgrade-results", 0, offset, b"c", value, headers))
        return result

    def asked(self, key: str, **fields: Any) -> Value:
        return self.answer(self.request(key, **fields))

    def check(self) -> Report:
        run = Run(self.catalogue, self.registry, self.settings, self.inputs, self.outputs)
        return run.check()


@pytest.fixture(name="story")
def one_story(facts: Catalogue, registry: Registry) -> Story:
    return Story(facts, registry)


def copy_of(customer: Customer) -> Customer:
    return Customer.from_json(customer.to_json())


def test_stale_decision_under_a_newer_version(story: Story) -> None:
    """The lost update: decided on a state before the last fact, but numbered after it."""
    story.subscription()
    before = copy_of(story.customer)
    story.grant()
    record = story.request("r")
    result = story.answer(record, before, customerVersion=2)
    assert result["outcome"] == "REFUSED"
    assert kinds(story.check()) == {"wrong_result"}


def test_fresh_decision_under_an_older_version(story: Story) -> None:
    story.subscription()
    story.grant()
    assert story.answer(story.request("r"), customerVersion=1)["outcome"] == "LICENSES_ADDED"
    assert kinds(story.check()) == {"wrong_result"}


def test_lost_grant(story: Story) -> None:
    """Two requests decided on the same version although the first was granted."""
    story.subscription()
    story.grant()
    before = copy_of(story.customer)
    story.asked("r1")
    story.answer(story.request("r2"), before)
    assert kinds(story.check()) == {"impossible_version"}


def test_skipped_fact(story: Story) -> None:
    story.subscription()
    story.subscription("other")
    story.grant()
    without = Customer("c", version=3)
    for event in (story.customer.subscriptions["s"],):
        without.subscriptions["s"] = event
    without.grants["p"] = ()
    story.asked("r1")
    story.answer(story.request("r2", "CHECK", quantity=None), without, customerVersion=4)
    assert "wrong_result" in kinds(story.check())


def test_repeat_needs_no_result(story: Story) -> None:
    story.subscription()
    story.grant()
    story.asked("r")
    story.request("r")
    assert not story.check().violations
    story.request("r", quantity=2)
    assert kinds(story.check()) == {"missing_dead_letter"}


def test_repeat_with_result(story: Story) -> None:
    story.subscription()
    story.grant()
    story.asked("r")
    story.asked("r")
    assert kinds(story.check()) == {"answered_again"}


def test_memory_of_64(story: Story) -> None:
    story.subscription()
    story.grant()
    for number in range(65):
        story.asked(f"r{number}", partnerId="q")
    story.request("r1", partnerId="q")
    assert not story.check().violations
    story.request("r0", partnerId="q")
    assert kinds(story.check()) == {"missing_result"}


def test_memory_is_no_longer_than_64(story: Story) -> None:
    story.subscription()
    for number in range(65):
        story.asked(f"r{number}")
    story.asked("r0")
    assert not story.check().violations
    story.asked("r2")
    assert kinds(story.check()) == {"answered_again"}


def test_erasure_lets_an_id_be_answered_again(story: Story) -> None:
    story.subscription()
    story.grant()
    story.asked("r")
    story.event("CustomerErased")
    assert story.asked("r")["errors"][0]["code"] == "subscription_not_found"
    assert not story.check().violations


def test_erasure_needs_backtracking(story: Story) -> None:
    """r1 fits before and after the erasure, only the repeat without result tells where it was."""
    story.event("CustomerErased")
    story.asked("r1")
    story.subscription()
    story.grant()
    story.asked("r2")
    story.request("r1")
    report = story.check()
    assert not report.violations, report.describe()
    story.asked("r1")
    assert kinds(story.check()) == {"answered_again"}


def test_erasure_may_lie_between_any_two(story: Story) -> None:
    """r2 is decided on version 2 of the second epoch although the first reached 2 as well."""
    story.subscription()
    story.grant()
    story.asked("r1")
    story.event("CustomerErased")
    story.subscription(quantity=50)
    story.grant()
    assert story.asked("r2")["sourceSubscription"]["quantity"] == 50
    assert not story.check().violations
    wrong = story.answer(story.request("r3"), customerVersion=2)
    assert wrong["outcome"] == "LICENSES_ADDED"
    assert "impossible_version" in kinds(story.check())


def test_many_erasures_at_once(story: Story) -> None:
    for number in range(30):
        story.asked(f"r{number}")
        story.event("CustomerErased")
        story.subscription(quantity=number + 1)
        story.grant()
        if number % 3:
            story.asked(f"s{number}")
    report = story.check()
    assert not report.violations, report.describe()
    (state,) = report.customers[0, "c"]
    assert state.to_json() == story.customer.to_json()


def test_erased_state_may_not_come_back(story: Story) -> None:
    """A request after the erasure that still sees the subscription of before."""
    story.subscription()
    story.grant()
    before = copy_of(story.customer)
    story.asked("r1")
    story.event("CustomerErased")
    story.subscription(quantity=50)
    story.asked("r2")
    story.answer(story.request("r3"), before)
    assert kinds(story.check()) & {"wrong_result", "impossible_version"}


def test_doubt_at_the_end(story: Story) -> None:
    """A last granted request that fits before and after an erasure leaves two customers."""
    story.subscription()
    story.grant()
    story.event("CustomerErased")
    story.subscription()
    story.grant()
    story.asked("r")
    report = story.check()
    assert not report.violations
    assert sorted(state.version for state in report.customers[0, "c"]) == [2, 3]
    assert report.summary["customers in doubt"] == 1
