"""The judge of a campaign sees what is lost, doubled, torn, wrong or stale in a campaign's own
topics, and in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from faults.commits import PROGRESS_KEY
from faults.rig import PROCESS, Outcome, Rig, Servers
from faults.verdict import (
    Evidence,
    Verdict,
    check_answers,
    check_cache,
    check_offsets,
    check_open,
    check_state,
    fold,
)
from harness import Message
from oracle.records import Record
from oracle.wire import RESULT, decode_result, encode

Json = dict[str, Any]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A short chapter with one kill, at rest."""
    settings = {**PROCESS, "result.max.accounts": 1}
    with (
        Servers(tmp_path_factory.mktemp("servers")) as servers,
        Rig(servers, "verdict", seed=5, settings=settings) as rig,
    ):
        rig.wait(3)
        slot = rig.any_slot()
        partitions = rig.partitions_of(slot)
        outcome = Outcome("kill", 0)
        rig.mark(outcome, slot.kill())
        rig.await_recovery(outcome, partitions)
        rig.wait(3)
        yield rig


@pytest.fixture(scope="module")
def right(rig: Rig) -> Verdict:
    """Nothing is wrong, and there is enough to make wrong."""
    verdict = rig.judge()
    assert not verdict.wrongs, verdict.wrongs
    assert verdict.summary["results"] > 100
    assert verdict.summary["result records"] > verdict.summary["results"]
    assert any(code.startswith("dead ") for code in verdict.summary)
    return verdict


# --- answers --------------------------------------------------------------------------------------


def results(rig: Rig, evidence: Evidence) -> list[tuple[Record, Json]]:
    return [
        (record, decode_result(rig.world.registry, record.value))
        for record in evidence.outputs
        if record.topic == rig.world.topics.results
    ]


def whole(rig: Rig, evidence: Evidence, outcome: str) -> Record:
    """A result of one part."""
    return next(r for r, v in results(rig, evidence) if v["parts"] == 1 and v["outcome"] == outcome)


def letter(rig: Rig, evidence: Evidence) -> Record:
    return next(r for r in evidence.outputs if r.topic.endswith(".dlq"))


def without(evidence: Evidence, *lost: Record) -> Evidence:
    return replace(evidence, outputs=[r for r in evidence.outputs if r not in lost])


def again(evidence: Evidence, record: Record) -> Evidence:
    end = max(r.offset for r in evidence.outputs if r.topic == record.topic) + 1
    return replace(evidence, outputs=[*evidence.outputs, replace(record, offset=end)])


def lose_result(rig: Rig, evidence: Evidence) -> Evidence:
    return without(evidence, whole(rig, evidence, "UPGRADED"))


def double_result(rig: Rig, evidence: Evidence) -> Evidence:
    return again(evidence, whole(rig, evidence, "LICENSES_ADDED"))


def tear_result(rig: Rig, evidence: Evidence) -> Evidence:
    return without(evidence, next(r for r, v in results(rig, evidence) if v["part"] == 2))


def change(rig: Rig, evidence: Evidence, of: str, **fields: Any) -> Evidence:
    record = whole(rig, evidence, of)
    value = {**decode_result(rig.world.registry, record.value), **fields}
    changed = replace(record, value=encode(rig.world.registry, RESULT, value))
    return replace(evidence, outputs=[*without(evidence, record).outputs, changed])


def make_result_stale(rig: Rig, evidence: Evidence) -> Evidence:
    """As it would have been decided one change earlier."""
    value = decode_result(rig.world.registry, whole(rig, evidence, "LICENSES_ADDED").value)
    return change(rig, evidence, "LICENSES_ADDED", customerVersion=value["customerVersion"] - 1)


def make_result_wrong(rig: Rig, evidence: Evidence) -> Evidence:
    return change(rig, evidence, "NOT_ELIGIBLE", outcome="ELIGIBLE")


def lose_letter(rig: Rig, evidence: Evidence) -> Evidence:
    return without(evidence, letter(rig, evidence))


def double_letter(rig: Rig, evidence: Evidence) -> Evidence:
    return again(evidence, letter(rig, evidence))


ANSWERS: list[tuple[Callable[[Rig, Evidence], Evidence], str]] = [
    (lose_result, "missing_result"),
    (double_result, "result_twice"),
    (tear_result, "torn_parts"),
    (make_result_stale, "impossible_version|wrong_result"),
    (make_result_wrong, "wrong_result"),
    (lose_letter, "missing_dead_letter"),
    (double_letter, "dead_letter_twice"),
]


@pytest.mark.parametrize("tamper, kind", ANSWERS, ids=[t.__name__ for t, _ in ANSWERS])
def test_answers(
    rig: Rig, right: Verdict, tamper: Callable[[Rig, Evidence], Evidence], kind: str
) -> None:
    report = check_answers(rig.world, tamper(rig, right.evidence), max_accounts=1)
    assert {violation.kind for violation in report.violations} & set(kind.split("|"))


# --- state ----------------------------------------------------------------------------------------


def heads(evidence: Evidence) -> list[Record]:
    return [r for r in evidence.state if r.key.startswith(b"h/") and r.value is not None]


def last_of(evidence: Evidence, key: bytes) -> list[Record]:
    return [record for record in evidence.state if record.key == key]


def lose_customer(evidence: Evidence) -> list[Record]:
    key = heads(evidence)[-1].key
    return [record for record in evidence.state if record.key != key]


def lose_last_change(evidence: Evidence) -> list[Record]:
    """One that was written more than once is as it was before."""
    key = next(r.key for r in heads(evidence) if len(last_of(evidence, r.key)) > 1)
    return [record for record in evidence.state if record != last_of(evidence, key)[-1]]


def lose_licences(evidence: Evidence) -> list[Record]:
    key = next(k for k in reversed(list(live(evidence))) if k.startswith(b"l"))
    return [record for record in evidence.state if record.key != key]


def lose_answered(evidence: Evidence) -> list[Record]:
    """Requests that were answered are forgotten."""
    key = next(k for k in sorted(live(evidence)) if k.startswith(b"a"))
    return [record for record in evidence.state if record.key != key]


def keep_what_was_erased(evidence: Evidence) -> list[Record]:
    """A customer whom no input speaks of."""
    head = heads(evidence)[-1]
    return [*evidence.state, replace(head, key=b"h/nobody", offset=head.offset + 1_000_000)]


def live(evidence: Evidence) -> set[bytes]:
    return {key for pieces in fold(evidence.state).values() for key in pieces}


@pytest.mark.parametrize(
    "tamper", [lose_customer, lose_last_change, lose_licences, lose_answered, keep_what_was_erased]
)
def test_state(rig: Rig, right: Verdict, tamper: Callable[[Evidence], list[Record]]) -> None:
    report = check_answers(rig.world, right.evidence, max_accounts=1)
    assert not check_state(fold(right.evidence.state), report.customers)
    assert check_state(fold(tamper(right.evidence)), report.customers)


def test_offsets(rig: Rig, right: Verdict) -> None:
    """The last transaction of a partition is not there, or an input is left over."""
    evidence = right.evidence
    assert not check_offsets(rig.world, evidence, fold(evidence.state))
    last = [r for r in evidence.state if r.key == PROGRESS_KEY and r.partition == 0][-1]
    torn = [record for record in evidence.state if record != last]
    assert check_offsets(rig.world, evidence, fold(torn))
    one = evidence.inputs[-1]
    more = replace(evidence, inputs=[*evidence.inputs, replace(one, offset=one.offset + 1)])
    assert check_offsets(rig.world, more, fold(evidence.state))


def test_open(rig: Rig, right: Verdict) -> None:
    assert not check_open(rig.world)
    producer = rig.world.client.producer({"transactional.id": f"{rig.world.group}-stranger"})
    producer.init_transactions(20)
    producer.begin_transaction()
    rig.world.client.send(rig.world.topics.results, [Message(b"k", b"v")], producer)
    assert len(check_open(rig.world)) == 1
    producer.abort_transaction(20)


# --- cache ----------------------------------------------------------------------------------------


def some_piece(rig: Rig, right: Verdict) -> tuple[bytes, bytes]:
    """A field of partition 0, and its value."""
    pieces = fold(right.evidence.state)[0]
    return next((key, value) for key, value in pieces.items() if key != PROGRESS_KEY)


def delete_field(rig: Rig, right: Verdict) -> None:
    rig.redis_client().hdel(rig.redis_key(0), some_piece(rig, right)[0])


def change_field(rig: Rig, right: Verdict) -> None:
    rig.redis_client().hset(rig.redis_key(0), some_piece(rig, right)[0], b"else")


def add_field(rig: Rig, _: Verdict) -> None:
    rig.redis_client().hset(rig.redis_key(0), b"h/nobody", b"was here")


def lose_checkpoint(rig: Rig, _: Verdict) -> None:
    rig.redis_client().hdel(rig.redis_key(0), PROGRESS_KEY)


def put_other_checkpoint(rig: Rig, _: Verdict) -> None:
    """That of another partition."""
    client = rig.redis_client()
    client.hset(rig.redis_key(0), PROGRESS_KEY, client.hget(rig.redis_key(1), PROGRESS_KEY))


@pytest.mark.parametrize(
    "tamper", [delete_field, change_field, add_field, lose_checkpoint, put_other_checkpoint]
)
def test_cache(rig: Rig, right: Verdict, tamper: Callable[[Rig, Verdict], None]) -> None:
    client, key = rig.redis_client(), rig.redis_key(0)
    state = fold(right.evidence.state)
    assert not check_cache(rig.world, state, {})
    kept = client.dump(key)
    try:
        tamper(rig, right)
        wrongs = check_cache(rig.world, state, {})
        assert len(wrongs) == 1 and "partition 0" in wrongs[0].text
        if tamper is change_field:
            piece = some_piece(rig, right)[0]
            assert check_cache(rig.world, state, {(0, piece): {b"other"}}) == wrongs
            assert not check_cache(rig.world, state, {(0, piece): {b"else"}})
    finally:
        client.restore(key, 0, kept, replace=True)
