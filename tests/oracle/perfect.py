"""A planlift in memory that is right by definition: it makes histories to test the checker with.

It keeps the contract with the oracle's own rules and interleaves facts and requests at random.
It shows nothing about the C program.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .catalogue import Catalogue
from .decide import commit, decide
from .history import MESSAGE_OVERHEAD, Settings
from .records import Input, Judge, Record
from .state import Customer, apply_event, once, remember
from .wire import RESULT, Headers, Registry, dead_letter_headers, encode, result_headers

Json = dict[str, Any]
START_MS = 1_790_000_000_000


@dataclass
class PerfectPlanlift:
    """Takes all input records, gives all output records; `unprocessable` are refused as such."""

    catalogue: Catalogue
    registry: Registry
    settings: Settings
    rng: random.Random
    unprocessable: frozenset[tuple[str, int, int]] = frozenset()
    customers: dict[tuple[int, str], Customer] = field(default_factory=dict)
    _out: list[Record] = field(default_factory=list)
    _ends: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _clock: int = START_MS

    def run(self, inputs: Iterable[Record]) -> list[Record]:
        """Process everything; each partition in a random interleaving of its two inputs."""
        queues: dict[int, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
        for record in sorted(inputs, key=lambda record: record.offset):
            queues[record.partition][record.topic].append(record)
        judge = Judge(self.registry, self.settings.topics)
        for partition in sorted(queues):
            for record in self._interleaved(list(queues[partition].values())):
                self._take(judge.judge(record))
        return self._out

    def _interleaved(self, queues: list[list[Record]]) -> Iterator[Record]:
        """Runs of random length from either queue, in proportion to what is left."""
        places = [0] * len(queues)
        while True:
            left = [len(queue) - place for queue, place in zip(queues, places)]
            if not any(left):
                return
            which = self.rng.choices(range(len(queues)), weights=left)[0]
            for _ in range(min(left[which], self.rng.choice((1, 1, 2, 5, 20)))):
                yield queues[which][places[which]]
                places[which] += 1

    def _take(self, item: Input) -> None:
        """One input record, to its one disposition."""
        self._clock += 1
        record = item.record
        if item.code is not None:
            self._bury(record, item.code, item.why)
        elif record.topic == self.settings.topics.events:
            if not self._is_poison(record):
                apply_event(self._customer(item), item.value["change"])
        else:
            self._answer(item)

    def _customer(self, item: Input) -> Customer:
        customer_id = item.value["customerId"]
        key = (item.record.partition, customer_id)
        return self.customers.setdefault(key, Customer(customer_id))

    def _is_poison(self, record: Record) -> bool:
        if record.source in self.unprocessable:
            self._bury(record, "unprocessable", "cannot be processed")
            return True
        return False

    def _answer(self, item: Input) -> None:
        customer = self._customer(item)
        known = once(customer, item.value)
        if known == "reused":
            self._bury(item.record, "request_id_reused", "answered with other fields")
        if known != "new" or self._is_poison(item.record):
            return
        decision = decide(self.catalogue, customer, item.value, self._clock)
        parts = self._parts(decision.result, item.record)
        if not parts:
            self._bury(item.record, "unprocessable", "its result is too large")
            return
        commit(customer, decision)
        remember(customer, item.value)
        for part in parts:
            headers = result_headers(part, item.record.source, item.record.headers)
            value = encode(self.registry, RESULT, part)
            self._publish(self.settings.topics.results, item.record, value, headers)

    def _parts(self, result: Json, request: Record) -> list[Json]:
        """The result in parts, each as full as it may be (contract 3); none if it cannot be."""
        accounts = result["affectedAccounts"]
        slices: list[list[Json]] = []
        while accounts or not slices:
            count = self._fitting(result, accounts, request)
            if count is None:
                return []
            slices.append(accounts[:count])
            accounts = accounts[count:]
        return [
            {**result, "affectedAccounts": piece, "part": place + 1, "parts": len(slices)}
            for place, piece in enumerate(slices)
        ]

    def _fitting(self, result: Json, accounts: list[Json], request: Record) -> int | None:
        """How many of these accounts the next part takes; None where not even the first fits."""
        most = min(len(accounts), self.settings.max_accounts)
        for count in range(most, 0 if accounts else -1, -1):
            if self._size(result, accounts[:count], request) <= self.settings.message_limit:
                return count
        return None

    def _size(self, result: Json, accounts: list[Json], request: Record) -> int:
        """An upper bound of the size of a part."""
        part = {**result, "affectedAccounts": accounts, "part": 9999, "parts": 9999}
        headers = result_headers(part, request.source, request.headers)
        size = sum(len(name) + len(value or b"") for name, value in headers)
        value = encode(self.registry, RESULT, part)
        return size + len(value) + len(request.key or b"") + MESSAGE_OVERHEAD

    def _bury(self, record: Record, code: str, why: str) -> None:
        headers = dead_letter_headers(record.headers, code, why, record.source, self._clock)
        topic = f"{record.topic}.dlq"
        self._publish(topic, record, record.value, headers)

    def _publish(self, topic: str, origin: Record, value: bytes | None, headers: Headers) -> None:
        """Append; now and then the log has a marker in between."""
        default = self.settings.topics.partitions
        count = self.settings.dlq_partitions.get(topic, default)
        partition = origin.partition % count
        offset = self._ends[topic, partition]
        self._out.append(Record(topic, partition, offset, origin.key, value, headers))
        self._ends[topic, partition] = offset + self.rng.choice((1, 1, 2))
