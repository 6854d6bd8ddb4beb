"""The fuzzer of `decide` finds what it is for: a fake binary with and without planted bugs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import vectors
from oracle import fuzz_decide

TESTS = Path(__file__).resolve().parents[2]
FAKE = """#!{python}
import json, os, signal, sys
sys.path.insert(0, {tests!r})
import importlib, inspect

module, old, new = {mutant!r}
if module:
    found = importlib.import_module("oracle." + module)
    source = inspect.getsource(found)
    assert source.count(old) == 1, source.count(old)
    exec(compile(source.replace(old, new), found.__file__, "exec"), found.__dict__)
from oracle import catalogue, lines

bug = {bug!r}
loaded = catalogue.load(sys.argv[3])
assert sys.argv[1:3] == ["decide", "--catalogue"]


def spoil(answer):
    result = answer.get("result")
    if "error" in answer:
        if bug == "accepts bad lines":
            return {{"customer": None}}
        if bug == "empty error":
            return {{"error": ""}}
    if not result:
        if bug == "forgets versions" and answer.get("customer"):
            answer["customer"]["version"] -= 1
        return answer
    if bug == "empty message":
        for error in result["errors"]:
            error["message"] = " "
    if bug == "hides the channel":
        for error in result["errors"]:
            error["message"] = "cancel it first"
    if bug == "true as 1":
        for possible in result["possibleUpgrades"]:
            possible["eligible"] = int(possible["eligible"])
    if bug == "loses an account":
        del result["affectedAccounts"][:1]
    if bug == "extra key":
        result["extra"] = None
    if bug == "splits":
        result["parts"] = 2
    if bug == "late billing" and result["billing"]:
        result["billing"]["effectiveAt"] += 1
    if bug == "unsorted errors":
        result["errors"].reverse()
    return answer


bad = 0
for line in sys.stdin.buffer.read().split(b"\\n"):
    if not line:
        continue
    answer = lines.answer_line(loaded, line)
    bad += "error" in answer
    if bug == "drops lines" and bad == 3:
        continue
    text = json.dumps(spoil(answer), ensure_ascii=False)
    sys.stdout.buffer.write((text + "\\n").encode())
    if bug == "hangs" and bad == 2:
        sys.stdout.flush()
        sys.stdin.buffer.read()
        signal.pause()
    if bug == "crashes" and bad == 2:
        sys.stdout.flush()
        os.abort()
    if bug == "broken json":
        print("{{")
sys.exit(0 if bug == "exit code" else int(bad > 0))
"""
BUGS = (
    "accepts bad lines",
    "empty error",
    "forgets versions",
    "empty message",
    "hides the channel",
    "true as 1",
    "loses an account",
    "extra key",
    "splits",
    "late billing",
    "unsorted errors",
    "drops lines",
    "broken json",
    "exit code",
    "crashes",
)
# Slips in the rules themselves: module, a place in its source, and what stands there instead.
MUTANTS = (
    ("catalogue", "- {service}", "- set()"),
    ("catalogue", "and self.catalogue.family_of(plan).exclusive", ""),
    ("catalogue", "if plan not in other_disabled and", "if"),
    ("catalogue", "and self.catalogue.family_of(service).transition", ""),
    ("catalogue", "and service not in self.target.service_set", ""),
    ("catalogue", "for candidate in self.target.services", "for candidate in self.additional"),
    ("catalogue", "sorted(kept | inherited)", "sorted(kept)"),
    ("catalogue", "sorted(kept | inherited)", "sorted(inherited)"),
    ("catalogue", "for s in self.additional if services",
     "for s in self.target.services if services"),
    ("catalogue", "if self.catalogue.family_of(s).conflicts", ""),
    ("state", 'return self.status != "CANCELLED"', 'return self.status == "ACTIVE"'),
    ("state", "stored.revision >= stated.revision", "stored.revision > stated.revision"),
    ("state", "stored.replaced_by is not None or ", ""),
    ("state", "stated.licences = stored.licences", "pass"),
    ("state", "in seen:\n            return None", "in seen:\n            return current"),
    ("state", "return value or None", "return value"),
    ("state", "if key != subscription_id and", "if"),
    ("decide",
     "return [o for o in self.live_others if o.parent != self.source.subscription_id]",
     "return self.live_others"),
    ("decide", "if other.offer_id == self.target_offer:\n                continue",
     "if False:\n                continue"),
    ("decide", "if self.quantity < len(", "if self.quantity <= len("),
    ("decide", "limit is not None and quantity > limit", "limit is not None and quantity >= limit"),
    ("decide", "quantity > INT32_MAX or ", ""),
    ("decide", "for s in services if grant and", "for s in services if"),
    ("decide", "if grant is None or missing:", "if missing:"),
    ("decide", "if new_id in customer.subscriptions:", "if False:"),
    ("decide", 'request.expected_version != customer.version',
     "request.expected_version > customer.version"),
    ("decide", "request.quantity <= 0", "request.quantity < 0"),
    ("decide", "source.channel,\n            None,", "source.channel,\n            source.parent,"),
    ("decide", "sorted(counts, key=lambda t: order[t.service])",
     "sorted(counts, key=lambda t: t.service)"),
    ("decide", "for user in sorted(licences)", "for user in licences"),
    ("decide", "eligible = not general and not errors", "eligible = not errors"),
    ("decide", "if account.error is None\n", "\n"),
    ("decide", "if licence.assigned_by_group is not None:", "if False:"),
    ("decide", "self.request.require_license_transfer and any", "any"),
    ("decide", 'list(case.transfer.additional)', "list(case.transfer.conflicting)"),
    ("decide", "if request.target_offer_id is not None:\n            targets",
     "if False:\n            targets"),
)  # fmt: skip


def fake(folder: Path, bug: str, mutant: tuple[str, str, str] = ("", "", "")) -> str:
    """An executable that answers through the oracle, spoilt by one bug or slip."""
    path = folder / "planlift"
    text = FAKE.format(python=sys.executable, tests=str(TESTS), bug=bug, mutant=mutant)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return str(path)


def run(binary: str, *more: str) -> int:
    return fuzz_decide.main(["--binary", binary, "--cases", "1000", "--seed", "11", *more])


def test_a_right_binary_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fake(tmp_path, "")) == 0
    assert "1000 lines agree" in capsys.readouterr().out


@pytest.mark.parametrize("bug", BUGS)
def test_every_bug_is_found(tmp_path: Path, bug: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fake(tmp_path, bug)) == 1
    assert "seed 11, batch" in capsys.readouterr().out


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant[0]}: {mutant[1][:40]}")
def test_every_slip_is_found(tmp_path: Path, mutant: tuple[str, str, str]) -> None:
    binary = fake(tmp_path, "", mutant)
    assert fuzz_decide.main(["--binary", binary, "--cases", "5000", "--seed", "4"]) == 1


def test_a_hang_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fake(tmp_path, "hangs"), "--timeout", "3") == 1
    out = capsys.readouterr().out
    assert "did not end within 3 s" in out
    assert "no answer" in out


def test_differences_can_be_kept(tmp_path: Path) -> None:
    binary = fake(tmp_path, "extra key")
    kept = tmp_path / "kept"
    catalogue = str(vectors.FOLDER / "catalogue-2.json")
    assert run(binary, "--catalogue", catalogue, "--keep", str(kept)) == 1
    assert (kept / "catalogue.json").stat().st_size > 100
    assert (kept / "lines.ndjson").read_bytes().startswith(b"{")
