"""Redis forgets, goes back in time, is damaged, stalls, fails over."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_redis(tmp_path: Path) -> None:
    run_short(tmp_path, "Redis")
