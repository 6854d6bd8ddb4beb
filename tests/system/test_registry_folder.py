"""A folder of schemas (contract 3): older and newer writers are read through it, whatever is wrong
with it is told at the start."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness import Message, World
from harness.samples import customer_facts, licence, subscription, wish
from harness.verdict import CATALOGUE, judge, oracle_topics
from oracle import breakage, workload
from oracle.breakage import (
    NEWER_EVENT,
    NEWER_REQUEST,
    OLDER_REQUEST,
    OTHER_RECORD,
    RECURSIVE,
    TOO_DEEP,
)
from oracle.wire import EVENT, REQUEST, SCHEMA_FILES, Registry, encode, frame, unframe
from services import ROOT

Json = dict[str, Any]
OWN = {"1": SCHEMA_FILES[EVENT], "2": SCHEMA_FILES[REQUEST], "3": "upgrade-result.avsc"}
HIGHEST_ID = 2**32 - 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped folder."""
    return Path(shutil.copytree(ROOT / "schemas", tmp_path / "schemas"))


def add_schemas(folder: Path, schemas: dict[int, Json | str]) -> Registry:
    """Put more schemas into the folder; the registry that the oracle makes of it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "more").mkdir(exist_ok=True)
    for number, schema in schemas.items():
        name = f"more/schema-{number}.json"
        text = schema if isinstance(schema, str) else json.dumps(schema)
        (folder / name).write_text(text)
        manifest[str(number)] = name
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Registry.load(folder)


def served(world: World, folder: Path) -> None:
    """All that waits is taken in by a service that has this folder."""
    world.drain(settings={"schemas.path": folder})


def evolved(world: World) -> dict[int, str]:
    """Older and newer writers, and one of another record."""
    schemas = breakage.evolved_schemas(world.registry)
    return {key: schemas[key] for key in schemas if key not in (RECURSIVE, TOO_DEEP)}


def event_schema() -> Json:
    return json.loads((ROOT / "schemas" / SCHEMA_FILES[EVENT]).read_text())


def request_schema() -> Json:
    return json.loads((ROOT / "schemas" / SCHEMA_FILES[REQUEST]).read_text())


def with_fields(schema: Json, *more: Json) -> Json:
    return {**schema, "fields": [*schema["fields"], *more]}


# --- older and newer writers ----------------------------------------------------------------------


def test_a_workload_of_older_and_newer_writers(world: World, folder: Path) -> None:
    """With broken records of their schemas in between."""
    registry = add_schemas(folder, evolved(world))
    world.create_topics()
    topics = oracle_topics(world)
    plan = workload.Plan(
        seed=3, events=3000, requests=1500, customers=100, broken=0.05, evolved=True
    )
    items = workload.generate(CATALOGUE, registry, plan, topics)
    for topic in (topics.events, topics.requests):
        chosen = (item for item in items if item.topic == topic)
        world.client.send(
            topic,
            (
                Message(i.key, i.encoded(registry, topics), i.headers, i.partition(topics))
                for i in chosen
            ),
        )
    used = {item.schema_id for item in items}
    assert {NEWER_EVENT, OLDER_REQUEST, NEWER_REQUEST} <= used
    served(world, folder)
    report = judge(world, registry=registry)
    assert report.summary["dead incompatible_schema"] > 10


def test_the_highest_ids(world: World, folder: Path) -> None:
    """Ids are 32 bits without a sign; our own schemas may have further ids."""
    registry = add_schemas(folder, {HIGHEST_ID: request_schema(), 2**31: event_schema()})
    world.create_topics()
    good = world.request("c", requestId="high", **wish("CHECK"))
    body = unframe(good.value)[1]
    event = unframe(world.event("c", "CustomerErased").value)[1]
    values = [frame(HIGHEST_ID, body), frame(HIGHEST_ID - 1, body), frame(2**31, event)]
    world.client.send(world.topics.requests, [Message(b"c", value) for value in values])
    world.client.send(world.topics.events, [Message(b"c", values[2])])
    served(world, folder)
    assert [result["requestId"] for result in world.results()] == ["high"]
    judge(world, registry=registry)


def test_schemas_that_only_the_folder_makes_readable(world: World, folder: Path) -> None:
    """Without it the same records are of an unknown schema."""
    registry = add_schemas(folder, evolved(world))
    world.create_topics()
    about = {
        **wish("CHECK"),
        "requestId": "r",
        "customerId": "c",
        "requestedBy": {"userId": "u", "role": "GLOBAL_ADMIN"},
        "requestedAt": 1,
    }
    value = encode(registry, REQUEST, about, OLDER_REQUEST)
    world.client.send(world.topics.requests, [Message(b"c", value)])
    world.drain()
    [letter] = world.dead_letters()
    assert dict(letter.headers)["planlift-error-code"] == b"unknown_schema"
    world.client.send(world.topics.requests, [Message(b"c", value)])
    served(world, folder)
    assert len(world.results()) == 1


def bomb(schema: Json) -> Json:
    """A writer with lists of things that take no bytes at all."""
    empty = {"type": "record", "name": "Empty", "fields": []}
    nulls = {"name": "nulls", "type": {"type": "array", "items": "null"}}
    empties = {"name": "empties", "type": {"type": "array", "items": empty}}
    return {**schema, "fields": [nulls, empties, *schema["fields"]]}


def test_lists_of_nothing(world: World, folder: Path) -> None:
    """Six bytes that promise four thousand million nulls are not believed; a few are."""
    registry = add_schemas(folder, {200: bomb(event_schema())})
    world.create_topics()
    world.client.send(world.topics.events, customer_facts(world, "c"))
    body = unframe(world.event("c", "LicenseAssigned", **licence("late")).value)[1]
    counts = [
        b"\x00",
        b"\x06\x00",
        b"\x05\x00\x00",
        b"\xfe\xff\xff\xff\x1f\x00",
        b"\xff" * 9 + b"\x01\x00",
    ]
    for nulls in counts:
        for empties in counts:
            value = frame(200, nulls + empties + body)
            world.client.send(world.topics.events, [Message(b"c", value)])
    world.send_request("c", requestId="last", **wish("CHECK"))
    served(world, folder)
    assert [result["requestId"] for result in world.results()] == ["last"]
    judge(world, registry=registry)


def test_writers_that_differ_in_every_way(world: World, folder: Path) -> None:
    """Promotions, aliases that are none of the reader's, reordered and missing fields and branches,
    other names: as the strict reader of the oracle resolves them."""
    promoted = json.loads(
        json.dumps(event_schema()).replace(
            '"revision", "type": "long"', '"revision", "type": "int"'
        )
    )
    reordered = {**event_schema(), "fields": event_schema()["fields"][::-1]}
    fewer = event_schema()
    change = next(field for field in fewer["fields"] if field["name"] == "change")
    change["type"] = change["type"][::-1][:-1]  # without SubscriptionChanged, the others turned
    single = event_schema()
    change = next(field for field in single["fields"] if field["name"] == "change")
    change["type"] = change["type"][1]  # no union at all
    widened = with_fields(event_schema(), {"name": "weight", "type": "double"})
    without = {**request_schema()}
    without["fields"] = [f for f in without["fields"] if f["name"] != "requestId"]
    schemas = {
        201: promoted,
        202: reordered,
        203: fewer,
        204: single,
        205: widened,
        206: {**event_schema(), "name": "Other"},
        207: without,
        208: '"string"',
    }
    registry = add_schemas(folder, schemas)
    world.create_topics()
    facts = {
        "SubscriptionChanged": subscription(),
        "LicenseAssigned": licence("u", disabledServices=["A"]),
        "DelegatedAdminChanged": {"partnerId": "partner", "granted": True},
        "CustomerErased": {},
    }
    values = []
    for number in schemas:
        for kind, fields in facts.items():
            event = {
                "eventId": "e",
                "customerId": f"c{number}",
                "occurredAt": 1,
                "weight": 0.5,
                "change": {"type": kind, **fields},
            }
            try:
                value = encode(registry, EVENT, event, number)
            except Exception:  # not every schema can say this: some bytes under its id then
                value = frame(number, unframe(encode(registry, EVENT, event))[1])
            values.append(Message(f"c{number}".encode(), value))
    world.client.send(world.topics.events, values)
    for number in schemas:
        world.send_request(f"c{number}", **wish("CHECK"))
    served(world, folder)
    judge(world, registry=registry)


def too_large(schema: Json) -> str:
    return json.dumps({**schema, "doc": "x" * 2**20})


@pytest.mark.parametrize("kind", ["recursive", "too deep", "too large"])
def test_a_writer_that_is_never_read(world: World, folder: Path, kind: str) -> None:
    """A schema as any other, only that its records are dead letters `incompatible_schema`."""
    schemas: dict[str, Json | str] = {
        "recursive": breakage.evolved_schemas(world.registry)[RECURSIVE],
        "too deep": breakage.evolved_schemas(world.registry)[TOO_DEEP],
        "too large": too_large(request_schema()),
    }
    registry = add_schemas(folder, {300: schemas[kind], OTHER_RECORD: evolved(world)[OTHER_RECORD]})
    world.create_topics()
    good = world.request("c", **wish("CHECK"))
    values = [frame(number, unframe(good.value)[1]) for number in (300, OTHER_RECORD, 2)]
    world.client.send(world.topics.requests, [Message(b"c", value) for value in values])
    served(world, folder)
    codes = [dict(letter.headers)["planlift-error-code"] for letter in world.dead_letters()]
    assert codes == [b"incompatible_schema"] * 2
    judge(world, registry=registry)


# --- what is wrong with a folder ------------------------------------------------------------------


def refuse(world: World, folder: Path, *words: str) -> None:
    finished = world.run("run", settings={"schemas.path": folder}, seconds=20)
    assert finished.status in (1, 2), finished.err
    assert finished.err.splitlines()[-1].startswith("exit_reason=")
    for word in words:
        assert re.search(word, finished.err), f"{word} is not in:\n{finished.err}"


MANIFESTS = {
    "empty": "",
    "not JSON": "{1: 2}",
    "a list": '["subscription-event.avsc"]',
    "no file name": json.dumps({**OWN, "4": 5}),
    "an id that is no number": json.dumps({**OWN, "four": OWN["1"]}),
    "a negative id": json.dumps({**OWN, "-4": OWN["1"]}),
    "an id over 32 bits": json.dumps({**OWN, str(2**32): OWN["1"]}),
    "an id with a fraction": json.dumps({**OWN, "4.0": OWN["1"]}),
    "an id twice": json.dumps(OWN)[:-1] + ', "2": "upgrade-request.avsc"}',
    "one of ours missing": json.dumps({key: OWN[key] for key in ("1", "3")}),
    "ours exchanged": json.dumps({**OWN, "1": OWN["2"], "2": OWN["1"]}),
    "nothing but others": json.dumps({"4": OWN["1"]}),
    "trailing bytes": json.dumps(OWN) + "}",
    "a missing file": json.dumps({**OWN, "4": "missing.avsc"}),
    "a folder": json.dumps({**OWN, "4": "."}),
    "an empty name": json.dumps({**OWN, "4": ""}),
}


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_a_bad_manifest(world: World, folder: Path, text: str) -> None:
    world.create_topics()
    (folder / "manifest.json").write_text(text)
    refuse(world, folder, re.escape(str(folder)))


@pytest.mark.parametrize("missing", ["manifest.json", *OWN.values()])
def test_a_missing_file(world: World, folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    refuse(world, folder, re.escape(missing))


SCHEMAS = {
    "empty": "",
    "not JSON": "{",
    "not a schema": '{"type": "rekord", "name": "X", "fields": []}',
    "no name": '{"type": "record", "fields": []}',
    "a number": "17",
    "an unknown type": '{"type": "array", "items": "planlift.Unknown"}',
    "a repeated field": """{"type": "record", "name": "X", "fields":
        [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}""",
}


@pytest.mark.parametrize("number", [1, 2, 3, 50])
@pytest.mark.parametrize("text", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_broken_file(world: World, folder: Path, number: int, text: str) -> None:
    if number == 50:
        add_schemas(folder, {number: text})
        named = "schema-50"
    else:
        named = OWN[str(number)]
        (folder / named).write_text(text)
    refuse(world, folder, re.escape(named))


def test_an_own_schema_that_is_not_ours(world: World, folder: Path) -> None:
    """Compatible as it may be: further ones get further ids."""
    changed = with_fields(request_schema(), {"name": "more", "type": "int", "default": 0})
    (folder / OWN["2"]).write_text(json.dumps(changed))
    refuse(world, folder, r"\b2\b")


def test_no_folder(world: World, tmp_path: Path) -> None:
    refuse(world, tmp_path / "none", "none")


def test_a_folder_is_read_from_wherever_it_is(world: World, folder: Path) -> None:
    """Files are relative to the manifest; our own may be laid out otherwise."""
    world.create_topics()
    for name in OWN.values():
        text = (folder / name).read_text()
        (folder / name).write_text(json.dumps(json.loads(text), separators=(",", ":")))
    (folder / "deeper").mkdir()
    (folder / OWN["1"]).rename(folder / "deeper" / "event.json")
    manifest = {**OWN, "1": "deeper/event.json"}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=4) + "\n")
    world.send_request("c", **wish("CHECK"))
    served(world, folder)
    assert len(world.results()) == 1
