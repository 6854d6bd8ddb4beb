"""A Kafka that lets nobody in without a password or a certificate, and what they may do there."""

from __future__ import annotations

import re

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

from services import LOOPBACK, ROOT, Kafka, reserve_port

from .certificates import Authority
from .world import World

OPERATIONS = ROOT / "docs" / "operations.md"
CHART_README = ROOT / "helm" / "planlift" / "README.md"


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

    def set_scram_password(self, password: str) -> None:
        """Of the user planlift, from now on."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        added = UserScramCredentialUpsertion("planlift", info, password.encode())
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        for done in admin.alter_user_scram_credentials([added]).values():
            done.result(30)


TABLE = re.compile(r"\| (Topic|Group|TransactionalId) \| (.*?) \| (.*?) \|")
KINDS = {
    "Topic": ResourceType.TOPIC,
    "Group": ResourceType.GROUP,
    "TransactionalId": ResourceType.TRANSACTIONAL_ID,
}


def documented_rights(world: World, principal: str) -> list[list[AclBinding]]:
    """A list for each row of the table in docs/operations.md."""
    found = _rights(OPERATIONS.read_text(), world, principal)
    assert len(found) >= 5
    return found


def all_rights(world: World, principal: str) -> list[AclBinding]:
    return [binding for row in documented_rights(world, principal) for binding in row]


def deployment_rights(world: World, principal: str) -> list[AclBinding]:
    """And what a deployment needs beside, by the table in the README of the chart."""
    more = _rights(CHART_README.read_text(), world, principal)
    assert len(more) >= 2
    return all_rights(world, principal) + [binding for row in more for binding in row]


def _rights(document: str, world: World, principal: str) -> list[list[AclBinding]]:
    names = _names(world)
    found = []
    for kind, named, operations in TABLE.findall(document):
        bindings = []
        for name in re.findall(r"`(.*?)`", named):
            is_prefix = name.endswith("*")
            pattern = ResourcePatternType.PREFIXED if is_prefix else ResourcePatternType.LITERAL
            for operation in operations.split(", "):
                what = AclOperation[re.sub(r"(?<!^)([A-Z])", r"_\1", operation).upper()]
                by_all = (principal, "*", what, AclPermissionType.ALLOW)
                bindings.append(AclBinding(KINDS[kind], names[name], pattern, *by_all))
        found.append(bindings)
    return found


def _names(world: World) -> dict[str, str]:
    topics = world.topics
    return {
        "topic.events": topics.events,
        "topic.requests": topics.requests,
        "topic.results": topics.results,
        "topic.state": topics.state,
        "topic.events.dlq": topics.events_dlq,
        "topic.requests.dlq": topics.requests_dlq,
        "group.id": world.group,
        "group.id-*": f"{world.group}-",
    }


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
