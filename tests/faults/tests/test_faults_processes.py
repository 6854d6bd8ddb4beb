"""Processes are killed, anywhere and at every named place, stopped for a moment, rolled, scaled."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_processes(tmp_path: Path) -> None:
    run_short(tmp_path, "kill -9", "pause", "rolling restart", "scaling")
