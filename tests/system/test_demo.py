"""`planlift demo` (contract 8): what it shows, where, and that nothing of it is left behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from harness import Deadline, Finished, KafkaClient, World, eventually
from harness.planlift import BINARY, FINDING, environment
from services import LOOPBACK, Kafka, Redis, reserve_port, spawn

SECTIONS = [
    "1  What was sent",
    "2  What each subscription can be upgraded to",
    "3  Requests and their outcomes",
    "4  Affected accounts",
    "5  Services that need a transition",
    "6  Billing",
    "7  Dead letters",
    "What to do next",
]
CONTOSO = {
    "Amélie Durand": "amelie",
    "Björn Eklund": "bjorn",
    "Chiara Rossi": "chiara",
    "David Okafor": "david",
    "Elif Yılmaz": "elif",
    "Farid Haddad": "farid",
    "Grace Kim": "grace",
    "田中浩 (Hiroshi Tanaka)": "hiroshi",
    "Inês Moreira": "ines",
    "Jonas Weber": "jonas",
    "Katarzyna Nowak": "katarzyna",
    "Liam Murphy": "liam",
}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def sections(out: str) -> dict[str, str]:
    """The text of each section by its title; all are there, in order."""
    titles = [line for line in out.splitlines() if line in SECTIONS]
    assert titles == SECTIONS, out
    pattern = "|".join(f"^{re.escape(title)}$" for title in SECTIONS)
    return dict(zip(SECTIONS, re.split(pattern, out, flags=re.M)[1:]))


def rows(section: str) -> list[str]:
    """Lines with each run of blanks as one: what a table says, whatever its widths are."""
    return [" ".join(line.split()) for line in section.splitlines()]


def width(line: str) -> int:
    """Columns that a line takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in line)
    return len(line) + wide - sum(unicodedata.combining(char) != 0 for char in line)


def own_topics(client: KafkaClient) -> set[str]:
    topics = client.admin.list_topics(timeout=Deadline(20).left).topics
    return {topic for topic in topics if topic.startswith("planlift-demo-")}


def own_keys(server: Redis) -> list[bytes]:
    return list(redis.Redis.from_url(server.url).scan_iter("*planlift-demo-*"))


def assert_left_nothing(world: World) -> None:
    eventually(lambda: not own_topics(world.client), "rid of the demo's topics")
    assert own_keys(world.redis) == []


def demo(world: World, *arguments: str | Path, **settings: object) -> Finished:
    """A demo that goes well."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    finished = world.run("demo", *arguments, settings=named)
    assert finished.status == 0, finished.err
    return finished


# --- what it shows ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown(kafka: Kafka, redis_server: Redis, kafka_client: KafkaClient) -> Iterator[Finished]:
    """The demo on settings of nobody, its output in a pipe."""
    world = World(kafka, redis_server, kafka_client, "demo")
    yield demo(world)
    world.close()


def test_all_sections_are_shown_and_nothing_else_is_said(shown: Finished) -> None:
    assert shown.err == ""
    assert all(text.strip() for text in sections(shown.out).values())


def test_it_says_where_it_is(shown: Finished, kafka: Kafka, redis_server: Redis) -> None:
    first = " ".join(shown.out.split("\n\n")[0].split())
    assert kafka.bootstrap_servers in first
    assert redis_server.url.removeprefix("redis://") in first
    assert re.search(r"\bplanlift-demo-[0-9a-f]{8}\b", first)


def test_in_a_pipe_it_is_plain_and_no_wider_than_100_columns(shown: Finished) -> None:
    lines = shown.out.splitlines()
    assert max(map(width, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)
    names = "".join(CONTOSO)
    assert {char for char in shown.out if not " " <= char <= "~"} <= {"\n", *names}


def test_what_was_sent(shown: Finished) -> None:
    sent = rows(sections(shown.out)[SECTIONS[0]])
    assert "contoso contoso-basic m365-business-basic 25 adatum-cloud, CSP 12" in sent
    assert "contoso contoso-apps m365-apps-for-business 3 adatum-cloud, CSP 1" in sent
    assert "fabrikam fabrikam-standard m365-business-standard 40 adatum-cloud, CSP 4" in sent
    assert "fabrikam fabrikam-e3 o365-enterprise-e3 100 VOLUME 0" in sent
    ids = [row.split()[0] for row in sent if re.match(r"\w+-\d ", row)]
    repeated = ["upgrade-1", "upgrade-1", "broken-1"]
    assert ids == ["check-1", "check-2", "check-3", "upgrade-1", "upgrade-2", "add-1", *repeated]


def test_possible_upgrades(shown: Finished) -> None:
    possible = rows(sections(shown.out)[SECTIONS[1]])
    assert "contoso-basic: Microsoft 365 Business Basic, 25 seats, ACTIVE" in possible
    assert "contoso-apps: Microsoft 365 Apps for business, 3 seats, ACTIVE" in possible
    assert "fabrikam-standard: Microsoft 365 Business Standard, 40 seats, ACTIVE" in possible
    offers = r"((?:m365|o365)-\S+) (yes|no) (\d+) (\d+) (\S+)"
    assert [row.groups() for row in map(re.compile(offers).match, possible) if row] == [
        ("m365-business-standard", "no", "12", "24", "conflicting_service_types:"),
        ("o365-enterprise-e1", "yes", "2", "20", "Bing_Chat_Enterprise"),
        ("o365-enterprise-e3", "yes", "12", "29", "Bing_Chat_Enterprise"),
        ("o365-enterprise-e5", "yes", "12", "49", "ADALLOM_S_O365,"),
        ("m365-business-premium", "no", "1", "51", "conflicting_service_types:"),
        ("m365-apps-for-enterprise", "yes", "1", "5", "EXCHANGE_S_FOUNDATION"),
        ("o365-enterprise-e3", "no", "1", "34", "conflicting_service_types:"),
        ("o365-enterprise-e5", "no", "1", "54", "conflicting_service_types:"),
        ("o365-enterprise-e3", "no", "4", "14", "target_offer_already_owned:"),
        ("o365-enterprise-e5", "no", "4", "43", "conflicting_service_types:"),
    ]


def test_outcomes(shown: Finished) -> None:
    section = sections(shown.out)[SECTIONS[2]]
    outcomes = re.findall(r"^(\w+-\d) +([A-Z_]+) ", section, re.M)
    assert sorted(outcomes) == [
        ("add-1", "LICENSES_ADDED"),
        ("check-1", "ELIGIBLE"),
        ("check-2", "ELIGIBLE"),
        ("check-3", "NOT_ELIGIBLE"),
        ("upgrade-1", "UPGRADED"),
        ("upgrade-2", "REFUSED"),
    ]
    text = " ".join(section.split())
    assert "contoso-basic: Microsoft 365 Business Basic, 25 seats, CANCELLED" in text
    assert re.search(r"[0-9a-f-]{36}: Office 365 Enterprise E3, 25 seats, ACTIVE", text)
    assert "contoso-apps: Microsoft 365 Apps for business, 5 seats, ACTIVE" in text
    assert "fabrikam-standard: Microsoft 365 Business Standard, 40 seats, ACTIVE" in text
    reasons = [
        "role_not_permitted: The role",
        "conflicting_service_types: Subscription fabrikam-e3",
        "quantity_below_assigned_licenses: Subscription fabrikam-standard has 4 assigned",
    ]
    places = [text.index(reason) for reason in reasons]
    assert places == sorted(places)
    assert "(VOLUME)" in text


def test_accounts(shown: Finished) -> None:
    accounts = rows(sections(shown.out)[SECTIONS[3]])
    expected = dict.fromkeys(CONTOSO, ("1 2 3 4 5", "moved"))
    expected["Grace Kim"] = ("1 2 3 4 5", "license_assigned_by_group")
    expected["Liam Murphy"] = ("1 2 3 4 5", "conflicting_service_types")
    expected["Jonas Weber"] = ("2 3 4 5", "moved")
    listed = [
        f"{name} {CONTOSO[name]}@contoso.example {services} {licence}"
        for name, (services, licence) in expected.items()
    ]
    assert [row for row in accounts if row in listed] == listed
    text = " ".join(accounts)
    assert "grace@contoso.example: The licence was assigned by group sales-team." in text
    assert "liam@contoso.example: The user has a plan that excludes one of" in text


def test_services(shown: Finished) -> None:
    assert [row for row in rows(sections(shown.out)[SECTIONS[4]]) if re.match(r"\d ", row)] == [
        "1 Exchange Online (Plan 1) Exchange Online (Plan 2) 11",
        "2 Power Automate for Office 365 Power Automate for Office 365 [FLOW_O365_P2] 12",
        "3 Office Mobile Apps for Office 365 removed 12",
        "4 Power Apps for Office 365 Power Apps for Office 365 [POWERAPPS_O365_P2] 12",
        "5 SharePoint (Plan 1) SharePoint (Plan 2) 12",
    ]


def test_billing(shown: Finished) -> None:
    billing = sections(shown.out)[SECTIONS[5]]
    orders = re.split(r"^(PO-\d+)", billing, flags=re.M)[1:]
    assert orders[::2] == ["PO-1001", "PO-1002"]
    upgraded, added = (" ".join(text.split()) for text in orders[1::2])
    assert re.match(r"25 x .*25 x Office 365 Enterprise E3 \d{4}-\d\d-\d\dT[\d:.]+Z", upgraded)
    assert "(contoso-basic)" in upgraded
    assert re.match(r"- 2 x Microsoft 365 Apps for business \d{4}-", added)
    assert added.endswith("(contoso-apps)")


def test_dead_letters(shown: Finished) -> None:
    letters = " ".join(sections(shown.out)[SECTIONS[6]].split())
    listed = re.findall(r"requests\.dlq (\S+) .*?(requests/\d/\d)", letters)
    assert [code for code, _ in listed] == ["request_id_reused", "malformed"]
    assert len({place for _, place in listed}) == 2


# --- terminals ----------------------------------------------------------------------------------


def in_terminal(world: World, columns: int, **variables: str) -> str:
    """The output of a demo that has a terminal of this width."""
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    others = environment(world.settings)
    others.pop("NO_COLOR", None)
    process = spawn(
        [BINARY, "demo"],
        env={**others, "TERM": "xterm", **variables},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    out = b""
    try:
        while part := os.read(keyboard, 65536):
            out += part
    except OSError:
        pass  # the other end is closed
    os.close(keyboard)
    text = out.decode().replace("\r\n", "\n")
    assert process.wait(Deadline(30).left) == 0, text
    assert not FINDING.search(text)
    return text


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_a_terminal_gets_lines_and_colours_and_no_line_too_wide(world: World, columns: int) -> None:
    out = in_terminal(world, columns)
    assert "\x1b[1m4  Affected accounts\x1b[0m" in out
    assert re.search("\x1b\\[32mUPGRADED\x1b\\[0m", out)
    plain = ESCAPE.sub("", out)
    assert "\x1b" not in plain
    lines = plain.splitlines()
    assert max(map(width, lines)) <= min(columns, 100)
    tables = [line for line in lines if line.startswith(("┌", "│", "├", "└"))]
    assert len(tables) > 60
    assert all(line.endswith(("┐", "│", "┤", "┘")) for line in tables)


@pytest.mark.parametrize(
    "variables",
    [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}],
    ids=["no-color", "dumb", "none"],
)
def test_a_terminal_that_must_not_gets_plain_text(world: World, variables: dict[str, str]) -> None:
    out = in_terminal(world, 100, **variables)
    assert "\x1b" not in out
    assert "│" not in out
    sections(out)


# --- settings -----------------------------------------------------------------------------------


def test_it_takes_a_config_file(world: World, tmp_path: Path) -> None:
    config = tmp_path / "demo.conf"
    config.write_text(f"kafka.bootstrap.servers={world.kafka.bootstrap_servers}\n")
    del world.settings["kafka.bootstrap.servers"]
    finished = demo(world, "--config", config)
    sections(finished.out)
    assert world.kafka.bootstrap_servers in finished.out


@pytest.mark.parametrize(
    "settings",
    [
        {"partitioner": "consistent_random"},
        {"partitioner": "none"},
        {"catalogue.path": "/nowhere.json", "schemas.path": "/nowhere"},
        {"topic.partitions": 7, "batch.max.records": 1},
        {"log.level": "debug"},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_settings_of_the_service_do_not_change_the_story(
    world: World, shown: Finished, settings: dict[str, object]
) -> None:
    finished = world.run("demo", settings=settings)
    assert (finished.status, finished.err) == (0, "")
    here, there = sections(finished.out), sections(shown.out)
    for title in (SECTIONS[0], SECTIONS[3], SECTIONS[4]):
        assert here[title] == there[title]


def test_results_in_parts_are_counted_once(world: World, shown: Finished) -> None:
    finished = world.run("demo", settings={"result.max.accounts": 5})
    assert (finished.status, finished.err) == (0, "")
    here, there = sections(finished.out), sections(shown.out)
    for title in SECTIONS[1:5]:
        assert here[title] == there[title]
    assert finished.out.count("PO-1001") == 1


def test_verbose_tells_what_the_service_does(world: World) -> None:
    finished = demo(world, "--verbose")
    assert "started" in finished.err
    assert "drained" in finished.err or "assigned" in finished.err
    sections(finished.out)


def test_wrong_use(world: World) -> None:
    for arguments in (["what"], ["--what"], ["--config"]):
        finished = world.run("demo", *arguments)
        assert finished.status == 2
        assert "--help" in finished.err
        assert finished.out == ""


def test_wrong_configuration(world: World) -> None:
    finished = world.run("demo", settings={"topik.events": "x"})
    assert finished.status == 2
    assert "topic.events" in finished.err
    assert finished.out == ""


def test_help(world: World) -> None:
    finished = world.run("demo", "--help")
    assert (finished.status, finished.err) == (0, "")
    for word in ("--config", "--verbose", "Exit codes", "NO_COLOR", "redis.url"):
        assert word in finished.out


# --- what is left behind ------------------------------------------------------------------------


def test_nothing_is_left_and_nothing_else_is_touched(world: World) -> None:
    world.create_topics()
    world.send_event("c", "CustomerErased")
    names = [getattr(world.topics, kind) for kind in ("events", "requests", "results", "state")]
    before = [world.client.read(name) for name in names]
    assert sum(map(len, before)) == 1
    demo(world)
    assert_left_nothing(world)
    assert [world.client.read(name) for name in names] == before
    assert world.client.committed(world.group) == {}


def test_two_at_a_time_do_not_meet(world: World) -> None:
    both = [world.start("demo") for _ in range(2)]
    finished = [process.await_exit() for process in both]
    assert [one.status for one in finished] == [0, 0], finished
    names = {name for one in finished for name in re.findall(r"planlift-demo-[0-9a-f]{8}", one.out)}
    assert len(names) == 2
    assert_left_nothing(world)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_stopped_leaves_nothing(world: World, signum: signal.Signals) -> None:
    process = world.start("demo")
    process.out.await_match(SECTIONS[0])
    process.process.send_signal(signum)
    finished = process.await_exit(20)
    assert finished.status == 1
    assert finished.err.splitlines() == ["planlift demo: stopped"]
    assert SECTIONS[1] not in finished.out
    assert_left_nothing(world)


def test_a_broker_that_makes_topics_when_asked_about_them(redis_server: Redis) -> None:
    """Kafka's default: who merely looks for a topic must not have made it, nor make it again."""
    with Kafka({"auto.create.topics.enable": "true"}) as server:
        world = World(server, redis_server, KafkaClient(server.bootstrap_servers), "auto")
        try:
            demo(world)
            assert_left_nothing(world)
            made = world.run("topics", "create")
            assert made.status == 0, made.err
            assert len(re.findall("^created ", made.out, re.M)) == 6
            demo(world)
        finally:
            world.close()


# --- servers that are away ----------------------------------------------------------------------


def refuse(world: World, seconds: float, **settings: object) -> str:
    """What a demo says that cannot begin, within this time."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    finished = world.run("demo", settings=named, seconds=seconds)
    assert finished.status == 1
    assert finished.out == ""
    return finished.err


def test_a_redis_that_is_not_there(world: World) -> None:
    place = f"{LOOPBACK}:{reserve_port()}"
    said = refuse(world, 5, redis_url=f"redis://user:secret@{place}")
    assert said.startswith(f"planlift demo: Redis at {place} cannot be reached: ")
    assert "make demo" in said
    assert "PLANLIFT_REDIS_URL" in said
    assert "Kafka at" not in said
    assert "secret" not in said


def test_a_kafka_that_is_not_there(world: World) -> None:
    place = f"{LOOPBACK}:{reserve_port()}"
    said = refuse(world, 11, kafka_bootstrap_servers=place)
    assert said.startswith(f"planlift demo: Kafka at {place} cannot be reached: ")
    assert "make demo" in said
    assert "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS" in said
    assert "Redis at" not in said
    assert len(said.splitlines()) == 3


def test_both_are_named_where_both_are_away(world: World) -> None:
    port = reserve_port()
    away = {"kafka_bootstrap_servers": f"{LOOPBACK}:{port}", "redis_url": f"redis://{LOOPBACK}:1"}
    said = refuse(world, 11, **away)
    assert "Redis at" in said
    assert "Kafka at" in said


def test_servers_that_hang(world: World) -> None:
    world.kafka.pause()
    world.redis.pause()
    try:
        said = refuse(world, 15)
    finally:
        world.kafka.resume()
        world.redis.resume()
    assert "Redis at" in said
    assert "Kafka at" in said


def test_a_redis_that_may_evict_is_refused(world: World) -> None:
    with Redis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) as server:
        said = refuse(world, 10, redis_url=server.url)
    assert "maxmemory-policy" in said
    assert "cannot be reached" not in said


def test_one_that_goes_away_meanwhile_is_not_waited_for_for_ever(world: World) -> None:
    with Redis() as server:
        process = world.start("demo", settings={"redis.url": server.url})
        process.out.await_match(SECTIONS[0])
        server.pause()
        finished = process.await_exit(60)
        server.resume()
    assert finished.status == 1
    assert "planlift demo: not done within 30 seconds" in finished.err
    assert SECTIONS[1] not in finished.out
    eventually(lambda: not own_topics(world.client), "rid of the demo's topics")
