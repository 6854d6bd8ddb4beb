"""The chart's containers at work: what Helm renders is run as processes (pods.py) against a Kafka
and a Redis, with a rolling restart and a scaling from 1 to 3 and back while requests flow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness import World, eventually
from harness.samples import customer_facts, wish
from harness.verdict import judge
from helm.chart import Json, objects, of_kind, render
from helm.deployment import await_taken_in, values_of
from helm.pods import Files, Pod, StatefulSet, run_to_end
from services import ROOT, Redis

PASSWORD = "of the cache"
CUSTOMERS = [f"customer-{n}" for n in range(40)]


@pytest.fixture
def cache() -> Iterator[Redis]:
    """One that wants a password, for that to come from a Secret."""
    with Redis(["--requirepass", PASSWORD]) as server:
        yield server


@pytest.fixture
def manifests(world: World, cache: Redis) -> list[Json]:
    values = values_of(world) | {
        "redis": {"url": cache.url, "existingSecret": "cache", "passwordKey": "pw"},
        "catalogue": {"content": (ROOT / "catalogue" / "csp.json").read_text()},
    }
    return objects(render(values))


@pytest.fixture
def files(manifests: list[Json]) -> Files:
    """The Secrets and ConfigMaps of the cluster."""
    made = of_kind(manifests, "ConfigMap")
    return {
        ("configMap", made["metadata"]["name"]): made["data"],
        ("secret", "cache"): {"pw": f"{PASSWORD}\n"},
    }


class Requests:
    """Requests that go on until they are stopped, a few at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_over = threading.Event()
        self._sent = 0
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        world = self._world
        while not self._is_over.wait(0.05):
            asked = [
                world.request(c, **wish("ADD_LICENSES")) for c in CUSTOMERS[:: 1 + self._sent % 7]
            ]
            world.client.send(world.topics.requests, asked)
            self._sent += len(asked)

    @property
    def sent(self) -> int:
        return self._sent

    def await_more(self, count: int) -> None:
        """Until so many more are sent."""
        target = self._sent + count
        eventually(lambda: self._sent >= target, f"{count} more requests sent", 60)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()


def test_rolling_and_scaling_lose_nothing(
    world: World,
    manifests: list[Json],
    files: Files,
) -> None:
    run_to_end(of_kind(manifests, "Job"), files)  # makes the topics, before all else
    with closing(StatefulSet(of_kind(manifests, "StatefulSet"), files)) as pods:
        pods.scale(1)
        for customer in CUSTOMERS:
            world.client.send(world.topics.events, customer_facts(world, customer))
        with closing(Requests(world)) as requests:
            requests.await_more(200)
            pods.scale(3)
            requests.await_more(200)
            pods.roll()
            requests.await_more(200)
            pods.scale(1)
            requests.await_more(200)
        sent = requests.sent
        await_taken_in(world)
        assert "NOT_ELIGIBLE" in run_to_end(of_kind(manifests, "Pod"), files)  # helm test
        check_confined(pods.pods[0])
    report = judge(world)
    print(f"{sent} requests; {report.describe()}")


def check_confined(pod: Pod) -> None:
    """The process itself, as the kernel sees it: no root, no capability, nothing to gain."""
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pod.process.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["Name"] == "planlift"
    assert status["Uid"].split() == ["65532"] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    mounts = Path(f"/proc/{pod.process.pid}/mounts").read_text().splitlines()
    [root] = [line for line in mounts if line.split()[1] == "/"]
    assert "ro" in root.split()[3].split(","), root
