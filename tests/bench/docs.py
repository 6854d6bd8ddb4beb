"""What was measured, into docs/performance.md and its plot."""

from __future__ import annotations

import re
import statistics

import pygal
from pygal.style import CleanStyle

from services import ROOT

from .drain import EVENTS, REQUESTS
from .rig import Figures

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
# As given with the task that asked for these figures: of its floor, on its machine.
GIVEN = {
    "Go (franz-go, go-redis)": (0.48, 0.31),
    "Kafka Streams": (0.22, 0.09),
    "Python": (0.07, 0.02),
}


def keep(part: str, text: str) -> None:
    """Put the text in place of the one that the page has of this part."""
    page = PAGE.read_text()
    block = re.compile(rf"(<!-- measured: {part} -->\n```\n).*?(```\n)", re.DOTALL)
    if not block.search(page):
        raise ValueError(f"{PAGE.name} has no place for {part}")
    PAGE.write_text(block.sub(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", page))


def plot(runs: list[Figures]) -> None:
    """Throughput as a share of the floor's."""
    chart = pygal.Bar(
        js=(),
        style=CleanStyle,
        width=720,
        height=360,
        title="Drain, share of the floor's records/s",
        range=(0, 1),
        print_values=True,
        value_formatter=lambda share: f"{share:.2f}",
        disable_xml_declaration=True,
    )
    chart.x_labels = ["events", "requests"]
    chart.add("planlift", [share(runs, phase) for phase in (EVENTS, REQUESTS)])
    for name, shares in GIVEN.items():
        chart.add(f"{name}, as given", shares)
    PLOT.write_text(chart.render(is_unicode=True) + "\n")


def share(runs: list[Figures], phase: str) -> float:
    """Median of the pairs of planlift's and the floor's records/s."""
    of = {
        program: [
            run.records / run.seconds
            for run in runs
            if run.phase == phase and run.program == program
        ]
        for program in ("floor", "planlift")
    }
    return statistics.median(p / f for f, p in zip(of["floor"], of["planlift"]))
