"""Servers, topics and metered processes: what every measurement stands on."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import redis

from harness import KafkaClient
from harness.planlift import environment
from services import ROOT, Kafka, Redis, spawn

PARTITIONS = 4
PROCESS_LIMIT_S = 900
# As Kafka's own start script has them; the tests' servers are set to start quickly instead.
JAVA = ("-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")


class BenchError(RuntimeError):
    """A measurement did not come about."""


@dataclass
class Figures:
    """What one run of one program cost, from its first input record to its last commit."""

    program: str
    phase: str
    records: int
    seconds: float
    cpu_s: float
    peak_rss_mib: float
    redis_cpu_s: float
    kafka_cpu_s: float
    transactions: int
    commit_s: float  # from flush to the end of commit, over all transactions
    written: dict[str, Written]  # by kind of topic


@dataclass
class Written:
    """Records of one topic, their keys and values, and what they take in Kafka's log."""

    records: int
    bytes: int
    log_bytes: int


class Rig:
    """A Kafka and a Redis of our own, and the tools of one build."""

    def __init__(self, build: Path, planlift: Path | None = None) -> None:
        self.build = build
        self.planlift = planlift or build / "planlift"
        self.kafka = Kafka(java_options=JAVA)
        self.redis = Redis()
        self._meter = self.kafka.directory / "meter.json"
        for program in (self.planlift, self.tool("floor"), self.tool("load")):
            if not program.exists():
                raise BenchError(f"{program} is not built")

    def __enter__(self) -> Rig:
        try:
            self.kafka.start()
            self.redis.start()
        except BaseException:
            self.__exit__()
            raise
        self.client = KafkaClient(self.kafka.bootstrap_servers)
        self.cache = redis.Redis.from_url(self.redis.url)
        return self

    def __exit__(self, *_: object) -> None:
        self.kafka.close()
        self.redis.close()

    @property
    def brokers(self) -> str:
        return self.kafka.bootstrap_servers

    def tool(self, name: str) -> Path:
        return self.build / "bench" / name

    # --- topics ---------------------------------------------------------------------------------

    def create(self, *names: str, is_compacted: bool = False) -> None:
        settings = {"cleanup.policy": "compact"} if is_compacted else None
        self.client.create_topics(names, PARTITIONS, settings)

    def delete(self, names: Iterable[str]) -> None:
        for future in self.client.admin.delete_topics(list(names)).values():
            future.result()

    def load(
        self,
        kind: str,
        topic: str,
        seed: int,
        customers: int,
        licences: str,
        last: int,
        first: int = 0,
    ) -> int:
        """Write a part of the workload (load.c); how many records that were."""
        command = [self.tool("load"), kind, self.brokers, topic, seed, customers, licences]
        done = subprocess.run(
            [str(part) for part in (*command, first, last)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return int(done.stdout)

    def log_bytes(self, topic: str) -> int:
        """What the topic takes on the broker's disk."""
        data = Path(str(self.kafka.settings["log.dirs"]))
        folders = [data / f"{topic}-{partition}" for partition in range(PARTITIONS)]
        return sum(log.stat().st_size for folder in folders for log in folder.glob("*.log"))

    # --- programs -------------------------------------------------------------------------------

    def planlift_settings(self, group: str, topics: Mapping[str, str]) -> dict[str, object]:
        return {
            "kafka.bootstrap.servers": self.brokers,
            "redis.url": self.redis.url,
            "group.id": group,
            "slot": 0,
            **{f"topic.{kind}": name for kind, name in topics.items()},
        }

    def start(
        self, command: Sequence[object], settings: Mapping[str, object] | None = None, **more: str
    ) -> subprocess.Popen:
        """A process with these settings of planlift and further variables; it says nothing but what
        goes to its log."""
        with self.log_of(Path(str(command[0])).name).open("ab") as log:
            return spawn(
                [str(part) for part in command],
                env=environment(settings or {}) | more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log_of(self, program: str) -> Path:
        return self.kafka.directory / f"{program}.log"

    def start_metered(
        self, command: Sequence[object], settings: Mapping[str, object] | None, clock_topic: str
    ) -> subprocess.Popen:
        """A process with the meter in it; its clock starts with that topic's first record."""
        self._before = self._redis_cpu_s(), self._kafka_cpu_s()
        self._meter.unlink(missing_ok=True)
        return self.start(
            command,
            settings,
            LD_PRELOAD=str(self.tool("meter.so")),
            METER_INPUT=clock_topic,
            METER_OUTPUT=str(self._meter),
        )

    def finish_metered(
        self,
        process: subprocess.Popen,
        program: str,
        phase: str,
        records: int,
        topics: Mapping[str, str],
    ) -> Figures:
        """What the process cost once it has ended. `topics`: those it writes, by kind."""
        status = process.wait(PROCESS_LIMIT_S)
        if status != 0 or not self._meter.exists():
            self.fail(program, f"{program} ended with {status}")
        found = json.loads(self._meter.read_text())
        sent: dict[str, Counter[str]] = {}
        for entry in found["topics"]:  # one for each producer
            sent.setdefault(entry.pop("topic"), Counter()).update(entry)
        redis_before, kafka_before = self._before
        return Figures(
            program,
            phase,
            records,
            seconds=found["seconds"],
            cpu_s=found["cpu_s"],
            peak_rss_mib=found["peak_rss_kib"] / 1024,
            redis_cpu_s=self._redis_cpu_s() - redis_before,
            kafka_cpu_s=self._kafka_cpu_s() - kafka_before,
            transactions=found["transactions"],
            commit_s=found["commit_s"],
            written={
                kind: Written(sent[name]["records"], sent[name]["bytes"], self.log_bytes(name))
                for kind, name in topics.items()
                if name in sent
            },
        )

    def measure(
        self,
        program: str,
        phase: str,
        command: Sequence[object],
        settings: Mapping[str, object] | None,
        records: int,
        clock_topic: str,
        topics: Mapping[str, str],
    ) -> Figures:
        """Run a program until it ends by itself, metered. What it found in its output topics does
        not count."""
        before = {kind: self.log_bytes(name) for kind, name in topics.items()}
        process = self.start_metered(command, settings, clock_topic)
        figures = self.finish_metered(process, program, phase, records, topics)
        for kind, written in figures.written.items():
            written.log_bytes -= before[kind]
        return figures

    def fail(self, program: str, why: str) -> NoReturn:
        """With the last that the program said."""
        said = self.log_of(program).read_text(errors="replace").splitlines()[-30:]
        raise BenchError("\n".join([why, *said]))

    def _redis_cpu_s(self) -> float:
        cpu = self.cache.info("cpu")
        return cpu["used_cpu_user"] + cpu["used_cpu_sys"]

    def _kafka_cpu_s(self) -> float:
        fields = Path(f"/proc/{self.kafka.process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = int(fields[11]), int(fields[12])
        return (user + system) / os.sysconf("SC_CLK_TCK")


def default_build() -> Path:
    return ROOT / "build" / "bench"
