"""The workload generator: seeded, as many as asked for, varied, and right about broken records."""

from __future__ import annotations

from collections import Counter

import pytest
from runs import perfect_run, to_records
from test_oracle_lines import ERROR_CODES

from oracle.breakage import evolved_schemas
from oracle.catalogue import Catalogue
from oracle.history import Settings
from oracle.records import Judge, Topics
from oracle.wire import Registry
from oracle.workload import Item, Plan, generate

TOPICS = Topics(partitions=12)


def test_counts_and_seed(facts: Catalogue, registry: Registry) -> None:
    plan = Plan(seed=9, events=900, requests=400, customers=60, broken=0.1)
    items = generate(facts, registry, plan, TOPICS)
    good = Counter(i.topic for i in items if i.expect in (None, "request_id_reused"))
    assert good == {TOPICS.events: 900, TOPICS.requests: 400}
    assert items == generate(facts, registry, plan, TOPICS)
    other = generate(facts, registry, Plan(seed=8, events=900, requests=400), TOPICS)
    assert items != other


def test_broken_records_are_broken_as_they_say(facts: Catalogue, registry: Registry) -> None:
    full = Registry.load(more=evolved_schemas(registry))
    plan = Plan(seed=2, events=3000, requests=1500, customers=150, broken=0.5, evolved=True)
    items = generate(facts, full, plan, TOPICS)
    judge = Judge(full, TOPICS)
    codes: Counter[str] = Counter()
    for item, record in zip(items, to_records(items, full, TOPICS)):
        found = judge.judge(record)
        by_itself = None if item.expect == "request_id_reused" else item.expect
        assert found.code == by_itself, (item, found.why)
        codes[found.code or "good"] += 1
    assert min(codes.values()) >= 20
    unusual = [item for item in items if isinstance(item.value, bytes) and item.expect is None]
    assert len(unusual) >= 20
    assert sum(item.schema_id is not None and item.expect is None for item in items) >= 20
    assert codes.keys() == {
        "good",
        "null_value",
        "malformed",
        "unknown_schema",
        "incompatible_schema",
        "key_mismatch",
        "wrong_partition",
        "invalid_event",
    }


def repeats(items: list[Item]) -> int:
    ids = Counter(
        item.value["requestId"]
        for item in items
        if item.topic == TOPICS.requests and isinstance(item.value, dict)
    )
    del ids[""]
    return sum(count - 1 for count in ids.values())


def test_a_realistic_mixture(facts: Catalogue, registry: Registry) -> None:
    plan = Plan(seed=5, events=12_000, requests=5_000, customers=500)
    items = generate(facts, registry, plan, TOPICS)
    assert 20 <= repeats(items) <= 90
    assert any(item.expect == "request_id_reused" for item in items)
    run = perfect_run(facts, registry, plan, Settings(TOPICS))
    report = run.check()
    assert not report.violations, report.describe()
    assert report.summary["outcome UPGRADED"] > 400
    assert report.summary["outcome LICENSES_ADDED"] > 300
    assert report.summary["outcome ELIGIBLE"] > 100
    assert report.summary["erasures"] > 3
    missing = [code for code in ERROR_CODES if report.summary.get(f"error {code}", 0) < 3]
    assert not missing


@pytest.mark.parametrize("partitioner", ["consistent_random", "none"])
def test_other_partitioners(facts: Catalogue, registry: Registry, partitioner: str) -> None:
    topics = Topics(partitions=5, partitioner=partitioner)
    plan = Plan(seed=6, events=800, requests=300, customers=50, broken=0.1)
    report = perfect_run(facts, registry, plan, Settings(topics)).check()
    assert not report.violations, report.describe()
    assert ("dead wrong_partition" in report.summary) is (partitioner != "none")
