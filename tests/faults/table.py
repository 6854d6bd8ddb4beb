"""What a campaign prints at its end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from .rig import Outcome


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that is not below that share of all."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]


def row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    """One line: how often, how long, how much was wrong."""
    times = [o.recovery for o in outcomes if o.recovery is not None]
    outages = [o.outage for o in outcomes if o.outage is not None]
    spread = [f"{quantile(times, share):.2f}" for share in (0.5, 0.95, 1.0)] if times else ["-"] * 3
    return [
        name,
        str(len(outcomes)),
        f"{quantile(outages, 0.5):.2f}" if outages else "-",
        *spread,
        str(sum(len(o.surprises) for o in outcomes)),
        str(sum(o.failure is not None for o in outcomes)),
        str(sum(len(o.wrong) for o in outcomes)),
    ]


HEAD = ["fault", "times", "outage p50", "recovery p50", "p95", "max", "ended", "stuck", "wrong"]


def table(outcomes: Iterable[Outcome], groups: dict[str, str]) -> str:
    """Markdown: a line for each kind, and one for each group of kinds. Seconds; recovery counts
    from the fault, so that it has the outage in it."""
    outcomes = list(outcomes)
    by_group: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        kinds = by_group.setdefault(groups[outcome.kind], {})
        kinds.setdefault(outcome.kind, []).append(outcome)
    rows = [HEAD]
    for group, kinds in by_group.items():
        rows += [row(name, kinds[name]) for name in sorted(kinds)]
        everything = [outcome for found in kinds.values() for outcome in found]
        rows.append(row(f"**{group}**", everything))
    rows.append(row("**all**", outcomes))
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[n]) for line in rows) for n in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths))
        ) + " |"
        for line in rows
    ]  # fmt: skip
    rule = ["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def read_json(path: Path) -> list[Outcome]:
    """What write_json() wrote, but for where the inputs ended."""
    names = {field.name for field in fields(Outcome)} - {"ends"}
    faults = json.loads(path.read_text())["faults"]
    return [Outcome(**{name: fault[name] for name in names}) for fault in faults]


def write_json(path: Path, outcomes: Iterable[Outcome], **more: object) -> None:
    """All of it, for programs."""
    found = []
    for outcome in outcomes:
        plain = asdict(outcome)
        plain["ends"] = {f"{topic}/{n}": end for (topic, n), end in outcome.ends.items()}
        found.append(plain)
    path.write_text(json.dumps({**more, "faults": found}, indent=1) + "\n")
