"""Outages on trial: a world with work under way, and many of them side by side.

Nearly all of a trial's time is waiting, for something to time out or for a session to end.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from .planlift import Planlift
from .samples import customer_facts, licence, subscription, wish
from .world import World

CUSTOMERS = [f"c{n}" for n in range(10, 16)]
BACK_S = 10  # what it usually takes at most to be up to date again

Trials = dict[tuple[str, str], Future[float]]


@dataclass
class Trial:
    """Customers whose every change shows in later answers."""

    world: World
    rounds: int = 0

    def write(self) -> None:
        """A round of facts and requests of every customer."""
        self.rounds += 1
        facts, requests = [], []
        for customer in CUSTOMERS:
            stated = subscription(quantity=50 + self.rounds, revision=1 + self.rounds)
            facts += [
                self.world.event(customer, "SubscriptionChanged", **stated),
                self.world.event(customer, "LicenseAssigned", **licence(f"late-{self.rounds}")),
            ]
            requests += [
                self.world.request(customer, **wish("CHECK")),
                self.world.request(customer, **wish("ADD_LICENSES")),
                self.world.request(customer, requestId="again", **wish("CHECK")),
            ]
        self.world.client.send(self.world.topics.events, facts)
        self.world.client.send(self.world.topics.requests, requests)

    def start(self) -> Planlift:
        """A process that has done a round already."""
        self.world.create_topics()
        for customer in CUSTOMERS:
            facts = customer_facts(self.world, customer, licences=20)
            self.world.client.send(self.world.topics.events, facts)
        process = self.world.start()
        self.write()
        self.world.await_taken_in(process)
        return process

    def due(self) -> int:
        """Answers to all that was written; the same request comes again in every round."""
        return len(CUSTOMERS) * (1 + 2 * self.rounds)

    def published(self) -> int:
        return len(self.world.client.read(self.world.topics.results))


def sit_out(process: Planlift, seconds: float) -> None:
    """Let the time pass in which the process must not end."""
    with suppress(subprocess.TimeoutExpired):
        process.process.wait(seconds)
    assert process.is_running, f"{process} ended:\n{process.err.tail()}"


@contextmanager
def side_by_side(
    request: pytest.FixtureRequest, count: int, run: Callable[[str, str], float]
) -> Iterator[Trials]:
    """All trials that the tests of this run ask for by their parameters `way` and `stage`, `count`
    of them under way at a time. `run` says how many seconds it took to be up to date again."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [(s.params["way"], s.params["stage"]) for s in specs if s and "way" in s.params]
    with ThreadPoolExecutor(count) as pool:
        yield {trial: pool.submit(run, *trial) for trial in wanted}


def check_times(trials: Trials) -> None:
    """The usual outage is over in time; a single one may meet a busy moment of the machine."""
    times = [trial.result() for trial in trials.values()]
    print("seconds until up to date:", *(f"{seconds:.1f}" for seconds in sorted(times)))
    assert statistics.median(times) < BACK_S
