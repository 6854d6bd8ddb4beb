"""What contract 4 accepts and refuses in a catalogue."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oracle import catalogue as catalogues
from oracle.catalogue import CatalogueError, from_json
from oracle.vectors import random_catalogue

GOOD: dict[str, Any] = {
    "version": "v",
    "families": {"f": {"name": "F", "exclusive": True, "conflicts": False, "transition": True}},
    "services": {
        "s1": {"name": "S1", "guid": None, "family": "f"},
        "s2": {"name": "S2", "guid": "g", "family": "f"},
    },
    "offers": {
        "o1": {"name": "O1", "sku": None, "guid": None, "maxSeats": None, "services": ["s1"]},
        "o2": {"name": "O2", "sku": "x", "guid": "g", "maxSeats": 1, "services": ["s2", "s1"]},
    },
    "upgrades": {"o1": ["o2"]},
}


def at(*path: str | int, value: Any = ...) -> Callable[[Any], None]:
    """Set a place, or delete it."""

    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        if value is ...:
            del data[path[-1]]
        else:
            data[path[-1]] = value

    return change


BROKEN = {
    "unknown service": at("offers", "o1", "services", value=["nope"]),
    "repeated service": at("offers", "o1", "services", value=["s1", "s1"]),
    "unknown family": at("services", "s1", "family", value="nope"),
    "unknown source": at("upgrades", "nope", value=["o1"]),
    "unknown target": at("upgrades", "o1", value=["nope"]),
    "repeated target": at("upgrades", "o1", value=["o2", "o2"]),
    "upgrades to itself": at("upgrades", "o2", value=["o2"]),
    "unknown key on top": at("extra", value=1),
    "unknown key of an offer": at("offers", "o1", "extra", value=1),
    "missing key": at("offers", "o1", "sku"),
    "missing version": at("version"),
    "seats 0": at("offers", "o1", "maxSeats", value=0),
    "seats true": at("offers", "o1", "maxSeats", value=True),
    "seats text": at("offers", "o1", "maxSeats", value="5"),
    "seats too many": at("offers", "o1", "maxSeats", value=2**31),
    "flag not boolean": at("families", "f", "exclusive", value=1),
    "name not text": at("services", "s1", "name", value=None),
    "list as object": at("offers", value=[]),
    "services not a list": at("offers", "o1", "services", value="s1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name: str) -> None:
    data = copy.deepcopy(GOOD)
    from_json(data)
    BROKEN[name](data)
    with pytest.raises(CatalogueError):
        from_json(data)


def test_refuses_repeated_keys(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(GOOD).replace('"o2": {"name"', '"o1": {"name"', 1), "utf-8")
    with pytest.raises(CatalogueError, match="o1.*twice"):
        catalogues.load(path)


def test_unknown_offer_is_empty() -> None:
    offer = from_json(GOOD).offer("nope")
    assert (offer.name, offer.services, offer.max_seats) == ("nope", (), None)
    assert from_json(GOOD).targets("nope") == from_json(GOOD).targets("o2") == ()


def test_random_catalogues_are_valid() -> None:
    for seed in range(200):
        from_json(random_catalogue(random.Random(seed)))
