"""The program under test, as a process: its output as it comes, its end, its HTTP port."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services import LOOPBACK, ROOT, reserve_port, spawn

from .deadline import Deadline, eventually

BINARY = Path(os.environ.get("PLANLIFT_BINARY", ROOT / "build" / "dev" / "planlift"))

# What the sanitizers say when they find something; no test passes with it.
FINDING = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended: exit status (negative: the signal), output, messages."""

    status: int
    out: str
    err: str


class Stream:
    """The lines of one output of a process, collected as they come."""

    def __init__(self, source: IO[bytes]) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._is_open = True
        self._reader = threading.Thread(target=self._collect, args=(source,), daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        with self._changed:
            return "".join(self._lines)

    def await_match(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """The first line that matches, once it is there."""
        deadline = Deadline(seconds)
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                assert self._is_open, f"ended without /{pattern}/:\n{self.tail()}"
                assert not deadline.is_over, f"no /{pattern}/ in {seconds:.0f} s:\n{self.tail()}"
                self._changed.wait(deadline.left)

    def tail(self, lines: int = 60) -> str:
        with self._changed:
            return "".join(self._lines[-lines:])

    def join(self) -> None:
        """Return once the other end is closed and all is read."""
        self._reader.join()

    def _collect(self, source: IO[bytes]) -> None:
        for line in source:
            self._add(line.decode("utf-8", "replace"))
        self._add(None)

    def _add(self, line: str | None) -> None:
        with self._changed:
            if line is None:
                self._is_open = False
            else:
                self._lines.append(line)
            self._changed.notify_all()


class Planlift:
    """One planlift process with `settings` (names of contract 8) and further `variables` in its
    environment."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        settings: Mapping[str, object],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.arguments = [str(argument) for argument in arguments]
        self.http_port = reserve_port()
        listen = {"http.listen": f"{LOOPBACK}:{self.http_port}"}
        self.process = spawn(
            [BINARY, *self.arguments],
            env=environment({**listen, **settings}) | dict(variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.out = Stream(self.process.stdout)
        self.err = Stream(self.process.stderr)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def feed(self, data: bytes) -> None:
        """Give it all of its standard input."""
        try:
            with self.process.stdin as stdin:
                stdin.write(data)
        except BrokenPipeError:
            pass  # it ended without reading on, as it may

    def await_exit(self, seconds: float = 60) -> Finished:
        """Its end, which it must come to by itself."""
        try:
            status = self.process.wait(Deadline(seconds).left)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self} still runs after {seconds:.0f} s:\n{self.err.tail()}"
            ) from None
        self.out.join()
        self.err.join()
        return Finished(status, self.out.text, self.err.text)

    def await_ready(self, seconds: float = 30) -> None:
        """Until /readyz says yes."""
        eventually(lambda: self._answers("/readyz"), f"ready: {self}", seconds)

    def await_not_ready(self, seconds: float = 30) -> None:
        """Until /readyz says no, while the process lives."""
        eventually(lambda: not self._answers("/readyz"), f"unready: {self}", seconds)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page of its HTTP port; OSError where it does not answer."""
        connection = http.client.HTTPConnection(LOOPBACK, self.http_port, timeout=Deadline(1).left)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def stop(self, seconds: float = 30) -> Finished:
        """End it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        return self.await_exit(seconds)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Freeze it, as a machine that stalls does: its connections stay."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it whatever its state; show what it said; fail if a sanitizer spoke up."""
        self.kill()
        self.process.stdin.close()
        self.out.join()
        self.err.join()
        self.process.stdout.close()
        self.process.stderr.close()
        print(f"--- {self}: exit {self.process.returncode}, its last lines:\n{self.err.tail()}")
        assert not FINDING.search(self.err.text), f"{self}:\n{self.err.text}"

    def __str__(self) -> str:
        return " ".join(["planlift", *self.arguments])

    def _answers(self, path: str) -> bool:
        assert self.is_running, f"{self} ended with {self.process.returncode}:\n{self.err.tail()}"
        try:
            return self.get(path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Our environment with `settings` in place of whatever it says of planlift."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PLANLIFT_")}
    return others | {variable(key): str(value) for key, value in settings.items()}


def variable(key: str) -> str:
    """The environment variable of a setting (contract 8)."""
    return "PLANLIFT_" + key.upper().replace("_", "__").replace(".", "_")
