"""What README.md and docs/ tell to run is run: each block of commands as it stands, and each
command within a sentence. README.md and troubleshooting.md here, operations.md by the tests that
bring about what it mends, onboarding.md by test_onboarding.py. Whoever adds a block adds its
run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Planlift, World
from harness.deadline import Deadline
from harness.planlift import BINARY
from harness.remedy import remedies, run_commands
from harness.samples import customer_facts, wish
from services import ROOT, spawn

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
RUN_ELSEWHERE = {
    "onboarding.md": "test_onboarding.py",
    "operations.md": "the tests that call carry_out()",
}
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.M | re.S)

# Commands within a sentence that are not run by themselves, and what runs them.
NAMED_ONLY = {
    "planlift submit": "test_commands_submit.py: it wants a request",
    "planlift dlq replay": "test_commands_dlq.py: it wants a choice",
    "planlift demo": "test_demo.py",
    "planlift cache rebuild": "test_commands_cache.py: no service may run meanwhile",
    "planlift catalogue check": "it wants a file, as it has elsewhere on the pages",
    "planlift dlq show": "test_commands_dlq.py: it wants a place",
    "planlift run": "all tests; it stays",
    "planlift SUBCOMMAND --help": "test_integrators.py, for each",
}
# make targets: what is told of them is told by their own runs, on a fresh machine.
MAKE = re.compile(r"\bmake ([a-z-]+)")
# systemd's: a container has none. test_package.py has the unit verified by systemd itself.
SYSTEMCTL = {"enable --now planlift@0 planlift@1", "status planlift@0", "restart planlift@0"}
SYSTEMCTL_ASIDE = {"edit planlift@0"}


def blocks(page: Path) -> list[str]:
    """Its blocks of commands; not drawings, measurements, or lines of a file."""
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()].rstrip().splitlines()[-1]
        is_data = match[2] or "─" in match[3] or before.startswith("<!-- measured")
        if not is_data and not before.endswith("file:"):
            found.append(re.sub(rf"^{match[1]}", "", match[3], flags=re.M))
    return found


def sentences(page: Path) -> str:
    """The page without its blocks, each paragraph one line."""
    return re.sub(
        r"(?<!\n)\n(?!\n)", " ", re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S)
    )


def test_no_block_is_left_out() -> None:
    for page in PAGES:
        if page.name in ("README.md", "troubleshooting.md", *RUN_ELSEWHERE):
            assert blocks(page), page
        else:
            assert blocks(page) == [], f"{page.name}: run them in a test, and name it here"
    operations = ROOT / "docs" / "operations.md"
    assert sorted("".join(blocks(operations))) == sorted("".join(remedies().values()))
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "system").glob("test_*.py"))
    for heading in remedies():
        assert re.search(rf'(carry_out\(\w+, |^HEADING = )"{heading}"', tests, re.M), heading


# --- README.md ------------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder as `make demo` and `make test` leave it, with the program under test."""
    for name in ("docs", "tests", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build" / "release").mkdir(parents=True)
    (tmp_path / "build" / "release" / "planlift").symlink_to(BINARY)
    (tmp_path / "build" / "venv").symlink_to(ROOT / "build" / "venv")
    return tmp_path


class Terminal:
    """A shell of the newcomer's, without anything set; `last` stays in the foreground."""

    def __init__(self, folder: Path, commands: str) -> None:
        *first, last = commands.strip().splitlines()
        script = "\n".join([*first, f"exec {last}"])
        unset = {k: v for k, v in os.environ.items() if not k.startswith("PLANLIFT_")}
        self.process = spawn(
            ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=unset, stdout=-1
        )

    def lines(self, pattern: str, count: int) -> list[str]:
        """The first so many that match."""
        found: list[str] = []
        for line in self.process.stdout:
            if re.match(pattern, line.decode()):
                found.append(line.decode())
            if len(found) == count:
                return found
        raise AssertionError(f"ended with {found}")

    def end(self, seconds: float = 60) -> str:
        """What it has printed, once it is over; it must go well."""
        out, _ = self.process.communicate(timeout=Deadline(seconds).left)
        assert self.process.returncode == 0, out.decode()
        return out.decode()


def test_the_first_request_of_the_readme(clone: Path) -> None:
    """In three terminals, word for word, but for the addresses that the first one prints."""
    install, up, serve, ask, decide = blocks(README)
    assert [line.split("#")[0].strip() for line in install.splitlines()] == [
        "sudo apt-get install git make",
        "git clone <this repository> planlift && cd planlift",
        "make demo",
        "make test",
    ], "what runs these is the first thing that anybody does, and CI"
    servers = Terminal(clone, up)
    service = None
    try:
        exports = "".join(servers.lines(r"export PLANLIFT_\w+=\S+$", 2))
        told = re.compile(r"^export PLANLIFT_\w+=\.\.\..*\n", re.M)
        assert len(told.findall(serve)) == 2
        service = Terminal(clone, exports + told.sub("", serve))
        answer = Terminal(clone, exports + told.sub("", ask)).end(120)
        assert json.loads(answer[answer.index("{") :])["outcome"] == "UPGRADED"
        service.process.send_signal(signal.SIGTERM)
        service.end()
    finally:
        for terminal in filter(None, (service, servers)):
            terminal.process.send_signal(signal.SIGINT)
            terminal.process.wait(Deadline(60).left)
    done = subprocess.run(["bash", "-euc", decide], cwd=clone, capture_output=True, check=True)
    assert json.loads(done.stdout)["result"]["outcome"] == "NOT_ELIGIBLE"


# --- troubleshooting.md ---------------------------------------------------------------------------


@pytest.fixture
def served(world: World) -> Iterator[tuple[World, Planlift]]:
    """A customer with a request that was answered, and the service still there."""
    world.create_topics()
    process = world.start()
    world.client.send(world.topics.events, customer_facts(world, "c1"))
    world.send_request("c1", requestId="r1", **wish("CHECK"))
    world.results(1)
    yield world, process
    assert process.stop().status == 0


def named(command: str) -> str:
    """With the customer, the request and the file that there are."""
    names = {"CUSTOMER": "c1", "REQUEST": "r1", "ID": "c1", "F": str(ROOT / "catalogue/csp.json")}
    return re.sub(r"\b(CUSTOMER|REQUEST|ID|F)\b", lambda word: names[word[0]], command)


def test_the_commands_of_the_troubleshooting_page(served: tuple[World, Planlift]) -> None:
    world, process = served
    ready, explain, letters, verify = blocks(ROOT / "docs" / "troubleshooting.md")
    here = ready.replace("127.0.0.1:8080", f"127.0.0.1:{process.http_port}")
    assert here != ready
    assert run_commands(world, here).startswith("ready\n")
    assert "Request r1 of customer c1" in run_commands(world, named(explain))
    assert run_commands(world, letters) == "planlift dlq list: no dead letters like that\n"
    assert "no differences" in run_commands(world, verify)


def test_every_command_within_a_sentence(served: tuple[World, Planlift]) -> None:
    """Each is run; where the page leaves something out (`[...]`, `a / b`), each way to say it."""
    world, _ = served
    called = set()
    for page in PAGES:
        for command in re.findall(r"`(planlift [a-z][^`]*)`", sentences(page)):
            head, *rest = re.split(r" / ", command)
            called |= {head, *(f"{head.rsplit(' ', 1)[0]} {other}" for other in rest)}
    for command in sorted(called):
        plain = named(re.sub(r" \[[^]]*\]", "", command))
        if plain not in NAMED_ONLY:
            run_commands(world, plain)
    assert len(called) > 15


def test_other_commands_within_a_sentence() -> None:
    """make's have a target each, scripts are there; systemd's are those of the list."""
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for command in re.findall(r"`([^`]+)`", sentences(page)):
            for target in MAKE.findall(command):
                assert re.search(rf"^{target}:", makefile, re.M), f"{page.name}: {command}"
            if command.startswith("systemctl "):
                told = command.removeprefix("systemctl ")
                assert told in SYSTEMCTL | SYSTEMCTL_ASIDE, f"{page.name}: {command}"
            if re.match(r"(tests|docs|build/dev)/\S+( |$)", command) and "build" not in command:
                assert (ROOT / command.split()[0]).exists(), f"{page.name}: {command}"
