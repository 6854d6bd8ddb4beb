"""How long a test waits: always for a condition, and never for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Sanitizers slow the program down; ctest then sets this above 1.
PATIENCE = float(os.environ.get("PLANLIFT_TEST_PATIENCE", "1"))


class Deadline:
    """A moment `seconds` from now (more where the build is a slow one)."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds * PATIENCE

    @property
    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.left == 0.0


def eventually(condition: Callable[[], T], what: str, seconds: float = 20) -> T:
    """The first true value of `condition`, asked again and again; fails as "not `what`"."""
    deadline = Deadline(seconds)
    while not (value := condition()):
        assert not deadline.is_over, f"not {what} within {seconds:.0f} s"
        time.sleep(0.02)
    return value
