"""Where the tests of the oracle find the package, the vectors and the schemas."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "tests"))

import vectors  # noqa: E402
from oracle import catalogue as catalogues  # noqa: E402
from oracle.wire import Registry  # noqa: E402


@pytest.fixture(scope="session")
def facts() -> catalogues.Catalogue:
    """The shipped catalogue."""
    return catalogues.load(vectors.SHIPPED)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The project's own schemas."""
    return Registry.load()
