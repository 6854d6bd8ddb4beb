"""Where the tests of the oracle find the package, the shared vectors and the schemas."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "tests"))

from oracle import catalogue as catalogues  # noqa: E402
from oracle.wire import Registry  # noqa: E402


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of contract, catalogues and decision vectors."""
    folder = Path(os.environ.get("PLANLIFT_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "decision-vectors.ndjson").is_file():
        pytest.fail(f"no decision-vectors.ndjson in {folder}: set PLANLIFT_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def facts(shared: Path) -> catalogues.Catalogue:
    """The catalogue of the shipped facts."""
    return catalogues.load(shared / "catalogue-facts.json")


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The project's own schemas."""
    return Registry.load()
