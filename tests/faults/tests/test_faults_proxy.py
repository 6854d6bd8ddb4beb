"""The proxies do what they are told, as often as they are told, and nothing else."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from faults.proxy import ACTIONS, END_TXN, KafkaProxy, RedisProxy
from harness import eventually
from services import LOOPBACK, Redis, reserve_port

OTHER = 3  # another kind of request
SECONDS = 0.3


class Server:
    """Takes requests, counts them by kind, and answers each with its correlation id."""

    def __init__(self) -> None:
        self.port = reserve_port()
        self.seen: Counter[int] = Counter()
        self._listener = socket.create_server((LOOPBACK, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(12)) == 12:
                size, api_key, _, correlation = struct.unpack(">ihhi", head)
                stream.read(size - 8)
                self.seen[api_key] += 1
                connection.sendall(struct.pack(">ii", 4, correlation))

    def close(self) -> None:
        self._listener.close()


class Client:
    """Sends requests, and reads what comes back."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout=5)
        self._stream = self._socket.makefile("rb")
        self._correlation = 0

    def ask(self, api_key: int) -> bool:
        """Whether it was answered; False: the connection is gone."""
        self._correlation += 1
        try:
            self._socket.sendall(struct.pack(">ihhi", 9, api_key, 1, self._correlation) + b"x")
            answer = self._stream.read(8)
        except ConnectionError:
            return False
        if not answer:
            return False
        assert struct.unpack(">ii", answer) == (4, self._correlation), "an answer too much"
        return True

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[KafkaProxy]:
    proxy = KafkaProxy(server.port)
    yield proxy
    proxy.close()


# How many of one request the server gets in the end, and whether it is answered.
WHAT = {
    "hold": (1, True),
    "drop": (0, False),
    "mute": (1, False),
    "silent": (1, False),
    "late": (1, False),
    "repeat": (2, True),
    "again": (2, True),
}


def test_without_rules_all_goes_through(server: Server, proxy: KafkaProxy) -> None:
    client = Client(proxy.port)
    assert all(client.ask(key) for key in (END_TXN, OTHER, END_TXN))
    assert server.seen == proxy.seen == {END_TXN: 2, OTHER: 1}


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action(action: str, server: Server, proxy: KafkaProxy) -> None:
    """Twice, and no third time; requests of another kind are left alone."""
    arrivals, is_answered = WHAT[action]
    rule = proxy.add(END_TXN, action, 2, SECONDS)
    for done in (1, 2):
        client = Client(proxy.port)
        assert client.ask(OTHER)
        assert client.ask(END_TXN) is is_answered
        if is_answered:
            assert client.ask(OTHER)
        assert rule.done == done
    eventually(lambda: server.seen[END_TXN] == 2 * arrivals, f"{2 * arrivals} arrived")
    client = Client(proxy.port)
    assert client.ask(END_TXN)
    assert rule.done == 2
    assert server.seen[END_TXN] == 2 * arrivals + 1


@pytest.mark.parametrize("action", ["late", "again"])
def test_lateness(action: str, server: Server, proxy: KafkaProxy) -> None:
    """What is late comes after what was sent later."""
    proxy.add(END_TXN, action, 1, SECONDS)
    before = WHAT[action][0] - 1
    assert Client(proxy.port).ask(END_TXN) is (action == "again")
    assert Client(proxy.port).ask(OTHER)
    assert (server.seen[END_TXN], server.seen[OTHER]) == (before, 1)
    eventually(lambda: server.seen[END_TXN] == before + 1, "it arrives")


def test_cut(server: Server, proxy: KafkaProxy) -> None:
    clients = [Client(proxy.port) for _ in range(3)]
    assert all(client.ask(OTHER) for client in clients)
    proxy.cut_all()
    assert not any(client.ask(OTHER) for client in clients)
    assert Client(proxy.port).ask(OTHER)


# --- Redis ----------------------------------------------------------------------------------------


@pytest.fixture
def two_servers() -> Iterator[tuple[Redis, Redis]]:
    with Redis() as one, Redis() as two:
        yield one, two


def say(connection: socket.socket, command: bytes) -> bytes:
    connection.sendall(command + b"\r\n")
    return connection.recv(100)


def connect(proxy: RedisProxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=0.5)


def test_redis(two_servers: tuple[Redis, Redis]) -> None:
    one, two = two_servers
    proxy = RedisProxy(one.port)
    connection = connect(proxy)
    assert say(connection, b"SET where one") == b"+OK\r\n"
    proxy.point_to(two.port)
    with pytest.raises((ConnectionError, AssertionError)):
        assert say(connection, b"GET where")
    connection = connect(proxy)
    assert say(connection, b"GET where") == b"$-1\r\n"
    proxy.is_silent = True
    with pytest.raises(TimeoutError):
        say(connection, b"SET where two")
    proxy.is_silent = False
    assert say(connect(proxy), b"GET where") == b"$3\r\ntwo\r\n", "it was not done"
    proxy.breaks_next = True
    connection = connect(proxy)
    assert say(connection, b"GET where") == b"$3\r\n"
    assert connection.recv(100) == b""
    assert say(connect(proxy), b"GET where") == b"$3\r\ntwo\r\n"
    proxy.close()
