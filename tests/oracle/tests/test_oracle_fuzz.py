"""The fuzzer of `decide` finds what it is for: a fake binary with and without planted bugs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from oracle import fuzz_decide

TESTS = Path(__file__).resolve().parents[2]
FAKE = """#!{python}
import json, sys
sys.path.insert(0, {tests!r})
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
)


def fake(folder: Path, bug: str) -> str:
    """An executable that answers through the oracle, spoilt by one bug."""
    path = folder / "planlift"
    path.write_text(FAKE.format(python=sys.executable, tests=str(TESTS), bug=bug), "utf-8")
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


def test_differences_can_be_kept(shared: Path, tmp_path: Path) -> None:
    binary = fake(tmp_path, "extra key")
    kept = tmp_path / "kept"
    catalogue = str(shared / "catalogue-2.json")
    assert run(binary, "--catalogue", catalogue, "--keep", str(kept)) == 1
    assert (kept / "catalogue.json").stat().st_size > 100
    assert (kept / "lines.ndjson").read_bytes().startswith(b"{")
