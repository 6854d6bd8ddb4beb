"""The oracle against every decision vector of the contract (contract 9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vectors
from oracle import catalogue as catalogues
from oracle.compare import differences
from oracle.lines import answer_line


@pytest.mark.parametrize(("file", "catalogue"), vectors.FILES)
def test_every_vector(file: str, catalogue: Path) -> None:
    loaded = catalogues.load(catalogue)
    cases = vectors.cases(file)
    assert len(cases) >= 600
    failures = []
    for number, vector in enumerate(cases, 1):
        out = answer_line(loaded, json.dumps(vector["in"]).encode())
        failures += [f"line {number} {d}" for d in differences(vector["out"], out)]
    assert not failures, "\n".join(failures[:20])
