"""Who has which partitions, asked of the group's coordinator.

By a request of our own: the Python client may crash when asked while a broker comes back.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

DESCRIBE_GROUPS, VERSION = 15, 4


class Answer:
    """Bytes of an answer, read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, form: str) -> Any:
        [value] = struct.unpack_from(f">{form}", self._data, self._place)
        self._place += struct.calcsize(f">{form}")
        return value

    def raw(self, size: int) -> bytes:
        self._place += size
        return self._data[self._place - size : self._place]

    def text(self) -> str | None:
        size = self.take("h")
        return None if size < 0 else self.raw(size).decode()

    def list(self, item: Callable[[], Any]) -> list[Any]:
        return [item() for _ in range(self.take("i"))]


def assignment(bootstrap_servers: str, group: str) -> dict[str, set[int]]:
    """Partitions by group.instance.id; none while it cannot be told."""
    try:
        answer = Answer(_ask(bootstrap_servers, group))
    except OSError:
        return {}
    answer.take("i")  # throttle time
    [(error, state, members)] = answer.list(lambda: _group(answer))
    return members if error == 0 and state == "Stable" else {}


def _group(answer: Answer) -> tuple[int, str | None, dict[str, set[int]]]:
    error = answer.take("h")
    answer.text()  # its id
    state = answer.text()
    answer.text(), answer.text()  # kind and name of the protocol
    members = dict(answer.list(lambda: _member(answer)))
    answer.take("i")  # allowed operations
    return error, state, members


def _member(answer: Answer) -> tuple[str, set[int]]:
    answer.text()  # member id
    instance = answer.text() or ""
    answer.text(), answer.text()  # client id and host
    answer.raw(answer.take("i"))  # what it subscribes to
    return instance, _partitions(answer.raw(answer.take("i")))


def _partitions(assigned: bytes) -> set[int]:
    """Of all topics together."""
    if not assigned:
        return set()
    answer = Answer(assigned)
    answer.take("h")  # version

    def topic() -> list[int]:
        answer.text()
        return answer.list(lambda: answer.take("i"))

    return {number for numbers in answer.list(topic) for number in numbers}


def _ask(bootstrap_servers: str, group: str) -> bytes:
    host, port = bootstrap_servers.split(":")
    name = struct.pack(">h", len(group.encode())) + group.encode()
    request = struct.pack(">hhih", DESCRIBE_GROUPS, VERSION, 1, -1)
    request += struct.pack(">i", 1) + name + struct.pack(">b", 0)
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = connection.makefile("rb")
        head = reply.read(8)
        if len(head) < 8:
            raise ConnectionError("no answer")
        body = reply.read(struct.unpack(">i", head[:4])[0] - 4)
    return body
