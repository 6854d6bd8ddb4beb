"""Redis breaks in each way, in each stage of the work (contract 7: planlift waits, says why, and
goes on by itself). Meanwhile it keeps its place in the group and publishes nothing that it cannot
prove; afterwards it is up to date within ten seconds, and all answers are right.

The trials run side by side; each test asks for the outcome of its own.
"""

from __future__ import annotations

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from harness import KafkaClient, World
from harness.proxy import Fault, Proxy, redis_commands
from harness.trial import BACK_S, Trial, Trials, check_times, side_by_side, sit_out
from harness.verdict import judge
from services import LOOPBACK, Kafka, Redis

SESSION_S = 6  # the shortest that a broker allows
SIDE_BY_SIDE = 6

WAYS = {
    "refused": Fault(refuses=True),
    "black_hole": Fault(connects=False, forwards=False),
    "never_answers": Fault(share=0),
    "two_seconds_late": Fault(delay_s=2),
    "full": Fault(error=b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    "read_only": Fault(error=b"-READONLY You can't write against a read only replica.\r\n"),
    "loading": Fault(error=b"-LOADING Redis is loading the dataset in memory\r\n"),
    "half_an_answer": Fault(share=0.5),
    "half_an_answer_and_reset": Fault(share=0.5, resets=True),
}
SAID = {
    "refused": "closed the connection|connection broke|cannot be reached: Connection refused",
    "black_hole": "did not answer within|cannot be reached: no answer within",
    "never_answers": "did not answer within",
    "full": "full .OOM.: raise its maxmemory",
    "read_only": "read-only replica .READONLY.",
    "loading": "loading its data .LOADING.",
    "half_an_answer": "did not answer within",
    "half_an_answer_and_reset": "closed the connection|connection broke",
}


# --- the stages -----------------------------------------------------------------------------------


def at_load(_: World) -> Callable[[str], bool]:
    """When the customers of a batch are read."""
    return lambda name: name == "MULTI"


def at_write(_: World) -> Callable[[str], bool]:
    """When what a batch has changed, which is committed, is written."""
    return lambda name: name == "EVAL"


def at_restore(world: World) -> Callable[[str], bool]:
    """In the middle of making the cache anew: after an old hash was dropped, before it is full."""
    client = redis.Redis.from_url(world.redis.url)
    for key in client.keys(f"*{world.group}:p*"):
        client.hset(key, "#", "damaged")
    scripts = itertools.count()
    return lambda name: name == "EVAL" and next(scripts) == 1


STAGES = {"load": at_load, "write": at_write, "restore": at_restore}


# --- a trial --------------------------------------------------------------------------------------


def member_of(world: World) -> str:
    """The id that the group has given: one that had left would come back with another."""
    groups = world.client.admin.describe_consumer_groups([world.group])
    [member] = groups[world.group].result().members
    return member.member_id


def seconds_to_answer(path: Proxy) -> float:
    started = time.monotonic()
    assert redis.Redis(port=path.port).ping()
    return time.monotonic() - started


def run_trial(trial: Trial, path: Proxy, way: str, stage: str) -> float:
    world = trial.world
    world.settings["redis.url"] = f"redis://{path.address}"
    world.settings["kafka.session.timeout.ms"] = SESSION_S * 1000
    process = trial.start()
    member = member_of(world)
    path.break_at(WAYS[way], STAGES[stage](world))
    trial.write()
    path.await_broken()
    beyond_the_session = time.monotonic() + SESSION_S + 1
    if way == "two_seconds_late":
        assert seconds_to_answer(path) >= 2
    if way in SAID:
        process.err.await_match(f"waiting.*Redis.*({SAID[way]})")
    due = trial.due()  # a batch that is in flight is still committed
    trial.write()
    sit_out(process, max(0, beyond_the_session - time.monotonic()))
    if way in SAID:
        assert trial.published() <= due
    path.heal()
    healed = time.monotonic()
    world.await_taken_in(process, BACK_S)
    seconds = time.monotonic() - healed
    assert member_of(world) == member
    if way in SAID:
        process.err.await_match("going_on")
    finished = process.stop()
    assert finished.status == 0
    assert finished.err.count(" assigned ") == 1
    assert " revoked " not in finished.err
    judge(world)
    return seconds


# --- all of them ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials(
    request: pytest.FixtureRequest, kafka: Kafka, redis_server: Redis, kafka_client: KafkaClient
) -> Iterator[Trials]:
    def run(way: str, stage: str) -> float:
        world = World(kafka, redis_server, kafka_client, f"{way}-{stage}")
        try:
            with Proxy((LOOPBACK, redis_server.port), redis_commands) as path:
                return run_trial(Trial(world), path, way, stage)
        finally:
            world.close()

    with side_by_side(request, SIDE_BY_SIDE, run) as trials:
        yield trials


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", WAYS)
def test_an_outage(trials: Trials, way: str, stage: str) -> None:
    trials[way, stage].result()


def test_they_are_over_soon(trials: Trials) -> None:
    check_times(trials)


# --- the path itself ------------------------------------------------------------------------------

PONG = b"+PONG\r\n"
SHOWN = {
    "refused": "reset",
    "black_hole": "silence",
    "never_answers": "silence",
    "two_seconds_late": "silence",
    "half_an_answer": "half",
    "half_an_answer_and_reset": "half|reset",
}


def ping(connection: socket.socket, seconds: float = 60) -> str:
    """What comes of a PING."""
    connection.settimeout(seconds)
    try:
        connection.sendall(b"*1\r\n$4\r\nPING\r\n")
        answer = connection.recv(100)
    except TimeoutError:
        return "silence"
    except OSError:
        return "reset"
    return {PONG: "pong", PONG[: len(PONG) // 2]: "half"}.get(answer, answer.decode())


def connect(path: Proxy, seconds: float = 60) -> socket.socket:
    return socket.create_connection((LOOPBACK, path.port), timeout=seconds)


@pytest.mark.parametrize("fault", WAYS)
def test_the_path_breaks_as_it_says(redis_server: Redis, fault: str) -> None:
    with Proxy((LOOPBACK, redis_server.port), redis_commands) as path:
        with connect(path) as connection:
            assert ping(connection) == "pong"
            path.break_at(WAYS[fault], lambda name: name == "PING")
            error = (WAYS[fault].error or b"").decode()
            shown = SHOWN.get(fault, re.escape(error))
            seconds = 1 if shown == "silence" else 60
            assert re.fullmatch(shown, ping(connection, seconds))
            if fault in ("refused", "black_hole"):
                with pytest.raises(OSError):
                    connect(path, 1)
            path.heal()
            if fault in ("never_answers", "two_seconds_late"):
                connection.settimeout(60)
                assert connection.recv(100) == PONG
        with connect(path) as connection:
            assert ping(connection) == "pong"
