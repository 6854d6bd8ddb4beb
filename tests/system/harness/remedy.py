"""The remedies of docs/operations.md, carried out as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from services import KAFKA_JARS, ROOT

from .deadline import Deadline
from .planlift import BINARY, environment
from .world import World

PAGE = ROOT / "docs" / "operations.md"
# The scripts of a Kafka installation, and the class that each of them runs.
TOOLS = {
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}


@cache
def remedies() -> dict[str, str]:
    """The commands under each heading of the page that has some."""
    parts = re.split(r"^(##+) (.*)\n", PAGE.read_text(), flags=re.M)
    blocks = {
        heading: re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
        for level, heading, text in zip(parts[1::3], parts[2::3], parts[3::3])
        if level == "###"
    }
    return {heading: "".join(found) for heading, found in blocks.items() if found}


def carry_out(world: World, heading: str, **variables: object) -> str:
    """Run the commands under a heading of the page; see run_commands()."""
    return run_commands(world, remedies()[heading], **variables)


def run_commands(world: World, commands: str, **variables: object) -> str:
    """Run commands of a page with a shell in the world's environment, and `variables` for what the
    page leaves to the operator. Returns what they print."""
    given = {
        "KAFKA": world.kafka.bootstrap_servers,
        "REDIS": world.redis.url,
        "GROUP": world.group,
        **{name: str(value) for name, value in variables.items()},
    }
    with tempfile.TemporaryDirectory(prefix="planlift-tools-") as folder:
        _write_tools(Path(folder))
        path = {"PATH": f"{folder}:{os.environ['PATH']}"}
        finished = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env={**environment(world.settings), **given, **path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=Deadline(60).left,
        )
    assert finished.returncode == 0, f"{commands}\n{finished.stdout}"
    # Kafka's tools end with 0 whatever they could not do.
    assert not re.search(r"Error|rror:|Exception", finished.stdout), finished.stdout
    return finished.stdout


def _write_tools(folder: Path) -> None:
    java = f'java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "{KAFKA_JARS}/*"'
    commands = {name: f"{java} {main_class}" for name, main_class in TOOLS.items()}
    for name, command in {**commands, "planlift": str(BINARY)}.items():
        path = folder / name
        path.write_text(f'#!/bin/bash\nexec {command} "$@"\n')
        path.chmod(0o755)
