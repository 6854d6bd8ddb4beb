"""The guide of the chart's README, from an empty namespace to the first answer: its kubectl and
helm commands, word by word, against the API server; its pods as processes, on a secured Kafka."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from harness import KafkaClient, Message, World
from harness.certificates import Authority
from harness.samples import licence, subscription
from harness.secure_kafka import SecureKafka, deployment_rights, grant
from harness.verdict import judge
from helm.chart import CHART, TOOLS, Json
from helm.deployment import await_taken_in, kafka_by_password, values_of
from services import ROOT, Redis

from .conftest import Cluster
from .kubelet import Kubelet

PASSWORDS = {"planlift-kafka": "first", "planlift-redis": "of the cache"}
EXEC = re.compile(r"kubectl -n planlift exec planlift-(\d+) -- (.*)")


def guide() -> str:
    text = (CHART / "README.md").read_text()
    [section] = re.findall(r"^## From an empty.*?(?=^## )", text, re.MULTILINE | re.DOTALL)
    return section


def blocks(language: str) -> Iterator[str]:
    fenced = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    return (textwrap.dedent(text) for kind, text in fenced.findall(guide()) if kind == language)


def commands() -> list[str]:
    """All that can be run here: not what builds and pushes the image."""
    lines = "".join(blocks("")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(("kubectl", "helm"))]


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    with Redis(["--requirepass", PASSWORDS["planlift-redis"]]) as server:
        yield server


def values_here(world: World, kafka: SecureKafka, authority: Authority) -> Json:
    """Those of the guide, at the addresses here; Debian 12 has neither SCRAM nor TLS to Redis."""
    [text] = blocks("yaml")
    values: Json = yaml.safe_load(text)
    here = values_of(world)
    there = kafka_by_password(kafka, authority, "PLAIN", "first").values
    values["kafka"]["bootstrapServers"] = there["bootstrapServers"]
    values["kafka"]["sasl"]["mechanism"] = there["sasl"]["mechanism"]
    values["redis"]["url"] = world.redis.url
    values["topics"] |= here["topics"]
    return values | {"groupId": here["groupId"], "http": here["http"]}


class Reader:
    """Who follows the guide, with a shell of their own."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._folder = folder
        self._variables = {
            **os.environ,
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "KUBECONFIG": str(cluster.kubeconfig),
            "HOME": str(folder),
        }

    def run(self, command: str) -> str:
        for secret, password in PASSWORDS.items():
            if secret in command:
                command = command.replace("password=...", f"password='{password}'")
        # Only a kubelet has the logs.
        command = command.replace("planlift --logs", "planlift")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "arning" not in done.stderr, done.stderr
        return done.stdout


def facts(world: World, customer: str) -> list[Message]:
    """About the subscription that the guide asks for."""
    return [
        world.event(customer, "DelegatedAdminChanged", partnerId="p1", granted=True),
        world.event(customer, "SubscriptionChanged", **subscription("s1", partnerId="p1")),
        world.event(customer, "LicenseAssigned", **licence(1, "s1")),
    ]


def test_first_answer(cluster: Cluster, redis_server: Redis, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    (tmp_path / "ca.crt").write_text(authority.certificate.read_text())
    (tmp_path / "helm").symlink_to(ROOT / "helm")
    reader = Reader(cluster, tmp_path)
    with (
        SecureKafka(authority) as kafka,
        closing(World(kafka, redis_server, KafkaClient(kafka.bootstrap_servers), "guide")) as world,
    ):
        grant(kafka, deployment_rights(world, "User:planlift"))
        values = values_here(world, kafka, authority)
        (tmp_path / "my-values.yaml").write_text(yaml.safe_dump(values))
        follow(reader, cluster, world)
        judge(world)


def follow(reader: Reader, cluster: Cluster, world: World) -> None:
    first, *others = commands()
    assert first == "kubectl create namespace planlift"
    reader.run(first)
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    reader.run(f"kubectl label namespace planlift {restricted}")
    said = []
    with closing(Kubelet(cluster, "planlift")) as kubelet:
        for command in others:
            if inside := EXEC.fullmatch(command):
                if not said:
                    world.client.send(world.topics.events, facts(world, "contoso"))
                    await_taken_in(world)
                pod = kubelet.sets["planlift"].pods[int(inside[1])]
                done = pod.run_inside(*shlex.split(inside[2]))
                assert done.returncode == 0, done.stderr
                said.append(done.stdout)
            else:
                reader.run(command)
        assert "NOT_ELIGIBLE" in kubelet.said["planlift-test"]
    checked, shown = said
    assert "upgrades are possible" in checked, checked
    assert "s1" in shown, shown
