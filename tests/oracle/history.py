"""The history checker: judges a run from the content of the topics alone (contract 2 to 7).

It joins each input record with what came of it, and replays each customer. Facts and requests of
a customer are each taken in their partition's order; how the two interleave is free (contract 2)
and read off the results' `customerVersion`: a fact adds 1, a granted request adds 1, so that the
version tells how many facts came before a request. Only CustomerErased leaves a doubt, for it
starts the count again: a result may belong to the *epoch* before or after an erasure. The replay
therefore keeps every hypothesis that fits all results so far: (epoch, first request decided in
it). From these two the state follows, so that their number stays small and none is missed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .catalogue import Catalogue
from .compare import differences, message_problems, stamp_problems
from .decide import Decision, commit, decide
from .records import Input, Judge, Record, Topics
from .state import Customer, apply_event, once, remember
from .wire import (
    DEAD_LETTER_HEADERS,
    RESULT,
    Headers,
    Registry,
    Source,
    WireError,
    decode_result,
    encode,
    result_headers,
    source_header,
)

Json = dict[str, Any]
Place = tuple[str, int]

# Bytes that a splitter may lose by not knowing `part` and `parts` in advance.
SIZE_SLACK = 32
MESSAGE_OVERHEAD = 512
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True)
class Settings:
    """What the run was configured with, as far as results depend on it.

    `dlq_partitions`: partition count of a dead letter topic, where it is not that of the inputs.
    `message_limit`: the lesser of kafka.message.max.bytes and the topic's max.message.bytes.
    `committed`: per input partition the offset below which everything must have been handled, and
    from which on nothing may have come out; None: everything was handled (a drained run).
    `settled`: requests that were sent after every fact had been handled (see `workload.probes`):
    they must be decided with all facts applied, so that a fact lost or taken twice shows.
    """

    topics: Topics
    dlq_partitions: Mapping[str, int] = field(default_factory=dict)
    max_accounts: int = 1000
    message_limit: int = 1_000_000
    allow_unprocessable: bool = False
    committed: Mapping[Place, int] | None = None
    settled: frozenset[Source] = frozenset()

    def handled(self, record: Record) -> bool:
        """True where the run must have handled this input record."""
        if self.committed is None:
            return True
        return record.offset < self.committed.get((record.topic, record.partition), 0)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the contract does not allow, at an input or output record."""

    kind: str
    source: Source
    text: str

    def __str__(self) -> str:
        return f"{self.kind} at {source_header(self.source)}: {self.text}"


@dataclass
class Report:
    """Violations (none: the history is right), counts, and the customers at the end.

    `customers`: by (partition, customerId) every state that fits the history, all facts applied;
    more than one only where erasures leave a doubt, none where the replay ended in a violation.
    """

    violations: list[Violation]
    summary: dict[str, Any]
    customers: dict[tuple[int, str], list[Customer]]

    def describe(self, limit: int = 20) -> str:
        """For people."""
        lines = [str(violation) for violation in self.violations[:limit]]
        if len(self.violations) > limit:
            lines.append(f"... and {len(self.violations) - limit} more")
        return "\n".join([*lines, f"{len(self.violations)} violations; {self.summary}"])


@dataclass(slots=True)
class Answer:
    """A published result with its parts joined."""

    result: Json
    parts: list[tuple[Record, Json]]


def check(
    catalogue: Catalogue,
    registry: Registry,
    settings: Settings,
    inputs: Iterable[Record],
    outputs: Iterable[Record],
) -> Report:
    """Judge a run: `inputs` are both input topics, `outputs` results and dead letters.

    All as a read_committed consumer sees them, from their first record on, in any order.
    """
    return _Checker(catalogue, registry, settings).run(list(inputs), list(outputs))


def _in_order(records: Iterable[Record]) -> dict[Place, list[Record]]:
    """Records by topic and partition, in offset order."""
    found: dict[Place, list[Record]] = defaultdict(list)
    for record in records:
        found[record.topic, record.partition].append(record)
    for group in found.values():
        group.sort(key=lambda record: record.offset)
    return dict(sorted(found.items()))


def _values(headers: Headers, name: str) -> list[bytes | None]:
    return [value for key, value in headers if key == name]


class _Checker:
    """One check; `run` is the order of its steps."""

    def __init__(self, catalogue: Catalogue, registry: Registry, settings: Settings) -> None:
        self.catalogue = catalogue
        self.registry = registry
        self.settings = settings
        self.topics = settings.topics
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.inputs: dict[Source, Input] = {}
        self.answers: dict[Source, Answer] = {}
        self.letters: dict[Source, str] = {}
        self.customers: dict[tuple[int, str], list[Customer]] = {}

    def report(self, kind: str, source: Source, text: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(kind, source, text))

    def run(self, inputs: list[Record], outputs: list[Record]) -> Report:
        """All steps."""
        self.judge_inputs(inputs)
        for (topic, _), records in _in_order(outputs).items():
            if topic == self.topics.results:
                self.collect_results(records)
            else:
                self.collect_letters(topic, records)
        for item in self.inputs.values():
            self.check_disposition(item)
        self.replay_customers()
        return Report(self.violations, self.summary(), self.customers)

    def judge_inputs(self, records: list[Record]) -> None:
        """Every input record by itself (contract 7)."""
        judge = Judge(self.registry, self.topics)
        for group in _in_order(records).values():
            for record in group:
                self.inputs[record.source] = judge.judge(record)
                self.counts[f"records {record.topic}"] += 1

    # -- results --

    def collect_results(self, records: list[Record]) -> None:
        """Join the parts of results in one partition, and check how they lie there."""
        group: list[tuple[Record, Json]] = []
        last_offset = -1
        for record in records:
            result = self.read_result(record)
            if result is None:
                continue
            if not self.continues(group, record, result):
                self.close_group(group)
                group = []
                last_offset = self.check_order(record, last_offset)
            group.append((record, result))
        self.close_group(group)

    def read_result(self, record: Record) -> Json | None:
        """The value of a record in the results topic."""
        try:
            return decode_result(self.registry, record.value or b"")
        except WireError as problem:
            self.report("unreadable_result", record.source, f"{problem.code}: {problem}")
            return None

    @staticmethod
    def continues(group: list[tuple[Record, Json]], record: Record, result: Json) -> bool:
        """True where this record is the next part of the result being read."""
        if not group or len(group) >= group[0][1]["parts"]:
            return False
        first = group[0][0]
        same = _values(first.headers, "planlift-source") == _values(
            record.headers, "planlift-source"
        )
        return same and result["part"] == len(group) + 1

    def check_order(self, record: Record, last_offset: int) -> int:
        """Results lie in the order of their requests, as one writer makes them."""
        source = self.source_of(record)
        if source is None:
            return last_offset
        if source[2] < last_offset:
            text = f"the result of {source_header(source)} comes after a later request's"
            self.report("result_order", record.source, text)
        return max(last_offset, source[2])

    def source_of(self, record: Record) -> Source | None:
        """The request that a result belongs to, by its header planlift-source."""
        values = _values(record.headers, "planlift-source")
        if len(values) != 1 or values[0] is None:
            return None
        topic, _, rest = values[0].decode("utf-8", "replace").rpartition("/")[0].rpartition("/")
        offset = values[0].rpartition(b"/")[2]
        if not rest.isdecimal() or not offset.isdigit():
            return None
        return topic, int(rest), int(offset)

    def close_group(self, group: list[tuple[Record, Json]]) -> None:
        """A whole result was read (or as much of it as there is)."""
        if not group:
            return
        first, result = group[0]
        if result["part"] != 1 or len(group) != result["parts"]:
            parts = [part["part"] for _, part in group]
            self.report("torn_parts", first.source, f"parts {parts} of {result['parts']}")
            return
        source = self.source_of(first)
        request = self.inputs.get(source) if source is not None else None
        if source is None or request is None or source[0] != self.topics.requests:
            text = f"planlift-source {_values(first.headers, 'planlift-source')} is no request"
            self.report("result_without_request", first.source, text)
            return
        if source in self.answers:
            self.report("result_twice", source, f"again at {source_header(first.source)}")
            return
        self.answers[source] = self.join(group)
        self.counts["results"] += 1
        self.counts["result records"] += len(group)
        self.check_envelope(request, group)
        self.check_slices(group)

    def join(self, group: list[tuple[Record, Json]]) -> Answer:
        """One result of several parts; all but part and accounts must be equal (contract 3)."""
        first = group[0][1]
        joined = {**first, "affectedAccounts": []}
        for record, part in group:
            joined["affectedAccounts"] = joined["affectedAccounts"] + part["affectedAccounts"]
            blank = {"part": 0, "affectedAccounts": []}
            if {**part, **blank} != {**first, **blank}:
                text = "differs from part 1 in more than part and affectedAccounts"
                self.report("unequal_parts", record.source, text)
        return Answer(joined, group)

    def check_envelope(self, request: Input, group: list[tuple[Record, Json]]) -> None:
        """Partition, key and headers of every part (contract 2, 3)."""
        source = request.record.source
        for record, part in group:
            if record.partition != source[1]:
                text = f"result in partition {record.partition}"
                self.report("wrong_result_partition", source, text)
            if record.key != request.record.key:
                self.report("wrong_result_key", source, f"key {record.key!r}")
            for text in _header_problems(record, part, request.record):
                self.report("wrong_header", source, text)

    def check_slices(self, group: list[tuple[Record, Json]]) -> None:
        """Every part but the last is as full as it may be (contract 3)."""
        limit = self.settings.max_accounts
        for index, (record, part) in enumerate(group):
            count = len(part["affectedAccounts"])
            last = index == len(group) - 1
            if count > limit or (count == 0 and len(group) > 1):
                self.report("wrong_slice", record.source, f"{count} accounts in a part")
            if self.message_size(record, record.value or b"") > self.settings.message_limit:
                self.report("too_large", record.source, "larger than the message limit")
            if not last and count < limit and self.would_fit(record, part, group[index + 1][1]):
                text = f"{count} accounts although one more would fit"
                self.report("wrong_slice", record.source, text)

    @staticmethod
    def message_size(record: Record, value: bytes) -> int:
        """What counts against the limit: key, value, headers and 512 bytes (contract 3)."""
        headers = sum(len(name.encode()) + len(text or b"") for name, text in record.headers)
        return len(record.key or b"") + len(value) + headers + MESSAGE_OVERHEAD

    def would_fit(self, record: Record, part: Json, following: Json) -> bool:
        """True where the part could have held the first account of the next one too."""
        accounts = part["affectedAccounts"] + following["affectedAccounts"][:1]
        value = encode(self.registry, RESULT, {**part, "affectedAccounts": accounts})
        return self.message_size(record, value) + SIZE_SLACK <= self.settings.message_limit

    # -- dead letters --

    def collect_letters(self, topic: str, records: list[Record]) -> None:
        """Dead letters of one partition: what they say, and whether they are as received."""
        for record in records:
            source = _letter_source(record)
            item = self.inputs.get(source) if source is not None else None
            if source is None or item is None or topic != f"{source[0]}.dlq":
                text = "its headers name no input record of this topic"
                self.report("dead_letter_without_source", record.source, text)
                continue
            if source in self.letters:
                text = f"again at {source_header(record.source)}"
                self.report("dead_letter_twice", source, text)
                continue
            code = _text(record.headers, "planlift-error-code") or ""
            self.letters[source] = code
            self.counts[f"dead {code}"] += 1
            for text in self.letter_problems(record, item.record):
                self.report("wrong_dead_letter", source, text)

    def letter_problems(self, letter: Record, original: Record) -> Iterator[str]:
        """A dead letter is the record as received, with our headers (contract 2, 3)."""
        if (letter.key, letter.value) != (original.key, original.value):
            yield "key or value is not byte for byte the original's"
        count = self.settings.dlq_partitions.get(letter.topic, self.topics.partitions)
        if letter.partition != original.partition % count:
            yield f"in partition {letter.partition}"
        for name in DEAD_LETTER_HEADERS:
            if len(_values(letter.headers, name)) != 1:
                yield f"header {name} is there {len(_values(letter.headers, name))} times"
        if not _text(letter.headers, "planlift-error-message"):
            yield "planlift-error-message is empty"
        if not _TIME.fullmatch((_values(letter.headers, "planlift-time") or [b""])[0] or b""):
            yield f"planlift-time is {_text(letter.headers, 'planlift-time')!r}"
        if _foreign(letter.headers) != _foreign(original.headers):
            yield "the other original headers did not stay as they were"

    def check_disposition(self, item: Input) -> None:
        """What came of an input record agrees with what it is by itself (contract 7)."""
        source = item.record.source
        code = self.letters.get(source)
        answered = source in self.answers
        if not self.settings.handled(item.record):
            if answered or code is not None:
                self.report("not_committed", source, "came out although it is not committed")
        elif answered and code is not None:
            self.report("two_dispositions", source, f"a result and a dead letter {code}")
        elif item.code is not None:
            if answered:
                text = f"answered although it is {item.code} ({item.why})"
                self.report("answered_dead_letter", source, text)
            elif code is None:
                text = f"no dead letter {item.code} ({item.why})"
                self.report("missing_dead_letter", source, text)
            elif code != item.code:
                text = f"dead letter {code!r}, expected {item.code} ({item.why})"
                self.report("wrong_code", source, text)
        elif code is not None and not self.may_be(item, code):
            text = f"dead letter {code!r} of a record that is none by itself"
            self.report("unexpected_dead_letter", source, text)

    def may_be(self, item: Input, code: str) -> bool:
        """Codes that a record good by itself may have; the replay judges request_id_reused."""
        if code == "unprocessable":
            return self.settings.allow_unprocessable
        return code == "request_id_reused" and item.record.topic == self.topics.requests

    # -- replay --

    def replay_customers(self) -> None:
        """Replay each customer; with partitioner `none` one in each partition (contract 2)."""
        work: dict[tuple[int, str], tuple[list[Input], list[Input]]] = {}
        for item in self.inputs.values():
            record = item.record
            if item.code is not None or not self.settings.handled(record):
                continue
            if self.letters.get(record.source) == "unprocessable":
                continue  # it changed nothing (contract 7)
            key = (record.partition, item.value["customerId"])
            pair = work.setdefault(key, ([], []))
            pair[record.topic == self.topics.requests].append(item)
        self.counts["customers"] = len(work)
        for key, (events, requests) in work.items():
            self.replay_one(key, events, requests)

    def replay_one(self, key: tuple[int, str], events: list[Input], requests: list[Input]) -> None:
        """Replay one customer up to his first violation."""
        replay = Replay(self.catalogue, key[1], [item.value["change"] for item in events])
        for index, item in enumerate(requests):
            source = item.record.source
            answer = self.answers.get(source)
            result = answer.result if answer else None
            settled = source in self.settings.settled
            fate = replay.step(item.value, result, self.letters.get(source), settled)
            for text in fate.messages:
                self.report("wrong_message", source, text)
            if fate.kind is not None:
                left = len(requests) - index - 1
                self.report(fate.kind, source, f"{fate.text}; {left} later requests unchecked")
                self.counts["requests unchecked"] += left
                return
            self.count(answer, source)
        self.customers[key] = replay.finish()
        self.counts["erasures"] += len(replay.epochs) - 1
        self.counts["customers in doubt"] += len(self.customers[key]) > 1

    def count(self, answer: Answer | None, source: Source) -> None:
        """Statistics of a request that was found right."""
        if answer is None:
            self.counts["repeats"] += source not in self.letters
            return
        self.counts[f"outcome {answer.result['outcome']}"] += 1
        for error in answer.result["errors"]:
            self.counts[f"error {error['code']}"] += 1

    def summary(self) -> dict[str, Any]:
        """Counts by name."""
        kinds = Counter(violation.kind for violation in self.violations)
        found = {**self.counts, **{f"violation {kind}": kinds[kind] for kind in kinds}}
        return {name: found[name] for name in sorted(found) if found[name]}


def _header_problems(record: Record, part: Json, request: Record) -> Iterator[str]:
    """Each header that contract 3 asks for is there once and right."""
    try:
        wanted = result_headers(part, request.source, request.headers)
    except (ValueError, OverflowError) as problem:
        yield f"decidedAt {part['decidedAt']} is no time: {problem}"
        return
    names = {name for name, _ in wanted} | {"traceparent", "tracestate"}
    for name in sorted(names):
        if _values(record.headers, name) != _values(wanted, name):
            yield f"{name}: {_values(record.headers, name)}, expected {_values(wanted, name)}"


def _text(headers: Headers, name: str) -> str | None:
    """The value of a header that is there once."""
    values = _values(headers, name)
    if len(values) != 1 or values[0] is None:
        return None
    return values[0].decode("utf-8", "replace")


def _letter_source(record: Record) -> Source | None:
    """The input record that a dead letter was."""
    topic, partition, offset = (
        _text(record.headers, f"planlift-{name}") or "" for name in ("topic", "partition", "offset")
    )
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return topic, int(partition), int(offset)


def _foreign(headers: Headers) -> Headers:
    """The headers that are not ours, in their order."""
    return [(name, value) for name, value in headers if name not in DEAD_LETTER_HEADERS]


# --- the replay of one customer ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fate:
    """What the replay says of one request: kind None where all is right."""

    kind: str | None = None
    text: str = ""
    messages: tuple[str, ...] = ()


@dataclass(slots=True)
class Hypothesis:
    """The customer as he is if the last request was decided in this epoch."""

    epoch: int
    customer: Customer
    used: int = 0

    def advance(self, events: Sequence[Json], version: int) -> bool:
        """Apply facts of the epoch until the version is reached; False where it never is."""
        while self.customer.version < version and self.used < len(events):
            apply_event(self.customer, events[self.used])
            self.used += 1
        return self.customer.version == version


class Replay:
    """All hypotheses about one customer that fit the results so far."""

    def __init__(self, catalogue: Catalogue, customer_id: str, events: Sequence[Json]) -> None:
        self.catalogue = catalogue
        self.customer_id = customer_id
        self.epochs: list[list[Json]] = [[]]
        for event in events:
            if event["type"] == "CustomerErased":
                self.epochs.append([])
            else:
                self.epochs[-1].append(event)
        self.alive = [self.fresh(0)]

    def fresh(self, epoch: int) -> Hypothesis:
        """The empty customer at the start of an epoch."""
        return Hypothesis(epoch, Customer(self.customer_id))

    def step(
        self, request: Json, result: Json | None, letter: str | None, settled: bool = False
    ) -> Fate:
        """Take the next request; afterwards only the hypotheses that allow its fate are left."""
        if result is not None:
            return self._answered(request, result, settled)
        return self._unanswered(request, letter)

    def _unanswered(self, request: Json, letter: str | None) -> Fate:
        """Without a result it must be a repeat, or its dead letter request_id_reused.

        Either needs the answered request in memory, so that no new epoch can begin with it.
        """
        wanted = "repeat" if letter is None else "reused"
        found = [once(hypothesis.customer, request) for hypothesis in self.alive]
        fitting = [h for h, state in zip(self.alive, found) if state == wanted]
        if not fitting:
            return self._not_unanswered(request, letter, found[0])
        self.alive = fitting
        return Fate()

    @staticmethod
    def _not_unanswered(request: Json, letter: str | None, state: str) -> Fate:
        name = f"request {request['requestId']!r}"
        if letter is not None:
            return Fate("unexpected_dead_letter", f"{letter}, but {name} is a {state} one")
        if state == "reused":
            return Fate("missing_dead_letter", f"no request_id_reused for {name}")
        return Fate("missing_result", f"no result for {name}, which is new")

    def _answered(self, request: Json, result: Json, settled: bool) -> Fate:
        stayed = len(self.alive)
        candidates = [*self.alive, *self._entrants(result["customerVersion"])]
        fates = [self._try(hypothesis, request, result, settled) for hypothesis in candidates]
        fitting = [(h, fate) for h, fate in zip(candidates, fates) if fate.kind is None]
        if not fitting:
            return _worst(fates[:stayed], fates[stayed:])
        self.alive = [hypothesis for hypothesis, _ in fitting]
        return fitting[0][1]

    def _entrants(self, version: int) -> Iterator[Hypothesis]:
        """Hypotheses that a later epoch begins with this request."""
        earliest = min(hypothesis.epoch for hypothesis in self.alive)
        for epoch in range(earliest + 1, len(self.epochs)):
            if 0 <= version <= len(self.epochs[epoch]):
                yield self.fresh(epoch)

    def _try(self, hypothesis: Hypothesis, request: Json, result: Json, settled: bool) -> Fate:
        """Take the request under a hypothesis, which is dead afterwards if it does not fit."""
        customer = hypothesis.customer
        if once(customer, request) != "new":
            return Fate("answered_again", f"request id {request['requestId']!r} was answered")
        before = customer.version
        version = result["customerVersion"]
        if not hypothesis.advance(self.epochs[hypothesis.epoch], version):
            text = f"version {version} cannot be reached (from {before} to {customer.version})"
            return Fate("impossible_version", text)
        if settled and not self._all_applied(hypothesis):
            text = f"decided on version {version}, although facts come after it"
            return Fate("fact_not_applied", text)
        decision = decide(self.catalogue, customer, request, result["decidedAt"])
        found = list(differences(decision.result, result))
        if found:
            shown = "; ".join(found[:4])
            return Fate("wrong_result", f"on version {version}: {shown} ({len(found)} in all)")
        messages = tuple(self._texts(customer, result))
        self._take(customer, request, decision)
        return Fate(messages=messages)

    def _all_applied(self, hypothesis: Hypothesis) -> bool:
        last = len(self.epochs) - 1
        return hypothesis.epoch == last and hypothesis.used == len(self.epochs[last])

    @staticmethod
    def _texts(customer: Customer, result: Json) -> Iterator[str]:
        """What is wrong with texts and stamps, which the comparison leaves out."""
        channels = {key: sub.channel for key, sub in customer.subscriptions.items()}
        yield from message_problems(result, channels)
        yield from stamp_problems(result)

    @staticmethod
    def _take(customer: Customer, request: Json, decision: Decision) -> None:
        commit(customer, decision)
        remember(customer, request)

    def finish(self) -> list[Customer]:
        """Every customer that may be left once all facts are applied."""
        last = len(self.epochs) - 1
        if any(hypothesis.epoch < last for hypothesis in self.alive):
            self.alive = [h for h in self.alive if h.epoch == last] + [self.fresh(last)]
        for hypothesis in self.alive:
            for event in self.epochs[last][hypothesis.used :]:
                apply_event(hypothesis.customer, event)
        customers = [hypothesis.customer for hypothesis in self.alive]
        if len(customers) == 1:
            return customers
        return [c for n, c in enumerate(customers) if not any(_alike(c, o) for o in customers[:n])]


def _alike(one: Customer, other: Customer) -> bool:
    """True where two customers are the same but for the answered ids."""
    return one.to_json() == other.to_json()


def _worst(stayed: list[Fate], entered: list[Fate]) -> Fate:
    """The fate to report: what came closest before any later erasure, and what after one."""
    order = ("wrong_result", "fact_not_applied", "impossible_version", "answered_again")

    def closest(fates: list[Fate]) -> Fate:
        return min(fates, key=lambda fate: order.index(fate.kind or ""))

    first = closest(stayed)
    if not entered:
        return first
    other = closest(entered)
    return Fate(first.kind, f"{first.text}; or, after an erasure, {other.kind}: {other.text}")
