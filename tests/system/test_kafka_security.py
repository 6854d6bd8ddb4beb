"""Kafka over TLS, with certificates, passwords and rights (contract 8, kafka.*)."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from harness import KafkaClient, Message, World
from harness.certificates import Authority, Pair
from harness.samples import customer_facts, wish
from harness.verdict import judge
from services import LOOPBACK, ROOT, Kafka, Redis, reserve_port

OPERATIONS = ROOT / "docs" / "operations.md"
NO_SCRAM = "cannot log in by SCRAM"


class SecureKafka(Kafka):
    """One that lets in by password over TLS, and by certificate. Who comes to its plain port, as
    the tests do, may do everything; all others what they were granted."""

    def __init__(self, authority: Authority) -> None:
        self.password_port, self.certificate_port = reserve_port(), reserve_port()
        super().__init__()
        extra = [
            f"SASL_SSL://{LOOPBACK}:{self.password_port}",
            f"SSL://{LOOPBACK}:{self.certificate_port}",
        ]
        protocols = ("PLAINTEXT", "SSL", "SASL_SSL")
        mapped = ["CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in protocols)]
        for name in ("listeners", "advertised.listeners"):
            self.settings[name] = ",".join([str(self.settings[name]), *extra])
        self.settings |= {
            "listener.security.protocol.map": ",".join(mapped),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": authority.issue("kafka").together(),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": authority.certificate,
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
        self.set_password("first")

    def set_password(self, password: str) -> None:
        """Of the user planlift, from the next start on."""
        name = "listener.name.sasl_ssl.plain.sasl.jaas.config"
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        self.settings[name] = f'{module} required user_planlift="{password}";'
        properties = self.directory / "server.properties"
        if properties.exists():
            lines = [f"{key}={value}\n" for key, value in self.settings.items()]
            properties.write_text("".join(lines))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def kafka(authority: Authority) -> Iterator[SecureKafka]:
    with SecureKafka(authority) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture(scope="module")
def kafka_client(kafka: SecureKafka) -> KafkaClient:
    return KafkaClient(kafka.bootstrap_servers)


def by_password(kafka: SecureKafka, authority: Authority, **others: str) -> dict[str, str]:
    """Settings of a planlift that logs in by password."""
    return {
        "kafka.bootstrap.servers": f"{LOOPBACK}:{kafka.password_port}",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.ssl.ca.location": str(authority.certificate),
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.username": "planlift",
        **others,
    }


def by_certificate(kafka: SecureKafka, authority: Authority, pair: Pair) -> dict[str, str]:
    return {
        "kafka.bootstrap.servers": f"{LOOPBACK}:{kafka.certificate_port}",
        "kafka.security.protocol": "SSL",
        "kafka.ssl.ca.location": str(authority.certificate),
        "kafka.ssl.certificate.location": str(pair.certificate),
        "kafka.ssl.key.location": str(pair.key),
    }


# --- rights ---------------------------------------------------------------------------------------


def documented_rights(world: World, principal: str) -> list[list[AclBinding]]:
    """A list for each row of the table in docs/operations.md."""
    topics = world.topics
    names = {
        "topic.events": topics.events,
        "topic.requests": topics.requests,
        "topic.results": topics.results,
        "topic.state": topics.state,
        "topic.events.dlq": topics.events_dlq,
        "topic.requests.dlq": topics.requests_dlq,
        "group.id": world.group,
        "group.id-*": f"{world.group}-",
    }
    kinds = {
        "Topic": ResourceType.TOPIC,
        "Group": ResourceType.GROUP,
        "TransactionalId": ResourceType.TRANSACTIONAL_ID,
    }
    row = re.compile(r"\| (Topic|Group|TransactionalId) \| (.*?) \| (.*?) \|")
    found = []
    for kind, named, operations in row.findall(OPERATIONS.read_text()):
        bindings = []
        for name in re.findall(r"`(.*?)`", named):
            is_prefix = name.endswith("*")
            pattern = ResourcePatternType.PREFIXED if is_prefix else ResourcePatternType.LITERAL
            for operation in operations.split(", "):
                what = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).upper()
                bindings.append(
                    AclBinding(
                        kinds[kind],
                        names[name],
                        pattern,
                        principal,
                        "*",
                        AclOperation[what],
                        AclPermissionType.ALLOW,
                    )  # fmt: skip
                )
        found.append(bindings)
    assert len(found) >= 5
    return found


def grant(kafka: Kafka, bindings: list[AclBinding]) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for done in admin.create_acls(bindings).values():
        done.result(30)


def take_away(kafka: Kafka, bindings: list[AclBinding]) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    filters = [
        AclBindingFilter(
            b.restype,
            b.name,
            b.resource_pattern_type,
            b.principal,
            b.host,
            b.operation,
            b.permission_type,
        )  # fmt: skip
        for b in bindings
    ]
    for done in admin.delete_acls(filters).values():
        done.result(30)


def all_rights(world: World, principal: str) -> list[AclBinding]:
    return [binding for row in documented_rights(world, principal) for binding in row]


def work(world: World, settings: Mapping[str, Any]) -> None:
    """A day of a service: facts, a request, a dead letter, and a drain."""
    world.client.send(world.topics.events, customer_facts(world, "c"))
    world.send_request("c", **wish())
    world.client.send(world.topics.requests, [Message(b"c", b"no record")])
    world.drain(settings=settings, seconds=60)
    assert len(world.results()) == 1
    assert len(world.dead_letters()) == 1
    judge(world)


def test_certificates_and_the_documented_rights_suffice(
    world: World, kafka: SecureKafka, authority: Authority
) -> None:
    """And each of them is needed: planlift names what it may not do."""
    world.create_topics()
    rows = documented_rights(world, "User:CN=planlift")
    settings = by_certificate(kafka, authority, authority.issue("planlift"))
    grant(kafka, all_rights(world, "User:CN=planlift"))
    work(world, settings)
    for row in rows:
        take_away(kafka, row)
        service = world.start(settings=settings)
        named = "|".join(re.escape(b.name.rstrip("-")) for b in row)
        service.err.await_match(rf"(waiting|reason=).*({named}|AUTHORIZATION|authorization)", 60)
        service.kill()
        grant(kafka, row)
    stranger = by_certificate(kafka, authority, authority.issue("stranger"))
    service = world.start(settings=stranger)
    service.err.await_match("(waiting|reason=).*(?i:authoriz|does not exist|not allowed)", 60)


def test_a_certificate_that_is_not_trusted_is_told(
    world: World, kafka: SecureKafka, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    service = world.start(settings=by_password(kafka, other, **{"kafka.sasl.password": "first"}))
    service.err.await_match("waiting.*no TLS connection.*kafka.ssl.ca.location", 60)
    assert service.stop().status == 0


# --- passwords ------------------------------------------------------------------------------------


def test_a_new_password_is_read_when_asked_for(
    world: World, kafka: SecureKafka, authority: Authority, tmp_path: Path
) -> None:
    """By SIGHUP, while the service runs; what it takes in and gives out goes on."""
    world.create_topics()
    grant(kafka, all_rights(world, "User:planlift"))
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    variables = {"PLANLIFT_KAFKA_SASL_PASSWORD_FILE": str(secret)}
    settings = by_password(kafka, authority)
    service = world.start(settings=settings, variables=variables)
    service.err.await_match("waiting.*refuses our login.*kafka.sasl.password", 60)
    secret.write_text("first\n")
    service.await_ready(60)
    kafka.set_password("second")
    kafka.restart()
    secret.write_text("second\n")
    service.process.send_signal(signal.SIGHUP)
    service.err.await_match("password_read", 60)
    world.client.send(world.topics.events, customer_facts(world, "c"))
    world.send_request("c", **wish())
    assert len(world.results(1, 90)) == 1
    assert service.stop().status == 0
    judge(world)


def test_scram_works_or_is_refused_by_name(
    world: World, kafka: SecureKafka, authority: Authority
) -> None:
    """librdkafka before 2.6.1 cannot log in so to a Kafka of today."""
    world.create_topics()
    grant(kafka, all_rights(world, "User:planlift"))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    added = UserScramCredentialUpsertion("planlift", info, b"third")
    for done in admin.alter_user_scram_credentials([added]).values():
        done.result(30)
    others = {"kafka.sasl.mechanism": "SCRAM-SHA-512", "kafka.sasl.password": "third"}
    finished = world.run("run", "--drain", settings=by_password(kafka, authority, **others))
    if finished.status != 0:
        assert finished.status == 1
        assert NO_SCRAM in finished.err
        assert finished.err.splitlines()[-1] == "exit_reason=kafka"


def test_tokens_need_a_place_to_come_from(
    world: World, kafka: SecureKafka, authority: Authority
) -> None:
    """With OIDC, which the client library may have been built without."""
    others = {"kafka.sasl.mechanism": "OAUTHBEARER"}
    refused = world.run("run", settings=by_password(kafka, authority, **others))
    assert refused.status != 0
    assert "kafka.sasl.oauthbearer.method=oidc" in refused.err
    others["kafka.sasl.oauthbearer.method"] = "oidc"
    refused = world.run("run", settings=by_password(kafka, authority, **others))
    assert refused.status != 0
    assert "oauthbearer" in refused.err
