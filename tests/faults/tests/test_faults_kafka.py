"""The broker is killed, restarted, stands still; people change offsets, and write where they should
not."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_kafka(tmp_path: Path) -> None:
    run_short(tmp_path, "broker", "operator", "foreign writer")
