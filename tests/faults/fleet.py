"""planlift processes in their slots, each started again when it ends, as an orchestrator does."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.planlift import BINARY, FINDING, environment
from services import spawn

from .failpoint import Failpoint

# A process that ends again at once is given a little more time before each new start.
RESTART_S = 0.1
RESTART_MOST_S = 2.0
SHORT_LIFE_S = 2.0


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: exit status (negative: the signal), and its last words."""

    slot: int
    generation: int
    at: float
    status: int
    reason: str
    is_expected: bool
    log: Path

    def __str__(self) -> str:
        how = f"signal {-self.status}" if self.status < 0 else f"exit {self.status}"
        return f"slot {self.slot} generation {self.generation}: {how} {self.reason}".rstrip()


class Slot:
    """A place of the deployment. Holds one process at a time, until it is retired."""

    def __init__(
        self,
        number: int,
        settings: Mapping[str, object],
        new_log: Callable[[int], Path],
        failpoint: Failpoint | None = None,
        is_kept: bool = True,
    ) -> None:
        self.number = number
        self.settings = {**settings, "slot": number}
        self.failpoint = failpoint
        self._new_log = new_log
        self.log = new_log(number)
        self.ends: list[End] = []
        self.generation = 0
        self.process: subprocess.Popen | None = None
        self.started_at = 0.0
        self._expected: set[int] = set()
        self._changed = threading.Condition()
        self._is_retired = False
        self._is_held = False
        self._is_kept = is_kept
        self._delay = RESTART_S
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    # --- what is done to it ---------------------------------------------------------------------

    def kill(self) -> float:
        """End the process as a crash does. The moment it was sent."""
        return self.signal(signal.SIGKILL)

    def terminate(self) -> float:
        """Ask the process to end, as an orchestrator does."""
        return self.signal(signal.SIGTERM)

    def pause(self) -> float:
        """Freeze the process."""
        return self.signal(signal.SIGSTOP)

    def resume(self) -> float:
        return self.signal(signal.SIGCONT)

    def signal(self, number: int) -> float:
        with self._changed:
            self.await_process()
            if number in (signal.SIGKILL, signal.SIGTERM):
                self._expected.add(self.generation)
            at = time.time()
            self.process.send_signal(number)
            return at

    def expect_end(self) -> int:
        """The end of the present process will be no surprise. Its generation."""
        with self._changed:
            self._expected.add(self.generation)
            return self.generation

    def expect_no_end(self) -> None:
        """The present process is to go on."""
        with self._changed:
            self._expected.discard(self.generation)

    def expect_end_of(self, generation: int) -> None:
        """As expect_end(), of a process that is yet to come."""
        with self._changed:
            self._expected.add(generation)

    def hold(self) -> None:
        """Start no new process when this one ends, until release()."""
        with self._changed:
            self._is_held = True

    def release(self) -> None:
        with self._changed:
            self._is_held = False
            self._changed.notify_all()

    def retire(self, seconds: float = 120) -> None:
        """Let the process end as an operator does, and start no other."""
        with self._changed:
            self._is_retired = True
            self._is_held = False
            self._expected.add(self.generation)
            self._changed.notify_all()
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.process.send_signal(signal.SIGCONT)
        self._keeper.join(seconds)
        if self._keeper.is_alive():
            self.close()
            raise AssertionError(f"slot {self.number} does not end when asked to; see {self.log}")

    def close(self) -> None:
        """End it whatever its state."""
        with self._changed:
            self._is_retired = True
            self._is_held = False
            self._expected.add(self.generation)
            self._changed.notify_all()
            if self.process is not None:
                self.process.kill()
        self._keeper.join()

    # --- what is seen of it ---------------------------------------------------------------------

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_stopped(self) -> bool:
        """Frozen by SIGSTOP, whoever sent it."""
        if not self.is_running:
            return False
        try:
            status = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] in "Tt"

    def await_process(self, seconds: float = 120) -> None:
        """Until a process runs."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.is_running, seconds):
                raise AssertionError(f"slot {self.number} has no process")

    def await_end(self, generation: int, seconds: float = 180) -> End:
        """The end of the process of this generation."""

        def found() -> End | None:
            return next((end for end in self.ends if end.generation >= generation), None)

        with self._changed:
            end = self._changed.wait_for(found, seconds)
        if end is None:
            raise AssertionError(f"slot {self.number} still runs after {seconds:.0f} s: {self.log}")
        return end

    # --- the keeper -----------------------------------------------------------------------------

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._is_held)
                if self._is_retired:
                    return
                self._start()
                self._is_held = not self._is_kept
            status = self.process.wait()
            with self._changed:
                self._note_end(status)
                if not self._is_held:
                    self._changed.wait_for(lambda: self._is_retired, self._delay)

    def _start(self) -> None:
        if self.generation > 0:
            self.log = self._new_log(self.number)
        self.generation += 1
        variables = environment(self.settings)
        if self.failpoint is not None:
            variables |= self.failpoint.variables()
        with self.log.open("ab") as log:
            self.process = spawn(
                [BINARY, "run"],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.time()
        self._changed.notify_all()

    def _note_end(self, status: int) -> None:
        now = time.time()
        text = self.log_text()
        words = re.findall(r"^exit_reason=(\w+)", text, re.MULTILINE)
        reason = "sanitizer" if FINDING.search(text) else words[-1] if words else ""
        is_expected = self.generation in self._expected or self._is_retired
        end = End(self.number, self.generation, now, status, reason, is_expected, self.log)
        self.ends.append(end)
        is_short = now - self.started_at < SHORT_LIFE_S and not is_expected
        self._delay = min(self._delay * 2, RESTART_MOST_S) if is_short else RESTART_S
        self._changed.notify_all()


class Fleet:
    """All slots of a deployment."""

    def __init__(
        self, settings: Mapping[str, object], logs: Path, shim: Path | None = None
    ) -> None:
        self.settings = settings
        self.logs = logs
        self.shim = shim
        self.slots: dict[int, Slot] = {}
        self.others: list[Slot] = []
        self._serial = itertools.count(1)

    def add(self, number: int) -> Slot:
        """One slot more, with a process."""
        self.slots[number] = self._slot(number, self.settings)
        return self.slots[number]

    def add_doomed(self, number: int, point: str, count: int = 1, action: str = "kill") -> Slot:
        """One slot more, whose process meets a failpoint from its very start, and is the last."""
        self.slots[number] = self._slot(number, self.settings, (point, count, action))
        return self.slots[number]

    def add_other(self, number: int, settings: Mapping[str, object] | None = None) -> Slot:
        """A process that is not part of the deployment as it should be: a second one in a slot, or
        one of other settings."""
        self.others.append(self._slot(number, {**self.settings, **(settings or {})}))
        return self.others[-1]

    def _slot(
        self, number: int, settings: Mapping[str, object], doom: tuple[str, int, str] | None = None
    ) -> Slot:
        failpoint = None
        if self.shim is not None:
            control = self.logs / f"{next(self._serial):03d}-slot{number}.failpoint"
            failpoint = Failpoint(self.shim, control)
            if doom is not None:
                failpoint.arm(*doom)
        slot = Slot(number, settings, self._new_log, failpoint, is_kept=doom is None)
        slot.await_process()
        return slot

    def _new_log(self, number: int) -> Path:
        return self.logs / f"{next(self._serial):03d}-slot{number}.log"

    def remove(self, number: int) -> None:
        """Let the process of a slot end, and start no other."""
        slot = self.slots.pop(number)
        self.others.append(slot)
        slot.retire()

    @property
    def ends(self) -> list[End]:
        """All that ended, in order."""
        slots = [*self.slots.values(), *self.others]
        return sorted((end for slot in slots for end in slot.ends), key=lambda end: end.at)

    def surprises(self, since: float = 0.0) -> list[End]:
        """Ends that nobody asked for."""
        return [end for end in self.ends if end.at >= since and not end.is_expected]

    def stop(self) -> None:
        """All end as an operator has them end."""
        for number in list(self.slots):
            self.remove(number)

    def close(self) -> None:
        for slot in [*self.slots.values(), *self.others]:
            slot.close()
