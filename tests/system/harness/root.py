"""Tests that mount and take on users of their own."""

from __future__ import annotations

import os

import pytest


def require_root() -> None:
    """Skips the test for who may not."""
    if os.geteuid() != 0:
        pytest.skip("mounts and takes on other users: needs root")
