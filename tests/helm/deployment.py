"""The chart installed, in small: its values for one test's corner of the servers, with what a
secured Kafka and Redis add to them, and the way from empty topics to a first answer."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness import World, eventually
from harness.certificates import Authority, Pair
from harness.samples import customer_facts, wish
from harness.secure_kafka import SecureKafka
from harness.verdict import judge
from helm.chart import Json, objects, of_kind, render
from helm.pods import Files, StatefulSet, run_to_end
from services import LOOPBACK, reserve_port


def values_of(world: World) -> Json:
    """One pod, and the topics job."""
    return {
        "groupId": world.group,
        "kafka": {"bootstrapServers": world.kafka.bootstrap_servers},
        "redis": {"url": world.redis.url},
        "http": {"port": reserve_port()},
        "topics": {
            "events": world.topics.events,
            "requests": world.topics.requests,
            "results": world.topics.results,
            "state": world.topics.state,
            "partitions": world.partitions,
            "replicationFactor": 1,
            "createJob": {"enabled": True},
        },
        "replicaCount": 1,
    }


def answer(world: World, manifests: list[Json], files: Files, image: Path | None = None) -> None:
    """Topics job, a pod, a request and its result, `helm test`."""
    run_to_end(of_kind(manifests, "Job"), files, image)
    with closing(StatefulSet(of_kind(manifests, "StatefulSet"), files, image)) as pods:
        pods.scale(1)
        world.client.send(world.topics.events, customer_facts(world, "c"))
        world.send_request("c", **wish("UPGRADE", expectedVersion=4))
        world.results(enough=1)
        assert "NOT_ELIGIBLE" in run_to_end(of_kind(manifests, "Pod"), files, image)
    judge(world)


def await_taken_in(world: World) -> None:
    """All that is in the input topics now, by whichever pods there are."""
    ends = {**world.client.ends(world.topics.requests), **world.client.ends(world.topics.events)}

    def is_taken_in() -> bool:
        committed = world.client.committed(world.group)
        return all(committed.get(place, 0) >= end for place, end in ends.items())

    eventually(is_taken_in, "all taken in", 60)


# --- secured servers ------------------------------------------------------------------------------


@dataclass
class Access:
    """How one comes to a server: values of the chart, and the Secrets that they name."""

    values: Json
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)


def kafka_by_certificate(kafka: SecureKafka, authority: Authority) -> Access:
    """Whose key is locked."""
    password = "of the key"
    tls = {
        "enabled": True,
        "existingSecret": "kafka-tls",
        "certKey": "tls.crt",
        "keyKey": "tls.key",
        "keyPasswordKey": "password",
    }
    servers = f"{LOOPBACK}:{kafka.certificate_port}"
    files = _files(authority, authority.issue("planlift").locked(password))
    return Access(
        {"bootstrapServers": servers, "tls": tls},
        {"kafka-tls": files | {"password": f"{password}\n"}},
    )


def kafka_by_password(
    kafka: SecureKafka, authority: Authority, mechanism: str, password: str
) -> Access:
    sasl = {"mechanism": mechanism, "existingSecret": "kafka-user", "usernameKey": "username"}
    tls = {"enabled": True, "existingSecret": "kafka-ca"}
    servers = f"{LOOPBACK}:{kafka.password_port}"
    return Access(
        {"bootstrapServers": servers, "tls": tls, "sasl": sasl},
        {
            "kafka-ca": {"ca.crt": authority.certificate.read_text()},
            "kafka-user": {"username": "planlift", "password": f"{password}\n"},
        },
    )


def redis_by_password(port: int) -> Access:
    url = f"redis://planlift@{LOOPBACK}:{port}"
    return Access({"url": url, "existingSecret": "redis"}, {"redis": {"password": "first\n"}})


def redis_by_certificate(port: int, authority: Authority) -> Access:
    """And the password beside."""
    plain = redis_by_password(port)
    tls = {"existingSecret": "redis-tls", "certKey": "tls.crt", "keyKey": "tls.key"}
    url = plain.values["url"].replace("redis:", "rediss:")
    return Access(
        plain.values | {"url": url, "tls": tls},
        plain.secrets | {"redis-tls": _files(authority, authority.issue("planlift"))},
    )


def secured(world: World, kafka: Access, redis: Access) -> tuple[list[Json], Files]:
    """The manifests, and the Secrets of the cluster."""
    values = values_of(world) | {"kafka": kafka.values, "redis": redis.values}
    secrets = kafka.secrets | redis.secrets
    return objects(render(values)), {("secret", name): data for name, data in secrets.items()}


def _files(authority: Authority, pair: Pair) -> dict[str, str]:
    return {
        "ca.crt": authority.certificate.read_text(),
        "tls.crt": pair.certificate.read_text(),
        "tls.key": pair.key.read_text(),
    }
