"""The story told to the program itself, and what it has stored then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import redis

from harness import World
from harness.groups import remove_member
from harness.planlift import BINARY
from harness.stored import cache_key, stored_cache, stored_state
from oracle.catalogue import load as load_catalogue
from oracle.decide import commit, decide
from oracle.state import Customer, apply_event, once, remember
from services import Kafka, spawn

from . import FOLDER, Golden, Json, Partition, story

GROUP = "planlift-golden"
CLUSTER = "planlift-golden-kafkaQ"  # a UUID as Kafka writes them
CATALOGUE = FOLDER / "catalogue.json"
DRIVER = BINARY.parent / "drivers" / "read_state"


def golden_kafka() -> Kafka:
    """A Kafka that is the same cluster every time, for a checkpoint names its cluster."""
    kafka = Kafka()
    kafka.cluster_id = CLUSTER
    return kafka


@contextmanager
def settle(world: World) -> Iterator[World]:
    """Make it a world of the golden group, of which Redis knows nothing; afterwards let the group
    forget its members."""
    world.group = GROUP
    world.partitions = story.PARTITIONS
    world.settings |= {
        "group.id": GROUP,
        "catalogue.path": CATALOGUE,
        "topic.partitions": story.PARTITIONS,
    }
    world.client.committed(GROUP)  # from here on the broker knows of the group
    with redis.Redis.from_url(world.redis.url) as server:
        server.delete(*(cache_key(GROUP, number) for number in range(world.partitions)))
    yield world
    world.close()
    described = world.client.admin.describe_consumer_groups([GROUP])[GROUP].result()
    for member in described.members:
        remove_member(world.kafka.bootstrap_servers, GROUP, member.group_instance_id)


def take(world: World) -> Golden:
    """Run the story on a settled world without topics, and take what is stored."""
    world.create_topics()
    process = world.start(settings={"batch.max.records": 1})
    for step in story.steps():
        facts = [world.event(fact.customer, fact.kind, **fact.fields) for fact in step.facts]
        world.client.send(world.topics.events, facts)
        world.await_taken_in(process)
        requests = [world.request(wish["customerId"], **wish) for wish in step.requests]
        world.client.send(world.topics.requests, requests)
        world.await_taken_in(process)
    assert process.stop().status == 0
    state = stored_state(world)
    cache = stored_cache(world)
    partitions = [Partition(state[n], cache[n]) for n in range(world.partitions)]
    customers = [customer for part in partitions for customer in read_states(part.state)[1]]
    requests = [request for step in story.steps() for request in step.requests]
    return Golden(CLUSTER, GROUP, partitions, by_id(customers), requests)


def read_states(stored: dict[bytes, bytes], *arguments: str) -> tuple[Json, list[Json]]:
    """Progress and customers of stored pieces, as planlift's own code reads them."""
    lines = "".join(f"{key.hex()} {value.hex()}\n" for key, value in stored.items())
    driver = spawn([DRIVER, *arguments], stdin=-1, stdout=-1, stderr=-1)
    out, err = driver.communicate(lines.encode(), timeout=60)
    assert driver.returncode == 0, err.decode()
    progress, *customers = (json.loads(line) for line in out.splitlines())
    return progress, customers


def by_id(customers: Iterable[Json]) -> list[Json]:
    return sorted(customers, key=lambda customer: customer["customerId"])


def expected_customers() -> list[Json]:
    """What the story comes to by the oracle's own replay."""
    catalogue = load_catalogue(CATALOGUE)
    customers: dict[str, Customer] = {}
    for step in story.steps():
        for fact in step.facts:
            customer = customers.setdefault(fact.customer, Customer(fact.customer))
            apply_event(customer, {"type": fact.kind, **fact.fields})
        for wish in step.requests:
            customer = customers.setdefault(wish["customerId"], Customer(wish["customerId"]))
            assert once(customer, wish) == "new"
            commit(customer, decide(catalogue, customer, wish))
            remember(customer, wish)
    return by_id(c.to_json() for c in customers.values() if c.version or c.answered)
