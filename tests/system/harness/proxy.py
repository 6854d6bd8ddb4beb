"""A TCP path that breaks on request: between a program and its Redis, or its Kafka.

It passes requests and answers on until it is told to break; then, from a chosen request on, it does
to all connections what a `Fault` says, until it is healed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from services import LOOPBACK, reserve_port

from .deadline import Deadline

# Takes complete requests off the front of what a client has sent; each with its name.
Split = Callable[[bytearray], Iterator[tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a broken path does, and to whom."""

    connects: bool = True  # new connections are made; else there is no answer to them
    refuses: bool = False  # new connections are refused, those that ask are reset
    forwards: bool = True  # requests reach the server
    error: bytes | None = None  # every request is answered with this instead of reaching it
    share: float = 1.0  # how much of each answer passes: all, half, nothing
    delay_s: float = 0.0  # how late it passes
    resets: bool = False  # connections are reset after an answer has (partly) passed


def redis_commands(sent: bytearray) -> Iterator[tuple[str, bytes]]:
    """Commands of the Redis protocol, by their name in capital letters."""
    while (line_end := sent.find(b"\r\n")) >= 0:
        count, end, name = int(sent[1:line_end]), line_end + 2, ""
        for _ in range(count):
            line_end = sent.find(b"\r\n", end)
            if line_end < 0:
                return
            size = int(sent[end + 1 : line_end])
            name = name or sent[line_end + 2 : line_end + 2 + size].decode("latin-1").upper()
            end = line_end + 2 + size + 2
            if end > len(sent):
                return
        command = bytes(sent[:end])
        del sent[:end]
        yield name, command


def kafka_requests(sent: bytearray) -> Iterator[tuple[str, bytes]]:
    """Requests of the Kafka protocol, by the number of their kind (ApiKey) in decimal."""
    while len(sent) >= 6:
        size, kind = struct.unpack_from(">ih", sent)
        if len(sent) < 4 + size:
            return
        request = bytes(sent[: 4 + size])
        del sent[: 4 + size]
        yield str(kind), request


@dataclass(eq=False)
class Connection:
    """One client's connection and ours to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    is_dead: bool = False  # nothing passes any more, also after healing
    kept: list[bytes] = field(default_factory=list)  # answers that come with the healing
    busy_until: float = 0.0  # when the last of the late answers passes


class Proxy:
    """A path to a server at `target` (host, port), itself at `port`."""

    def __init__(self, target: tuple[str, int], split: Split) -> None:
        self.target = target
        self.port = reserve_port()
        self.has_broken = threading.Event()
        self._split = split
        self._armed: tuple[Fault, Callable[[str], bool]] | None = None
        self._fault: Fault | None = None
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._plug: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- what a test does -----------------------------------------------------------------------

    def break_at(self, fault: Fault, at: Callable[[str], bool] = lambda _: True) -> None:
        """Break at the next request whose name `at` says yes to."""
        self.has_broken.clear()
        self._armed = fault, at

    def await_broken(self, seconds: float = 20) -> None:
        assert self.has_broken.wait(Deadline(seconds).left), "no such request came"

    def heal(self) -> None:
        """Be a good path again. Connections that lost something stay dead until they are closed;
        answers that were late come now."""
        self._run(self._heal())

    # --- in the loop's thread -------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _close(self) -> None:
        self._unlisten()
        self._unplug()
        for connection in list(self._connections):
            self._end(connection, is_reset=False)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _break(self, fault: Fault) -> None:
        self._armed, self._fault = None, fault
        if fault.refuses or not fault.connects:
            self._unlisten()
        if not fault.connects:
            self._fill_the_queue()
        self.has_broken.set()

    async def _heal(self) -> None:
        self._armed = self._fault = None
        self._unplug()
        if self._server is None:
            await self._listen()
        for connection in self._connections:
            for answer in connection.kept:
                connection.client.write(answer)
            connection.kept.clear()

    def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _fill_the_queue(self) -> None:
        """Let further connections find no answer: the queue of those to be accepted is full."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self.port))
        listener.listen(0)
        self._plug.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, self.port))
            self._plug.append(filler)

    def _unplug(self) -> None:
        for filler in self._plug:
            filler.close()
        self._plug.clear()

    # --- one connection -------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        self._connections.add(connection)
        try:
            answers, connection.server = await asyncio.open_connection(*self.target)
            ways = (self._pass_requests, reader), (self._pass_answers, answers)
            tasks = [asyncio.create_task(way(source, connection)) for way, source in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass  # the server is away: so are we
        finally:
            self._end(connection, is_reset=False)

    async def _pass_requests(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        sent = bytearray()
        while data := await reader.read(1 << 16):
            sent += data
            for name, request in self._split(sent):
                if self._armed and self._armed[1](name):
                    await self._break(self._armed[0])
                self._pass_request(request, connection)

    def _pass_request(self, request: bytes, connection: Connection) -> None:
        fault = self._fault or Fault()
        connection.is_dead |= not fault.forwards
        if fault.error is not None:
            connection.client.write(fault.error)
        elif not connection.is_dead:
            connection.server.write(request)
        if fault.refuses:  # what was asked for is done, but nobody is told
            self._end(connection, is_reset=True)

    async def _pass_answers(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        while data := await reader.read(1 << 16):
            fault = self._fault or Fault()
            if fault.share == 0:
                connection.kept.append(data)
                continue
            passes_at = max(self._loop.time() + fault.delay_s, connection.busy_until)
            if passes_at > self._loop.time():
                connection.busy_until = passes_at + 1e-6  # in order
                self._loop.call_at(passes_at, self._answer, connection, data)
                continue
            self._answer(connection, data[: int(len(data) * fault.share)])
            connection.is_dead |= fault.share < 1
            if fault.resets:
                self._end(connection, is_reset=True)
                return

    def _answer(self, connection: Connection, data: bytes) -> None:
        if not connection.is_dead:
            connection.client.write(data)

    def _end(self, connection: Connection, *, is_reset: bool) -> None:
        self._connections.discard(connection)
        if connection.server is not None:
            connection.server.close()  # which may still read what was sent
        if is_reset:
            with contextlib.suppress(OSError):  # it is closed already
                client = connection.client.get_extra_info("socket")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.client.transport.abort()
        else:
            connection.client.close()
