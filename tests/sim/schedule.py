"""The frames that planlift_sim writes about a schedule (tests/sim/dump.h)."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from oracle.records import Record

TOPICS = (
    "subscription-events",
    "upgrade-requests",
    "subscription-events.dlq",
    "upgrade-requests.dlq",
    "upgrade-results",
    "subscription-state",
)
EVENTS, REQUESTS, STATE = 0, 1, 5
IS_RECORD, IS_COMMITTED = 0, 0

_FRAME = struct.Struct("<cI")
_ENTRY = struct.Struct("<BBBBqhqHII")
_LENGTHS = struct.Struct("<II")
_TALLY = struct.Struct("<QQQ")
_NULL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a bad manner occurred and mattered in a schedule."""

    rate: int
    occurred: int
    mattered: int


@dataclass(slots=True)
class Schedule:
    """A schedule as it was left behind; `records` are what a read_committed consumer sees."""

    settings: dict[str, Any]
    records: list[list[Record]] = field(default_factory=lambda: [[] for _ in TOPICS])
    violations: list[str] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    crash: str | None = None

    @property
    def seed(self) -> int:
        """What makes it again."""
        return int(self.settings["seed"])


def _entry(data: bytes) -> tuple[int, Record] | None:
    """Topic and record of a frame R; None for what a read_committed consumer does not see."""
    topic, partition, kind, state, offset, _, _, headers, key_len, value_len = _ENTRY.unpack_from(
        data
    )
    if kind != IS_RECORD or state != IS_COMMITTED:
        return None
    at = _ENTRY.size
    lengths = [key_len, value_len]
    for _ in range(headers):
        lengths += _LENGTHS.unpack_from(data, at)
        at += _LENGTHS.size
    parts: list[bytes | None] = []
    for length in lengths:
        if length == _NULL:
            parts.append(None)
        else:
            parts.append(data[at : at + length])
            at += length
    key, value, *texts = parts
    pairs = [
        ((name or b"").decode(), text) for name, text in zip(texts[::2], texts[1::2], strict=True)
    ]
    return topic, Record(TOPICS[topic], partition, offset, key, value, pairs)


def read(stream: IO[bytes]) -> Iterator[Schedule]:
    """The schedules of a stream, each as soon as it is whole."""
    schedule: Schedule | None = None
    while head := stream.read(_FRAME.size):
        letter, size = _FRAME.unpack(head)
        data = stream.read(size)
        if letter == b"S":
            schedule = Schedule(json.loads(data))
            continue
        assert schedule is not None, "a frame before the first schedule"
        if letter == b"R":
            entry = _entry(data)
            if entry is not None:
                schedule.records[entry[0]].append(entry[1])
        elif letter == b"V":
            schedule.violations.append(data.decode("utf-8", "replace"))
        elif letter == b"M":
            schedule.tallies = [Tally(*numbers) for numbers in _TALLY.iter_unpack(data)]
        elif letter in (b"E", b"X"):
            if letter == b"E":
                schedule.end = json.loads(data)
            else:
                schedule.crash = data.decode("utf-8", "replace")
            yield schedule
        else:
            raise ValueError(f"unknown frame {letter!r}")


def run(binary: Path, seed: int, count: int, options: list[str]) -> Iterator[Schedule]:
    """The schedules seed, seed + 1, ...; the program ends when the iterator is closed."""
    command = [str(binary), "--seed", str(seed), "--count", str(count), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        try:
            yield from read(program.stdout)
        finally:
            program.kill()
