"""`planlift catalogue check` (contract 4, 8): what is a catalogue, and what is wrong where."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.deadline import Deadline
from harness.planlift import BINARY, FINDING
from services import ROOT

SHIPPED = ROOT / "catalogue" / "csp.json"
Json = dict[str, Any]

GOOD: Json = {
    "version": "v1",
    "families": {
        "mail": {"name": "Mail", "exclusive": True, "conflicts": True, "transition": True},
        "chat": {"name": "", "exclusive": False, "conflicts": False, "transition": False},
    },
    "services": {
        "MAIL_1": {"name": "Mail 1", "guid": None, "family": "mail"},
        "CHAT": {"name": "Chat", "guid": "00000000", "family": "chat"},
    },
    "offers": {
        "small": {"name": "S", "sku": None, "guid": None, "maxSeats": 1, "services": ["MAIL_1"]},
        "large": {
            "name": "L",
            "sku": "L1",
            "guid": "x",
            "maxSeats": None,
            "services": ["CHAT", "MAIL_1"],
        },
    },
    "upgrades": {"small": ["large"]},
}


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [BINARY, "catalogue", *arguments],
        capture_output=True,
        text=True,
        timeout=Deadline(20).left,
        check=False,
    )
    assert not FINDING.search(done.stderr), done.stderr
    return done


def check_text(tmp_path: Path, text: str | bytes) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "mine.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return check("check", path)


def test_the_shipped_catalogue_is_valid() -> None:
    done = check("check", SHIPPED)
    assert (done.returncode, done.stderr) == (0, "")
    for count in ("11 offers", "112 services", "53 families", "12 upgrades"):
        assert count in done.stdout


def test_counts_are_those_of_the_file(tmp_path: Path) -> None:
    done = check_text(tmp_path, json.dumps(GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path / "mine.json") in done.stdout
    assert "version v1, 2 offers, 2 services, 2 families, 1 upgrades" in done.stdout


def test_order_of_the_sections_and_blanks_mean_nothing(tmp_path: Path) -> None:
    turned = dict(reversed(GOOD.items()))
    assert check_text(tmp_path, json.dumps(turned, indent=3) + "\n\n").returncode == 0


def test_a_catalogue_may_be_empty(tmp_path: Path) -> None:
    empty: Json = {"version": "0", "families": {}, "services": {}, "offers": {}, "upgrades": {}}
    assert check_text(tmp_path, json.dumps(empty)).returncode == 0


# --- faults -------------------------------------------------------------------------------------

MISSING = object()


def place(*steps: str | int) -> Callable[[Json], tuple[Any, str | int]]:
    """The owner of a value, and its key there."""

    def find(data: Json) -> tuple[Any, str | int]:
        owner: Any = data
        for step in steps[:-1]:
            owner = owner[step]
        return owner, steps[-1]

    return find


Fault = tuple[tuple[str | int, ...], Any, str, str]

FAULTS: list[Fault] = [
    # where, what instead, the place that is told, a piece of the reason
    (("version",), MISSING, "version", "missing"),
    (("version",), "", "version", "empty"),
    (("version",), 7, "version", "string"),
    (("families",), MISSING, "families", "missing"),
    (("services",), [], "services", "object"),
    (("offers",), None, "offers", "object"),
    (("upgrades",), MISSING, "upgrades", "missing"),
    (("extra",), 1, '"extra"', "unknown key"),
    (("families", "mail"), [], 'families."mail"', "object"),
    (("families", "mail", "name"), None, 'families."mail".name', "string"),
    (("families", "mail", "name"), MISSING, 'families."mail".name', "missing"),
    (("families", "mail", "exclusive"), 1, 'families."mail".exclusive', "boolean"),
    (("families", "mail", "conflicts"), "true", 'families."mail".conflicts', "boolean"),
    (("families", "mail", "transition"), None, 'families."mail".transition', "boolean"),
    (("families", "mail", "color"), "red", 'families."mail"."color"', "unknown key"),
    (("families", ""), GOOD["families"]["mail"], 'families.""', "empty"),
    (("services", "CHAT", "name"), 1, 'services."CHAT".name', "string"),
    (("services", "CHAT", "guid"), 1, 'services."CHAT".guid', "string"),
    (("services", "CHAT", "guid"), MISSING, 'services."CHAT".guid', "missing"),
    (("services", "CHAT", "family"), None, 'services."CHAT".family', "string"),
    (("services", "CHAT", "family"), "phone", 'services."CHAT".family', "phone"),
    (("services", "CHAT", "names"), "x", 'services."CHAT"."names"', "unknown key"),
    (("services", ""), GOOD["services"]["CHAT"], 'services.""', "empty"),
    (("offers", "small"), "x", 'offers."small"', "object"),
    (("offers", "small", "name"), False, 'offers."small".name', "string"),
    (("offers", "small", "sku"), 1, 'offers."small".sku', "string"),
    (("offers", "small", "guid"), {}, 'offers."small".guid', "string"),
    (("offers", "small", "maxSeats"), MISSING, 'offers."small".maxSeats', "missing"),
    (("offers", "small", "maxSeats"), 0, 'offers."small".maxSeats', "from 1 to 2147483647"),
    (("offers", "small", "maxSeats"), -1, 'offers."small".maxSeats', "from 1 to 2147483647"),
    (("offers", "small", "maxSeats"), 2**31, 'offers."small".maxSeats', "from 1 to 2147483647"),
    (("offers", "small", "maxSeats"), 1.0, 'offers."small".maxSeats', "integer"),
    (("offers", "small", "maxSeats"), "1", 'offers."small".maxSeats', "integer"),
    (("offers", "small", "services"), None, 'offers."small".services', "array"),
    (("offers", "small", "services"), {}, 'offers."small".services', "array"),
    (("offers", "large", "services", 1), 2, 'offers."large".services[1]', "string"),
    (("offers", "large", "services", 1), "FAX", 'offers."large".services[1]', "FAX"),
    (("offers", "large", "services", 1), "CHAT", 'offers."large".services[1]', "CHAT"),
    (("offers", "small", "seats"), 3, 'offers."small"."seats"', "unknown key"),
    (("offers", ""), GOOD["offers"]["small"], 'offers.""', "empty"),
    (("upgrades", "small"), None, 'upgrades."small"', "array"),
    (("upgrades", "small", 0), 5, 'upgrades."small"[0]', "string"),
    (("upgrades", "small", 0), "medium", 'upgrades."small"[0]', "medium"),
    (("upgrades", "small", 0), "small", 'upgrades."small"[0]', "itself"),
    (("upgrades", "small"), ["large", "large"], 'upgrades."small"[1]', "large"),
    (("upgrades", "medium"), [], 'upgrades."medium"', "unknown offer"),
]


@pytest.mark.parametrize(("steps", "value", "where", "reason"), FAULTS, ids=str)
def test_a_fault_is_told_with_file_place_and_reason(
    tmp_path: Path, steps: tuple[str | int, ...], value: Any, where: str, reason: str
) -> None:
    data = copy.deepcopy(GOOD)
    owner, key = place(*steps)(data)
    if value is MISSING:
        del owner[key]
    else:
        owner[key] = value
    done = check_text(tmp_path, json.dumps(data))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'mine.json'}: {where}: " in done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{\n"version": "v",\n"version": "w"\n}', 3, "duplicate object key"),
        (json.dumps(GOOD, indent=1).replace('"guid": "x"', '"sku": "x"'), 42, "duplicate"),
        ('{\n"version": "v",\n}', 3, ""),
        ('{\n"version": "v"\n', 3, "end of file"),
        ('{\n"version": v}', 2, "invalid token"),
        ('{\n"version": 99999999999999999999}', 2, "too big integer"),
        (b'{\n"version": "\xff"}', 2, "unable to decode byte 0xff"),
    ],
)
def test_broken_json_is_told_with_line_and_column(
    tmp_path: Path, text: str | bytes, line: int, reason: str
) -> None:
    done = check_text(tmp_path, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'mine.json'}: line {line}: column " in done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize("text", ["", "null", "[]", '"x"', "{} {}"])
def test_what_is_no_object_is_no_catalogue(tmp_path: Path, text: str) -> None:
    done = check_text(tmp_path, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(tmp_path / "mine.json") in done.stderr


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.json", "No such file"), (tmp_path, "directory")):
        done = check("check", path)
        assert (done.returncode, done.stdout) == (1, "")
        assert str(path) in done.stderr
        assert reason in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["check", "a", "b"], ["verify", "a"], ["--all"]]
)
def test_wrong_use_is_told(arguments: list[str]) -> None:
    done = check(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "catalogue --help" in done.stderr


def test_help_explains() -> None:
    done = check("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "catalogue check FILE" in done.stdout
