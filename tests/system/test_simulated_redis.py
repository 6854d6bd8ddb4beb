"""The simulation's Redis (tests/sim/redis_server.c) answers as a real one does, planlift's own
scripts included."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from services import ROOT, Redis

DRIVER = Path(os.environ["PLANLIFT_BINARY"]).parent / "drivers" / "simulated_redis"
KEYS = [b"planlift:{group:p0}", b"planlift:{group:p1}"]
Words = list[bytes]


def scripts() -> dict[str, bytes]:
    """Every script in planlift's source, as it is sent."""
    text = (ROOT / "src" / "io" / "redis_cache.c").read_text("utf-8")
    found = {}
    for name, literals in re.findall(r"char (\w+)_script\[\] =\s*((?:\"[^\n]*\"\s*)+);", text):
        lines = re.findall(r'"((?:[^"\\]|\\.)*)"', literals)
        found[name] = "".join(lines).encode().decode("unicode_escape").encode()
    return found


class Simulated:
    """The driver program."""

    def __init__(self) -> None:
        self.program = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line: str) -> str:
        assert self.program.stdin is not None and self.program.stdout is not None
        self.program.stdin.write(f"{line}\n".encode())
        self.program.stdin.flush()
        return self.program.stdout.readline().decode().rstrip("\n")

    def call(self, words: Words) -> str:
        return self.ask(" ".join(word.hex() or "-" for word in words))


class Real:
    """A connection that is used as it is: MULTI is a command as any other."""

    def __init__(self, server: Redis) -> None:
        self.client = redis.Redis.from_url(server.url)
        self.client.flushall()
        self.connection = self.client.connection_pool.get_connection()

    def call(self, words: Words) -> str:
        self.connection.send_command(*words)
        try:
            return shown(self.connection.read_response())
        except redis.ResponseError as refusal:
            return shown(refusal)


# Whose code redis-py takes off the text.
CODES = {
    redis.exceptions.ReadOnlyError: "READONLY",
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.exceptions.ExecAbortError: "EXECABORT",
}


def shown(reply: Any) -> str:
    """An answer as the driver prints it; of an error only its code."""
    if isinstance(reply, redis.ResponseError):
        return f"!{CODES.get(type(reply), 'ERR')}"
    if isinstance(reply, list):
        return " ".join(["[", *(shown(item) for item in reply), "]"])
    if reply is None:
        return "_"
    return f":{reply}" if isinstance(reply, int) else f"${reply.hex()}"


@pytest.fixture
def simulated() -> Iterator[Simulated]:
    driver = Simulated()
    yield driver
    driver.program.kill()
    driver.program.wait()


@pytest.fixture
def real(redis_server: Redis) -> Real:
    return Real(redis_server)


class Commands:
    """Random commands as planlift's, with the checkpoints that are there or others."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.scripts = scripts()
        self.checkpoints = dict.fromkeys(KEYS, b"")

    def field(self) -> bytes:
        return b"h/%d" % self.rng.randrange(12)

    def update(self, key: bytes) -> Words:
        new = b"checkpoint-%d" % self.rng.randrange(10**9)
        expected = self.checkpoints[key] if self.rng.random() < 0.8 else b"another"
        words = [b"EVAL", self.scripts["update"], b"1", key, expected, new]
        for _ in range(self.rng.choice((0, 1, 3, 10, 1500))):
            value = self.rng.choice((b"", b"\x00\xff value", b"x" * 50))
            words += [self.field(), value]
        return words

    def plain(self) -> Words:
        key, rng = self.rng.choice(KEYS), self.rng
        kinds: list[Words] = [
            [b"HMGET", key, b"#", self.field(), self.field()],
            [b"HLEN", key],
            [b"HDEL", key, self.field(), self.field()],
            [b"HSET", key, self.field(), b"value", self.field(), b"another"],
            [b"HSET", key, self.field()],
            [b"HGET", key, b"#"],
            [b"MULTI"],
            [b"EXEC"],
            [b"PING"],
            [b"EVAL", b"return redis.call('HLEN', KEYS[1])", b"1", key],
            [b"EVAL", b"return {1, 'two', false, 4}", b"0"],
            [b"EVAL", b"x = 1", b"0"],
            [b"EVAL", b"return y", b"0"],
            [b"EVAL", b"return redis.call('HSET', KEYS[1], 'f')", b"1", key],
            [b"EVAL", b"return redis.pcall('HSET', KEYS[1], 'f').err ~= nil", b"1", key],
        ]
        return rng.choice(kinds)

    def next(self) -> Words:
        key = self.rng.choice(KEYS)
        chance = self.rng.random()
        if chance < 0.45:
            return self.update(key)
        if chance < 0.5 and "drop" in self.scripts:
            return [b"EVAL", self.scripts["drop"], b"1", key, self.checkpoints[key]]
        if chance < 0.52:
            return [b"UNLINK", key]
        return self.plain()


def compare(simulated: Simulated, real: Real, commands: Commands, count: int) -> int:
    """Both answer so many commands alike. Returns how often a script was applied."""
    applied = 0
    is_multi = False
    for _ in range(count):
        words = commands.next()
        if is_multi and commands.rng.random() < 0.4:
            words = [b"EXEC"]
        is_multi = words == [b"MULTI"] or (is_multi and words != [b"EXEC"])
        found, wanted = simulated.call(words), real.call(words)
        assert found == wanted, words[:8]
        applied += words[0] == b"EVAL" and found == ":1"
        if not is_multi:
            for key in KEYS:
                value = real.client.hget(key, b"#")
                commands.checkpoints[key] = value or b""
    if is_multi:
        assert simulated.call([b"EXEC"]) == real.call([b"EXEC"])
    return applied


def test_planlifts_scripts_are_found() -> None:
    assert "update" in scripts()
    assert all(b"KEYS[1]" in script for script in scripts().values())


@pytest.mark.parametrize("seed", range(3))
def test_random_commands(simulated: Simulated, real: Real, seed: int) -> None:
    assert compare(simulated, real, Commands(seed), 600) > 100


def test_a_redis_that_is_full(simulated: Simulated, real: Real) -> None:
    commands = Commands(7)
    compare(simulated, real, commands, 50)
    memory = real.client.config_get("maxmemory")
    real.client.config_set("maxmemory", "1kb")
    simulated.ask("!full")
    try:
        compare(simulated, real, commands, 200)
    finally:
        real.client.config_set("maxmemory", memory["maxmemory"])


def test_a_replica_refuses_writes(simulated: Simulated, real: Real) -> None:
    commands = Commands(8)
    compare(simulated, real, commands, 50)
    real.client.replicaof("127.0.0.1", 1)  # nobody: it goes on with what it has
    simulated.ask("!read-only")
    try:
        compare(simulated, real, commands, 200)
    finally:
        real.client.replicaof("NO", "ONE")
