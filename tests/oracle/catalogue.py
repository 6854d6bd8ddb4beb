"""The catalogue of offers (contract 4): strict loading, and what decisions ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

INT32_MAX = 2**31 - 1


class CatalogueError(ValueError):
    """A catalogue that contract 4 refuses; the text names the place and the reason."""


@dataclass(frozen=True, slots=True)
class Family:
    """Service plans that stand in for each other (contract 4)."""

    name: str
    exclusive: bool
    conflicts: bool
    transition: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One service plan; `family` is a family id."""

    name: str
    guid: str | None
    family: str


@dataclass(frozen=True)
class Offer:
    """One offer; the order of `services` means something (contract 4)."""

    name: str
    sku: str | None
    guid: str | None
    max_seats: int | None
    services: tuple[str, ...]

    @cached_property
    def service_set(self) -> frozenset[str]:
        """The services without their order."""
        return frozenset(self.services)


@dataclass
class Catalogue:
    """A loaded catalogue. Offers that it lacks have no services, targets or maxSeats."""

    version: str
    families: dict[str, Family]
    services: dict[str, Service]
    offers: dict[str, Offer]
    upgrades: dict[str, tuple[str, ...]]
    _transfers: dict[tuple[str, str], Transfer] = field(default_factory=dict, repr=False)

    def offer(self, offer_id: str) -> Offer:
        """The offer, or the empty one named by its id (contract 3 `Subscription`, 4)."""
        return self.offers.get(offer_id) or Offer(offer_id, None, None, None, ())

    def targets(self, offer_id: str) -> tuple[str, ...]:
        """What the offer may be upgraded to, in the catalogue's order."""
        return self.upgrades.get(offer_id, ())

    def family_of(self, service_id: str) -> Family:
        """The family of a service that the catalogue has."""
        return self.families[self.services[service_id].family]

    def transfer(self, source_offer: str, target_offer: str) -> Transfer:
        """What an upgrade from one offer to the other means for a licence (cached)."""
        key = (source_offer, target_offer)
        if key not in self._transfers:
            self._transfers[key] = Transfer(self, source_offer, target_offer)
        return self._transfers[key]


@dataclass(frozen=True, slots=True)
class Transition:
    """A service that a user loses, and what replaces it (contract 6, UPGRADE)."""

    service: str
    replacement: str | None

    @property
    def kind(self) -> str:
        """The symbol of the enum `Transition`."""
        return "REMOVED" if self.replacement is None else "REPLACED"


class Transfer:
    """The rules of contract 6 (UPGRADE) that depend on two offers and disabled services only.

    Users with the same disabled services fare alike, hence the caches.
    """

    CACHE_LIMIT = 50_000

    def __init__(self, catalogue: Catalogue, source_offer: str, target_offer: str) -> None:
        self.catalogue = catalogue
        self.source = catalogue.offer(source_offer)
        self.target = catalogue.offer(target_offer)
        self._carried: dict[tuple[str, ...], tuple[tuple[Transition, ...], tuple[str, ...]]] = {}
        self._clashes: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    @cached_property
    def additional(self) -> tuple[str, ...]:
        """All services that the source lacks, in the target's order (CHECK)."""
        return tuple(s for s in self.target.services if s not in self.source.service_set)

    @cached_property
    def conflicting(self) -> tuple[str, ...]:
        """Those of `additional` whose family counts in error 10."""
        return tuple(s for s in self.additional if self.catalogue.family_of(s).conflicts)

    def carry(self, disabled: tuple[str, ...]) -> tuple[tuple[Transition, ...], tuple[str, ...]]:
        """The transitions of a user with these disabled services, and the new disabled ones."""
        found = self._carried.get(disabled)
        if found is None:
            if len(self._carried) >= self.CACHE_LIMIT:
                self._carried.clear()
            found = (self._transitions(set(disabled)), self._new_disabled(set(disabled)))
            self._carried[disabled] = found
        return found

    def _transitions(self, disabled: set[str]) -> tuple[Transition, ...]:
        lost = [
            service
            for service in self.source.services
            if service not in disabled
            and service not in self.target.service_set
            and self.catalogue.family_of(service).transition
        ]
        return tuple(Transition(service, self._replacement(service)) for service in lost)

    def _replacement(self, service: str) -> str | None:
        """The first service in the target of the same family."""
        family = self.catalogue.services[service].family
        for candidate in self.target.services:
            if self.catalogue.services[candidate].family == family:
                return candidate
        return None

    def _new_disabled(self, disabled: set[str]) -> tuple[str, ...]:
        services = self.catalogue.services
        disabled_families = {services[s].family for s in self.source.services if s in disabled}
        kept = {s for s in self.target.services if s in disabled}
        inherited = {s for s in self.additional if services[s].family in disabled_families}
        return tuple(sorted(kept | inherited))

    def clashes(
        self, other_offer: str, other_disabled: tuple[str, ...], new_disabled: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Target services that a user could not hold beside his licence of another offer.

        Contract 6, licenseError `conflicting_service_types`: the other licence has enabled a plan
        of an exclusive family, and another plan of that family would be enabled by the target.
        """
        key = (other_offer, other_disabled, new_disabled)
        found = self._clashes.get(key)
        if found is None:
            if len(self._clashes) >= self.CACHE_LIMIT:
                self._clashes.clear()
            found = self._find_clashes(other_offer, set(other_disabled), set(new_disabled))
            self._clashes[key] = found
        return found

    def _find_clashes(
        self, other_offer: str, other_disabled: set[str], new_disabled: set[str]
    ) -> tuple[str, ...]:
        held: dict[str, set[str]] = {}
        for plan in self.catalogue.offer(other_offer).services:
            if plan not in other_disabled and self.catalogue.family_of(plan).exclusive:
                held.setdefault(self.catalogue.services[plan].family, set()).add(plan)
        return tuple(
            service
            for service in self.target.services
            if service not in new_disabled
            and held.get(self.catalogue.services[service].family, set()) - {service}
        )


def load(path: str | Path) -> Catalogue:
    """Load and validate a catalogue file (contract 4); CatalogueError says what is wrong."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
        return from_json(json.loads(text, object_pairs_hook=_unique))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CatalogueError(f"{path}: not JSON in UTF-8: {error}") from error
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys do not repeat (contract 4)."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise CatalogueError(f"key {key!r} is there twice")
        result[key] = value
    return result


def from_json(data: Any) -> Catalogue:
    """Build a catalogue from parsed JSON, refusing what contract 4 refuses."""
    top = _object(data, "catalogue", {"version", "families", "services", "offers", "upgrades"})
    families = {
        key: _family(value, f"families.{key}")
        for key, value in _mapping(top["families"], "families").items()
    }
    services = {
        key: _service(value, f"services.{key}", families)
        for key, value in _mapping(top["services"], "services").items()
    }
    offers = {
        key: _offer(value, f"offers.{key}", services)
        for key, value in _mapping(top["offers"], "offers").items()
    }
    upgrades = {
        key: _upgrade(key, value, offers)
        for key, value in _mapping(top["upgrades"], "upgrades").items()
    }
    return Catalogue(_string(top["version"], "version"), families, services, offers, upgrades)


def _family(data: Any, place: str) -> Family:
    top = _object(data, place, {"name", "exclusive", "conflicts", "transition"})
    flags = {flag: _boolean(top[flag], f"{place}.{flag}") for flag in top if flag != "name"}
    return Family(name=_string(top["name"], f"{place}.name"), **flags)


def _service(data: Any, place: str, families: dict[str, Family]) -> Service:
    top = _object(data, place, {"name", "guid", "family"})
    family = _string(top["family"], f"{place}.family")
    if family not in families:
        raise CatalogueError(f"{place}.family: unknown family {family!r}")
    return Service(
        _string(top["name"], f"{place}.name"), _optional(top["guid"], f"{place}.guid"), family
    )


def _offer(data: Any, place: str, services: dict[str, Service]) -> Offer:
    top = _object(data, place, {"name", "sku", "guid", "maxSeats", "services"})
    seats = top["maxSeats"]
    if seats is not None and (type(seats) is not int or not 1 <= seats <= INT32_MAX):
        raise CatalogueError(f"{place}.maxSeats: neither null nor an int from 1: {seats!r}")
    return Offer(
        _string(top["name"], f"{place}.name"),
        _optional(top["sku"], f"{place}.sku"),
        _optional(top["guid"], f"{place}.guid"),
        seats,
        _references(top["services"], f"{place}.services", services),
    )


def _upgrade(offer: str, data: Any, offers: dict[str, Offer]) -> tuple[str, ...]:
    place = f"upgrades.{offer}"
    if offer not in offers:
        raise CatalogueError(f"{place}: unknown offer")
    targets = _references(data, place, offers)
    if offer in targets:
        raise CatalogueError(f"{place}: the offer upgrades to itself")
    return targets


def _references(data: Any, place: str, known: dict[str, Any]) -> tuple[str, ...]:
    if not isinstance(data, list):
        raise CatalogueError(f"{place}: not a list")
    seen: set[str] = set()
    for index, item in enumerate(data):
        if _string(item, f"{place}[{index}]") not in known:
            raise CatalogueError(f"{place}[{index}]: unknown {item!r}")
        if item in seen:
            raise CatalogueError(f"{place}[{index}]: {item!r} is there twice")
        seen.add(item)
    return tuple(data)


def _object(data: Any, place: str, keys: set[str]) -> dict[str, Any]:
    found = _mapping(data, place)
    for key in sorted(found.keys() ^ keys):
        raise CatalogueError(f"{place}: {'unknown' if key in found else 'missing'} key {key!r}")
    return found


def _mapping(data: Any, place: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise CatalogueError(f"{place}: not an object")
    return data


def _string(data: Any, place: str) -> str:
    if not isinstance(data, str):
        raise CatalogueError(f"{place}: not a string")
    return data


def _optional(data: Any, place: str) -> str | None:
    return None if data is None else _string(data, place)


def _boolean(data: Any, place: str) -> bool:
    if not isinstance(data, bool):
        raise CatalogueError(f"{place}: not a boolean")
    return data
