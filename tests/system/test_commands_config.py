"""`planlift config` (contract 8): the effective settings, and where each comes from; and what all
commands for operators have in common."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness import World
from harness.samples import customer_facts, wish

Json = dict[str, Any]

CONFIG = """\
# a comment
group.id = from-file
topic.state=states
kafka.sasl.password=hunter2
kafka.security.protocol=PLAINTEXT
kafka.ssl.key.password=hunter3
redis.url=redis://planlift:hunter4@cache.example:6379/2
redis.password=hunter5
schemas.path=
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "planlift.conf"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def bare(world: World) -> World:
    """Nothing is set."""
    world.settings = {"http.listen": ""}
    return world


def settings_of(world: World, *options: str | Path) -> Json:
    finished = world.run("config", "--json", *options)
    assert finished.status == 0, finished.err
    return json.loads(finished.out)


def test_the_page_in_the_docs_is_what_the_command_prints(bare: World) -> None:
    finished = bare.run("config", "--reference")
    assert finished.status == 0, finished.err
    assert finished.out == Path("docs/configuration.md").read_text(), (
        "run `planlift config --reference > docs/configuration.md`"
    )


def test_every_default_of_the_kafka_client_is_one_that_it_takes(bare: World) -> None:
    """Set by hand to what the page says, none is refused, and the page names each client's."""
    page = Path("docs/configuration.md").read_text()
    table = page.split("### What planlift sets otherwise")[1]
    rows = re.findall(r"^\| `(kafka\.[a-z.]+)` \| `(.+?)` \| (.+?) \| .+ \|$", table, re.M)
    assert len(rows) > 10
    assert {"all", "inputs", "outputs"} <= {use for _, _, use in rows}
    bare.settings = {name: value for name, value, _ in rows} | {"kafka.bootstrap.servers": ":1"}
    bare.settings.pop("kafka.fetch.queue.backoff.ms")  # not known to every librdkafka
    process = bare.start("run")
    process.err.await_match("waiting for=.*Kafka", 20)
    assert process.stop().status == 0


def test_defaults(bare: World) -> None:
    found = settings_of(bare)
    assert found["group.id"] == {"value": "planlift", "from": "default"}
    assert found["topic.requests"] == {"value": "upgrade-requests", "from": "default"}
    assert found["kafka.bootstrap.servers"] == {"value": "localhost:9092", "from": "default"}
    assert found["catalogue.path"] == {"value": None, "from": "unset"}
    assert found["slot"]["from"] == "host name"
    assert found["slot"]["value"].isdigit()
    own = [name for name in found if not name.startswith("kafka.")]
    assert own == sorted(own)


def test_where_each_comes_from(bare: World, file: Path) -> None:
    bare.settings = {"topic.state": "from-environment", "kafka.log_level": 6, "slot": "7"}
    found = settings_of(bare, "--config", file)
    assert found["group.id"] == {"value": "from-file", "from": f"{file}:2"}
    expected = {"value": "from-environment", "from": "PLANLIFT_TOPIC_STATE"}
    assert found["topic.state"] == expected
    assert found["kafka.log_level"] == {"value": "6", "from": "PLANLIFT_KAFKA_LOG__LEVEL"}
    assert found["kafka.security.protocol"] == {"value": "PLAINTEXT", "from": f"{file}:5"}
    assert found["slot"] == {"value": "7", "from": "PLANLIFT_SLOT"}
    assert found["schemas.path"] == {"value": None, "from": "unset"}


def test_secrets_are_masked(bare: World, file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter6\n")
    bare.settings = {"kafka.sasl.password.file": secret}
    table = bare.run("config", "--config", file)
    assert table.status == 0
    found = settings_of(bare, "--config", file)
    assert not re.search(r"hunter\d", table.out + table.err + json.dumps(found))
    assert found["redis.url"]["value"] == "redis://planlift:****@cache.example:6379/2"
    assert found["redis.password"]["value"] == "****"
    assert found["kafka.ssl.key.password"]["value"] == "****"
    assert "redis://planlift:****@" in table.out
    assert all(len(line) <= 100 for line in table.out.splitlines())


def test_a_configuration_that_is_refused(bare: World, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.conf"
    wrong.write_text("grup.id=x\n")
    for arguments in (["--config", wrong], ["--config", tmp_path / "nowhere"], ["x"], ["--json=1"]):
        finished = bare.run("config", *arguments)
        assert finished.status == 2, arguments
        assert finished.out == ""
    assert '"group.id"' in bare.run("config", "--config", wrong).err
    assert bare.run("config", "--help").out.startswith("Usage: planlift config")


# --- all of them ----------------------------------------------------------------------------------

COMMANDS = [
    ["customer", "c1"],
    ["results"],
    ["submit", "--customer", "c1", "--partner", "p", "--subscription", "s", "--operation", "CHECK"],
    ["dlq", "list"],
    ["dlq", "replay", "--all"],
    ["cache", "rebuild"],
    ["cache", "verify"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_settings_of_a_file_and_a_quiet_log(
    world: World, tmp_path: Path, command: list[str]
) -> None:
    """The log is silent unless --verbose; nobody's data or secret is ever in it."""
    world.create_topics()
    world.client.send(world.topics.events, customer_facts(world, "c1"))
    world.send_request("c1", **wish("CHECK"))
    world.drain()
    config = tmp_path / "planlift.conf"
    config.write_text("".join(f"{key}={value}\n" for key, value in world.settings.items()))
    world.settings = {}
    for option in ([], ["--verbose"]):
        finished = world.run(*command, "--config", config, *option)
        assert finished.status == 0, finished.err
        for private in ("contoso", "user-0", "Name of"):
            assert private not in finished.err
    finished = world.run(*command, "--config", tmp_path / "nowhere")
    assert finished.status == 2
    assert finished.out == ""
    assert "nowhere" in finished.err
