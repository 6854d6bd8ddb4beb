#!/usr/bin/env python3
"""Builds planlift_sim with one seeded bug after the other, and lets the simulation, which does not
know which one it is, run until it is caught.

    seeded.py --build build/dev [--runs 10] [--most 2000] [--only NAME | --short]
    seeded.py --build build/dev --check

Only the changed files are compiled, with the commands of the build; their objects are linked before
the libraries. A schedule counts as a catch if it is wrong with the bug and right without it.
`--check` only looks whether each bug can still be seeded into the sources as they are.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seeded.bugs import BUGS, UNSEEN, Bug  # noqa: E402
from sim import schedule as schedules  # noqa: E402
from sim.simulate import manners_of  # noqa: E402
from sim.verdict import judge  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "planlift_sim"
FIRST_SEED = 1_000_000  # far from those of the ordinary run
SEEDS_APART = 100_000


class SeedingError(Exception):
    """The bug cannot be built: its table entry must be mended."""


# --- building ---------------------------------------------------------------------------------


def changed_text(file: str, bug: Bug) -> str:
    """The file with the bug in it; every snippet must be there exactly once."""
    text = (ROOT / file).read_text("utf-8")
    for edit in bug.edits:
        if edit.file != file:
            continue
        found = text.count(edit.old)
        if found != 1:
            raise SeedingError(f"{bug.name}: {file} has the snippet {found} times:\n{edit.old}")
        text = text.replace(edit.old, edit.new)
    return text


def compile_changed(build: Path, file: str, bug: Bug, *options: str) -> Path:
    """Compile the changed file as the build does; warnings do not count."""
    folder = build / "seeded" / bug.name
    folder.mkdir(parents=True, exist_ok=True)
    commands = json.loads((build / "compile_commands.json").read_text("utf-8"))
    source = ROOT / file
    changed = folder / source.name
    changed.write_text(changed_text(file, bug), "utf-8")
    # Other targets may compile it as well: the product's object lies where its source does.
    [entry] = [
        item
        for item in commands
        if Path(item["file"]) == source and f" -o {Path(file).parent}/" in item["command"]
    ]
    words = shlex.split(entry["command"])
    target = changed.with_suffix(".o")
    words[words.index("-o") + 1] = str(target)
    words[words.index(str(source))] = str(changed)
    # Headers beside the source are found from where it was.
    words += ["-iquote", str(source.parent), "-w", *options]
    done = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SeedingError(f"{bug.name}: {file} does not compile with it:\n{done.stderr}")
    return target


def check(build: Path, bug: Bug) -> str:
    """What keeps the bug from being seeded; empty: nothing."""
    try:
        for file in files_of(bug):
            compile_changed(build, file, bug, "-fsyntax-only")
    except SeedingError as problem:
        return str(problem)
    return ""


def files_of(bug: Bug) -> list[str]:
    """Those that it changes."""
    return sorted({edit.file for edit in bug.edits})


def link_command(build: Path) -> list[str]:
    """How the build links the simulation."""
    listed = subprocess.run(
        ["ninja", "-C", str(build), "-t", "commands", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
    )
    line = listed.stdout.splitlines()[-1]
    words = shlex.split(line)
    return [word for word in words if word not in (":", "&&")]


def build_bug(build: Path, bug: Bug) -> Path:
    """planlift_sim with the bug in it."""
    objects = [str(compile_changed(build, file, bug)) for file in files_of(bug)]
    words = link_command(build)
    place = next(n for n, word in enumerate(words) if word.endswith(".a"))
    words[place:place] = objects
    binary = build / "seeded" / bug.name / PROGRAM
    words[words.index("-o") + 1] = str(binary)
    subprocess.run(words, check=True, cwd=build)
    return binary


# --- catching ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Hunt:
    """One run: after how many schedules the bug was caught (0: never), and by what."""

    schedules: int = 0
    fault: str = ""
    seed: int = 0


@dataclass(slots=True)
class Result:
    """Of all runs of a bug."""

    bug: Bug
    hunts: list[Hunt] = field(default_factory=list)
    problem: str = ""

    @property
    def is_caught(self) -> bool:
        """In every run."""
        return bool(self.hunts) and all(hunt.schedules for hunt in self.hunts)


def check_of(fault: str) -> str:
    """Which check a fault is of, in few words."""
    if fault.startswith("oracle: "):
        return "oracle " + fault.split(" ", 2)[1]
    for start, name in (
        ("does not", "liveness"),
        ("crash", "crash"),
        ("process", "end of a process"),
        ("state of", "oracle on the state topic"),
        ("partition", "rest"),
        ("the group's", "rest"),
        ("a late request", "requests on the wire"),
    ):
        if fault.startswith(start):
            return name
    return "other"


def hunt(binary: Path, sound: Path, names: list[str], first: int, most: int) -> Hunt:
    """Run schedules until one is wrong with the bug and right without it."""
    for number, schedule in enumerate(schedules.run(binary, first, most, []), 1):
        faults = judge(schedule, names).faults
        if not faults:
            continue
        [without] = schedules.run(sound, schedule.seed, 1, [])
        if not judge(without, names).faults:
            return Hunt(number, faults[0], schedule.seed)
    return Hunt()


def try_bug(build: Path, bug: Bug, runs: int, most: int) -> Result:
    """All runs of one bug."""
    result = Result(bug)
    sound = build / "tests" / "sim" / PROGRAM
    try:
        binary = build_bug(build, bug)
    except SeedingError as problem:
        result.problem = str(problem)
        return result
    names = [manner.name for manner in manners_of(sound)]
    for run in range(runs):
        result.hunts.append(hunt(binary, sound, names, FIRST_SEED + run * SEEDS_APART, most))
    return result


# --- what is printed --------------------------------------------------------------------------


def print_result(result: Result) -> None:
    """One line for each bug."""
    bug = result.bug
    if result.problem:
        print(f"cannot be seeded: {result.problem}")
        return
    needed = [hunt.schedules for hunt in result.hunts if hunt.schedules]
    checks = Counter(check_of(hunt.fault) for hunt in result.hunts if hunt.schedules)
    by = ", ".join(f"{name} ({count})" for name, count in checks.most_common(3)) or "nothing"
    median = f"{statistics.median(needed):g}" if needed else "-"
    print(
        f"{'caught' if result.is_caught else 'MISSED':7} {bug.name:28} {bug.hole:18} "
        f"schedules: {median} (most {max(needed, default=0)}), "
        f"{len(needed)} of {len(result.hunts)} runs, by {by}"
    )
    for found in result.hunts[:1]:
        if found.schedules:
            print(f"        {bug.what}; seed {found.seed}: {found.fault[:160]}")


def check_all(build: Path, bugs: list[Bug], jobs: int) -> int:
    """`--check`."""
    with ThreadPoolExecutor(jobs) as pool:
        problems = [text for text in pool.map(lambda bug: check(build, bug), bugs) if text]
    for problem in problems:
        print(f"cannot be seeded: {problem}")
    print(f"seeded bugs: {len(bugs) - len(problems)} of {len(bugs)} can be seeded")
    return 1 if problems or not bugs else 0


def main() -> int:
    """Parse the command line, try all bugs, and tell by the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--build", type=Path, required=True, help="a build folder (Ninja)")
    parser.add_argument("--runs", type=int, default=1, help="from so many different first seeds")
    parser.add_argument("--most", type=int, default=1000, help="schedules in a run")
    parser.add_argument("--only", nargs="*", help="these bugs")
    parser.add_argument("--short", action="store_true", help="all but the rare ones")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="only whether they can be seeded")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    bugs = [bug for bug in BUGS if not arguments.only or bug.name in arguments.only]
    if arguments.short:
        bugs = [bug for bug in bugs if not bug.is_rare]
    if arguments.check:
        return check_all(build, bugs, arguments.jobs)
    started = time.monotonic()
    subprocess.run(["ninja", "-C", str(build), PROGRAM], check=True, stdout=subprocess.DEVNULL)
    results = []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        tries = [pool.submit(try_bug, build, bug, arguments.runs, arguments.most) for bug in bugs]
        for done in as_completed(tries):
            results.append(done.result())
            print_result(results[-1])
            sys.stdout.flush()
    for unseen in UNSEEN:
        print(f"not for the simulation: {unseen.name} ({unseen.hole}): {unseen.why}")
        print(f"        instead: {unseen.instead}")
    caught = sum(result.is_caught for result in results)
    seconds = time.monotonic() - started
    print(f"seeded bugs: {caught} of {len(bugs)} caught by the simulation in {seconds:.0f} s")
    return 0 if caught == len(bugs) and bugs else 1


if __name__ == "__main__":
    sys.exit(main())
