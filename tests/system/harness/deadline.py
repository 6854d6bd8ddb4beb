"""How long a test waits: always for a condition, and never for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Sanitizers slow the program down; ctest then sets this above 1.
PATIENCE = float(os.environ.get("PLANLIFT_TEST_PATIENCE", "1"))
# How much longer than on a quiet machine anything may take: nothing is lost by waiting for it.
ALLOWANCE = 5 * PATIENCE


class Deadline:
    """By when something is to have happened that takes less than `seconds` on a quiet machine."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds * ALLOWANCE

    @property
    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.left == 0.0


def eventually(condition: Callable[[], T], what: str, seconds: float = 20) -> T:
    """The first true value of `condition`, asked again and again; fails as "not `what`". `seconds`
    as of a Deadline."""
    deadline = Deadline(seconds)
    while not (value := condition()):
        assert not deadline.is_over, f"not {what} within {seconds * ALLOWANCE:.0f} s"
        time.sleep(0.02)
    return value
