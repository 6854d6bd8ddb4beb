"""Requests of transactions are held, dropped, repeated and delivered late on their way."""

from __future__ import annotations

from pathlib import Path

from short import run_short


def test_network(tmp_path: Path) -> None:
    run_short(tmp_path, "broker_cut", "addoffsets_*", "endtxn_*")
