"""The tests' own ground: what every other system test takes for granted is true here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Message, World, eventually, planlift
from harness.kafka import READ_UNCOMMITTED
from harness.planlift import Planlift, Stream, variable
from oracle.wire import EVENT, REQUEST, decode_input, partition_of
from services import ROOT, Kafka, Redis, spawn

SERVICES = ROOT / "tests" / "env" / "services.py"


@pytest.fixture
def topic(world: World) -> str:
    world.create_topics()
    return world.topics.results


def commit(world: World, topic: str, value: bytes, *, is_good: bool) -> None:
    producer = world.client.producer({"transactional.id": f"{world.group}-{value.decode()}"})
    producer.init_transactions(120)
    producer.begin_transaction()
    world.client.send(topic, [Message(b"k", value)], producer)
    if is_good:
        producer.commit_transaction(120)
    else:
        producer.abort_transaction(120)


def test_aborted_records_are_hidden_from_read_committed(world: World, topic: str) -> None:
    commit(world, topic, b"aborted", is_good=False)
    commit(world, topic, b"committed", is_good=True)
    assert [record.value for record in world.client.read(topic)] == [b"committed"]
    everything = world.client.read(topic, READ_UNCOMMITTED)
    assert [record.value for record in everything] == [b"aborted", b"committed"]
    assert len(world.client.follow(topic, 1)) == 1
    with pytest.raises(AssertionError, match="saw 1"):
        world.client.follow(topic, 2, seconds=2)


def test_records_come_back_as_they_were_written(world: World, topic: str) -> None:
    headers = [("a", b"1"), ("a", None), ("b", b"")]
    written = [Message(b"key", b"value", headers), Message(None, None, partition=2)]
    places = world.client.send(topic, written)
    assert places == [(partition_of(b"key", 3), 0), (2, places[1][1])]
    read = {(r.partition, r.offset): r for r in world.client.read(topic)}
    first, second = read[places[0]], read[places[1]]
    assert (first.key, first.value, first.headers) == (b"key", b"value", headers)
    assert (second.key, second.value, second.headers) == (None, None, [])
    assert sum(world.client.ends(topic).values()) == 2


def test_events_and_requests_are_well_formed(world: World) -> None:
    world.create_topics()
    for customer in ("c1", "c2", "ü"):
        partition, _ = world.send_event(customer, "CustomerErased")
        assert partition == partition_of(customer.encode(), world.partitions)
        world.send_request(customer, partnerId="p", subscriptionId="s", operation="CHECK")
    events = world.client.read(world.topics.events)
    requests = world.client.read(world.topics.requests)
    assert len(events) == len(requests) == 3
    for record in events:
        event = decode_input(world.registry, EVENT, record.value)
        assert event["customerId"].encode() == record.key
    for record in requests:
        assert decode_input(world.registry, REQUEST, record.value)["operation"] == "CHECK"


def test_committed_offsets_and_retention(world: World, topic: str) -> None:
    for _ in range(3):
        world.client.send(topic, [Message(b"k", b"v", partition=0)])
    assert world.client.committed(world.group) == {}
    world.client.set_committed(world.group, {(topic, 0): 2})
    assert world.client.committed(world.group) == {(topic, 0): 2}
    world.client.delete_before({(topic, 0): 2})
    assert [record.offset for record in world.client.read(topic)] == [2]


def test_the_state_topic_is_compacted(world: World) -> None:
    world.create_topics()
    with pytest.raises(Exception, match="INVALID_RECORD"):
        world.client.send(world.topics.state, [Message(None, b"v", partition=0)])


def test_kafka_keeps_its_data_through_a_crash(world: World, topic: str, kafka: Kafka) -> None:
    world.client.send(topic, [Message(b"k", b"before")])
    kafka.kill()
    kafka.start()
    world.client.send(topic, [Message(b"k", b"after")])
    assert [record.value for record in world.client.read(topic)] == [b"before", b"after"]


def test_a_paused_redis_does_not_answer(redis_server: Redis) -> None:
    redis_server.pause()
    with pytest.raises(TimeoutError):
        redis_server.answers()
    redis_server.resume()
    assert redis_server.answers()


def test_redis_on_a_unix_socket_with_a_password() -> None:
    with Redis(["--requirepass", "secret"], on_unix_socket=True) as server:
        assert server.url.startswith("unix:///")


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(Exception, match="no-such-setting"), Redis(["--no-such-setting", "1"]):
        pass


def run_services(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SERVICES, "run", "--", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_run_gives_the_addresses_and_passes_the_exit_code_on() -> None:
    ended = run_services("sh", "-c", "env; exit 7")
    assert ended.returncode == 7
    assert "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:" in ended.stdout
    assert "PLANLIFT_REDIS_URL=redis://127.0.0.1:" in ended.stdout


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_servers_end_with_who_started_them(ending: signal.Signals) -> None:
    process = spawn(
        [sys.executable, SERVICES, "up"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output = Stream(process.stdout)
    output.await_match("PLANLIFT_REDIS_URL", 30)
    children = children_of(process.pid)
    assert len(children) == 2
    process.send_signal(ending)
    process.wait(10)
    eventually(lambda: not any(map(is_alive, children)), "ended with their parent")


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(") ")[2][0] != "Z"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("kafka.bootstrap.servers", "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS"),
        ("redis.url", "PLANLIFT_REDIS_URL"),
        ("a_b.c", "PLANLIFT_A__B_C"),
    ],
)
def test_settings_become_variables(key: str, name: str) -> None:
    assert variable(key) == name


def test_the_program_under_test_is_there() -> None:
    assert os.access(planlift.BINARY, os.X_OK)


# A stand-in for the program: what the harness says of a process must hold for any.
STAND_IN = """
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    seen = 0
    def do_GET(self):
        Page.seen += 1
        self.send_response(200 if Page.seen > 2 else 503)
        self.end_headers()
        self.wfile.write(os.environ["PLANLIFT_GROUP_ID"].encode())
host, port = os.environ["PLANLIFT_HTTP_LISTEN"].split(":")
print("input", sys.stdin.readline().strip(), flush=True)
print("message", file=sys.stderr, flush=True)
http.server.HTTPServer((host, int(port)), Page).serve_forever()
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Planlift:
    monkeypatch.setattr(planlift, "BINARY", sys.executable)
    return Planlift(["-c", STAND_IN], {"group.id": "g"})


def test_a_process_is_watched(stand_in: Planlift) -> None:
    stand_in.feed(b"hello\n")
    assert stand_in.out.await_match("input (.*)")[1] == "hello"
    stand_in.err.await_match("message")
    stand_in.await_ready()
    assert stand_in.get("/x") == (200, "g")
    stand_in.pause()
    with pytest.raises(TimeoutError):
        stand_in.get("/x")
    with pytest.raises(AssertionError, match="still runs"):
        stand_in.await_exit(0.1)
    stand_in.resume()
    assert stand_in.stop().status == -signal.SIGTERM
    with pytest.raises(AssertionError, match="ended"):
        stand_in.await_ready()
    with pytest.raises(AssertionError, match="ended without"):
        stand_in.out.await_match("never")
    stand_in.close()


def test_a_crash_is_told_from_an_end(stand_in: Planlift) -> None:
    stand_in.kill()
    assert stand_in.await_exit().status == -signal.SIGKILL
    stand_in.close()


@pytest.mark.parametrize("words", ["==1==ERROR: AddressSanitizer: x", "a.c:1:2: runtime error: x"])
def test_a_finding_of_a_sanitizer_fails_the_test(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planlift, "BINARY", "/bin/sh")
    process = Planlift(["-c", f"echo '{words}' >&2"], {})
    assert process.await_exit().status == 0
    with pytest.raises(AssertionError, match="Sanitizer|runtime"):
        process.close()
