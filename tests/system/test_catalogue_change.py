"""A catalogue that is changed: under a new version by a rolling restart, and refused where its
version stays (contract 4; docs/operations.md)."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from harness import Planlift, World
from harness.remedy import carry_out
from harness.samples import customer_facts, wish
from harness.stored import PROGRESS, decode, standing, stored_state
from services import ROOT

SHIPPED = ROOT / "catalogue" / "csp.json"
HEADING = "The same version of the catalogue with another content"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A file of the operator's own."""
    return Path(shutil.copy(SHIPPED, tmp_path / "mine.json"))


def change(catalogue: Path, version: str | None = None) -> str:
    """Give an offer another name, and the file another version if one is given; its digest."""
    data = json.loads(catalogue.read_text())
    data["offers"]["o365-enterprise-e3"]["name"] += " (new)"
    data["version"] = version or data["version"]
    catalogue.write_text(json.dumps(data))
    return digest(catalogue)


def digest(catalogue: Path) -> str:
    return hashlib.sha256(catalogue.read_bytes()).hexdigest()


def recorded(world: World) -> set[tuple[str, str]]:
    """Version and digest of the progress records."""
    found = [decode("progress", state[PROGRESS]) for state in stored_state(world)]
    return {(progress["catalogueVersion"], progress["catalogueSha256"]) for progress in found}


def work(world: World, customer: str) -> None:
    world.client.send(world.topics.events, customer_facts(world, customer))
    world.send_request(customer, **wish("CHECK"))


def test_the_same_version_with_another_content_is_refused(world: World, catalogue: Path) -> None:
    """Nothing is changed; with a version of its own it goes on, and the old one may come back."""
    world.create_topics()
    world.settings["catalogue.path"] = catalogue
    original = catalogue.read_text()
    first, version = digest(catalogue), json.loads(original)["version"]
    work(world, "c1")
    world.drain()
    assert recorded(world) == {(version, first)}

    second = change(catalogue)
    work(world, "c2")
    before = standing(world)
    refused = world.run("run")
    assert refused.status == 2, refused.err
    *_, failed, reason = refused.err.splitlines()
    assert reason == "exit_reason=configuration"
    for told in (version, first, second, "give the changed catalogue a new version"):
        assert told in failed
    assert standing(world) == before
    assert len(world.results()) == 1

    told = carry_out(world, HEADING, FILE=catalogue, VERSION="mine-2")
    assert "version mine-2, " in told
    assert digest(catalogue) in told
    finished = world.drain()
    told = rf"catalogue_changed partition=\d from={re.escape(version)} to=mine-2"
    assert len(re.findall(told, finished.err)) == world.partitions
    assert recorded(world) == {("mine-2", digest(catalogue))}
    answered = sorted(result["catalogueVersion"] for result in world.results())
    assert answered == sorted([version, "mine-2"])
    assert "catalogue_changed" not in world.drain().err

    catalogue.write_text(original)
    assert "catalogue_changed" in world.drain().err
    assert recorded(world) == {(version, first)}


def test_a_new_version_is_rolled_out_while_the_old_one_works(
    world: World, catalogue: Path, tmp_path: Path
) -> None:
    """And a partition may go from the new to the old as well, where the new one ends."""
    world.create_topics()
    old = shutil.copy(catalogue, tmp_path / "old.json")
    change(catalogue, "mine-2")
    customers = [f"c{n}" for n in range(6)]
    for customer in customers:
        world.client.send(world.topics.events, customer_facts(world, customer))

    services: dict[int, Planlift] = {}

    def start(slot: int, path: Path | str) -> None:
        settings = {"slot": slot, "catalogue.path": path, "kafka.session.timeout.ms": 6000}
        services[slot] = world.start(settings=settings)

    def ask(enough: int) -> set[str]:
        """Versions that the next requests, one a customer, are decided by: all are answered."""
        asked = {f"{enough}-{customer}" for customer in customers}
        for name in asked:
            world.send_request(name.split("-")[1], **wish("CHECK", requestId=name))
        results = world.results(enough, 60)
        assert len({result["requestId"] for result in results}) == len(results)
        found = [result for result in results if result["requestId"] in asked]
        assert len(found) == len(asked)
        return {result["catalogueVersion"] for result in found}

    start(0, old)
    start(1, old)
    both = (json.loads(Path(old).read_text())["version"], "mine-2")
    services[0].await_ready(60)
    services[1].await_ready(60)
    assert ask(6) == {both[0]}
    assert services[1].stop().status == 0
    start(1, catalogue)
    services[1].await_ready(60)
    assert ask(12) == set(both)
    assert services[1].stop().status == 0  # its partitions go to the old one
    assert ask(18) == {both[0]}
    start(1, catalogue)
    services[1].await_ready(60)
    assert services[0].stop().status == 0
    start(0, catalogue)
    assert ask(24) == {"mine-2"}
