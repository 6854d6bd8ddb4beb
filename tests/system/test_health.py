"""What the service tells of itself over HTTP while it waits, works, and does neither (contract 7
and 8, http.listen)."""

from __future__ import annotations

import http.client
import re
import socket
import uuid
from collections.abc import Iterator

import pytest
import redis

from harness import Planlift, World, eventually
from harness.samples import wish
from services import LOOPBACK, Redis


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    return world


@pytest.fixture
def own_redis(ready: World) -> Iterator[Redis]:
    """A Redis of this test's own, which it may treat as it likes."""
    with Redis() as server:
        ready.settings["redis.url"] = server.url
        yield server


def reasons(process: Planlift) -> dict[str, str]:
    """What /readyz complains of."""
    try:
        status, text = process.get("/readyz")
    except (OSError, http.client.HTTPException):
        return {}
    assert status == (200 if text.startswith("ready\n") else 503), text
    told = [line for line in text.splitlines() if not line.startswith("catalogue ")]
    return {} if status == 200 else dict(line.split(": ", 1) for line in told)


def await_reason(process: Planlift, condition: str, pattern: str, seconds: float = 30) -> None:
    """Until the process says that it is not ready for this reason, while it is alive."""

    def is_told() -> bool:
        return re.search(pattern, reasons(process).get(condition, "")) is not None

    eventually(is_told, f"{condition}: /{pattern}/ told by {process}", seconds)
    assert process.get("/livez") == (200, "alive\n")


def check_works(world: World, process: Planlift) -> None:
    """A request is answered once, and the process is ready by itself."""
    asked = uuid.uuid4().hex
    world.send_request("c", requestId=asked, **wish("CHECK"))
    world.await_taken_in(process)
    assert [result["requestId"] for result in world.results()].count(asked) == 1
    process.await_ready()


def test_pages_of_a_service_at_work(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    status, text = process.get("/readyz")
    assert (status, text.splitlines()[0]) == (200, "ready")
    assert process.get("/livez") == (200, "alive\n")
    assert process.get("/metrics")[0] == 200
    assert process.get("/")[0] == 404
    assert process.stop().status == 0
    with pytest.raises(OSError):
        process.get("/livez")


def test_while_kafka_is_away_at_the_start(ready: World) -> None:
    ready.kafka.stop()
    try:
        process = ready.start()
        await_reason(process, "kafka", r"Kafka|[Bb]roker")
        assert set(reasons(process)) == {"kafka", "redis", "assigned", "restored"}
    finally:
        ready.kafka.start()
    process.await_ready(60)
    check_works(ready, process)


def test_while_redis_is_away_at_the_start(ready: World, own_redis: Redis) -> None:
    own_redis.stop()
    process = ready.start()
    await_reason(process, "redis", "refused")
    assert "kafka" not in reasons(process)
    own_redis.start()
    check_works(ready, process)


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_redis_goes_while_nothing_is_to_do(ready: World, own_redis: Redis, how: str) -> None:
    """Not the first request finds out."""
    process = ready.start()
    process.await_ready()
    if how == "gone":
        own_redis.stop()
        await_reason(process, "redis", "Redis")
        own_redis.start()
    else:
        own_redis.pause()
        await_reason(process, "redis", "Redis")
        own_redis.resume()
    process.await_ready()
    check_works(ready, process)


# After the broker was killed, the test's own client at times gets no answer for a minute.
@pytest.mark.parametrize("how", [pytest.param("gone", marks=pytest.mark.campaign), "silent"])
def test_kafka_goes_while_nothing_is_to_do(ready: World, how: str) -> None:
    process = ready.start()
    process.await_ready()
    # Killed between a commit and its markers, Kafka may lose them: that is not what is tested.
    count = 2 * ready.partitions
    eventually(lambda: len(ready.client.committed(ready.group)) == count, "first offsets there")
    if how == "gone":
        ready.kafka.kill()
        await_reason(process, "kafka", ".")
        ready.kafka.start()
    else:
        ready.kafka.pause()
        await_reason(process, "kafka", ".")
        ready.kafka.resume()
    process.await_ready(60)
    check_works(ready, process)


def test_a_redis_that_takes_no_writes(ready: World, own_redis: Redis) -> None:
    """It answers all the same: what counts is the write that failed, until it went through."""
    process = ready.start()
    process.await_ready()
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1")
        ready.send_request("c", **wish("CHECK"))
        await_reason(process, "redis", "OOM")
        assert process.is_running
        client.config_set("maxmemory", "0")
    process.await_ready()
    check_works(ready, process)


def test_a_redis_that_comes_to_evict(ready: World, own_redis: Redis) -> None:
    """At a start it is refused; a service at work says so, and goes on, for nothing is lost."""
    process = ready.start()
    process.await_ready()
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1gb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        await_reason(process, "redis", "noeviction")
        client.config_set("maxmemory-policy", "noeviction")
    process.await_ready()
    check_works(ready, process)


def test_members_without_partitions(ready: World) -> None:
    """Are ready: they wait for their turn. A rolling update counts on it."""
    processes = [ready.start(settings={"slot": slot}) for slot in range(5)]  # for 3 partitions
    for process in processes:
        process.await_ready(60)
    ready.send_request("c", **wish("CHECK"))
    eventually(lambda: len(ready.results()) == 1, "answered by one of them")
    for process in processes:
        process.await_ready()


def test_requests_are_answered_without_a_port(ready: World) -> None:
    process = ready.start(settings={"http.listen": ""})
    ready.send_request("c", **wish("CHECK"))
    ready.await_taken_in(process)
    with pytest.raises(OSError):
        process.get("/livez")
    assert process.stop().status == 0


@pytest.mark.parametrize("listen", ["8080", "localhost", "localhost:http", ":8080", "[::1]"])
def test_an_address_that_is_none(world: World, listen: str) -> None:
    finished = world.run("run", settings={"http.listen": listen})
    assert finished.status == 2
    assert f"http.listen={listen}" in finished.err
    assert "host:port" in finished.err
    assert finished.err.splitlines()[-1] == "exit_reason=configuration"


def test_a_port_in_use(world: World) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        listen = f"{LOOPBACK}:{other.getsockname()[1]}"
        finished = world.run("run", settings={"http.listen": listen})
    assert finished.status == 2
    assert re.search(rf"{listen}.*in use", finished.err), finished.err


def test_a_port_that_the_system_chooses(world: World) -> None:
    """The log tells which; it answers before Kafka or Redis are reached."""
    process = world.start(settings={"http.listen": f"{LOOPBACK}:0"})
    port = process.err.await_match(r"http_listening .*port=\"?(\d+)").group(1)
    connection = http.client.HTTPConnection(LOOPBACK, int(port), timeout=10)
    try:
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
    finally:
        connection.close()
