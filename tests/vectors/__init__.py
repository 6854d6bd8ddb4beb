"""The contract's sample decisions, kept compressed: lines {"in": …, "out": …} for `decide`."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SHIPPED = FOLDER.parents[1] / "catalogue" / "csp.json"

# File, and the catalogue that its decisions are by.
FILES = (
    ("decision-vectors.ndjson.xz", SHIPPED),
    ("decision-vectors-2.ndjson.xz", FOLDER / "catalogue-2.json"),
)


def cases(name: str) -> list[dict[str, Any]]:
    """The lines of a file, in order."""
    with lzma.open(FOLDER / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
