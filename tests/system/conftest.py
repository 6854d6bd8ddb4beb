"""What every system test may ask for: real servers, and a corner of them to itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from harness import KafkaClient, World
from services import Kafka, Redis


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The Kafka of this run. A test may kill or pause it; the next one finds it running."""
    with Kafka() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The Redis of this run. A test may kill or pause it; the next one finds it running."""
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_client(kafka: Kafka) -> KafkaClient:
    return KafkaClient(kafka.bootstrap_servers)


@pytest.fixture
def make_world(
    kafka: Kafka,
    redis_server: Redis,
    kafka_client: KafkaClient,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[], World]]:
    """Makes worlds, for a test that needs more than one; all of them end with the test."""
    for server in (kafka, redis_server):
        if server.is_running:
            server.resume()
        else:
            server.start()
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    worlds: list[World] = []

    def make() -> World:
        worlds.append(World(kafka, redis_server, kafka_client, name))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    """Topic names, a group and settings of this test's own; ends its planlift processes."""
    return make_world()
