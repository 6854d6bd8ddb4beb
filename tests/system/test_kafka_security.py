"""Kafka over TLS, with certificates, passwords and rights (contract 8, kafka.*)."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness import KafkaClient, Message, World
from harness.certificates import Authority, Pair
from harness.planlift import BINARY
from harness.samples import customer_facts, wish
from harness.secure_kafka import SecureKafka, all_rights, documented_rights, grant, take_away
from harness.verdict import judge
from services import LOOPBACK, Redis

NO_SCRAM = "cannot log in by SCRAM"
SCRAM_FIXED = 0x020601FF  # librdkafka 2.6.1


@cache
def client_library() -> ctypes.CDLL:
    """The librdkafka that planlift is linked with."""
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    [path] = re.findall(r"librdkafka\.so\S* => (\S+)", linked)
    library = ctypes.CDLL(path)
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    return library


def has_oidc() -> bool:
    """What its builtin.features say."""
    library = client_library()
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    text, size = ctypes.create_string_buffer(1024), ctypes.c_size_t(1024)
    assert library.rd_kafka_conf_get(conf, b"builtin.features", text, ctypes.byref(size)) == 0
    library.rd_kafka_conf_destroy(conf)
    return b"oidc" in text.value.split(b",")


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
    """librdkafka before 2.6.1 cannot log in so to a Kafka of today. Where this one cannot,
    `make image` has the login that can (tests/image/test_image.py)."""
    world.create_topics()
    grant(kafka, all_rights(world, "User:planlift"))
    kafka.set_scram_password("third")
    others = {"kafka.sasl.mechanism": "SCRAM-SHA-512", "kafka.sasl.password": "third"}
    finished = world.run("run", "--drain", settings=by_password(kafka, authority, **others))
    if client_library().rd_kafka_version() >= SCRAM_FIXED:
        assert finished.status == 0, finished.err
        return
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
    assert refused.status == 2
    assert refused.err.splitlines()[-1] == "exit_reason=configuration"
    assert "oauthbearer" in refused.err
    assert ("not supported in this build" in refused.err) is not has_oidc()
