"""Redis behind sentinels and as a cluster: requests flow while masters and slots change places,
and no decision is wrong (I2, I3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import Planlift, World, eventually
from harness.redises import Cluster, Sentinels, client
from harness.samples import customer_facts, wish
from harness.verdict import judge

CUSTOMERS = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as found:
        yield found


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with Sentinels() as found:
        yield found


class Flow:
    """Requests about some customers in every partition, a round of them at a time."""

    def __init__(self, world: World, redis_url: str) -> None:
        self.world = world
        world.settings["redis.url"] = redis_url
        world.create_topics()
        self.customers = [f"c{n}" for n in range(CUSTOMERS)]
        for customer in self.customers:
            world.client.send(world.topics.events, customer_facts(world, customer))
        self.service: Planlift = world.start()
        self.service.await_ready(60)
        self.rounds = 0

    def send(self) -> None:
        """A seat more for each; the answers are not waited for."""
        self.rounds += 1
        for customer in self.customers:
            self.world.send_request(customer, **wish("ADD_LICENSES", quantity=1))

    def send_and_wait(self) -> None:
        self.send()
        self.world.await_taken_in(self.service, 90)

    def end(self) -> None:
        """Everything is answered, rightly, and the cache holds what the topic does."""
        self.world.await_taken_in(self.service, 90)
        self.service.await_ready(60)
        assert self.service.stop().status == 0
        assert len(self.world.results()) == self.rounds * CUSTOMERS
        judge(self.world)
        verified = self.world.run("cache", "verify")
        assert verified.status == 0, verified.out + verified.err


def keys(world: World) -> list[str]:
    return [f"planlift:{{{world.group}:p{n}}}" for n in range(world.partitions)]


def test_slots_of_a_cluster_move_while_requests_flow(world: World, cluster: Cluster) -> None:
    flow = Flow(world, cluster.url)
    flow.send_and_wait()
    for key in keys(world):
        move = cluster.begin_move(key)
        flow.send_and_wait()  # the key is there, or asked for elsewhere
        move.move_key()
        flow.send_and_wait()  # ASK
        flow.send()
        move.finish()
        flow.send_and_wait()  # MOVED
    flow.end()
    for key in keys(world):
        with client(cluster.owner(key)) as asked:
            assert asked.hlen(key) > 0
            asked.delete(key)


def test_a_node_of_a_cluster_that_is_away_is_waited_for(world: World, cluster: Cluster) -> None:
    """It comes back empty; what it held is made anew."""
    flow = Flow(world, cluster.url)
    flow.send_and_wait()
    node = cluster.owner(keys(world)[0])
    node.kill()
    flow.send()
    flow.service.await_not_ready(60)
    node.start()
    flow.send_and_wait()
    flow.end()


def test_a_failover_while_requests_flow(world: World, sentinels: Sentinels) -> None:
    """First as an operator wants it, then since the master is lost, and with it what its replica
    had not got yet."""
    flow = Flow(world, sentinels.url)
    flow.send_and_wait()
    flow.send()
    sentinels.fail_over()
    flow.send_and_wait()
    servers = {server.port: server for server in (sentinels.master, sentinels.replica)}
    lost = servers.pop(sentinels.master_port())
    [other] = servers.values()
    with client(other) as asked:  # it follows the new master by now
        eventually(lambda: asked.info("replication")["role"] == "slave", "a replica", 60)
        eventually(lambda: asked.info()["master_link_status"] == "up", "a replica in step", 60)
    flow.send()
    lost.kill()
    eventually(lambda: sentinels.master_port() == other.port, "the other one is the master", 60)
    flow.send_and_wait()
    flow.end()


def test_a_start_without_sentinels_waits(world: World, sentinels: Sentinels) -> None:
    world.create_topics()
    for sentinel in sentinels.sentinels:
        sentinel.pause()
    world.settings["redis.url"] = sentinels.url
    service = world.start()
    service.err.await_match("waiting.*Redis", 60)
    for sentinel in sentinels.sentinels:
        sentinel.resume()
    service.await_ready(60)
    assert service.stop().status == 0
    unknown = world.start(settings={"redis.url": sentinels.url.replace("deployment", "other")})
    unknown.err.await_match("knows no master other", 60)
    assert unknown.stop().status == 0
