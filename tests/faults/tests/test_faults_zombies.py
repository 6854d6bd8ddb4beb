"""Processes stand still, lose their partitions to others, and go on."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_zombies(tmp_path: Path) -> None:
    points = ("after_flush", "after_offsets", "commit_sent", "before_redis_write", "replaced")
    run_short(tmp_path, *(f"zombie_{point}" for point in points))
