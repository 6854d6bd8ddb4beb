"""The image that tests/image/build has made: what it says of itself, and itself at work, as the
chart runs it: not as root, on a read-only root."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness import World
from harness.samples import customer_facts, wish
from harness.verdict import judge
from helm.chart import Json, objects, of_kind, render
from helm.pods import Pod, StatefulSet, run_to_end
from services import ROOT, reserve_port

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
    values = {
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
    return objects(render(values))


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


def is_healthy(pod: Pod, config: Json) -> bool:
    """HEALTHCHECK, in the container; of its address and port only those of the pod differ."""
    kind, *command = config["Healthcheck"]["Test"]
    assert kind == "CMD"
    [port] = [port["containerPort"] for port in pod.container["ports"]]
    command = [part.replace("127.0.0.1/8080", f"{pod.address}/{port}") for part in command]
    enter = ["nsenter", "--target", str(pod.process.pid), "--mount", "--root"]
    return subprocess.run([*enter, *command], check=False).returncode == 0
