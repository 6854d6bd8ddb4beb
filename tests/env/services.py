#!/usr/bin/env python3
"""A one-node Apache Kafka and a Redis of our own, for the demo, the tests and the benchmarks.

    services.py run -- COMMAND...   start both, run COMMAND with their addresses in its
                                    environment, stop both, exit as COMMAND did
    services.py up                  start both, print the addresses as shell exports, stay until
                                    Ctrl-C

Real servers on free loopback ports, each in a temporary folder that is removed at the end. They
cannot outlive the process that started them, however that one ends. Needs the standard library
and what `tests/env/install services` installs. As a module: Kafka and Redis, with start, stop,
kill, pause, resume, restart and close.
"""

from __future__ import annotations

import base64
import http.client
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KAFKA_JARS = ROOT / "build" / "kafka"
REGISTRY = ROOT / "build" / "registry"
LOOPBACK = "127.0.0.1"
# For a life of a minute: the first tier of the compiler is the quicker one then.
QUICK_JAVA = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_reserved: list[socket.socket] = []


class ServiceError(RuntimeError):
    """A service did not start, stop or answer as it should."""


def spawn(command: Sequence[str | Path], **popen_arguments: Any) -> subprocess.Popen:
    """Start `command` so that the kernel kills it when this process ends, however it ends.

    The kernel ties a child to the thread that forked it, so a single thread that lives as long as
    the process forks all of them.
    """
    tied = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
    return _spawner.submit(subprocess.Popen, tied, **popen_arguments).result()


def reserve_port() -> int:
    """A loopback port for one service, kept from other users of this module until we end.

    It lies outside the range that outgoing connections draw from. Else, while a service is down, a
    client that keeps reconnecting could be given the very port and so keep it from coming back.
    """
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    low, high = map(int, ephemeral)
    choice = [port for port in range(10000, 65536) if not low <= port <= high]
    for port in random.sample(choice or range(10000, 65536), 200):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0planlift-port-{port}")
            with socket.socket() as probe:
                probe.bind((LOOPBACK, port))
        except OSError:
            claim.close()
            continue
        _reserved.append(claim)
        return port
    raise ServiceError("no free port on the loopback interface")


class Service:
    """A server process with a folder of its own. As a context manager: started, then closed."""

    name = "service"
    start_limit_s = 180.0
    stop_limit_s = 90.0

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"planlift-{self.name}-"))
        self.output = self.directory / "output.log"
        self.process: subprocess.Popen | None = None

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether the server answers a request of its protocol; OSError counts as no."""
        raise NotImplementedError

    def log_text(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the server and return once it answers."""
        if self.is_running:
            raise ServiceError(f"{self.name} runs already")
        with self.output.open("ab") as output:
            # A session of its own: Ctrl-C at the terminal is for the command, not for the servers.
            self.process = spawn(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + self.start_limit_s
        while not self._is_ready():
            if not self.is_running:
                raise ServiceError(self._failure(f"ended with {self.process.returncode}"))
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceError(self._failure(f"no answer after {self.start_limit_s:.0f} s"))
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask the server to end, as an operator does, and wait until it has."""
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(self.stop_limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            late = f"still there after {self.stop_limit_s:.0f} s"
            raise ServiceError(self._failure(late)) from None

    def kill(self) -> None:
        """End the server as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """Freeze the server; its connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start again, on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and forget its data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Any:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        try:
            return self.answers()
        except OSError:
            return False

    def _failure(self, what: str) -> str:
        return f"{self.name}: {what}; its last lines:\n" + "\n".join(
            self.log_text().splitlines()[-30:]
        )


class Kafka(Service):
    """Apache Kafka, one node that is broker and controller (KRaft), at `bootstrap_servers`.

    `settings` are broker settings over the ones below. They may be changed until start(), for
    instance to add a listener; the plain one on `port` must stay. `java_options` are for the JVM.
    """

    name = "kafka"

    def __init__(
        self,
        settings: Mapping[str, object] | None = None,
        java_options: Sequence[str] = QUICK_JAVA,
    ) -> None:
        super().__init__()
        self.java_options = java_options
        self.port = reserve_port()
        self.controller_port = reserve_port()
        self.cluster_id = _kafka_uuid()
        self.log = self.directory / "kafka.log"
        plain, controller = f"{LOOPBACK}:{self.port}", f"{LOOPBACK}:{self.controller_port}"
        self.settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://{plain},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{plain}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": self.directory / "data",
            "auto.create.topics.enable": "false",
            # One node: the internal topics cannot have more than one replica.
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # Quick: few internal partitions to make, no wait for further group members, and a node
            # that was killed may register again after 2 s instead of 9.
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            **(settings or {}),
        }

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        return self._java("kafka.Kafka", self.directory / "server.properties")

    def answers(self) -> bool:
        """Asks for the metadata: a broker is of use once it lists itself."""
        api_metadata, version, correlation_id = 3, 4, 1
        request = struct.pack(">hhih", api_metadata, version, correlation_id, -1)
        request += struct.pack(">ib", 0, 0)  # no topics, and create none
        with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            reply = connection.makefile("rb").read(16)
        return len(reply) == 16 and struct.unpack(">iiii", reply)[3] > 0

    def start(self) -> None:
        if not (self.directory / "server.properties").exists():
            self._format()
        super().start()

    def log_text(self) -> str:
        logged = self.log.read_text(errors="replace") if self.log.exists() else ""
        return super().log_text() + logged

    def _format(self) -> None:
        if not any(KAFKA_JARS.glob("kafka_*.jar")):
            raise ServiceError("no Kafka in build/kafka: run tests/env/install services")
        _write_properties(
            self.directory / "log4j2.properties",
            {
                "rootLogger.level": "warn",
                "rootLogger.appenderRef.file.ref": "file",
                "appender.file.type": "File",
                "appender.file.name": "file",
                "appender.file.fileName": self.log,
                "appender.file.layout.type": "PatternLayout",
                "appender.file.layout.pattern": "%d %p %c{1} %m%n",
            },
        )
        properties = self.directory / "server.properties"
        _write_properties(properties, self.settings)
        tool = self._java("kafka.tools.StorageTool")
        formatted = subprocess.run(
            [*tool, "format", "-t", self.cluster_id, "-c", properties],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if formatted.returncode != 0:
            properties.unlink()
            raise ServiceError(f"kafka: cannot format its storage:\n{formatted.stdout}")

    def _java(self, main_class: str, *arguments: Path) -> list[str | Path]:
        return [
            _java(),
            *self.java_options,
            f"-Dlog4j2.configurationFile=file:{self.directory}/log4j2.properties",
            "-cp",
            f"{KAFKA_JARS}/*",
            main_class,
            *arguments,
        ]


class Redis(Service):
    """A redis-server at `url`, on a port or on a unix socket, that keeps nothing on disk.

    `arguments` follow ours on its command line, so they may overrule them.
    """

    name = "redis"
    start_limit_s = 60.0

    def __init__(self, arguments: Iterable[str] = (), *, on_unix_socket: bool = False) -> None:
        super().__init__()
        self.arguments = list(arguments)
        self.socket = self.directory / "redis.sock" if on_unix_socket else None
        self.port = 0 if on_unix_socket else reserve_port()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}" if self.socket else f"redis://{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        own = ["--port", str(self.port), "--bind", LOOPBACK, "--dir", self.directory]
        own += ["--daemonize", "no", "--save", "", "--appendonly", "no"]
        if self.socket:
            own += ["--unixsocket", self.socket]
        return ["redis-server", *own, *self.arguments]

    def answers(self) -> bool:
        """Asks PING. One that wants a password first is up; one that loads its data is not."""
        with self._connect() as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))

    def _connect(self) -> socket.socket:
        if not self.socket:
            return socket.create_connection((LOOPBACK, self.port), timeout=1)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        connection.connect(str(self.socket))
        return connection


class Registry(Service):
    """Apicurio Registry, whose Confluent REST API is at `url`; it keeps all in memory."""

    name = "registry"

    def __init__(self) -> None:
        super().__init__()
        self.port = reserve_port()
        self.management_port = reserve_port()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/apis/ccompat/v7"

    def command(self) -> Sequence[str | Path]:
        programs = list(REGISTRY.glob("apicurio-registry-app-*-runner.jar"))
        if not programs:
            raise ServiceError("no registry in build/registry: run tests/env/install test")
        settings = {
            "quarkus.http.host": LOOPBACK,
            "quarkus.http.port": self.port,
            "quarkus.management.host": LOOPBACK,
            "quarkus.management.port": self.management_port,
            "quarkus.log.level": "WARN",
        }
        options = [f"-D{name}={value}" for name, value in settings.items()]
        return [_java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", *options, "-jar", *programs]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
                return answer.status == 200
        except http.client.HTTPException:
            return False


def addresses(kafka: Kafka, redis: Redis) -> dict[str, str]:
    """What planlift needs in its environment to find these two."""
    return {
        "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "PLANLIFT_REDIS_URL": redis.url,
    }


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else "java"


def _kafka_uuid() -> str:
    """A random id as Kafka writes them; not starting with what its tools take for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _write_properties(path: Path, settings: Mapping[str, object]) -> None:
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))


def _say(text: str) -> None:
    print(f"services: {text}", file=sys.stderr, flush=True)


def _exit_on_signal(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    child = spawn(command, env={**os.environ, **environment})

    def forward(signum: int, _frame: FrameType | None) -> None:
        child.send_signal(signum)

    def leave_to_child(_signum: int, _frame: FrameType | None) -> None:
        """The terminal sends Ctrl-C to both of us; the command decides what it means."""

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGHUP, forward)
    signal.signal(signal.SIGINT, leave_to_child)
    status = child.wait()
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(signum, _exit_on_signal)
    return 128 - status if status < 0 else status


def _stay_up(kafka: Kafka, environment: Mapping[str, str]) -> int:
    for name, value in environment.items():
        print(f"export {name}={value}", flush=True)
    _say("both stay up until Ctrl-C")
    kafka.process.wait()
    _say("Kafka ended by itself\n" + kafka.log_text())
    return 1


def main(arguments: Sequence[str]) -> int:
    is_run = arguments[:2] == ["run", "--"] and len(arguments) > 2
    if not is_run and arguments != ["up"]:
        print(__doc__, file=sys.stderr)
        return 2
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(signum, _exit_on_signal)
    started = time.monotonic()
    _say("starting a one-node Apache Kafka and a Redis")
    try:
        with Redis() as redis, Kafka() as kafka:
            environment = addresses(kafka, redis)
            _say(f"up after {time.monotonic() - started:.1f} s: " + ", ".join(environment.values()))
            if is_run:
                return _run_command(arguments[2:], environment)
            return _stay_up(kafka, environment)
    except ServiceError as error:
        _say(str(error))
        return 1
    finally:
        _say("stopped, their data removed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
