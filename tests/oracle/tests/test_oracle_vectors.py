"""The oracle against every decision vector of the contract (contract 9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oracle import catalogue as catalogues
from oracle.compare import differences
from oracle.lines import answer_line

FILES = (
    ("decision-vectors.ndjson", "catalogue-facts.json", 600),
    ("decision-vectors-2.ndjson", "catalogue-2.json", 719),
)


@pytest.mark.parametrize(("vectors", "catalogue", "count"), FILES)
def test_every_vector(shared: Path, vectors: str, catalogue: str, count: int) -> None:
    loaded = catalogues.load(shared / catalogue)
    lines = (shared / vectors).read_text("utf-8").splitlines()
    assert len(lines) >= count
    failures = []
    for number, text in enumerate(lines, 1):
        vector = json.loads(text)
        out = answer_line(loaded, json.dumps(vector["in"]).encode())
        failures += [f"line {number} {d}" for d in differences(vector["out"], out)]
    assert not failures, "\n".join(failures[:20])
