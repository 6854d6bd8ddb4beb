"""A broker that crashes before it has written the markers of an acknowledged commit, and may lose
them when it comes back (Kafka 4.3: "these partitions are likely deleted already and hence can be
skipped"): to its readers the transaction is open for ever then. planlift rolls it back and does it
again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import KafkaClient, World, eventually
from harness.groups import committed_offsets
from harness.proxy import Fault, Proxy, kafka_requests
from harness.trial import Trial
from harness.verdict import judge
from services import LOOPBACK, Kafka, Redis, reserve_port

WRITE_MARKERS = "27"  # the ApiKey
BACK_S = 60


@pytest.fixture
def path() -> Iterator[Proxy]:
    """The broker's way to itself, by which the markers go."""
    with Proxy((LOOPBACK, reserve_port()), kafka_requests) as path:
        yield path


@pytest.fixture
def own_world(path: Proxy, redis_server: Redis) -> Iterator[World]:
    broker = Kafka()
    broker.settings["listeners"] += f",INNER://{LOOPBACK}:{path.target[1]}"
    broker.settings["advertised.listeners"] += f",INNER://{path.address}"
    names = ("PLAINTEXT", "INNER", "CONTROLLER")
    plain = ",".join(f"{name}:PLAINTEXT" for name in names)
    broker.settings["listener.security.protocol.map"] = plain
    broker.settings["inter.broker.listener.name"] = "INNER"
    # As by default: so it leads its partitions for a moment when it comes back, then none until it
    # has registered anew. That is when markers that wait for it are lost.
    broker.settings["broker.session.timeout.ms"] = 9000
    with broker:
        with (broker.directory / "log4j2.properties").open("a") as logging:
            logging.write("logger.markers.name = kafka.coordinator.transaction\n")
            logging.write("logger.markers.level = info\n")
        world = World(broker, redis_server, KafkaClient(broker.bootstrap_servers), "hanging")
        yield world
        world.close()


@pytest.mark.parametrize("restarts", [False, True], ids=["goes_on", "restarted"])
def test_what_a_crash_left_hanging(own_world: World, path: Proxy, restarts: bool) -> None:
    world, client = own_world, own_world.client
    trial = Trial(world)
    process = trial.start()
    path.break_at(Fault(refuses=True, forwards=False), lambda kind: kind == WRITE_MARKERS)
    trial.write()
    path.await_broken()
    ends = {**client.ends(world.topics.requests), **client.ends(world.topics.events)}
    if restarts:
        process.process.kill()
    world.kafka.kill()
    world.kafka.start()
    # What was connected before does not always find the group's coordinator again (librdkafka).
    world.client = client = KafkaClient(world.kafka.bootstrap_servers)
    eventually(lambda: "can be skipped" in world.kafka.log_text(), "markers lost", BACK_S)
    path.heal()
    if restarts:
        process = world.start()

    def is_back() -> bool:
        assert process.is_running, f"{process} ended:\n{process.err.tail()}"
        committed = committed_offsets(client.bootstrap_servers, world.group)
        return all(committed.get(place, 0) >= end for place, end in ends.items())

    eventually(is_back, f"up to date: {process}", BACK_S)
    trial.write()
    world.await_taken_in(process)
    assert process.stop().status == 0
    judge(world)


def test_addresses_where_nobody_listens(world: World) -> None:
    """Connections that were never made are none that were lost."""
    dead = [f"{LOOPBACK}:{reserve_port()}" for _ in range(4)]
    servers = ",".join([*dead, world.kafka.bootstrap_servers])
    trial = Trial(world)
    world.settings["kafka.bootstrap.servers"] = servers
    process = trial.start()
    for _ in range(3):
        trial.write()
        world.await_taken_in(process)
    assert process.stop().status == 0
    assert "lost" not in process.err.text
    judge(world)
