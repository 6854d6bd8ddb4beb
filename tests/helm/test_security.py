"""The rendered containers against a Kafka with TLS, logins and rights, and a Redis with users: all
that they need for it comes from the Secrets as the chart mounts them. (TLS to Redis: tests/image,
since Debian 12 has none.)"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import KafkaClient, World
from harness.certificates import Authority
from harness.redises import documented_rights as redis_rights
from harness.secure_kafka import SecureKafka, deployment_rights, grant
from helm.deployment import (
    answer,
    kafka_by_certificate,
    kafka_by_password,
    redis_by_password,
    secured,
)
from services import Redis


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def kafka(authority: Authority) -> Iterator[SecureKafka]:
    with SecureKafka(authority) as server:
        yield server


@pytest.fixture(scope="module")
def kafka_client(kafka: SecureKafka) -> KafkaClient:
    return KafkaClient(kafka.bootstrap_servers)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    """One where nobody but planlift's user may do anything."""
    with Redis(["--user", "planlift", *redis_rights(), "--user", "default", "off"]) as server:
        yield server


def test_by_certificate(world: World, kafka: SecureKafka, authority: Authority) -> None:
    grant(kafka, deployment_rights(world, "User:CN=planlift"))
    access = kafka_by_certificate(kafka, authority)
    answer(world, *secured(world, access, redis_by_password(world.redis.port)))


def test_by_password(world: World, kafka: SecureKafka, authority: Authority) -> None:
    grant(kafka, deployment_rights(world, "User:planlift"))
    access = kafka_by_password(kafka, authority, "PLAIN", "first")
    answer(world, *secured(world, access, redis_by_password(world.redis.port)))
