"""Compare the `decide` subcommand of a binary with the oracle on random lines (contract 9).

    python -m oracle.fuzz_decide --binary PATH [--seed N] [--cases N] [--catalogue F]

with `tests/` on PYTHONPATH; needs nothing beside the standard library.
Exit 0: all agree; 1: a difference was found (the first ones are printed); 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .catalogue import Catalogue, from_json, load
from .compare import differences, message_problems, stamp_problems
from .lines import answer_line
from .vectors import BadCase, LineMaker, all_bad_cases, encode_line, random_catalogue

BATCH = 250
LARGE = 3000
TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What to run; `timeout` in seconds for each batch."""

    binary: str
    seed: int = 1
    cases: int = 5000
    catalogues: list[Path] = field(default_factory=list)
    timeout: float = TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class Batch:
    """The lines of one run of the binary; `rule` is what a bad line breaks."""

    name: str
    catalogue_json: Any
    lines: list[bytes]
    rules: list[str | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One line that the binary and the oracle answer differently (line < 0: the run as such)."""

    batch: Batch
    line: int
    problems: list[str]

    def describe(self) -> str:
        """For people: where, what differs, and the line in."""
        head = f"{self.batch.name}"
        if self.line < 0:
            return "\n".join([head, *(f"  {problem}" for problem in self.problems)])
        rule = self.batch.rules[self.line]
        note = f", a bad line ({rule})" if rule else ""
        text = self.batch.lines[self.line].decode("utf-8", "backslashreplace")
        shown = [f"  {problem}" for problem in self.problems[:12]]
        if len(self.problems) > len(shown):
            shown.append(f"  ... and {len(self.problems) - len(shown)} more")
        return "\n".join([f"{head}, line {self.line + 1}{note}", *shown, f"  in: {text[:4000]}"])


def make_batch(name: str, data: Any, rng: random.Random, count: int, with_bad: bool) -> Batch:
    """Random lines over one catalogue, with bad and empty lines among them if asked for."""
    maker = LineMaker(from_json(data), rng)
    good = [maker.line() for _ in range(count - 1)] + [maker.large_line(LARGE)]
    mixed: list[tuple[bytes, str | None]] = [(encode_line(line, rng), None) for line in good]
    if with_bad:
        bad: list[BadCase] = rng.sample(all_bad_cases(), min(count, 60))
        mixed += [(case.line, case.rule) for case in bad]
        rng.shuffle(mixed)
    return Batch(name, data, [line for line, _ in mixed], [rule for _, rule in mixed])


def batches(seed: int, cases: int, catalogues: list[Path]) -> Iterator[Batch]:
    """All batches of a run: the given catalogues in turn with random ones."""
    made = 0
    index = 0
    while made < cases:
        rng = random.Random(f"{seed}/{index}")
        count = min(BATCH, cases - made)
        if catalogues and index % 2 == 0:
            path = catalogues[index // 2 % len(catalogues)]
            name, data = path.name, json.loads(path.read_text("utf-8"))
        else:
            name, data = "random catalogue", random_catalogue(rng)
        yield make_batch(f"seed {seed}, batch {index}, {name}", data, rng, count, index % 4 > 1)
        made += count
        index += 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of a run of the binary: its lines out, and what is wrong with the run itself."""

    lines: list[bytes]
    problems: list[str]


def run_binary(options: Options, batch: Batch, folder: Path) -> Answers:
    """Run `binary decide` on a batch, with empty lines added."""
    path = folder / "catalogue.json"
    path.write_text(json.dumps(batch.catalogue_json, ensure_ascii=False), "utf-8")
    try:
        done = subprocess.run(
            [options.binary, "decide", "--catalogue", str(path)],
            input=b"\n" + b"\n\n".join(batch.lines) + b"\n",
            capture_output=True,
            timeout=options.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as hang:
        return Answers(split(hang.stdout or b""), [f"did not end within {options.timeout:g} s"])
    out = split(done.stdout)
    problems = []
    expected = int(any(batch.rules))
    if done.returncode != expected:
        tail = done.stderr.decode("utf-8", "replace")[-500:]
        problems.append(f"exit {done.returncode}, expected {expected}; stderr ends: {tail!r}")
    return Answers(out, problems)


def split(text: bytes) -> list[bytes]:
    """The lines out; one without an end is one too."""
    lines = text.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def check_batch(options: Options, batch: Batch, folder: Path) -> Iterator[Difference]:
    """Every difference between binary and oracle on one batch."""
    answers = run_binary(options, batch, folder)
    problems = list(answers.problems)
    if len(answers.lines) != len(batch.lines):
        problems.append(f"{len(answers.lines)} lines out for {len(batch.lines)} lines in")
    if problems:
        yield Difference(batch, -1, problems)
    catalogue = from_json(batch.catalogue_json)
    for index, (line, answer) in enumerate(zip(batch.lines, answers.lines)):
        found = list(line_problems(catalogue, line, answer))
        if found:
            yield Difference(batch, index, found)
    if len(answers.lines) < len(batch.lines):
        yield Difference(batch, len(answers.lines), ["no answer to this line, the first without"])


def line_problems(catalogue: Catalogue, line: bytes, answer: bytes) -> Iterator[str]:
    """What is wrong with the answer to one line in."""
    try:
        actual = json.loads(answer.decode("utf-8"))
    except ValueError as problem:
        yield f"the answer is not JSON ({problem}): {answer[:200]!r}"
        return
    expected = answer_line(catalogue, line)
    if "error" in expected:
        yield from _error_problems(expected["error"], actual)
        return
    found = list(differences(expected, actual))
    yield from found
    if not found and "result" in actual:
        yield from _result_problems(json.loads(line), actual["result"])


def _error_problems(expected: str, actual: Any) -> Iterator[str]:
    if not isinstance(actual, dict) or actual.keys() != {"error"}:
        yield f'expected {{"error": ...}} ({expected}), got {json.dumps(actual)[:300]}'
    elif not isinstance(actual["error"], str) or not actual["error"]:
        yield f".error: {actual['error']!r} is not a text"


def _result_problems(line: Any, result: Any) -> Iterator[str]:
    """Messages, stamps and parts, which `differences` leaves out."""
    state = line["customer"] or {}
    channels = {
        subscription["subscriptionId"]: subscription.get("channel") or "OTHER"
        for subscription in state.get("subscriptions") or ()
    }
    yield from (f".result{problem}" for problem in message_problems(result, channels))
    yield from (f".result{problem}" for problem in stamp_problems(result))
    for name, value in (("part", 1), ("parts", 1), ("decidedAt", line["now"])):
        if result.get(name) != value:
            yield f".result.{name}: expected {value}, got {result.get(name)!r}"


def fuzz(options: Options) -> list[Difference]:
    """Run all batches; stops after the first one with differences."""
    with tempfile.TemporaryDirectory(prefix="fuzz-decide-") as folder:
        for batch in batches(options.seed, options.cases, options.catalogues):
            found = list(check_batch(options, batch, Path(folder)))
            if found:
                return found
    return []


def shipped_catalogue() -> list[Path]:
    """The catalogue of this repository, if it is there."""
    path = Path(__file__).resolve().parents[2] / "catalogue" / "csp.json"
    return [path] if path.exists() else []


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="oracle.fuzz_decide", description=__doc__)
    parser.add_argument("--binary", required=True, help="planlift, or what answers like it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--catalogue", type=Path, action="append", help="beside random ones")
    parser.add_argument("--show", type=int, default=5, help="how many differences to print")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, help="s for a batch")
    parser.add_argument("--keep", type=Path, help="write catalogue and lines that differ here")
    options = parser.parse_args(arguments)
    catalogues = options.catalogue or shipped_catalogue()
    for path in catalogues:
        load(path)
    found = fuzz(Options(options.binary, options.seed, options.cases, catalogues, options.timeout))
    for difference in found[: options.show]:
        print(difference.describe(), end="\n\n")
    if found and options.keep:
        keep(found, options.keep)
    print(f"{len(found)} differences" if found else f"{options.cases} lines agree")
    return 1 if found else 0


def keep(found: list[Difference], folder: Path) -> None:
    """Files to reproduce with: `binary decide --catalogue catalogue.json < lines.ndjson`."""
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(found[0].batch.catalogue_json, ensure_ascii=False, indent=1)
    (folder / "catalogue.json").write_text(data, "utf-8")
    lines = [
        difference.batch.lines[difference.line] for difference in found if difference.line >= 0
    ]
    (folder / "lines.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
