#!/usr/bin/env python3
"""The fault campaign: see --help, and faults/__init__.py."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> int:
    """Also when called by hand, from whatever folder."""
    sys.path[:0] = [str(TESTS), str(TESTS / "env"), str(TESTS / "system")]
    from faults.command import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
