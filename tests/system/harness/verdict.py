"""What the history checker says of all that a world's topics hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oracle import history
from oracle.catalogue import load as load_catalogue
from oracle.records import Record
from oracle.records import Topics as OracleTopics
from oracle.wire import Registry
from services import ROOT

from .world import World

CATALOGUE = load_catalogue(ROOT / "catalogue" / "csp.json")


def oracle_topics(world: World) -> OracleTopics:
    """The world's topics as the oracle knows them."""
    return OracleTopics(
        world.partitions,
        requests=world.topics.requests,
        events=world.topics.events,
        results=world.topics.results,
        partitioner=str(world.settings.get("partitioner", "murmur2_random")),
    )


def inputs(world: World) -> list[Record]:
    """All input records that are there now."""
    return world.client.read(world.topics.requests) + world.client.read(world.topics.events)


def judge(
    world: World,
    taken: Iterable[Record] | None = None,
    registry: Registry | None = None,
    **settings: Any,
) -> history.Report:
    """Fails where the history is wrong. `taken`: the inputs, where some are not there any more;
    `settings`: those of history.Settings."""
    topics = world.topics
    letters = (topics.requests_dlq, topics.events_dlq)
    dlqs = {name: world.client.partitions(name) for name in letters}
    report = history.check(
        CATALOGUE,
        registry or world.registry,
        history.Settings(oracle_topics(world), dlq_partitions=dlqs, **settings),
        inputs(world) if taken is None else taken,
        world.client.read(topics.results) + world.dead_letters(),
    )
    print(report.describe())
    assert not report.violations, report.describe()
    return report
