"""A process that is to end, or to stop, at a named place: the hand on failpoint.c."""

from __future__ import annotations

import mmap
import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("failpoint.c")
CONTROL_BYTES = 256

# Where a process can be made to end, in the order in which a batch gets there (failpoint.c).
POINTS = (
    "redis_read",
    "begin",
    "before_flush",
    "after_flush",
    "offsets_sent",
    "after_offsets",
    "commit_sent",
    "after_commit",
    "before_redis_write",
    "redis_write_sent",
    "redis_written",
)
RECOVERY_POINTS = ("init", "before_assign", "restore_read", "restore_drop", "restore_written")


def build(folder: Path) -> Path:
    """The shim, as a library to preload."""
    library = folder / "failpoint.so"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-shared", "-fPIC"]
    command = [os.environ.get("CC", "cc"), *flags, "-o", library, SOURCE]
    subprocess.run([str(part) for part in command], check=True)
    return library


class Failpoint:
    """What one process is told; may be changed while it runs."""

    def __init__(self, shim: Path, control: Path) -> None:
        self.shim = shim
        self.control = control
        control.write_bytes(bytes(CONTROL_BYTES))

    def variables(self) -> dict[str, str]:
        """For the environment of the process."""
        return {"LD_PRELOAD": str(self.shim), "FAILPOINT_FILE": str(self.control)}

    def arm(self, point: str, count: int = 1, action: str = "kill") -> None:
        """At the count-th time from now on: `kill`, or `stop` (as SIGSTOP)."""
        self._write(f"{point}:{count}:{action}")

    def disarm(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        """Length last, so that no half of it is read."""
        raw = text.encode()
        with self.control.open("r+b") as file, mmap.mmap(file.fileno(), CONTROL_BYTES) as view:
            view[0:1] = b"\0"
            view[1 : 1 + len(raw)] = raw
            view[0:1] = bytes([len(raw)])
