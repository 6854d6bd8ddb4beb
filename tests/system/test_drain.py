"""`run --drain` (contract 8): it ends with 0 once nothing remains of what was there at the start,
and not before; and how the service ends otherwise."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from harness import Deadline, World, eventually
from harness.groups import remove_member
from harness.samples import customer_facts, wish
from harness.trial import sit_out
from harness.verdict import inputs, judge
from services import Kafka

CUSTOMERS = [f"c{n}" for n in range(9)]


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One that looks twice a second, not every ten seconds, for transactions whose time is up."""
    interval = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
    with Kafka({interval: 500}) as server:
        yield server


@pytest.fixture
def loaded(world: World) -> World:
    """Facts and requests in every partition."""
    world.create_topics()
    for customer in CUSTOMERS:
        world.client.send(world.topics.events, customer_facts(world, customer))
    ask(world)
    return world


def ask(world: World, producer: Producer | None = None) -> None:
    """A request of each customer."""
    requests = [world.request(customer, **wish("ADD_LICENSES")) for customer in CUSTOMERS]
    world.client.send(world.topics.requests, requests, producer)


def transactional(world: World) -> Producer:
    producer = world.client.producer({"transactional.id": f"{world.group}-tests"})
    producer.init_transactions(Deadline(20).left)
    return producer


@contextmanager
def transaction(world: World, producer: Producer, *, is_good: bool) -> Iterator[None]:
    producer.begin_transaction()
    yield
    limit = Deadline(20).left
    if is_good:
        producer.commit_transaction(limit)
    else:
        producer.abort_transaction(limit)


def everything_is_committed(world: World) -> bool:
    """No record that read_committed shows is at or after the group's offset."""
    committed = world.client.committed(world.group)
    return all(
        record.offset < committed[record.topic, record.partition] for record in inputs(world)
    )


# --- ends -----------------------------------------------------------------------------------------


def test_empty_topics(world: World) -> None:
    world.create_topics()
    world.drain()
    world.drain()
    assert world.results() == world.dead_letters() == []


def test_one_input_empty(world: World) -> None:
    world.create_topics()
    ask(world)
    world.drain()
    assert len(world.results()) == len(CUSTOMERS)
    judge(world)


def test_all_is_taken_in_and_committed(loaded: World) -> None:
    finished = loaded.drain()
    assert "exit_reason" not in finished.err
    committed = loaded.client.committed(loaded.group)
    for topic in (loaded.topics.requests, loaded.topics.events):
        for place, end in loaded.client.ends(topic).items():
            assert committed[place] == end
    assert len(loaded.results()) == len(CUSTOMERS)
    loaded.drain()  # with nothing to do
    assert loaded.client.committed(loaded.group) == committed
    judge(loaded)


@pytest.mark.parametrize("is_good", [True, False], ids=["committed", "aborted"])
def test_transactions_at_the_end(loaded: World, is_good: bool) -> None:
    """Markers, and records that were aborted, count for nothing; also where there is nothing
    else in a topic, and for a second run."""
    producer = transactional(loaded)
    for _ in range(2):
        with transaction(loaded, producer, is_good=is_good):
            ask(loaded, producer)
            erasure = loaded.event("aborted", "CustomerErased")
            loaded.client.send(loaded.topics.events, [erasure], producer)
    loaded.drain()
    assert len(loaded.results()) == len(CUSTOMERS) * (3 if is_good else 1)
    assert everything_is_committed(loaded)
    loaded.drain()
    judge(loaded)


def test_nothing_but_aborted_records(world: World) -> None:
    world.create_topics()
    producer = transactional(world)
    with transaction(world, producer, is_good=False):
        ask(world, producer)
    world.drain()
    assert world.results() == []


def test_deleted_records_do_not_count(loaded: World) -> None:
    """All of one topic, and some of the other."""
    requests = loaded.client.ends(loaded.topics.requests)
    events = loaded.client.ends(loaded.topics.events)
    loaded.client.delete_before(requests)
    loaded.client.delete_before({place: end // 2 for place, end in events.items()})
    loaded.drain()
    assert loaded.results() == []
    assert everything_is_committed(loaded)


def test_records_that_keep_coming(loaded: World) -> None:
    """What comes after the start need not be waited for."""
    is_over = threading.Event()

    def keep_writing() -> None:
        producer = loaded.client.producer()
        while not is_over.wait(0.01):
            more = loaded.request("c0", **wish("CHECK"))
            loaded.client.send(loaded.topics.requests, [more], producer)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        loaded.drain(seconds=30)
    finally:
        is_over.set()
        writer.join()
    assert len(loaded.results()) >= len(CUSTOMERS)
    loaded.drain()
    judge(loaded)


# --- waits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_good", [True, False], ids=["commits", "aborts"])
def test_an_open_transaction_is_waited_for(loaded: World, is_good: bool) -> None:
    """Its records lie below the end noted at the start, and may yet be committed."""
    producer = transactional(loaded)
    with transaction(loaded, producer, is_good=is_good):
        ask(loaded, producer)
        ask(loaded)  # behind it, so not to be seen before it ends
        process = loaded.start("run", "--drain")
        loaded.results(len(CUSTOMERS))  # all that can be handled is
        sit_out(process, 2)
        assert len(loaded.results()) == len(CUSTOMERS)
    assert process.await_exit(30).status == 0
    assert len(loaded.results()) == len(CUSTOMERS) * (3 if is_good else 2)
    assert everything_is_committed(loaded)
    judge(loaded)


def test_an_open_transaction_whose_producer_is_gone(loaded: World) -> None:
    """The broker ends it when its time is up."""
    settings = {"transactional.id": f"{loaded.group}-gone", "transaction.timeout.ms": 2000}
    producer = loaded.client.producer(settings)
    producer.init_transactions(Deadline(20).left)
    producer.begin_transaction()
    ask(loaded, producer)
    loaded.drain(seconds=40)
    assert len(loaded.results()) == len(CUSTOMERS)
    judge(loaded)


# --- several processes ----------------------------------------------------------------------------


def test_more_processes_than_partitions(world: World) -> None:
    """Those that own nothing end too, once the others have committed everything."""
    world.partitions = 1
    world.create_topics()
    world.client.send(world.topics.events, customer_facts(world, "c"))
    requests = (world.request("c", **wish("ADD_LICENSES")) for _ in range(500))
    world.client.send(world.topics.requests, requests)
    processes = [
        world.start("run", "--drain", settings={"slot": n, "batch.max.records": 20})
        for n in range(3)
    ]
    for process in processes:
        assert process.await_exit(50).status == 0
    assert everything_is_committed(world)
    judge(world)


def test_one_drains_what_another_serves(loaded: World) -> None:
    """The drain ends by what the other has committed, and the other goes on serving."""
    server = loaded.start(settings={"slot": 1})
    loaded.await_taken_in(server)
    ask(loaded)
    drainer = loaded.start("run", "--drain", settings={"slot": 2})
    assert drainer.await_exit(40).status == 0
    assert everything_is_committed(loaded)
    assert server.is_running
    remove_member(loaded.kafka.bootstrap_servers, loaded.group, f"{loaded.group}-2")
    ask(loaded)
    loaded.await_taken_in(server, 40)
    assert server.stop().status == 0
    judge(loaded)


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_with_0(loaded: World, number: signal.Signals) -> None:
    process = loaded.start()
    loaded.await_taken_in(process)
    process.process.send_signal(number)
    finished = process.await_exit(10)
    assert finished.status == 0
    assert "exit_reason" not in finished.err
    judge(loaded)


def test_a_signal_in_the_middle_of_work(world: World) -> None:
    """The batch under way is finished, or was never there."""
    world.create_topics()
    world.client.send(world.topics.events, customer_facts(world, "c"))
    requests = (world.request("c", **wish("ADD_LICENSES")) for _ in range(3000))
    world.client.send(world.topics.requests, requests)
    process = world.start(settings={"batch.max.records": 2})
    # Offsets are quickly asked for: who reads all results may find that it is all over.
    topic = world.topics.results
    eventually(lambda: sum(world.client.ends(topic).values()) > 20, "in the middle")
    finished = process.stop(10)
    assert finished.status == 0
    assert len(world.results()) < 3000
    judge(world, committed=world.client.committed(world.group))
    world.drain()
    judge(world)


def test_a_signal_while_kafka_is_away(loaded: World) -> None:
    process = loaded.start()
    loaded.await_taken_in(process)
    loaded.kafka.pause()
    try:
        finished = process.stop(20)
    finally:
        loaded.kafka.resume()
    assert finished.status == 0
    judge(loaded)


def test_a_signal_while_redis_is_away(loaded: World) -> None:
    loaded.redis.kill()
    process = loaded.start()
    process.err.await_match("waiting.*[Rr]edis")
    assert process.stop(10).status == 0
    loaded.redis.start()
    loaded.drain()
    judge(loaded)


def test_a_signal_while_draining(loaded: World) -> None:
    producer = transactional(loaded)
    with transaction(loaded, producer, is_good=False):
        ask(loaded, producer)
        process = loaded.start("run", "--drain")
        loaded.results(len(CUSTOMERS))
        assert process.stop(10).status == 0
