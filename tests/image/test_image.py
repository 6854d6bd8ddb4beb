"""The image that tests/image/build has made: what it says of itself, and itself at work, as the
chart runs it: not as root, on a read-only root."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness import KafkaClient, World
from harness.certificates import Authority
from harness.redises import documented_rights as redis_rights
from harness.samples import customer_facts, wish
from harness.secure_kafka import SecureKafka, deployment_rights, grant
from harness.verdict import judge
from helm.chart import CHART, Json, objects, of_kind, render
from helm.deployment import answer, kafka_by_password, redis_by_certificate, secured, values_of
from helm.pods import Pod, StatefulSet, run_to_end
from services import ROOT, Redis, reserve_port

BUILDAH = ROOT / "tests" / "image" / "buildah"
MAX_MB = 150


def buildah(*arguments: str) -> str:
    done = subprocess.run([BUILDAH, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def image() -> Iterator[Path]:
    """Its files, as a container has them."""
    container = buildah("from", "--pull-never", "planlift:test")
    yield Path(buildah("mount", container))
    buildah("rm", container)


@pytest.fixture(scope="session")
def config() -> Json:
    return json.loads(buildah("inspect", "--type", "image", "planlift:test"))["Docker"]["config"]


@pytest.fixture
def manifests(world: World) -> list[Json]:
    return objects(render(values_of(world)))


def test_what_it_says_of_itself(config: Json) -> None:
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == ["planlift"]
    assert config["Cmd"] == ["run"]
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert labels >= {"title", "description", "version", "revision", "licenses"}
    assert "/livez" in " ".join(config["Healthcheck"]["Test"])


def test_it_is_small(image: Path) -> None:
    used = subprocess.run(["du", "-sm", image], capture_output=True, text=True, check=True)
    megabytes = int(used.stdout.split()[0])
    print(f"{megabytes} MB unpacked")
    assert megabytes <= MAX_MB
    [told] = re.findall(r"\*\*The image\*\*, (\d+) MB", (CHART / "README.md").read_text())
    assert abs(int(told) - megabytes) <= 3, f"README.md says {told} MB: it has {megabytes}"


def test_nothing_is_left_of_the_building(image: Path) -> None:
    for name in ("usr/bin/gcc", "usr/bin/cmake", "src", "build", "var/lib/apt/lists/lock"):
        assert not (image / name).exists(), name


def test_it_answers(image: Path, config: Json, world: World, manifests: list[Json]) -> None:
    """From empty topics to an answer, by what the chart renders; then its own health check."""
    run_to_end(of_kind(manifests, "Job"), {}, image)
    with closing(StatefulSet(of_kind(manifests, "StatefulSet"), {}, image)) as pods:
        pods.scale(1)
        world.client.send(world.topics.events, customer_facts(world, "c"))
        world.send_request("c", **wish("UPGRADE", expectedVersion=4))
        world.results(enough=1)
        assert "NOT_ELIGIBLE" in run_to_end(of_kind(manifests, "Pod"), {}, image)
        assert is_healthy(pods.pods[0], config)
        pods.roll()
    judge(world)


def test_it_answers_over_tls(image: Path, tmp_path: Path) -> None:
    """With what Debian 13 has and Debian 12 has not: SCRAM at a Kafka of today, TLS to Redis."""
    authority, port = Authority(tmp_path), reserve_port()
    pair = authority.issue("redis")
    tls = ["--tls-port", port, "--tls-ca-cert-file", authority.certificate]
    tls += ["--tls-cert-file", pair.certificate, "--tls-key-file", pair.key]
    users = ["--user", "planlift", *redis_rights(), "--user", "default", "off"]
    with SecureKafka(authority) as kafka, Redis([*map(str, tls), *users]) as redis:
        kafka.set_scram_password("third")
        world = World(kafka, redis, KafkaClient(kafka.bootstrap_servers), "over_tls")
        grant(kafka, deployment_rights(world, "User:planlift"))
        login = kafka_by_password(kafka, authority, "SCRAM-SHA-512", "third")
        manifests, files = secured(world, login, redis_by_certificate(port, authority))
        answer(world, manifests, files, image)


def is_healthy(pod: Pod, config: Json) -> bool:
    """HEALTHCHECK, in the container; of its address and port only those of the pod differ."""
    kind, *command = config["Healthcheck"]["Test"]
    assert kind == "CMD"
    [port] = [port["containerPort"] for port in pod.container["ports"]]
    command = [part.replace("127.0.0.1/8080", f"{pod.address}/{port}") for part in command]
    return pod.run_inside(*command).returncode == 0
