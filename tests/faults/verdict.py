"""What is lost, doubled, torn, wrong or stale, once all is at rest.

Five questions, each asked of the topics anew, as a reader of committed records sees them:
answers    the history checker: each input's one result or dead letter, as a replay has it
state      the state topic tells of each customer what the replay does, and nothing of others
offsets    the group's offsets, the progress in the state topic and the inputs' ends agree
open       no transaction was left open
cache      Redis is the fold of the state topic, and its checkpoints say so
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import redis
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from harness import World
from harness.verdict import CATALOGUE, inputs, oracle_topics
from oracle import history
from oracle.decide import new_subscription_id
from oracle.records import Record
from oracle.state import ONCE_MEMORY, Customer
from oracle.wire import EVENT, Source, WireError, decode_input

from .commits import PROGRESS_KEY, StateSchema

Json = dict[str, Any]
Place = tuple[str, int]
Fold = dict[int, dict[bytes, bytes]]
Garbled = dict[tuple[int, bytes], set[bytes]]
HEAD, LICENCES, ANSWERED = StateSchema("head"), StateSchema("licences"), StateSchema("answered")
PROGRESS, CHECKPOINT = StateSchema("progress"), StateSchema("checkpoint")
SETTLE_S = 20.0
SLOT_BYTES, UUID_BYTES = 32, 16  # of an answered request: id, digest of what was asked
ERASED = b"\x08"
SUBSCRIPTION_FIELDS = (
    "subscriptionId",
    "offerId",
    "status",
    "quantity",
    "partnerId",
    "channel",
    "parentSubscriptionId",
    "revision",
    "replacedBy",
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that must not be; `source` is the input it is about, where it is about one."""

    question: str
    text: str
    source: Source | None = None

    def __str__(self) -> str:
        return f"{self.question}: {self.text}"


@dataclass
class Evidence:
    """All that the topics hold."""

    inputs: list[Record]
    outputs: list[Record]
    state: list[Record]


@dataclass
class Verdict:
    """What was found, and how much was looked at."""

    wrongs: list[Wrong]
    summary: dict[str, Any]
    evidence: Evidence
    customers: list[Customer] = field(default_factory=list)


def judge(
    world: World,
    *,
    settled: Iterable[Source] = (),
    garbled: Garbled | None = None,
    handled: Mapping[Place, int] | None = None,
    max_accounts: int = 1000,
) -> Verdict:
    """All five questions. The processes are idle; `garbled`: values that were put into Redis, and
    may still be there; `handled`: what is taken in, where it is not everything."""
    evidence = collect(world)
    report = check_answers(
        world, evidence, settled=frozenset(settled), committed=handled, max_accounts=max_accounts
    )
    state = fold(evidence.state)
    wrongs = [Wrong("answers", str(violation), violation.source) for violation in report.violations]
    if handled is None:
        erased = erased_customers(world, evidence)
        wrongs += [] if wrongs else check_state(state, report.customers, erased)
        wrongs += settle(lambda: check_offsets(world, evidence, state))
        wrongs += settle(lambda: check_open(world))
        wrongs += settle(lambda: check_cache(world, state, garbled or {}))
    customers = [states[-1] for states in report.customers.values()]
    return Verdict(wrongs, report.summary, evidence, customers)


def collect(world: World) -> Evidence:
    topics, read = world.topics, world.client.read
    outputs = read(topics.results) + world.dead_letters()
    return Evidence(inputs(world), outputs, read(topics.state))


def settle(question: Callable[[], list[Wrong]]) -> list[Wrong]:
    """What is still wrong after a moment: the last write to Redis, the last marker may be due."""
    deadline = time.monotonic() + SETTLE_S
    while (wrongs := question()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return wrongs


# --- answers --------------------------------------------------------------------------------------


def check_answers(world: World, evidence: Evidence, **settings: Any) -> history.Report:
    """`settings`: those of history.Settings."""
    letters = (world.topics.requests_dlq, world.topics.events_dlq)
    dlqs = {name: world.client.partitions(name) for name in letters}
    full = history.Settings(oracle_topics(world), dlq_partitions=dlqs, **settings)
    return history.check(CATALOGUE, world.registry, full, evidence.inputs, evidence.outputs)


# --- state ----------------------------------------------------------------------------------------


def fold(records: Iterable[Record]) -> Fold:
    """The last value of each key, by partition; deleted ones are gone."""
    state: Fold = {}
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        pieces = state.setdefault(record.partition, {})
        if record.value is None:
            pieces.pop(record.key or b"", None)
        else:
            pieces[record.key or b""] = record.value
    return state


def check_state(
    state: Fold,
    customers: Mapping[tuple[int, str], list[Customer]],
    erased: Collection[tuple[int, str]] = (),
) -> list[Wrong]:
    """Each customer of the replay, and no other, is in the state as the replay has him. Which
    requests of an erased one came after the erasure, the replay does not always know."""
    stored = by_customer(state)
    wrongs = [
        Wrong("state", f"{customer!r} of partition {partition} is stored, but nobody spoke of him")
        for partition, customer in sorted(stored.keys() - customers.keys())
    ]
    for place, states in sorted(customers.items()):
        wanted = [as_stored(customer) for customer in states]
        own = stored.get(place)
        found = read_customer(own) if own and b"h" in own else as_stored(Customer(place[1]))
        if place in erased:
            for customer in (found, *wanted):
                del customer["answered"], customer["answered requests"]
        if found not in wanted:
            difference = next(iter(differences(found, wanted[-1])))
            who = f"customer {place[1]!r} of partition {place[0]}"
            wrongs.append(Wrong("state", f"{who}: {difference}"))
    return wrongs


def erased_customers(world: World, evidence: Evidence) -> set[tuple[int, str]]:
    """Those of whom an event says so: the last kind of change, which has no fields."""
    found = set()
    for record in evidence.inputs:
        if record.topic == world.topics.events and (record.value or b"").endswith(ERASED):
            with suppress(WireError):
                event = decode_input(world.registry, EVENT, record.value)
                if event["change"]["type"] == "CustomerErased":
                    found.add((record.partition, event["customerId"]))
    return found


def by_customer(state: Fold) -> dict[tuple[int, str], dict[bytes, bytes]]:
    """Every customer's pieces: `h`, `a0`, `l0.0.0` …"""
    found: dict[tuple[int, str], dict[bytes, bytes]] = {}
    for partition, pieces in state.items():
        for key, value in pieces.items():
            kind, slash, name = key.partition(b"/")
            if slash:
                place = (partition, name.decode("utf-8", "replace"))
                found.setdefault(place, {})[kind] = value
    return found


def as_stored(customer: Customer) -> Json:
    """What the stored pieces of a customer of the replay must tell."""
    plain = customer.to_json()
    subscriptions = {sub["subscriptionId"]: sub for sub in plain["subscriptions"]}
    for subscription in subscriptions.values():
        subscription["licenses"] = {item["userId"]: item for item in subscription["licenses"]}
    grants = {grant["partnerId"]: grant["serviceFamilies"] for grant in plain["delegatedAdmin"]}
    # A request is remembered by the id that its upgrade would have given.
    answered = {new_subscription_id(customer.customer_id, known) for known in customer.answered}
    return {
        "version": plain["version"],
        "subscriptions": subscriptions,
        "grants": grants,
        "answered": answered,
        "answered requests": len(answered),
    }


def read_customer(own: Mapping[bytes, bytes]) -> Json:
    """The same of the stored pieces."""
    head = HEAD.decode(own[b"h"])
    return {
        "version": head["version"],
        "subscriptions": {
            subscription["subscriptionId"]: {
                **{key: subscription[key] for key in SUBSCRIPTION_FIELDS},
                "licenses": dict(licences_of(own, subscription["ordinal"])),
            }
            for subscription in head["subscriptions"]
        },
        "grants": {grant["partnerId"]: grant["serviceFamilies"] for grant in head["grants"]},
        "answered": set(answered_of(own)),
        "answered requests": min(head["answeredTotal"], ONCE_MEMORY),
    }


def licences_of(own: Mapping[bytes, bytes], ordinal: int) -> Iterator[tuple[str, Json]]:
    for key, value in own.items():
        if key.startswith(b"l%d." % ordinal):
            for licence in LICENCES.decode(value)["licences"]:
                yield licence["userId"], licence


def answered_of(own: Mapping[bytes, bytes]) -> Iterator[str]:
    for key, value in own.items():
        if key.startswith(b"a"):
            slots = ANSWERED.decode(value)["slots"]
            for place in range(0, len(slots), SLOT_BYTES):
                yield str(UUID(bytes=slots[place : place + UUID_BYTES]))


def differences(found: Any, wanted: Any, place: str = "") -> Iterable[str]:
    """Where the two differ, for people."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            if key not in found or key not in wanted:
                yield f"{place}/{key} is {'missing' if key in wanted else 'too much'}"
            else:
                yield from differences(found[key], wanted[key], f"{place}/{key}")
    elif found != wanted:
        yield f"{place} is {found!r}, the replay has {wanted!r}"


# --- offsets --------------------------------------------------------------------------------------


def check_offsets(world: World, evidence: Evidence, state: Fold) -> list[Wrong]:
    topics = world.topics
    committed = world.client.committed(world.group)
    ends: dict[Place, int] = {}
    for record in evidence.inputs:
        place = (record.topic, record.partition)
        ends[place] = max(ends.get(place, 0), record.offset + 1)
    wrongs = []
    for partition, pieces in state.items():
        progress = PROGRESS.decode(pieces[PROGRESS_KEY])
        for topic, name in ((topics.events, "nextEvent"), (topics.requests, "nextRequest")):
            end = ends.get((topic, partition), 0)
            offset = committed.get((topic, partition))
            if not offset == progress[name] == end:
                text = f"{topic}/{partition} ends at {end}, group offset {offset}"
                wrongs.append(Wrong("offsets", f"{text}, progress {progress[name]}"))
    return wrongs


# --- open -----------------------------------------------------------------------------------------


def check_open(world: World) -> list[Wrong]:
    """Where a transaction is open, a reader of committed records cannot read to the end."""
    topics = world.topics
    outputs = (topics.results, topics.state, topics.requests_dlq, topics.events_dlq)
    return [
        Wrong("open", f"a transaction is open in {topic}/{partition}: {seen} of {end} can be read")
        for topic in outputs
        for (_, partition), end in world.client.ends(topic).items()
        if (seen := readable_end(world, topic, partition)) != end
    ]


def readable_end(world: World, topic: str, partition: int) -> int:
    """Up to where a reader of committed records gets."""
    place = TopicPartition(topic, partition)
    asked = {place: OffsetSpec.latest()}
    isolation = IsolationLevel.READ_COMMITTED
    answer = world.client.admin.list_offsets(asked, isolation_level=isolation)
    return answer[place].result().offset


# --- cache ----------------------------------------------------------------------------------------


def check_cache(world: World, state: Fold, garbled: Garbled) -> list[Wrong]:
    with redis.Redis.from_url(str(world.settings["redis.url"])) as client:
        ends = world.client.ends(world.topics.state)
        wrongs = []
        for partition, pieces in state.items():
            stored = client.hgetall(f"planlift:{{{world.group}:p{partition}}}")
            checkpoint = stored.pop(PROGRESS_KEY, None)
            end = ends[world.topics.state, partition]
            wrongs += compare_cache(partition, stored, pieces, garbled)
            wrongs += check_checkpoint(partition, checkpoint, pieces[PROGRESS_KEY], end)
        return wrongs


def compare_cache(
    partition: int,
    stored: Mapping[bytes, bytes],
    pieces: Mapping[bytes, bytes],
    garbled: Garbled,
) -> list[Wrong]:
    wrongs = []
    for key in sorted(stored.keys() | pieces.keys()):
        if key == PROGRESS_KEY or stored.get(key) == pieces.get(key):
            continue
        if key in stored and stored[key] in garbled.get((partition, key), ()):
            continue  # nobody has asked for it since
        how = "not in" if key not in stored else "only in" if key not in pieces else "another in"
        wrongs.append(Wrong("cache", f"partition {partition}: {key!r} is {how} Redis"))
    return wrongs


def check_checkpoint(
    partition: int, checkpoint: bytes | None, progress: bytes, end: int
) -> list[Wrong]:
    """It stands for the log as far as it goes; what was aborted may lie behind it."""
    if checkpoint is None:
        return [Wrong("cache", f"partition {partition} has no checkpoint")]
    found = CHECKPOINT.decode(checkpoint)
    if found["progress"] != PROGRESS.decode(progress):
        return [Wrong("cache", f"partition {partition}: its checkpoint is not the newest")]
    if not found["isWhole"] or not found["progressOffset"] < found["nextOffset"] <= end:
        return [Wrong("cache", f"partition {partition}: checkpoint {found}, the log ends at {end}")]
    return []


def of_fault(wrong: Wrong, ends: Mapping[Place, int]) -> bool:
    """Whether it can be of a fault before which the inputs ended there."""
    if wrong.source is None:
        return True
    topic, partition, offset = wrong.source
    return offset >= ends.get((topic, partition), 0)
