"""docs/onboarding.md, carried out: from empty topics to customers that are there and checked."""

from __future__ import annotations

import re

from harness import World
from harness.remedy import run_commands
from harness.samples import customer_facts
from services import ROOT

PAGE = ROOT / "docs" / "onboarding.md"


def blocks() -> list[str]:
    """The page's commands, in order."""
    found = re.findall(r"^ *```\n(.*?)^ *```", PAGE.read_text(), re.M | re.S)
    return [re.sub(r"^ +", "", block, flags=re.M) for block in found]


def test_the_page_works_as_it_stands(world: World) -> None:
    make_topics, drain, lag, check = blocks()
    run_commands(world, make_topics)
    customers = [f"c{n}" for n in range(20)]
    for _ in range(2):  # the load may be repeated
        for customer in customers:
            world.client.send(world.topics.events, customer_facts(world, customer))
    run_commands(world, drain)
    rows = [
        line.split()
        for line in run_commands(world, lag).splitlines()
        if world.topics.events in line.split()
    ]
    assert len(rows) == world.partitions
    assert {row[5] for row in rows} == {"0"}, rows  # the lag
    told = run_commands(world, check, CUSTOMER="c7")
    assert "no differences" in told
    assert "Customer c7, version 8" in told
