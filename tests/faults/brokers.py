"""Faults of Kafka, and of the network to it."""

from __future__ import annotations

from functools import partial

from .proxy import ACTIONS, TRANSACTIONAL
from .rig import PARTITIONS, Kind, Outcome, Rig

ALL = frozenset(range(PARTITIONS))


def kill(rig: Rig, outcome: Outcome) -> set[int]:
    """Killed, and back."""
    rig.mark(outcome, rig.now())
    rig.kafka.kill()
    rig.kafka.start()
    rig.heal(outcome)
    rig.renew_client()
    return set(ALL)


def restart(rig: Rig, outcome: Outcome) -> set[int]:
    """Stopped as an operator does, and back."""
    rig.mark(outcome, rig.now())
    rig.kafka.restart()
    rig.heal(outcome)
    rig.renew_client()
    return set(ALL)


def pause(rig: Rig, outcome: Outcome) -> set[int]:
    """Frozen for 2 to 12 s: below and beyond the timeouts of sessions and transactions."""
    seconds = rig.rng.uniform(2, 12)
    outcome.detail = f"{seconds:.1f} s"
    rig.mark(outcome, rig.now())
    rig.kafka.pause()
    rig.wait(seconds)
    rig.kafka.resume()
    rig.heal(outcome)
    rig.renew_client()
    return set(ALL)


def cut(rig: Rig, outcome: Outcome) -> set[int]:
    """All connections break at once."""
    rig.idle(1.0)
    rig.mark(outcome, rig.now())
    rig.servers.kafka_proxy.cut_all()
    return set(ALL)


def disturb(request: str, action: str, rig: Rig, outcome: Outcome) -> set[int]:
    """One to three requests of a kind are held, dropped, repeated … on their way."""
    proxy = rig.servers.kafka_proxy
    count = rig.rng.randint(1, 3)
    longest = {"hold": 4.0, "silent": 4.0}.get(action, 1.5)
    seconds = rig.rng.uniform(0.02, longest)
    outcome.detail = f"{count} times, {seconds:.2f} s"
    rule = proxy.add(TRANSACTIONAL[request], action, count, seconds)
    rig.mark(outcome, rig.now())
    try:
        rig.until(lambda: rule.done == count, f"{count} requests {request} on their way", 40)
        rig.wait(seconds)
    finally:
        proxy.clear()
    rig.heal(outcome)
    return set(ALL)


# An EndTxn that comes once more long after its answer, without anything that its client could see,
# ends half of the next transaction: no client of the protocol that librdkafka speaks can prevent
# that, and no TCP connection does it (docs/guarantees.md, not promised).
BEYOND = ("endtxn", "again")

KINDS = [
    Kind("broker_kill", "broker", kill),
    Kind("broker_restart", "broker", restart),
    Kind("broker_pause", "broker", pause),
    Kind("broker_cut", "proxy", cut, is_proxied=True),
    *(
        Kind(f"{request}_{action}", "proxy", partial(disturb, request, action), is_proxied=True)
        for request in TRANSACTIONAL
        for action in ACTIONS
        if (request, action) != BEYOND
    ),
]
