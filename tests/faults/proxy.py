"""Between planlift and its servers: a proxy that knows Kafka's requests, and one for Redis.

Kafka's is to be the advertised listener (`listener_settings`), so that every connection leads
through it. A rule is about the next so many requests of one kind:

hold     forward after `seconds`
drop     never forward; cut the connection
mute     forward, keep the answer back; cut the connection
silent   forward, keep the answer back; cut the connection only after `seconds`
late     cut the connection; forward after `seconds` nevertheless
repeat   forward twice, keep the second answer back
again    forward; forward the same once more after `seconds`, from elsewhere
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services import LOOPBACK, Kafka, reserve_port

PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT = (
    0, 22, 24, 25, 26, 28,
)  # fmt: skip
TRANSACTIONAL = {
    "addpartitions": ADD_PARTITIONS,
    "addoffsets": ADD_OFFSETS,
    "endtxn": END_TXN,
    "txnoffsets": TXN_OFFSET_COMMIT,
}
ACTIONS = ("hold", "drop", "mute", "silent", "late", "repeat", "again")
MOST_BYTES = 64 * 1024


class Background:
    """An event loop in a thread of its own, for the proxies of one process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Its result, once it is done."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        async def cancel() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.call(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass(slots=True)
class Rule:
    """What is to be done with the next `count` requests of a kind."""

    api_key: int
    action: str
    count: int = 1
    seconds: float = 0.0
    done: int = 0


@dataclass(eq=False)
class Link:
    """A client's connection and ours to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server_reader: asyncio.StreamReader
    server_writer: asyncio.StreamWriter

    def __post_init__(self) -> None:
        self.unwanted: set[int] = set()  # correlation ids whose answers are kept back
        self.repeated: set[int] = set()  # those that are answered twice

    def cut_client(self) -> None:
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()
        self.server_writer.close()


class Proxy:
    """Accepts on `port`, connects to `target`, and lets `_serve` do the rest."""

    def __init__(self, target: int, port: int | None = None) -> None:
        self.target = target
        self.port = port or reserve_port()
        self.links: set[Link] = set()
        self.background = Background()
        self._server = self.background.call(
            asyncio.start_server(self._accept, LOOPBACK, self.port, limit=1 << 26)
        )

    def close(self) -> None:
        async def close() -> None:
            self._server.close()

        self.background.call(close())
        self.background.close()

    def cut_all(self) -> None:
        """Every connection ends, as with a network that fails."""

        async def cut() -> None:
            for link in list(self.links):
                link.cut_client()

        self.background.call(cut())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pair = await asyncio.open_connection(LOOPBACK, self.target, limit=1 << 26)
        except OSError:
            writer.transport.abort()
            return
        link = Link(reader, writer, *pair)
        self.links.add(link)
        both = [asyncio.ensure_future(work) for work in self._serve(link)]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self.links.discard(link)
            link.close()

    def _serve(self, link: Link) -> tuple[Coroutine[Any, Any, None], ...]:
        raise NotImplementedError


class KafkaProxy(Proxy):
    """Request by request."""

    def __init__(self, target: int, port: int | None = None) -> None:
        self.rules: list[Rule] = []
        self.seen: Counter[int] = Counter()
        super().__init__(target, port)

    def add(self, api_key: int, action: str, count: int = 1, seconds: float = 0.0) -> Rule:
        """A rule from now on; `rule.done` counts."""
        assert action in ACTIONS, action
        rule = Rule(api_key, action, count, seconds)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()

    def _serve(self, link: Link) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._requests(link), self._answers(link)

    async def _requests(self, link: Link) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await read_frame(link.reader)
                api_key, _, correlation = struct.unpack(">hhi", frame[4:12])
                self.seen[api_key] += 1
                rule = self._rule_for(api_key)
                if rule is not None and not await self._apply(rule, link, frame, correlation):
                    return
                if rule is None:
                    await write(link.server_writer, frame)

    async def _answers(self, link: Link) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await read_frame(link.server_reader)
                correlation = struct.unpack(">i", frame[4:8])[0]
                if correlation in link.unwanted:
                    continue
                if correlation in link.repeated:
                    link.repeated.discard(correlation)
                    link.unwanted.add(correlation)
                await write(link.writer, frame)

    def _rule_for(self, api_key: int) -> Rule | None:
        for rule in self.rules:
            if rule.api_key == api_key and rule.done < rule.count:
                rule.done += 1
                return rule
        return None

    async def _apply(self, rule: Rule, link: Link, frame: bytes, correlation: int) -> bool:
        """Whether the connection goes on."""
        match rule.action:
            case "hold":
                await asyncio.sleep(rule.seconds)
                await write(link.server_writer, frame)
            case "repeat":
                link.repeated.add(correlation)
                await write(link.server_writer, frame + frame)
            case "again":
                await write(link.server_writer, frame)
                self._later(self._deliver(frame, rule.seconds))
            case "late":
                self._later(self._deliver(frame, rule.seconds))
                link.cut_client()
            case "drop":
                link.cut_client()
            case "mute" | "silent":
                link.unwanted.add(correlation)
                await write(link.server_writer, frame)
                # The answer has been given once the broker answers anything; a moment is enough.
                await asyncio.sleep(max(rule.seconds, 0.05))
                link.cut_client()
        return rule.action in ("hold", "repeat", "again")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.background.loop.create_task(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _deliver(self, frame: bytes, seconds: float) -> None:
        """Over a connection of its own, as what lay in a buffer on the way."""
        await asyncio.sleep(seconds)
        reader, writer = await asyncio.open_connection(LOOPBACK, self.target)
        await write(writer, frame)
        await read_frame(reader)
        writer.close()


class RedisProxy(Proxy):
    """Byte by byte. Can point elsewhere, fall silent, and break an answer in the middle."""

    def __init__(self, target: int, port: int | None = None) -> None:
        self.is_silent = False
        self.breaks_next = False
        super().__init__(target, port)

    def point_to(self, target: int) -> None:
        """To another server; whoever is connected has to connect anew."""
        self.target = target
        self.cut_all()

    def _serve(self, link: Link) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._commands(link), self._answers(link)

    async def _commands(self, link: Link) -> None:
        with suppress(ConnectionError):
            while data := await link.reader.read(MOST_BYTES):
                await write(link.server_writer, data)

    async def _answers(self, link: Link) -> None:
        with suppress(ConnectionError):
            while data := await link.server_reader.read(MOST_BYTES):
                if self.breaks_next and len(data) > 1:
                    self.breaks_next = False
                    await write(link.writer, data[: len(data) // 2])
                    return
                if not self.is_silent:
                    await write(link.writer, data)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """A request or an answer, its size in front."""
    size = await reader.readexactly(4)
    return size + await reader.readexactly(struct.unpack(">i", size)[0])


async def write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def listener_settings(kafka: Kafka, own: int, advertised: int) -> dict[str, object]:
    """Broker settings for a listener at port `own` that says it is at port `advertised`."""
    listeners = f"{kafka.settings['listeners']},PROXIED://{LOOPBACK}:{own}"
    told = f"{kafka.settings['advertised.listeners']},PROXIED://{LOOPBACK}:{advertised}"
    protocols = "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
    return {
        "listeners": listeners,
        "advertised.listeners": told,
        "listener.security.protocol.map": protocols,
        "inter.broker.listener.name": "PLAINTEXT",
    }
