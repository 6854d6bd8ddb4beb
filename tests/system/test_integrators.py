"""What integrators are given: pages and AsyncAPI document say what the code says, the sample
consumers do their work on real results, and the schemas stay compatible (docs/events.md)."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import fastavro
import pytest
import yaml
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse as parse_schema

from harness import World
from harness.samples import PARTNER, TARGET, customer_facts, licence, wish
from services import ROOT

DOCS = ROOT / "docs"
SCHEMAS = ("subscription-event", "upgrade-request", "upgrade-result")


# ---- pages ---------------------------------------------------------------------------------------


def codes_of_page(heading: str) -> set[str]:
    """First column of the table under a heading of docs/order-platforms.md."""
    page = (DOCS / "order-platforms.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def codes_of_header(name: str, macro: str) -> set[str]:
    """Wire names in an X-macro of include/planlift/."""
    text = (ROOT / "include" / "planlift" / name).read_text()
    table = text.split(f"#define {macro}(X)")[1].split("\n\n")[0]
    return set(re.findall(r'"(\w+)"', table))


def test_every_code_is_explained() -> None:
    assert codes_of_page("Refusals") == codes_of_header("model.h", "PL_ERROR_CODES")
    assert codes_of_page("Dead letters") == codes_of_header("dead_letter.h", "PL_DEAD_LETTERS")


def test_every_runbook_that_an_alert_names_is_there() -> None:
    alerts = yaml.safe_load((ROOT / "helm" / "planlift" / "files" / "alerts.yaml").read_text())
    for rule in (rule for group in alerts["groups"] for rule in group["rules"]):
        page, anchor = rule["annotations"]["runbook"].split("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        places = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
        assert anchor in places, rule["alert"]


def test_every_command_in_the_pages_is_one() -> None:
    """`planlift SUBCOMMAND --option` of every page is known to the program's own help."""
    binary = os.environ.get("PLANLIFT_BINARY", str(ROOT / "build" / "dev" / "planlift"))
    pages = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    code = [
        block
        for page in pages
        for block in re.findall(r"```\n(.*?)```|`(planlift [^`]+)`", page.read_text(), re.DOTALL)
    ]
    lines = [line for blocks in code for block in blocks for line in block.splitlines()]
    parts = "create|check|list|show|replay|rebuild|verify"
    calls = [
        re.match(rf"(?:\S*/)?planlift ([a-z]+(?: (?:{parts})\b)?)(.*)", line) for line in lines
    ]
    used = {call.groups() for call in calls if call}
    assert len(used) > 10
    for command, rest in sorted(used):
        help_text = subprocess.run(
            [binary, *command.split(), "--help"], text=True, capture_output=True, check=False
        )
        assert help_text.returncode == 0, command
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in help_text.stdout, f"{command} {option}"


def plain(value: Any) -> Any:
    """Avro's JSON without the names of union branches."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("string", "long", "int"):
            return next(iter(value.values()))
        if len(value) == 1 and next(iter(value)).startswith("planlift."):
            [(name, fields)] = value.items()
            return (name, plain(fields))
        return {name: plain(field) for name, field in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_the_examples_are_records_of_the_schemas() -> None:
    page = (DOCS / "events.md").read_text()
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert len(examples) == 6
    for example in examples:
        name = "upgrade-request" if "requestId" in example else "subscription-event"
        schema = fastavro.schema.load_schema(ROOT / "schemas" / f"{name}.avsc")
        assert fastavro.validate(plain(example), schema, strict=False)
    kinds = {kind for example in examples for kind in example.get("change", {})}
    assert len(kinds) == 5


def test_asyncapi_is_valid_and_whole() -> None:
    checked = subprocess.run(
        ["node", "tests/docs/asyncapi.mjs", "docs/asyncapi.yaml"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    topics = ["subscription-events", "upgrade-requests", "upgrade-results"]
    dead = [f"{topic}.dlq" for topic in topics[:2]]
    assert checked.stdout.split() == topics + dead
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    headers = document["components"]["messages"]["DeadLetter"]["headers"]["properties"]
    text = (ROOT / "include" / "planlift" / "dead_letter.h").read_text()
    assert set(headers) == set(re.findall(r'"(planlift-[\w-]+)"', text))


# ---- compatibility -------------------------------------------------------------------------------


def versions_of(name: str) -> dict[str, str]:
    """The texts of a schema by version."""
    folders = sorted((ROOT / "tests" / "compatibility").iterdir())
    published = {f.name: (f / f"{name}.avsc").read_text() for f in folders if f.is_dir()}
    assert published
    return {**published, "now": (ROOT / "schemas" / f"{name}.avsc").read_text()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_all_versions_read_each_other(name: str) -> None:
    versions = versions_of(name)
    for reader, writer in itertools.permutations(versions, 2):
        found = ReaderWriterCompatibilityChecker().get_compatibility(
            parse_schema(versions[reader]), parse_schema(versions[writer])
        )
        place = f"{name}: version {reader} reads version {writer}"
        assert found.compatibility is SchemaCompatibilityType.compatible, f"{place}: {found}"


def test_a_breaking_change_would_be_seen() -> None:
    """The check above can fail: a field without a default is none that may come."""
    now = json.loads(versions_of("upgrade-request")["now"])
    broken = {**now, "fields": [*now["fields"], {"name": "new", "type": "string"}]}
    found = ReaderWriterCompatibilityChecker().get_compatibility(
        parse_schema(json.dumps(broken)), parse_schema(json.dumps(now))
    )
    assert found.compatibility is SchemaCompatibilityType.incompatible


# ---- sample consumers ----------------------------------------------------------------------------


@pytest.fixture
def told(world: World) -> World:
    """Two upgrades, one of them in parts and with a licence of a group, and licences added."""
    world.create_topics()
    send, topics = world.client.send, world.topics
    send(topics.events, customer_facts(world, "large", licences=5))
    send(topics.events, customer_facts(world, "small", licences=1))
    grouped = licence("grouped", assignedByGroup="everybody")
    send(topics.events, [world.event("small", "LicenseAssigned", **grouped)])
    world.drain()
    world.send_request("large", requestId="r1", **wish())
    world.send_request("small", requestId="r1", **wish())
    world.send_request("small", requestId="r2", **wish())  # refused: it is cancelled
    send(topics.events, customer_facts(world, "grows", licences=0))
    world.drain({"result.max.accounts": 2})
    world.send_request("grows", requestId="r1", **wish("ADD_LICENSES", quantity=7))
    world.drain()
    return world


def run_sample(world: World, *command: str | Path) -> str:
    """What a sample consumer prints of all results that are there."""
    finished = subprocess.run(
        [*map(str, command), "--once"],
        cwd=ROOT,
        env={
            **os.environ,
            "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS": world.kafka.bootstrap_servers,
            "PLANLIFT_TOPIC_RESULTS": world.topics.results,
            "NOTIFY_GROUP": f"{world.group}-letters",
        },
        text=True,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_each_affected_user_gets_a_letter(told: World) -> None:
    python = ROOT / "build" / "venv" / "bin" / "python"
    letters = run_sample(told, python, DOCS / "examples" / "notify_users.py")
    addressed = re.findall(r"^To: (\S+)$", letters, re.MULTILINE)
    affected = {
        (result["customerId"], result["requestId"], account["userPrincipalName"])
        for result in told.results()
        for account in result["affectedAccounts"]
    }
    assert sorted(addressed) == sorted(name for _, _, name in affected)
    assert len(addressed) == 7
    assert "Your licence did not move" in letters


def test_billing_books_each_request_once(told: World) -> None:
    booked = run_sample(
        told, "java", "-cp", "build/kafka/*", DOCS / "examples" / "BillingConsumer.java"
    )
    lines = sorted(re.sub(r" of \S+$", "", line) for line in booked.splitlines())
    assert lines == [
        "grows/r1 add 7 x m365-business-basic",
        f"large/r1 add 25 x {TARGET}",
        "large/r1 cancel 25 x m365-business-basic",
        f"small/r1 add 25 x {TARGET}",
        "small/r1 cancel 25 x m365-business-basic",
    ]
    assert PARTNER not in booked
