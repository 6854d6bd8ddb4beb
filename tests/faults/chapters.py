"""The course of a campaign: which faults in which chapter, and how a chapter goes."""

from __future__ import annotations

import fnmatch
import pickle
import random
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import brokers, caches, operators, processes
from .rig import PROCESS, Kind, Outcome, Rig, Servers
from .verdict import Verdict, of_fault

KINDS: dict[str, Kind] = {
    kind.name: kind for module in (processes, caches, brokers, operators) for kind in module.KINDS
}
MOST_FAULTS = 12  # in a chapter
# Records in a batch at most, and records a second: what two processes can do with some to spare.
LOADS = ((5, 60.0), (50, 250.0), (500, 600.0), (5000, 250.0))


@dataclass(frozen=True)
class Chapter:
    """Some faults that can live together; `seed` decides all else."""

    number: int
    seed: int
    kinds: tuple[Kind, ...]


def chosen(patterns: Iterable[str]) -> list[Kind]:
    """The kinds that match, by name or by group."""
    found = []
    for pattern in patterns:
        matching = [
            kind
            for kind in KINDS.values()
            if fnmatch.fnmatch(kind.name, pattern) or kind.group == pattern
        ]
        if not matching:
            known = "\n  ".join(f"{kind.name:24}{kind.group}" for kind in KINDS.values())
            raise SystemExit(f"no kind of fault is called {pattern!r}; there are\n  {known}")
        found += [kind for kind in matching if kind not in found]
    return found


def plan(counts: Mapping[str, int], seed: int) -> list[Chapter]:
    """All faults in a random order, in chapters. Those that nothing goes on after have a chapter
    of their own."""
    rng = random.Random(seed)
    heaps: dict[tuple[bool, str], list[Kind]] = {}
    for name, count in counts.items():
        kind = KINDS[name]
        heap = heaps.setdefault((kind.is_proxied, kind.name if kind.is_last else ""), [])
        heap += [kind] * count
    parts: list[tuple[Kind, ...]] = []
    for (_, last), heap in sorted(heaps.items()):
        rng.shuffle(heap)
        size = 1 if last else MOST_FAULTS
        # As even as can be, so that there is no chapter of one.
        pieces = -(-len(heap) // size)
        parts += [tuple(heap[n::pieces]) for n in range(pieces)]
    rng.shuffle(parts)
    return [Chapter(n, seed * 10_000 + n, kinds) for n, kinds in enumerate(parts)]


class Chronicle:
    """Goes through chapters, tells what happens, and keeps what came of it."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.outcomes: list[Outcome] = []

    def go(self, chapter: Chapter) -> list[Outcome]:
        """One chapter: its faults, its judgement."""
        rng = random.Random(chapter.seed)
        # A takeover needs somebody who takes over.
        processes_count = rng.choice((2, 2, 3))
        batch, rate = rng.choice(LOADS)
        is_proxied = any(kind.is_proxied for kind in chapter.kinds)
        say(
            f"chapter {chapter.number}, seed {chapter.seed}: {processes_count} processes, "
            f"{rate:.0f} records a second, batches of up to {batch}"
            f"{', through the proxy' if is_proxied else ''}"
        )
        outcomes: list[Outcome] = []
        self.servers.heal()
        rig = Rig(
            self.servers,
            f"chapter{chapter.number}",
            chapter.seed,
            processes=processes_count,
            rate=rate,
            is_proxied=is_proxied,
            settings={**PROCESS, "batch.max.records": batch},
        )
        try:
            with rig:
                is_through = self._faults(rig, chapter.kinds, outcomes)
                is_last = chapter.kinds[-1].is_last
                begun = rig.now()
                judge_into(rig, outcomes, is_through and not is_last)
                if not is_last:
                    outcomes[-1].surprises += map(str, rig.fleet.surprises(begun))
        except Exception as trouble:
            if not outcomes:
                outcomes.append(Outcome(chapter.kinds[0].name, 0))
            outcomes[-1].failure = outcomes[-1].failure or tell(trouble)
        self.outcomes += outcomes
        for outcome in outcomes:
            if outcome.trouble:
                say(f"  !! {outcome.kind} ({outcome.number}): {outcome.trouble}")
                say(f"     seed {chapter.seed}, chapter {chapter.number}; kept: {rig.folder}")
        return outcomes

    def _faults(self, rig: Rig, kinds: Sequence[Kind], outcomes: list[Outcome]) -> bool:
        """One after the other; False where planlift did not get over one."""
        for number, kind in enumerate(kinds):
            outcome = Outcome(kind.name, number)
            outcomes.append(outcome)
            since = rig.now()
            try:
                rig.await_recovery(outcome, kind.inject(rig, outcome))
            except Exception as trouble:
                outcome.failure = tell(trouble)
                self.servers.heal()
            surprises = [] if kind.is_last else rig.fleet.surprises(since)
            outcome.surprises = [str(end) for end in surprises]
            say(f"  {line(outcome)}")
            if outcome.failure:
                return False
        return True


def judge_into(rig: Rig, outcomes: Sequence[Outcome], is_at_rest: bool = True) -> None:
    """What is wrong, told by the last fault that it can be of."""
    verdict = rig.judge() if is_at_rest else rig.judge_stopped()
    counts = verdict.summary
    say(
        f"  judged: {len(verdict.wrongs)} wrong; {len(verdict.evidence.inputs)} inputs, "
        f"{counts.get('results', 0)} results, {counts.get('customers', 0)} customers"
    )
    if verdict.wrongs:
        keep(verdict, rig.folder)
    for wrong in verdict.wrongs:
        guilty = [outcome for outcome in outcomes if of_fault(wrong, outcome.ends)]
        (guilty or outcomes)[-1].wrong.append(str(wrong))


def keep(verdict: Verdict, folder: Path) -> None:
    """All that was judged, to be looked at later."""
    with (folder / "evidence.pickle").open("wb") as file:
        pickle.dump(verdict.evidence, file)
    text = "\n".join(str(wrong) for wrong in verdict.wrongs)
    (folder / "wrongs.txt").write_text(text + "\n")


def line(outcome: Outcome) -> str:
    def seconds(value: float | None) -> str:
        return "     -" if value is None else f"{value:6.2f}"

    times = f"recovery {seconds(outcome.recovery)}  outage {seconds(outcome.outage)}"
    rest = f"settled {seconds(outcome.settled)}  {outcome.detail}"
    ends = f"  [{'; '.join(outcome.surprises)}]" if outcome.surprises else ""
    return f"{outcome.kind:26}{times}  {rest}{ends}"


def tell(trouble: BaseException) -> str:
    where = traceback.extract_tb(trouble.__traceback__)[-1]
    return f"{trouble} ({type(trouble).__name__} in {Path(where.filename).name}:{where.lineno})"


def say(text: str) -> None:
    print(text, flush=True)
