"""A steady random workload, and what of it the broker has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as KafkaMessage

from harness import Message, World
from harness.verdict import CATALOGUE, oracle_topics
from oracle import workload
from oracle.workload import Item, Plan

Place = tuple[str, int]
TICK_S = 0.01
PLAN = Plan(events=4_200, requests=1_800, customers=150, repeats=0.03, broken=0.005)


class Traffic:
    """Sends at `rate` records a second until it is stopped, whatever becomes of the broker."""

    def __init__(self, world: World, seed: int, rate: float, plan: Plan = PLAN) -> None:
        self.world = world
        self.seed = seed
        self.rate = rate
        self.plan = plan
        self.topics = oracle_topics(world)
        self.sent = 0
        self.errors: list[KafkaError] = []
        self._ends: dict[Place, int] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._producer: Producer = world.client.producer()
        self._maker = ThreadPoolExecutor(max_workers=1)
        self._next = self._maker.submit(self._make)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._next.result()
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until the broker has all that was sent."""
        self._is_over.set()
        self._thread.join()
        unsent = self._producer.flush(180)
        assert unsent == 0, f"{unsent} records of the workload got no answer"
        assert not self.errors, f"a record of the workload was refused: {self.errors[0]}"

    def close(self) -> None:
        """Send no more, whatever becomes of what was sent."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._maker.shutdown(cancel_futures=True)

    def ends(self) -> dict[Place, int]:
        """Where the inputs end, as far as the broker has told."""
        with self._lock:
            return dict(self._ends)

    def send_requests(self, items: Iterable[Item]) -> list[tuple[str, int, int]]:
        """Send these requests too, at once; where each has come to lie."""
        messages = [
            Message(
                item.key,
                item.encoded(self.world.registry, self.topics),
                item.headers,
                item.partition(self.topics),
            )
            for item in items
        ]
        topic = self.topics.requests
        for partition, offset in (places := self.world.client.send(topic, messages)):
            self._note_end((topic, partition), offset + 1)
        return [(topic, *place) for place in places]

    def _run(self) -> None:
        begun = time.monotonic()
        items = self._items()
        while not self._is_over.wait(TICK_S):
            due = int((time.monotonic() - begun) * self.rate)
            while self.sent < due and self._send(next(items)):
                self.sent += 1
            self._producer.poll(0)

    def _items(self) -> Iterator[Item]:
        """Without end: plan after plan, the next one made meanwhile."""
        while True:
            items = self._next.result()
            self._next = self._maker.submit(self._make)
            yield from items

    def _make(self) -> list[Item]:
        """A plan's items; each plan has a seed of its own, and speaks of the same customers."""
        plan = replace(self.plan, seed=self.seed)
        self.seed += 1
        return workload.generate(CATALOGUE, self.world.registry, plan, self.topics)

    def _send(self, item: Item) -> bool:
        """False where the queue is full, as it gets while the broker is away."""
        try:
            self._producer.produce(
                item.topic,
                item.encoded(self.world.registry, self.topics),
                item.key,
                item.partition(self.topics),
                self._delivered,
                headers=item.headers,
            )
        except BufferError:
            return False
        return True

    def _delivered(self, error: KafkaError | None, stored: KafkaMessage) -> None:
        if error is not None:
            self.errors.append(error)
            return
        self._note_end((stored.topic(), stored.partition()), stored.offset() + 1)

    def _note_end(self, place: Place, end: int) -> None:
        with self._lock:
            self._ends[place] = max(self._ends.get(place, 0), end)
