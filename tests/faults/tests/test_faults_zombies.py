"""Processes stand still, lose their partitions to others, and go on."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_zombies(tmp_path: Path) -> None:
    run_short(tmp_path, "zombie")
