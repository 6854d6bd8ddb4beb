"""What is committed, seen from outside as it happens: the progress records of the state topic."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

from harness import World
from services import ROOT

Place = tuple[str, int]
PROGRESS_KEY = b"#"
SEAL_BYTES = 9  # format version and check sum before the body (schemas/state-*.avsc)


class StateSchema:
    """Values of one kind as they are stored."""

    def __init__(self, name: str) -> None:
        text = (ROOT / "schemas" / f"state-{name}.avsc").read_text("utf-8")
        self._parsed = fastavro.parse_schema(json.loads(text))

    def decode(self, value: bytes) -> dict[str, Any]:
        """A sealed value, its check sum not looked at."""
        return fastavro.schemaless_reader(io.BytesIO(value[SEAL_BYTES:]), self._parsed, None)


PROGRESS = StateSchema("progress")


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction in one partition, as a reader of what is committed got to see it."""

    partition: int
    offset: int
    made: float  # when its record was produced
    seen: float
    next_event: int
    next_request: int


class Commits:
    """Follows the state topic in the background."""

    def __init__(self, world: World, *, from_end: bool = False) -> None:
        self.world = world
        self.latest: dict[int, Commit] = {}
        self.all: dict[int, list[Commit]] = defaultdict(list)
        self._changed = threading.Condition()
        self._is_over = False
        self._failure: BaseException | None = None
        self._start = OFFSET_END if from_end else OFFSET_BEGINNING
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        self._thread.join()

    def await_taken(self, ends: Mapping[Place, int], seconds: float) -> float:
        """When all below these ends of the inputs was committed; TimeoutError if never."""
        self._await(lambda: not self.behind(ends), seconds, lambda: f"behind: {self.behind(ends)}")
        return time.time()

    def await_news(
        self, partitions: Iterable[int], ends: Mapping[Place, int], since: float, seconds: float
    ) -> dict[int, float]:
        """For each partition, when the first commit made after `since` was seen that takes in
        something from beyond `ends`."""
        wanted = set(partitions)

        def missing() -> set[int]:
            return {n for n in wanted if self._first(n, ends, since) is None}

        self._await(lambda: not missing(), seconds, lambda: f"no commit in {sorted(missing())}")
        return {n: self._first(n, ends, since).seen for n in wanted}

    def behind(self, ends: Mapping[Place, int]) -> dict[Place, int]:
        """How many records each input partition still has before its end."""
        found = {}
        for (topic, partition), end in ends.items():
            commit = self.latest.get(partition)
            is_event = topic == self.world.topics.events
            done = 0 if commit is None else commit.next_event if is_event else commit.next_request
            if done < end:
                found[topic, partition] = end - done
        return found

    def longest_gap(self, partitions: Iterable[int], since: float, until: float) -> float:
        """The longest time without a commit that any of these partitions had."""
        longest = 0.0
        with self._changed:
            for number in partitions:
                seen = [c.seen for c in self.all[number] if since <= c.seen <= until]
                marks = [since, *seen, until]
                longest = max(longest, *(b - a for a, b in zip(marks, marks[1:])))
        return longest

    # --- the follower ---------------------------------------------------------------------------

    def _first(self, partition: int, ends: Mapping[Place, int], since: float) -> Commit | None:
        topics = self.world.topics
        events = ends.get((topics.events, partition), 0)
        requests = ends.get((topics.requests, partition), 0)
        for commit in self.all[partition]:
            is_new = commit.next_event > events or commit.next_request > requests
            if commit.made >= since and is_new:
                return commit
        return None

    def _await(self, condition: Callable[[], bool], seconds: float, what: Callable) -> None:
        with self._changed:
            is_met = self._changed.wait_for(lambda: self._failure or condition(), seconds)
            if self._failure:
                raise AssertionError("the state topic cannot be followed") from self._failure
            if not is_met:
                raise TimeoutError(f"after {seconds:.0f} s: {what()}")

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as failure:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _follow(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.world.client.bootstrap_servers,
                "group.id": "never-joined",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )
        topic, count = self.world.topics.state, self.world.partitions
        consumer.assign([TopicPartition(topic, n, self._start) for n in range(count)])
        while not self._is_over:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None and message.key() == PROGRESS_KEY:
                self._note(message)
        consumer.close()

    def _note(self, message: Any) -> None:
        progress = PROGRESS.decode(message.value())
        commit = Commit(
            message.partition(),
            message.offset(),
            message.timestamp()[1] / 1000,
            time.time(),
            progress["nextEvent"],
            progress["nextRequest"],
        )
        with self._changed:
            self.latest[commit.partition] = commit
            self.all[commit.partition].append(commit)
            self._changed.notify_all()
