"""The course of a campaign: which faults, in which chapters, how they are told; the fleet."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.chapters import KINDS, MOST_FAULTS, chosen, plan
from faults.command import LONG
from faults.fleet import Fleet
from faults.rig import Outcome
from faults.table import quantile, read_json, row, table, write_json
from harness import eventually
from services import reserve_port

GROUPS = {name: kind.group for name, kind in KINDS.items()}


# --- the plan -------------------------------------------------------------------------------------


def names(counts: dict[str, int], seed: int = 1) -> list[list[str]]:
    return [[kind.name for kind in chapter.kinds] for chapter in plan(counts, seed)]


def test_every_fault_is_in_a_chapter() -> None:
    counts = {name: number % 3 + 1 for number, name in enumerate(KINDS)}
    assert Counter(name for chapter in names(counts) for name in chapter) == counts


def test_chapters_are_small_and_of_one_sort() -> None:
    for chapter in plan(dict.fromkeys(KINDS, 5), 1):
        assert 1 <= len(chapter.kinds) <= MOST_FAULTS
        assert len({kind.is_proxied for kind in chapter.kinds}) == 1
        assert not any(kind.is_last for kind in chapter.kinds[:-1])


def test_a_seed_is_a_campaign() -> None:
    counts = dict.fromkeys(KINDS, 2)
    assert plan(counts, 7) == plan(counts, 7)
    assert names(counts, 7) != names(counts, 8)
    seeds = [chapter.seed for seed in (1, 2) for chapter in plan(counts, seed)]
    assert len(set(seeds)) == len(seeds)


def test_a_long_campaign_is_as_long_as_promised() -> None:
    groups: Counter[str] = Counter()
    for kind in KINDS.values():
        groups[kind.group] += LONG[kind.group]
    assert groups["kill -9"] >= 200
    assert groups["zombie"] >= 40
    assert groups["Redis"] >= 60
    assert groups["broker"] >= 20


def test_kinds_are_chosen_by_name_pattern_or_group() -> None:
    assert [kind.name for kind in chosen(["kill", "pause"])] == ["kill", "pause"]
    assert {kind.group for kind in chosen(["Redis"])} == {"Redis"}
    assert {kind.name for kind in chosen(["endtxn_*", "endtxn_late"])} == {
        name for name in KINDS if name.startswith("endtxn_")
    }
    with pytest.raises(SystemExit, match="no kind"):
        chosen(["nonsense"])


# --- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, share, wanted",
    [
        ([3.0], 0.5, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(1, 21)], 0.95, 19.0),
        ([float(n) for n in range(1, 11)], 0.95, 10.0),
        ([5.0, 1.0, 3.0], 1.0, 5.0),
    ],
)
def test_quantiles(values: list[float], share: float, wanted: float) -> None:
    random.Random(1).shuffle(values)
    assert quantile(values, share) == wanted


def test_a_row() -> None:
    outcomes = [
        Outcome("kill", 0, recovery=1.0, wrong=["a", "b"]),
        Outcome("kill", 1, recovery=2.0, outage=0.5, surprises=["slot 1 ended"]),
        Outcome("kill", 2, failure="stuck"),
    ]
    assert row("kill", outcomes) == ["kill", "3", "0.50", "1.00", "2.00", "2.00", "1", "1", "2"]


def test_a_table_has_kinds_groups_and_all() -> None:
    outcomes = [Outcome(name, 0, recovery=1.0) for name in ("kill", "kill_begin", "redis_flush")]
    lines = table(outcomes, GROUPS).splitlines()
    firsts = [line.split("|")[1].strip() for line in lines]
    wanted = ["kill", "kill_begin", "**kill -9**", "redis_flush", "**Redis**", "**all**"]
    assert firsts[2:] == wanted
    assert len({len(line) for line in lines}) == 1


def test_json(tmp_path: Path) -> None:
    outcome = Outcome("kill", 0, ends={("topic", 1): 7})
    write_json(tmp_path / "out.json", [outcome], seed=3)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["seed"] == 3
    assert found["faults"][0]["ends"] == {"topic/1": 7}
    assert read_json(tmp_path / "out.json") == [Outcome("kill", 0)]


@pytest.mark.parametrize(
    "bad", [{"wrong": ["lost"]}, {"surprises": ["slot 1 ended"]}, {"failure": "stuck"}]
)
def test_what_must_not_be(bad: dict[str, Any]) -> None:
    """Wrong, stuck, or an end that nobody asked for."""
    assert not Outcome("kill", 0).trouble
    assert Outcome("kill", 0, **bad).trouble in str(bad)


# --- the fleet ------------------------------------------------------------------------------------


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Of processes that wait for a Kafka which is not there."""
    settings = {"kafka.bootstrap.servers": f"127.0.0.1:{reserve_port()}"}
    fleet = Fleet(settings, tmp_path)
    yield fleet
    fleet.close()


def test_a_slot_has_a_new_process_after_an_end(fleet: Fleet) -> None:
    slot = fleet.add(1)
    first = slot.process.pid
    slot.kill()
    assert slot.await_end(1).status == -9
    eventually(lambda: slot.generation == 2 and slot.is_running, "started again")
    assert slot.process.pid != first
    assert not fleet.surprises()


def test_an_end_that_nobody_asked_for_is_told(fleet: Fleet) -> None:
    slot = fleet.add(1)
    slot.process.kill()
    end = slot.await_end(1)
    assert fleet.surprises() == [end]
    assert str(end) == "slot 1 generation 1: signal 9"


def test_a_held_slot_stays_empty_until_released(fleet: Fleet) -> None:
    slot = fleet.add(1)
    slot.hold()
    slot.kill()
    slot.await_end(1)
    assert not slot.is_running
    slot.release()
    slot.await_process()
    assert slot.generation == 2


def test_a_stopped_process_is_seen(fleet: Fleet) -> None:
    slot = fleet.add(1)
    assert not slot.is_stopped
    slot.pause()
    eventually(lambda: slot.is_stopped, "stopped")
    slot.resume()
    eventually(lambda: not slot.is_stopped, "going on")


def test_removed_is_gone(fleet: Fleet) -> None:
    slot = fleet.add(1)
    eventually(lambda: "waiting" in slot.log_text(), "it waits")
    fleet.remove(1)
    assert not slot.is_running
    assert [end.status for end in slot.ends] == [0]
    assert fleet.slots == {}


def test_a_log_for_each_process(fleet: Fleet) -> None:
    slot = fleet.add(1)
    logs = {slot.log}
    slot.kill()
    slot.await_end(1)
    eventually(lambda: slot.generation == 2, "started again")
    logs.add(slot.log)
    logs.add(fleet.add(2).log)
    assert len(logs) == 3
