"""The Debian package: made by CPack, installed, started as its systemd unit says, and removed, on a
copy of this machine's files that is thrown away afterwards (an overlay; needs root)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness import Deadline, World, eventually
from harness.planlift import BINARY, Stream
from harness.root import require_root
from harness.samples import wish
from services import spawn

UNIT = "usr/lib/systemd/system/planlift@.service"
SERVICE_UID = "61234"  # as systemd draws one for DynamicUser

SET_UP = """
mount --make-rprivate / &&
mount -t tmpfs -o mode=755 tmpfs "$1" &&
mkdir "$1/upper" "$1/work" "$1/tree" &&
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/tree" &&
mount --rbind /proc "$1/tree/proc" && mount --rbind /dev "$1/tree/dev" &&
echo up && exec sleep infinity
"""


class Machine:
    """What looks like this machine, and may be changed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="planlift-machine-"))
        self._holder = spawn(
            ["unshare", "--mount", "bash", "-c", SET_UP, "set-up", self.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        first = self._holder.stdout.readline()
        assert first == b"up\n", first

    def inside(self, *command: str) -> list[str]:
        enter = ["nsenter", "--target", str(self._holder.pid), "--mount"]
        return [*enter, "/usr/sbin/chroot", f"{self.folder}/tree", *command]

    def run(self, *command: str, stdin: str = "") -> str:
        """A command of root's, which must go well."""
        done = subprocess.run(
            self.inside(*command), input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def has(self, path: str) -> bool:
        command = self.inside("/usr/bin/test", "-e", f"/{path}")
        return subprocess.run(command, check=False).returncode == 0

    def close(self) -> None:
        self._holder.kill()  # its mounts go with it
        self._holder.wait()
        self._holder.stdout.close()
        shutil.rmtree(self.folder)


class Supervisor:
    """systemd's end of sd_notify: what it is told."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0planlift-test-{os.getpid()}")
        self.address = f"@planlift-test-{os.getpid()}"
        self._told: list[str] = []

    def await_told(self, line: str, seconds: float = 30) -> None:
        deadline = Deadline(seconds)
        while line not in self._told:
            assert not deadline.is_over, f"not told {line}, but {self._told[-20:]}"
            self._socket.settimeout(max(0.1, deadline.left))
            try:
                self._told += self._socket.recv(4096).decode().splitlines()
            except TimeoutError:
                continue

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """With the package installed."""
    require_root()
    config = BINARY.parent / "CPackConfig.cmake"
    packed = subprocess.run(
        ["cpack", "--config", config, "-B", tmp_path], capture_output=True, text=True, check=False
    )
    assert packed.returncode == 0, packed.stdout + packed.stderr
    [package] = tmp_path.glob("*.deb")
    with closing(Machine()) as made:
        with package.open("rb") as content:
            subprocess.run(
                made.inside("/usr/bin/tee", "/package.deb"),
                stdin=content,
                stdout=subprocess.DEVNULL,
                check=True,
            )
        made.run("/usr/bin/dpkg", "--install", "/package.deb")
        yield made


def settings_of(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_installed_started_and_removed(machine: Machine, world: World) -> None:
    world.create_topics()
    unit = settings_of(machine.run("/usr/bin/cat", f"/{UNIT}"))
    # As an operator does: the settings, into the file that came with the package.
    lines = [f"{key}={value}\n" for key, value in world.settings.items() if key != "slot"]
    machine.run("/usr/bin/tee", "-a", "/etc/planlift/planlift.conf", stdin="".join(lines))

    # As systemd does: a copy of the credential that the service can read, its user, its variables.
    [credential] = unit["LoadCredential"]
    name, source = credential.split(":")
    machine.run("/usr/bin/install", "-D", "-m", "400", "-o", SERVICE_UID, source, f"/creds/{name}")
    machine.run("/usr/bin/install", "-d", "-o", SERVICE_UID, "/runtime")
    variables = dict(entry.replace("%i", "7").split("=", 1) for entry in unit["Environment"])
    [command] = unit["ExecStart"]
    with closing(Supervisor()) as supervisor:
        process = spawn(
            machine.inside(
                "/usr/bin/setpriv",
                f"--reuid={SERVICE_UID}",
                f"--regid={SERVICE_UID}",
                "--clear-groups",
                "--no-new-privs",
                "--bounding-set=-all",
                *command.replace("%d", "/creds").split(),
            ),
            env={
                **variables,
                "NOTIFY_SOCKET": supervisor.address,
                "RUNTIME_DIRECTORY": "/runtime",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said = Stream(process.stderr)
        try:
            said.await_match(f"started instance={world.group}-7 ")
            supervisor.await_told("READY=1")
            supervisor.await_told("STATUS=ready")
            world.send_request("c", **wish("CHECK"))
            assert world.results(enough=1)[0]["outcome"] == "NOT_ELIGIBLE"
            supervisor.await_told("WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            supervisor.await_told("STOPPING=1")
            eventually(lambda: process.poll() is not None, "ended")
            assert process.returncode == 0, said.text
        finally:
            process.kill()
            process.wait()

    machine.run("/usr/bin/dpkg", "--remove", "planlift")
    assert not machine.has("usr/bin/planlift")
    assert machine.has("etc/planlift/planlift.conf")  # the operator's


def test_unit_is_valid_and_hardened(machine: Machine) -> None:
    told = machine.run("/usr/bin/systemd-analyze", "verify", "planlift@0.service")
    assert "planlift@" not in told, told
    # 0: nothing is open to it, 100: all is.
    machine.run(
        "/usr/bin/systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=20",
        "planlift@0.service",
    )


def test_make_install_honours_its_destination(tmp_path: Path) -> None:
    for _ in range(2):  # the second time the settings are there
        done = subprocess.run(
            ["cmake", "--install", BINARY.parent, "--prefix", "/opt/planlift"],
            env={**os.environ, "DESTDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (tmp_path / "etc/planlift/planlift.conf").write_text("mine\n")
    assert (tmp_path / "etc/planlift/planlift.conf").read_text() == "mine\n"
    unit = (tmp_path / "opt/planlift/lib/systemd/system/planlift@.service").read_text()
    assert "ExecStart=/opt/planlift/bin/planlift run " in unit
    installed = tmp_path / "opt/planlift"
    checked = subprocess.run(
        [installed / "bin/planlift", "catalogue", "check"]
        + [installed / "share/planlift/catalogue/csp.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    own = ("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md")
    for name in (*own, "operations.md", "examples/first_request.py"):
        assert (installed / "share/doc/planlift" / name).is_file()
