"""How the service ends where it cannot go on: exit status, the reason as the last line and in the
termination log, and two processes that fight for one slot (contract 8, I10)."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from harness import Finished, KafkaClient, Planlift, World, eventually
from harness.deadline import ALLOWANCE, PATIENCE
from harness.planlift import BINARY
from harness.samples import wish
from harness.verdict import judge
from services import Redis

# To be preloaded: a call that never comes back, and a termination log elsewhere.
SHIM = BINARY.parent / "drivers" / "ending.so"
HUNG_S = 30  # without a sign of the loop, for the default transaction.timeout.ms


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    return world


@pytest.fixture
def memory(tmp_path: Path) -> dict[str, str]:
    """A place of a process's own for what it remembers of its fencing, as a container has it."""
    return {"TMPDIR": str(tmp_path)}


def preloaded(**variables: object) -> dict[str, str]:
    """For the environment of a process with the shim."""
    # The runtime of a sanitizer wants to come first, and does not mind if asked not to.
    options = ":".join([os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"])
    given = {name: str(value) for name, value in variables.items()}
    return {"LD_PRELOAD": str(SHIM), "ASAN_OPTIONS": options, **given}


def check_end(finished: Finished, status: int, reason: str) -> None:
    assert finished.status == status, finished.err
    assert finished.err.splitlines()[-1] == f"exit_reason={reason}", finished.err


def name_of(process: Planlift) -> str:
    """As another process is told who has taken its slot."""
    return f"{socket.gethostname()}/{process.process.pid}-"


def check_fenced(finished: Finished, by: Planlift) -> None:
    check_end(finished, 1, "fenced")
    assert f" is held by {name_of(by)}" in finished.err, finished.err


# --- reasons --------------------------------------------------------------------------------------


def test_a_topic_that_is_missing(world: World) -> None:
    check_end(world.run("run"), 1, "topics")


def test_settings_that_are_refused(world: World) -> None:
    check_end(world.run("run", settings={"log.level": "loud"}), 2, "configuration")
    check_end(world.run("run", settings={"catalogue.path": "/nowhere"}), 2, "configuration")
    check_end(world.run("run", settings={"kafka.retries": "no"}), 2, "configuration")


def test_a_redis_that_evicts(ready: World) -> None:
    with Redis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) as evicting:
        check_end(ready.run("run", settings={"redis.url": evicting.url}), 1, "redis")


def test_a_state_of_another_deployment(ready: World) -> None:
    ready.send_event("c", "CustomerErased")
    ready.drain()
    check_end(ready.run("run", settings={"group.id": f"{ready.group}-other"}), 1, "state")


@pytest.mark.skipif(PATIENCE > 1, reason="sanitizers tell of a fault in their own way")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash(ready: World, number: int) -> None:
    process = ready.start()
    process.await_ready()
    process.process.send_signal(number)
    check_end(process.await_exit(), -number, "crashed")


def test_an_end_that_was_asked_for_has_no_reason(ready: World) -> None:
    process = ready.start()
    process.await_ready()
    assert "exit_reason" not in process.stop().err
    assert "exit_reason" not in ready.drain().err


def test_the_termination_log(ready: World, tmp_path: Path) -> None:
    """Written if it is there, and never made."""
    log = tmp_path / "termination-log"
    refused = {"redis.url": "nonsense"}
    for content in (None, "", "of an earlier end, and longer than what is said of this one\n"):
        if content is not None:
            log.write_text(content)
        process = ready.start(settings=refused, variables=preloaded(ENDING_LOG=log))
        check_end(process.await_exit(), 2, "configuration")
        if content is None:
            assert not log.exists()
        else:
            assert log.read_text() == "exit_reason=configuration\n"
    ready.start("run", "--drain", variables=preloaded(ENDING_LOG=log)).await_exit()
    assert log.read_text() == "exit_reason=configuration\n"  # nothing is said of a good end


# --- a call that never comes back -----------------------------------------------------------------


def test_a_hung_service_ends_by_itself(ready: World, tmp_path: Path) -> None:
    """Alive, then not, then no more; what it had begun is done by the next."""
    hang = tmp_path / "hang"
    log = tmp_path / "termination-log"
    log.touch()
    process = ready.start(variables=preloaded(ENDING_HANG_FILE=hang, ENDING_LOG=log))
    process.await_ready()
    ready.send_request("c", **wish("CHECK"))
    ready.await_taken_in(process)
    hang.touch()
    began = time.monotonic()
    ready.send_request("c", **wish("CHECK"))

    def is_said_not_to_be_alive() -> bool:
        with suppress(TimeoutError):
            return process.get("/livez")[0] == 503
        return False

    eventually(is_said_not_to_be_alive, "said not to be alive", HUNG_S)
    assert time.monotonic() - began > HUNG_S / 2  # Kafka alone may take as long
    check_end(process.await_exit(HUNG_S), 1, "hung")
    assert time.monotonic() - began > HUNG_S - 2
    last_log = process.err.text.splitlines()[-2]
    assert " hung " in last_log
    assert "committing a batch" in last_log
    assert log.read_text() == "exit_reason=hung\n"
    ready.drain()
    judge(ready)
    assert len(ready.results()) == 2


# --- one slot, two processes ----------------------------------------------------------------------


class Supervised:
    """Planlift started again whenever it ends, as a supervisor does."""

    def __init__(self, world: World, variables: dict[str, str]) -> None:
        self.ends: list[Finished] = []
        self.current: Planlift | None = None
        self._world = world
        self._variables = variables
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def reasons(self) -> list[tuple[int, str]]:
        return [(end.status, end.err.splitlines()[-1]) for end in self.ends]

    def is_ready(self) -> bool:
        """Whether what runs now, if anything does, says so."""
        return self._status("/readyz") == 200

    def is_waiting(self) -> bool:
        """Whether what runs now waits for its slot, alive."""
        process = self.current
        try:
            status, text = process.get("/readyz")
        except OSError:
            return False
        return status == 503 and text.startswith("slot: ") and self._status("/livez") == 200

    def stop(self) -> None:
        """No more restarts, and an end of what runs."""
        self._is_over.set()
        while self._thread.is_alive():
            self.current.process.terminate()
            self._thread.join(0.5)

    def _status(self, path: str) -> int:
        try:
            return self.current.get(path)[0]
        except OSError:
            return 0

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.current = self._world.start(variables=self._variables)
            self.ends.append(self.current.await_exit(600))
            self._is_over.wait(0.3)


@pytest.fixture
def supervise(ready: World) -> Iterator[Callable[[dict[str, str]], Supervised]]:
    made: list[Supervised] = []

    def make(variables: dict[str, str]) -> Supervised:
        made.append(Supervised(ready, variables))
        eventually(lambda: made[-1].current, "started")
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.mark.parametrize("where", ["shared", "apart"])
def test_two_supervised_processes_with_one_slot(
    ready: World, supervise: Callable[[dict[str, str]], Supervised], tmp_path: Path, where: str
) -> None:
    """They do not fence each other for ever: one works, the other waits and says so. Their places
    to remember are one (processes of one machine) or two (containers)."""
    places = [tmp_path / ("one" if where == "shared" else name) for name in ("one", "two")]
    for place in places:
        place.mkdir(exist_ok=True)
    both = []
    for place in places:
        both.append(supervise({"RUNTIME_DIRECTORY": str(place)}))
        eventually(both[-1].is_ready, "ready", 60)

    def one_works() -> bool:
        return [one.is_ready() for one in both].count(True) == 1 and any(
            one.is_waiting() for one in both
        )

    eventually(one_works, "one at work and the other waiting", 60)
    fenced = [len(one.ends) for one in both]
    assert sum(fenced) <= 4, [one.reasons() for one in both]
    for number in range(20):
        ready.send_request(f"c{number}", **wish("CHECK"))
        time.sleep(0.2)  # long enough to see whether it comes to rest
    eventually(lambda: len(ready.results()) == 20, "answered", 30)
    eventually(one_works, "still so", 60)
    assert [len(one.ends) for one in both] == fenced
    for one in both:
        assert all(end == (1, "exit_reason=fenced") for end in one.reasons())
    # Once the one at work is gone for good, the other one takes its place.
    working, waiting = sorted(both, key=lambda one: one.is_waiting())
    working.stop()
    eventually(waiting.is_ready, "the other one at work", 60)
    ready.send_request("last", **wish("CHECK"))
    eventually(lambda: len(ready.results()) == 21, "answered", 30)
    judge(ready)


def test_one_that_waits_ends_when_asked_to(ready: World, memory: dict[str, str]) -> None:
    """At once, with 0. Fenced once, restarted, and fenced again."""
    first = ready.start(variables=memory)
    first.await_ready()
    other = ready.start()
    check_fenced(first.await_exit(), other)
    restarted = ready.start(variables=memory)
    check_fenced(other.await_exit(), restarted)
    restarted.await_ready()
    last = ready.start()
    restarted.err.await_match(f"waiting_for_slot .*{name_of(last)}")
    assert "slot: " in restarted.get("/readyz")[1]
    last.await_ready()
    began = time.monotonic()
    finished = restarted.stop()
    assert finished.status == 0, finished.err
    assert "exit_reason" not in finished.err
    assert time.monotonic() - began < 10 * ALLOWANCE
    assert last.stop().status == 0


def test_a_redis_that_forgets_who_has_the_slot(ready: World, memory: dict[str, str]) -> None:
    """One of two processes ends all the same, and the other one works."""
    first = ready.start(variables=memory)
    first.await_ready()
    second = ready.start()
    with redis.Redis.from_url(ready.redis.url) as client:
        second.err.await_match(" assigned ")
        client.flushall()
    eventually(lambda: not (first.is_running and second.is_running), "one has ended", 30)
    ended, left = (first, second) if second.is_running else (second, first)
    check_end(ended.await_exit(), 1, "fenced")
    left.await_ready()
    ready.send_request("c", **wish("CHECK"))
    ready.await_taken_in(left)
    assert left.is_running


def test_kafka_that_restarts_fences_nobody(ready: World) -> None:
    """A join whose answer is lost by that makes a ghost of the process itself; it is no other."""
    process = ready.start()
    for number in range(2):
        process.await_ready(60)
        await_first_offsets(ready)
        ready.kafka.kill()
        ready.kafka.start()
        ready.send_request(f"c{number}", **wish("CHECK"))
        ready.results(number + 1, 60)
    process.await_ready(60)
    assert process.stop().status == 0


def await_first_offsets(world: World) -> None:
    """Kafka may lose the markers of a commit that it is killed right after: another matter."""
    client = KafkaClient(world.kafka.bootstrap_servers)  # an older one may still wait for a restart
    count = 2 * world.partitions
    eventually(lambda: len(client.committed(world.group)) == count, "first offsets there")


def test_each_of_several_zombies_ends(ready: World, memory: dict[str, str]) -> None:
    """Who lost the slot by standing still does not fight for it, however often that happens."""
    current = ready.start(variables=memory)
    for _ in range(4):
        current.await_ready()
        zombie = current
        zombie.pause()
        paused = time.monotonic()
        current = ready.start(variables=memory)
        current.await_ready(60)
        time.sleep(max(0.0, 2.5 - (time.monotonic() - paused)))  # it is a stop, not a hiccup
        zombie.resume()
        check_fenced(zombie.await_exit(), current)
    assert current.stop().status == 0
