"""`planlift dlq list / show / replay` (contract 3, 7 and 8)."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness import Message, World
from harness.samples import customer_facts, licence, wish
from oracle.records import Record
from oracle.wire import frame, partition_of, unframe
from services import LOOPBACK, ROOT, reserve_port

Json = dict[str, Any]
HEADERS = [("traceparent", b"00-1"), ("x", b"\xff"), ("x", None), ("planlift-offset", b"7")]
OUR_HEADERS = {"error-code", "error-message", "topic", "partition", "offset", "time"}
LATER_ID = 77  # of a schema that is not known at first


@pytest.fixture
def ready(world: World) -> World:
    """Dead letters of both inputs, in topics of fewer partitions than theirs."""
    world.create_topics(dlq_partitions=2)
    topics, client = world.topics, world.client
    client.send(topics.events, customer_facts(world, "c1", licences=2))
    good = world.request("c1", requestId="later", **wish("CHECK"))
    home = partition_of(b"c1", world.partitions)
    later = frame(LATER_ID, unframe(good.value)[1])
    client.send(
        topics.requests,
        [
            Message(b"c1", later, HEADERS),
            Message(b"c1", b"garbage"),
            Message(None, None, partition=1),
            Message(b"", b"", partition=2),
            Message(
                b"c1", world.request("c1", requestId="lost", **wish("CHECK")).value, (), 2 - home
            ),
        ],
    )
    client.send(
        topics.events,
        [
            world.event("c1", "LicenseAssigned", **licence("")),
            Message(b"x\x00\xff", world.event("c1", "CustomerErased").value, partition=0),
        ],
    )
    world.drain()
    assert partition_of(b"c1", world.partitions) != 1  # wrong_partition needs another one
    return world


def listed(world: World, *options: str) -> list[Json]:
    finished = world.run("dlq", "list", "--json", *options)
    assert finished.status == 0, finished.err
    return [json.loads(line) for line in finished.out.splitlines()]


def codes(world: World, *options: str) -> list[str]:
    return sorted(letter["code"] for letter in listed(world, *options))


def place_of(letter: Json) -> str:
    return f"{letter['topic']}/{letter['partition']}/{letter['offset']}"


def shown(world: World, letter: Json) -> Json:
    finished = world.run("dlq", "show", place_of(letter), "--json")
    assert finished.status == 0, finished.err
    return json.loads(finished.out)


def based(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def record_at(world: World, letter: Json) -> Record:
    [found] = [
        record
        for record in world.client.read(letter["topic"])
        if (record.partition, record.offset) == (letter["partition"], letter["offset"])
    ]
    return found


def ours(name: str) -> bool:
    return name.removeprefix("planlift-") in OUR_HEADERS


# --- list and show --------------------------------------------------------------------------------


def test_the_list_has_what_the_topics_have(ready: World) -> None:
    letters = listed(ready)
    records = {(r.topic, r.partition, r.offset): r for r in ready.dead_letters()}
    assert len(letters) == len(records) == 7
    for letter in letters:
        record = records[letter["topic"], letter["partition"], letter["offset"]]
        headers = dict(record.headers)
        assert letter["code"].encode() == headers["planlift-error-code"]
        assert letter["message"].encode() == headers["planlift-error-message"]
        assert letter["time"].encode() == headers["planlift-time"]
        assert letter["sourceTopic"].encode() == headers["planlift-topic"]
        assert str(letter["sourcePartition"]).encode() == headers["planlift-partition"]
        assert str(letter["sourceOffset"]).encode() == headers["planlift-offset"]
        assert based(letter["keyBase64"]) == record.key
        assert letter["key"] == (
            None if record.key in (None, b"x\x00\xff") else record.key.decode()
        )


def test_which(ready: World) -> None:
    of_events = ["invalid_event", "key_mismatch"]
    of_requests = ["malformed", "malformed", "null_value", "unknown_schema", "wrong_partition"]
    assert codes(ready) == sorted(of_events + of_requests)
    for name in (ready.topics.events, ready.topics.events_dlq):
        assert codes(ready, "--topic", name) == of_events
    assert codes(ready, "--topic", ready.topics.requests) == of_requests
    assert codes(ready, "--code", "malformed") == ["malformed", "malformed"]
    mine = ["invalid_event", "malformed", "unknown_schema", "wrong_partition"]
    assert codes(ready, "--customer", "c1") == mine
    assert codes(ready, "--customer", "c1", "--topic", ready.topics.events) == ["invalid_event"]
    assert len(listed(ready, "--max", "3")) == 3
    assert len(listed(ready, "--since", "10m")) == 7
    assert listed(ready, "--since", "0s") == []


def test_a_table_for_people(ready: World) -> None:
    finished = ready.run("dlq", "list")
    assert finished.status == 0, finished.err
    lines = finished.out.splitlines()
    assert lines[0].split() == ["Dead", "letter,", "from,", "when", "Key", "Why"]
    assert all(len(line) <= 100 for line in lines)
    for word in ("null_value", "invalid_event", "unknown_schema"):
        assert word in finished.out
    assert ready.run("dlq", "list", "--customer", "nobody").out == ""


def test_all_of_one(ready: World) -> None:
    for letter in listed(ready):
        record = record_at(ready, letter)
        said = shown(ready, letter)
        assert {key: said[key] for key in letter} == letter
        assert based(said["valueBase64"]) == record.value
        rest = [(name, value) for name, value in record.headers if not ours(name)]
        assert [(h["name"], based(h["valueBase64"])) for h in said["headers"]] == rest
        readable = letter["code"] in ("invalid_event", "key_mismatch", "wrong_partition")
        assert (said["content"] is not None) == readable, letter
    [letter] = listed(ready, "--code", "wrong_partition")
    assert shown(ready, letter)["content"]["requestId"] == "lost"
    [letter] = listed(ready, "--code", "invalid_event")
    assert shown(ready, letter)["content"]["type"] == "LicenseAssigned"


def test_one_for_people(ready: World) -> None:
    [letter] = listed(ready, "--code", "unknown_schema")
    finished = ready.run("dlq", "show", place_of(letter))
    assert finished.status == 0, finished.err
    assert f"{place_of(letter)}: unknown_schema: " in finished.out
    assert "Key: c1\n" in finished.out
    assert "traceparent" in finished.out
    assert "00000000  00 00 00 00 4d " in finished.out
    [letter] = listed(ready, "--code", "invalid_event")
    assert '"type":"LicenseAssigned"' in ready.run("dlq", "show", place_of(letter)).out
    assert (
        "\nnull\n"
        in ready.run("dlq", "show", place_of(listed(ready, "--code", "null_value")[0])).out
    )


def test_nothing_there(ready: World) -> None:
    dlq = ready.topics.requests_dlq
    for place in (f"{dlq}/0/99", f"{dlq}/1/99", f"{dlq}/7/0"):
        for part in ("show", "replay"):
            finished = ready.run("dlq", part, place)
            assert finished.status == 1
            assert f"there is no dead letter at {place}" in finished.err


# --- replay ---------------------------------------------------------------------------------------


def inputs(world: World) -> dict[tuple[str, int, int], Record]:
    topics = world.topics
    records = world.client.read(topics.requests) + world.client.read(topics.events)
    return {(r.topic, r.partition, r.offset): r for r in records}


def replay(world: World, *options: str) -> list[tuple[Json, Record | None]]:
    """What was put back: the move, and the record that is there now."""
    before = inputs(world)
    finished = world.run("dlq", "replay", "--json", *options)
    assert finished.status == 0, finished.err
    moves = [json.loads(line) for line in finished.out.splitlines()]
    new = {place: record for place, record in inputs(world).items() if place not in before}
    if "--dry-run" not in options:
        assert len(new) == len(moves)
        assert f"{len(moves)} are put back" in finished.err
    return [(m, new.get((m["toTopic"], m["toPartition"], m["toOffset"]))) for m in moves]


def assert_as_it_was(world: World, move: Json, record: Record) -> None:
    """Key, value and headers byte for byte, ours taken off; the partition of the key."""
    letter = record_at(world, move)
    assert (record.key, record.value) == (letter.key, letter.value)
    assert list(record.headers) == [header for header in letter.headers if not ours(header[0])]
    assert f"{record.topic}.dlq" == letter.topic
    if record.key:
        assert record.partition == partition_of(record.key, world.partitions)
    else:
        assert record.partition == int(dict(letter.headers)["planlift-partition"])


def test_all_of_them(ready: World) -> None:
    moves = replay(ready, "--all")
    assert len(moves) == 7
    for move, record in moves:
        assert_as_it_was(ready, move, record)
    assert len(listed(ready)) == 7  # they stay where they are
    ready.drain()
    # What is wrong with a record itself is still wrong; the partition is right now.
    again = codes(ready)
    assert len(again) == 13
    assert again.count("wrong_partition") == 1
    assert [result["requestId"] for result in ready.results()] == ["lost"]


def test_a_schema_that_is_known_by_now(ready: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "schemas", tmp_path / "schemas"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest[str(LATER_ID)] = manifest["2"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    ready.settings["schemas.path"] = folder
    [(move, record)] = replay(ready, "--code", "unknown_schema", "--customer", "c1")
    assert_as_it_was(ready, move, record)
    assert [header for header in record.headers if header[0] == "x"] == HEADERS[1:3]
    ready.drain()
    assert [result["requestId"] for result in ready.results()] == ["later"]
    # Again: the request is answered once.
    assert len(replay(ready, "--code", "unknown_schema")) == 1
    ready.drain()
    assert len(ready.results()) == 1
    assert len(listed(ready)) == 7


def test_by_place(ready: World) -> None:
    letters = [letter for letter in listed(ready) if letter["code"] == "malformed"]
    places = [place_of(letter) for letter in letters]
    moves = replay(ready, *places)
    assert [place_of(move) for move, _ in moves] == places
    for move, record in moves:
        assert_as_it_was(ready, move, record)
    # An input's name stands for its dead letters; one that is not there does not stop the others.
    name = places[0].replace(".dlq/", "/")
    finished = ready.run("dlq", "replay", f"{ready.topics.events_dlq}/0/99", name)
    assert finished.status == 1
    assert finished.out.startswith(f"{places[0]} -> {ready.topics.requests}/")
    assert "1 are put back" in finished.err
    assert "1 are not put back" in finished.err


def test_a_dry_run(ready: World) -> None:
    before = inputs(ready)
    moves = replay(ready, "--all", "--dry-run")
    assert len(moves) == 7
    assert all(move["toOffset"] is None and record is None for move, record in moves)
    assert inputs(ready) == before
    finished = ready.run("dlq", "replay", "--code", "null_value", "--dry-run")
    assert finished.out.endswith("(not sent)\n")
    assert "1 would be put back" in finished.err


def test_a_record_that_is_no_dead_letter(world: World) -> None:
    """Somebody else's record in the topic, without a key: nobody knows where it belongs."""
    world.create_topics()
    dlq = world.topics.requests_dlq
    strange = [Message(None, b"strange", partition=0), Message(b"c", b"x", partition=0)]
    world.client.send(dlq, strange)
    assert [letter["code"] for letter in listed(world)] == [None, None]
    finished = world.run("dlq", "replay", "--all")
    assert finished.status == 1
    assert f"{dlq}/0/0 is not put back: " in finished.err
    [record] = world.client.read(world.topics.requests)
    assert (record.key, record.value) == (b"c", b"x")


def test_many(world: World) -> None:
    world.create_topics()
    bad = [Message(f"c{n % 7}".encode(), b"bad %d" % n) for n in range(1500)]
    world.client.send(world.topics.requests, bad)
    world.drain()
    before = {
        p: [r.value for r in world.client.read(world.topics.requests) if r.partition == p]
        for p in range(3)
    }
    moves = replay(world, "--all")
    assert len(moves) == 1500
    for partition in range(3):  # in their order
        values = [
            r.value for r in world.client.read(world.topics.requests) if r.partition == partition
        ]
        assert values == before[partition] * 2


def test_without_a_partitioner_the_partition_stays(world: World) -> None:
    world.settings["partitioner"] = "none"
    world.create_topics()
    world.client.send(world.topics.requests, [Message(b"c1", b"bad", (), n) for n in (0, 2)])
    world.drain()
    moves = replay(world, "--all")
    assert sorted(record.partition for _, record in moves) == [0, 2]


def test_wrong_use(world: World) -> None:
    wrong = [
        ["dlq"],
        ["dlq", "nonsense"],
        ["dlq", "list", "x"],
        ["dlq", "list", "--max", "0"],
        ["dlq", "list", "--code", "nonsense"],
        ["dlq", "list", "--topic", world.topics.results],
        ["dlq", "list", "--since", "lately"],
        ["dlq", "show"],
        ["dlq", "show", "x"],
        ["dlq", "show", f"{world.topics.results}/0/0"],
        ["dlq", "replay"],
        ["dlq", "replay", "x/0/0", "--all"],
        ["dlq", "replay", "--all", "--code", "malformed"],
    ]
    for arguments in wrong[:11]:
        assert world.run(*arguments).status == 2, arguments
    for part in ([], ["list"], ["show"], ["replay"]):
        finished = world.run("dlq", *part, "--help")
        assert finished.status == 0
        assert finished.out.startswith(" ".join(["Usage: planlift dlq", *part]))
    world.create_topics()
    for arguments in wrong[11:]:
        assert world.run(*arguments).status == 2, arguments
    settings = {"kafka.bootstrap.servers": f"{LOOPBACK}:{reserve_port()}"}
    for arguments in (["list"], ["show", f"{world.topics.requests_dlq}/0/0"], ["replay", "--all"]):
        finished = world.run("dlq", *arguments, settings=settings, seconds=30)
        assert finished.status == 1
        assert str(settings["kafka.bootstrap.servers"]) in finished.err
