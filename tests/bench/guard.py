#!/usr/bin/env python3
"""No step of a record becomes dearer unseen: callgrind's counts against instructions.json.

    guard.py MICRO            compare; exit 1 where a step takes over 15 % more, 77 where the counts
                              are not of this compiler
    guard.py MICRO --record   write the counts of today

Instructions, for seconds depend on what else the machine does. They depend on the compiler, so the
counts are of one (named with them), and a little on the CPU: the C library copies and compares with
the widest registers that it finds. Those functions are under a tenth of any step, and half or twice
as many instructions in them stay within the tolerance.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COUNTS = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.15
ROUNDS = 400
NOT_COMPARED = 77


def compiler_of(program: Path) -> str:
    """What compiled it, and for which machine, for example "GCC 12, x86_64"."""
    comment = subprocess.run(
        ["readelf", "-p", ".comment", program], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = re.search(r"(GCC|clang).*? (\d+)\.\d+\.\d+", comment)
    return f"{found[1]} {found[2]}, {platform.machine()}" if found else "unknown"


def count(program: Path) -> dict[str, int]:
    """Instructions of each step in a round, all that it calls included."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "callgrind.out"
        tool = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={raw}"]
        subprocess.run([*tool, program, str(ROUNDS)], stdout=subprocess.DEVNULL, check=True)
        listing = subprocess.run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100", raw],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    found: dict[str, int] = {}
    for total, step in re.findall(r"^ *([\d,]+) .*:step_(\w+)", listing, re.MULTILINE):
        # A function may be listed once for each file that its code comes from.
        found[step] = max(found.get(step, 0), int(total.replace(",", "")) // ROUNDS)
    return found


def compare(before: dict[str, int], now: dict[str, int]) -> int:
    faults = [f"{step} is not measured any more" for step in before.keys() - now.keys()]
    print(f"{'step':<22}{'then':>9}{'now':>9}{'ratio':>8}")
    for step, instructions in sorted(now.items()):
        ratio = instructions / before.get(step, instructions)
        print(f"{step:<22}{before.get(step, 0):>9,}{instructions:>9,}{ratio:>8.2f}")
        if step not in before:
            faults.append(f"{step} has no count yet: run tests/bench/guard.py --record")
        elif ratio > 1 + TOLERANCE:
            faults.append(f"{step} takes {ratio - 1:.0%} more instructions")
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["--record"]):
        print(__doc__, file=sys.stderr)
        return 2
    program = Path(arguments[0])
    compiler = compiler_of(program)
    if arguments[1:]:
        kept = {"compiler": compiler, "instructions": count(program)}
        COUNTS.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
        return 0
    kept = json.loads(COUNTS.read_text())
    if kept["compiler"] != compiler:
        print(f"the counts are of {kept['compiler']}, this is {compiler}: not compared")
        return NOT_COMPARED
    return compare(kept["instructions"], count(program))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
