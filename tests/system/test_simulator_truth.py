"""The simulation's Kafka and its librdkafka (tests/sim/kafka_*.c) answer as the real ones do: the
same short clients (tests/sim/truth_scripts.c), linked with either, print the same."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import KafkaClient
from services import Kafka

DRIVERS = Path(os.environ["PLANLIFT_BINARY"]).parent / "drivers"
TOPICS = ("events", "requests", "results", "state")
AT_ONCE = 6  # most of a script's time is waiting
TIMEOUT_S = 120


def run(*words: str) -> str:
    """What a driver prints; it ends well."""
    program, *arguments = words
    ended = subprocess.run(
        [DRIVERS / program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert ended.returncode == 0, f"{words}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    return ended.stdout


SCRIPTS = run("truth_real", "--list").split()


@pytest.fixture(scope="module")
def real(kafka: Kafka, kafka_client: KafkaClient) -> dict[str, Future[str]]:
    """By script, what it prints on a real Kafka. They run beside each other on topics of their
    own."""
    kafka_client.create_topics([f"{name}-{topic}" for name in SCRIPTS for topic in TOPICS], 1)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {
            name: pool.submit(run, "truth_real", kafka.bootstrap_servers, name, name)
            for name in SCRIPTS
        }


@pytest.mark.parametrize("name", SCRIPTS)
def test_simulated_as_real(name: str, real: dict[str, Future[str]]) -> None:
    assert run("truth_sim", name).splitlines() == real[name].result().splitlines()


def test_simulated_twice_the_same() -> None:
    """One seed is one history: the traces of two runs are equal, line by line."""
    command = [DRIVERS.parent / "tests/sim/planlift_sim", "--seed", "7", "--count", "3", "--trace"]
    first, second = (
        subprocess.run(command, capture_output=True, timeout=TIMEOUT_S) for _ in range(2)
    )
    assert first.stderr.count(b"\n") > 1000
    assert first.stderr == second.stderr
    assert first.stdout == second.stdout
