"""Redis servers that belong together: a cluster, and a master with its replica and sentinels."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis

from services import LOOPBACK, ROOT, Redis, reserve_port

from .deadline import eventually


def client(server: Redis, **settings: Any) -> redis.Redis:
    """A client of the test's own."""
    return redis.Redis(LOOPBACK, server.port, socket_timeout=10, **settings)


def documented_rights() -> list[str]:
    """The rules of the ACL that docs/operations.md advises, as they stand there;
    the password is `first`."""
    operations = ROOT / "docs" / "operations.md"
    line = next(
        line for line in operations.read_text().splitlines() if line.startswith("user planlift ")
    )
    return line.removeprefix("user planlift ").replace(">PASSWORD", ">first").split()


class Cluster:
    """Three masters, each with a third of the slots."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        try:
            self.nodes = [self._stack.enter_context(_node()) for _ in range(3)]
            places = [f"{LOOPBACK}:{node.port}" for node in self.nodes]
            made = subprocess.run(
                ["redis-cli", "--cluster", "create", *places, "--cluster-yes"],
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert made.returncode == 0, made.stdout + made.stderr
            eventually(lambda: all(self._is_whole(node) for node in self.nodes), "a cluster")
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"redis+cluster://{LOOPBACK}:{self.nodes[0].port},{LOOPBACK}:{self.nodes[1].port}"

    def owner(self, key: str) -> Redis:
        """The node that has the slot of a key."""
        with client(self.nodes[0]) as asked:
            slot = asked.execute_command("CLUSTER KEYSLOT", key)
            for first, last, master, *_ in asked.execute_command("CLUSTER SLOTS"):
                if first <= slot <= last:
                    return next(node for node in self.nodes if node.port == master[1])
        raise AssertionError(f"nobody has the slot of {key}")

    def begin_move(self, key: str) -> Move:
        """Its slot is on its way to another node; the key is still where it was."""
        return Move(self, key)

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _is_whole(node: Redis) -> bool:
        with client(node) as asked:
            return asked.execute_command("CLUSTER INFO")["cluster_state"] == "ok"


class Move:
    """The way of a key's slot to another node, step by step."""

    def __init__(self, cluster: Cluster, key: str) -> None:
        self.cluster, self.key = cluster, key
        self.source = cluster.owner(key)
        self.target = next(node for node in cluster.nodes if node is not self.source)
        with client(self.source) as source, client(self.target) as target:
            self.slot = source.execute_command("CLUSTER KEYSLOT", key)
            ids = [c.execute_command("CLUSTER MYID") for c in (source, target)]
            self._target_id = ids[1]
            target.execute_command("CLUSTER SETSLOT", self.slot, "IMPORTING", ids[0])
            source.execute_command("CLUSTER SETSLOT", self.slot, "MIGRATING", ids[1])

    def move_key(self) -> None:
        """From now on its old node answers ASK."""
        with client(self.source) as source:
            source.execute_command("MIGRATE", LOOPBACK, self.target.port, self.key, 0, 10000)

    def finish(self) -> None:
        """From now on its old node answers MOVED."""
        for node in (self.target, self.source, *self.cluster.nodes):
            with client(node) as asked:
                asked.execute_command("CLUSTER SETSLOT", self.slot, "NODE", self._target_id)


class Sentinels:
    """A master, a replica, and two sentinels that take a master for lost after a second."""

    name = "deployment"

    def __init__(self) -> None:
        self._stack = ExitStack()
        try:
            self.master = self._stack.enter_context(Redis())
            follow = ["--replicaof", f"{LOOPBACK} {self.master.port}"]
            self.replica = self._stack.enter_context(Redis(follow))
            watched = [_Sentinel(self.master.port, self.name) for _ in range(2)]
            self.sentinels = [self._stack.enter_context(sentinel) for sentinel in watched]
            eventually(self._is_whole, "a replica and sentinels that know each other")
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        nobody = reserve_port()
        places = [f"{LOOPBACK}:{port}" for port in (nobody, *(s.port for s in self.sentinels))]
        return f"redis+sentinel://{','.join(places)}/{self.name}"

    def master_port(self) -> int:
        """Where the second sentinel says that the master is."""
        with client(self.sentinels[1]) as asked:
            return asked.sentinel_get_master_addr_by_name(self.name)[1]

    def fail_over(self) -> None:
        """As an operator does."""
        before = self.master_port()
        with client(self.sentinels[0]) as asked:
            asked.execute_command("SENTINEL FAILOVER", self.name)
        eventually(lambda: self.master_port() != before, "another master", 60)

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Sentinels:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_whole(self) -> bool:
        with client(self.sentinels[0]) as asked:
            state = asked.sentinel_master(self.name)
        return state["num-slaves"] == 1 and state["num-other-sentinels"] == 1


def _node() -> Redis:
    settings = {
        "--cluster-enabled": "yes",
        "--cluster-config-file": "nodes.conf",
        "--cluster-node-timeout": "5000",
        "--cluster-port": str(reserve_port()),
    }
    return Redis([part for setting in settings.items() for part in setting])


class _Sentinel(Redis):
    """A redis-server that watches a master."""

    def __init__(self, master_port: int, name: str) -> None:
        super().__init__()
        self._config: Path = self.directory / "sentinel.conf"
        lines = [
            f"port {self.port}",
            f"bind {LOOPBACK}",
            f"dir {self.directory}",
            f"sentinel monitor {name} {LOOPBACK} {master_port} 1",
            f"sentinel down-after-milliseconds {name} 1000",
            f"sentinel failover-timeout {name} 10000",
        ]
        self._config.write_text("\n".join(lines) + "\n")

    def command(self) -> Sequence[str | Path]:
        return ["redis-server", self._config, "--sentinel"]
