"""What planlift refuses at its start, and how it says so; what it waits for; its configuration; and
`topics create` (contract 2 and 8). What docs/operations.md advises is done, and helps."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import ConfigResource, NewPartitions

from harness import Message, World, eventually
from harness.planlift import Finished, environment, variable
from harness.remedy import carry_out, remedies
from harness.samples import wish
from services import ROOT, Redis

FORCED = [
    ("group.id", "mine"),
    ("group.instance.id", "mine"),
    ("group.protocol", "consumer"),
    ("transactional.id", "mine"),
    ("enable.idempotence", "false"),
    ("acks", "1"),
    ("enable.auto.commit", "true"),
    ("enable.auto.offset.store", "true"),
    ("auto.offset.reset", "latest"),
    ("isolation.level", "read_uncommitted"),
    ("partition.assignment.strategy", "roundrobin"),
    ("partitioner", "random"),
    ("enable.partition.eof", "true"),
]


@pytest.fixture
def ready(world: World) -> World:
    world.create_topics()
    return world


def refuse(
    world: World, *words: str, settings: dict[str, object] | None = None, status: int | None = None
) -> Finished:
    """`run` ends by itself, soon, with a message that has these words (patterns, in any case)."""
    finished = world.run("run", settings=settings, seconds=10)
    check_refusal(finished, *words, status=status)
    return finished


def check_refusal(finished: Finished, *words: str, status: int | None = None) -> None:
    assert finished.status in ((1, 2) if status is None else (status,)), finished.err
    assert finished.err.splitlines()[-1].startswith("exit_reason="), finished.err
    for word in words:
        assert re.search(word, finished.err, re.I), f"{word} is not in:\n{finished.err}"


def config_of(world: World, topic: str, key: str) -> str:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    [future] = world.client.admin.describe_configs([resource]).values()
    return future.result()[key].value


def delete(world: World, topic: str) -> None:
    for future in world.client.admin.delete_topics([topic]).values():
        future.result()
    topics = world.client.admin
    eventually(lambda: topic not in topics.list_topics().topics, f"{topic} gone")


# --- what is waited for ---------------------------------------------------------------------------


def test_kafka_that_is_down_at_the_start(ready: World) -> None:
    """It waits, says so, and goes on by itself. The first test: a broker with few topics is back
    sooner."""
    ready.send_request("c", **wish("CHECK"))
    ready.kafka.stop()
    try:
        process = ready.start()
        process.err.await_match("waiting.*Kafka|waiting.*[Bb]roker")
        assert process.is_running
    finally:
        ready.kafka.start()
    ready.await_taken_in(process)
    assert len(ready.results()) == 1
    assert process.stop().status == 0


def test_redis_that_is_down_at_the_start(ready: World) -> None:
    ready.send_request("c", **wish("CHECK"))
    ready.redis.stop()
    process = ready.start()
    process.err.await_match("waiting.*Redis")
    ready.redis.start()
    ready.await_taken_in(process)
    assert len(ready.results()) == 1
    assert process.stop().status == 0


def test_a_slot_that_is_taken(ready: World) -> None:
    """The newer process wins; the older ends, and says where the newer one is."""
    older = ready.start()
    ready.send_request("c", **wish("CHECK"))
    ready.await_taken_in(older)
    newer = ready.start()
    ended = older.await_exit(30)
    assert ended.status == 1
    assert ended.err.splitlines()[-1] == "exit_reason=fenced"
    assert socket.gethostname() in ended.err, ended.err
    ready.send_request("c", **wish("CHECK"))
    ready.await_taken_in(newer)
    assert newer.stop().status == 0
    assert len(ready.results()) == 2


# --- topics ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["requests", "events", "results", "state", "requests_dlq", "events_dlq"]
)
def test_a_missing_topic(ready: World, kind: str) -> None:
    topic = getattr(ready.topics, kind)
    delete(ready, topic)
    refuse(ready, rf"{topic}\b", "planlift topics create", status=1)
    carry_out(ready, "A topic that is missing")
    ready.drain()


@pytest.mark.parametrize("kind", ["requests", "events", "results", "state"])
def test_unequal_partition_counts(ready: World, kind: str) -> None:
    topic = getattr(ready.topics, kind)
    delete(ready, topic)
    compacted = {"cleanup.policy": "compact"} if kind == "state" else {}
    ready.client.create_topics([topic], 4, compacted)
    refuse(ready, rf"{topic}\b", r"\b4\b", r"\b3\b", "partitions", status=1)
    move(ready, 4)
    ready.send_request("c", **wish("CHECK"))
    ready.drain()
    assert len(ready.results()) == 1


def move(world: World, partitions: int) -> None:
    """To a new set of topics, as the page says."""
    new = f"{world.group}-new"
    names = {"NEW": new, "NEW_GROUP": new, "PARTITIONS": partitions}
    carry_out(world, "Partition counts that differ", **names)
    kinds = ("requests", "events", "results", "state")
    world.topics = replace(world.topics, **{kind: f"{new}.{kind}" for kind in kinds})
    world.group, world.partitions = new, partitions
    world.settings |= {"group.id": new}
    world.settings |= {f"topic.{kind}": f"{new}.{kind}" for kind in kinds}


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_state_topic_that_is_not_just_compacted(ready: World, policy: str) -> None:
    ready.client.alter_topic(ready.topics.state, {"cleanup.policy": policy})
    refuse(ready, rf"{ready.topics.state}\b", f"cleanup.policy.*{policy}", status=1)
    carry_out(ready, "A state topic that is not compacted", STATE=ready.topics.state)
    ready.drain()


def test_the_state_topic_of_another_deployment(ready: World) -> None:
    """Another group.id on the same state topic, with inputs of its own."""
    ready.send_event("c", "CustomerErased")
    ready.drain()
    before = ready.client.ends(ready.topics.state)
    other = {"group.id": "somebody-else"}
    refuse(ready, rf"{ready.topics.state}\b", ready.group, "somebody-else", settings=other)
    assert ready.client.ends(ready.topics.state) == before
    ready.send_request("c", **wish("CHECK"))
    ready.drain()
    assert len(ready.results()) == 1


def test_a_state_topic_that_somebody_else_writes_to(ready: World) -> None:
    ready.client.send(ready.topics.state, [ready.event("c", "CustomerErased")])
    refuse(ready, rf"{ready.topics.state}\b", "planlift did not write|another|foreign", status=1)


def test_a_partition_count_that_changes_at_run_time(make_world: Callable[[], World]) -> None:
    """Of an input, and of an output: two services at once, for each looks every ten seconds."""
    running = []
    for kind in ("requests", "results"):
        world = make_world()
        world.create_topics()
        process = world.start()
        world.send_event("c", "CustomerErased")
        world.await_taken_in(process)
        topic = getattr(world.topics, kind)
        [future] = world.client.admin.create_partitions([NewPartitions(topic, 5)]).values()
        future.result()
        running.append((world, topic, process))
    for world, topic, process in running:
        finished = process.await_exit(30)
        check_refusal(finished, rf"{topic}\b", "partition", r"\b5\b", r"\b3\b", status=1)
        refuse(world, rf"{topic}\b", "partitions", status=1)


def test_two_topics_of_one_name(world: World) -> None:
    same = {"topic.events": world.topics.requests}
    refuse(world, "topic.events", "topic.requests", "same", settings=same, status=2)


def test_a_dead_letter_that_its_topic_does_not_take(ready: World) -> None:
    """It is not left out, nor are the records after it."""
    topic = ready.topics.requests
    ready.client.alter_topic(ready.topics.requests_dlq, {"max.message.bytes": "1000"})
    ready.client.send(topic, [Message(b"c", random.Random(1).randbytes(2000))])
    ready.send_request("c", **wish("CHECK"))
    refuse(ready, rf"dead letter of {topic}/\d offset 0", r"max\.message\.bytes", status=1)
    assert ready.dead_letters() == ready.results() == []
    carry_out(ready, "A dead letter that is not accepted", TOPIC=topic)
    ready.drain()
    assert len(ready.dead_letters()) == len(ready.results()) == 1


def test_every_remedy_is_tried() -> None:
    """None is on the page that no test has carried out."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for heading in remedies():
        assert f'"{heading}"' in tests, heading
    assert len(remedies()) >= 9


# --- topics create --------------------------------------------------------------------------------


def all_topics(world: World) -> list[str]:
    topics = world.topics
    inputs = [topics.requests, topics.events]
    return [*inputs, topics.results, topics.state, *(f"{name}.dlq" for name in inputs)]


def test_topics_create(world: World) -> None:
    """Once, again, and where some are there already; the service starts right afterwards."""
    settings = {"topic.partitions": 5}
    first = world.run("topics", "create", settings=settings)
    assert first.status == 0, first.err
    for topic in all_topics(world):
        assert topic in first.out
        assert world.client.partitions(topic) == 5
    assert config_of(world, world.topics.state, "cleanup.policy") == "compact"
    assert "compact" not in config_of(world, world.topics.results, "cleanup.policy")
    again = world.run("topics", "create", settings=settings)
    assert again.status == 0, again.err
    for topic in (world.topics.requests_dlq, world.topics.results):
        delete(world, topic)
    assert world.run("topics", "create", settings=settings).status == 0
    assert all(world.client.partitions(topic) == 5 for topic in all_topics(world))
    world.drain()


def test_topics_create_where_those_there_do_not_fit(world: World) -> None:
    """It does not leave with 0 what `run` would refuse."""
    world.client.create_topics([world.topics.results], 2)
    finished = world.run("topics", "create")
    assert finished.status == 1
    assert world.topics.results in finished.err
    world.client.create_topics(["x" + world.topics.state], 3)
    unfit = {"topic.results": "x" + world.topics.results, "topic.state": "x" + world.topics.state}
    finished = world.run("topics", "create", settings=unfit)
    assert finished.status == 1
    assert "cleanup.policy" in finished.err


def settings_of(world: World, number: int) -> dict[str, object]:
    """Those of one of several deployments."""
    prefix = f"{world.group}.{number}"
    kinds = ("requests", "events", "results", "state")
    return {"group.id": prefix, **{f"topic.{kind}": f"{prefix}.{kind}" for kind in kinds}}


def test_topics_create_for_several_deployments(world: World) -> None:
    """One right after the other: a broker may get to know of topics a moment after they are
    made."""
    for number in range(15):
        created = world.run("topics", "create", settings=settings_of(world, number))
        assert created.status == 0, created.err


def test_a_service_right_after_topics_create(world: World) -> None:
    """What create says is there is there for everybody."""
    for number in range(3):
        settings = {**settings_of(world, number), "topic.partitions": 9}
        created = world.run("topics", "create", settings=settings)
        assert created.status == 0, created.err
        world.drain(settings=settings)


def test_names_and_numbers_that_are_not_set(world: World) -> None:
    """The defaults of contract 2 and 8."""
    kept = {key: world.settings[key] for key in ("kafka.bootstrap.servers", "redis.url")}
    world.settings = kept
    assert world.run("topics", "create").status == 0
    inputs = ["upgrade-requests", "subscription-events"]
    others = ["upgrade-results", "subscription-state", *(f"{name}.dlq" for name in inputs)]
    for topic in (*inputs, *others):
        assert world.client.partitions(topic) == 12
    finished = world.drain()
    assert re.search(r"instance=planlift-\d+ partitions=12", finished.err)


# --- Redis ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-lru"])
def test_a_redis_that_evicts(ready: World, policy: str) -> None:
    with Redis(["--maxmemory", "100mb", "--maxmemory-policy", policy]) as evicting:
        ready.redis = evicting
        ready.settings["redis.url"] = evicting.url
        refuse(ready, policy, "noeviction", status=1)
        carry_out(ready, "A Redis that evicts")
        ready.drain()


def test_a_redis_that_never_evicts(ready: World) -> None:
    with Redis(["--maxmemory", "100mb", "--maxmemory-policy", "noeviction"]) as full_at_most:
        ready.drain(settings={"redis.url": full_at_most.url})
    with Redis(["--maxmemory-policy", "allkeys-lru"]) as without_limit:
        ready.drain(settings={"redis.url": without_limit.url})


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://h:99999", ""])
def test_an_address_that_is_none(world: World, url: str) -> None:
    refuse(world, r"redis\.url|redis://", settings={"redis.url": url}, status=2)


def test_a_wrong_password_is_told_but_not_shown(ready: World) -> None:
    """Neither the one in the address nor the one of its own setting."""
    with Redis(["--requirepass", "right-secret"]) as guarded:
        address = guarded.url.replace("redis://", "redis://:wrong-secret@")
        process = ready.start(settings={"redis.url": address})
        process.err.await_match("waiting.*(WRONGPASS|invalid password)")
        assert "wrong-secret" not in process.stop().err
        ready.drain(settings={"redis.url": guarded.url, "redis.password": "right-secret"})


# --- settings -------------------------------------------------------------------------------------


def write_config(folder: Path, text: str | bytes) -> Path:
    path = folder / "planlift.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(("key", "value"), FORCED)
def test_settings_that_exactly_once_depends_on(world: World, key: str, value: str) -> None:
    refuse(world, rf"kafka\.{key}\b", settings={f"kafka.{key}": value}, status=2)


def test_such_settings_in_a_file(world: World, tmp_path: Path) -> None:
    for key, value in FORCED:
        path = write_config(tmp_path, f"\nkafka.{key}={value}\n")
        finished = world.run("run", "--config", path)
        check_refusal(finished, rf"kafka\.{key}\b", rf"{path}:2\b", status=2)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("kafka.no.such.setting", "1", r"no\.such\.setting"),
        ("kafka.session.timeout.ms", "soon", r"session\.timeout\.ms"),
        ("kafka.security.protocol", "tls", r"security\.protocol"),
        ("batch.max.records", "0", r"batch\.max\.records"),
        ("batch.max.records", "many", r"batch\.max\.records"),
        ("batch.max.wait.ms", "-1", r"batch\.max\.wait\.ms"),
        ("result.max.accounts", "0", r"result\.max\.accounts"),
        ("result.max.accounts", "1.5", r"result\.max\.accounts"),
        ("partitioner", "murmur2", "murmur2_random"),
        ("log.level", "loud", r"log\.level"),
        ("log.format", "xml", r"log\.format"),
        ("topic.state", "", r"topic\.state"),
        ("topic.results", "no/name", "no/name"),
        ("group.id", "", r"group\.id"),
    ],
)
def test_values_that_cannot_be(world: World, key: str, value: str, named: str) -> None:
    refuse(world, named, settings={key: value}, status=2)


def test_a_value_that_the_producer_refuses(ready: World) -> None:
    """librdkafka says so only when it makes one."""
    refuse(ready, "retries", settings={"kafka.retries": "0"}, status=2)


def test_an_empty_slot(ready: World) -> None:
    """Is none: the default counts, or it is refused."""
    finished = ready.run("run", "--drain", settings={"slot": ""})
    assert finished.status == 2 or re.search(rf"{ready.group}-\d+", finished.err), finished.err


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("grup.id", "group.id"),
        ("topic.request", "topic.requests"),
        ("redis.uri", "redis.url"),
        ("schema.registry.autoregister", "schema.registry.auto.register"),
        ("result.max.account", "result.max.accounts"),
        ("GROUP.ID", "group.id"),
        ("batch_max_records", "batch.max.records"),
    ],
)
def test_an_unknown_key(world: World, wrong: str, nearest: str, tmp_path: Path) -> None:
    """In a file and in the environment: the nearest known one is named, whole."""
    pattern = rf"(?<![\w.]){re.escape(nearest)}(?![\w.])"
    path = write_config(tmp_path, f"# a comment\n{wrong} = x\n")
    finished = world.run("run", "--config", path)
    check_refusal(finished, re.escape(wrong), pattern, rf"{path}:2\b", status=2)
    if wrong.islower():
        refuse(world, variable(wrong), pattern, settings={wrong: "x"}, status=2)


def test_a_file_of_settings(world: World, tmp_path: Path) -> None:
    """Blank lines, comments, spaces; the environment over it."""
    lines = [f"{key}={value}" for key, value in world.settings.items() if key != "group.id"]
    text = "\n".join(["# settings", "", "   ", *lines, "  # more", " slot = 3 ", "group.id=wrong"])
    path = write_config(tmp_path, text)  # without a newline at its end
    world.settings = {"group.id": world.group}
    assert world.run("topics", "create", "--config", path).status == 0
    finished = world.run("run", "--drain", "--config", path)
    assert finished.status == 0, finished.err
    assert f"{world.group}-3" in finished.err


def test_a_value_with_signs_that_mean_something(world: World, tmp_path: Path) -> None:
    """Only the first = parts key and value, a # within a value is part of it."""
    path = write_config(tmp_path, "redis.url=#a=b\n")
    world.settings.pop("redis.url")
    finished = world.run("run", "--config", path)
    check_refusal(finished, r"redis\.url|redis://", status=2)
    path = write_config(tmp_path, "kafka.client.id=a=b#c\nlog.level=lou#d\n")
    check_refusal(world.run("run", "--config", path), "lou#d", status=2)


@pytest.mark.parametrize("line", ["group.id", "=x", "group.id mine"])
def test_a_line_that_is_no_setting(world: World, line: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, f"\n\n{line}\n")
    check_refusal(world.run("run", "--config", path), rf"{path}:3\b", status=2)


def test_a_file_that_is_not_there(world: World, tmp_path: Path) -> None:
    missing = tmp_path / "missing.conf"
    check_refusal(world.run("run", "--config", missing), str(missing), status=2)
    check_refusal(world.run("run", "--config", tmp_path), str(tmp_path), status=2)


def test_values_from_files(ready: World, tmp_path: Path) -> None:
    """One newline at the end is removed, nothing else."""
    secret = tmp_path / "secret"
    with Redis(["--requirepass", " pass=word#\t"]) as guarded:
        for content in (" pass=word#\t", " pass=word#\t\n"):
            secret.write_text(content)
            from_file = {"redis.url": guarded.url, "redis.password_file": secret}
            ready.drain(settings=renamed(from_file))
        secret.write_text(" pass=word#\t\n\n")
        process = ready.start(settings=renamed(from_file))
        process.err.await_match("waiting.*(WRONGPASS|invalid password)")
        assert process.stop().status == 0


def renamed(settings: dict[str, object]) -> dict[str, object]:
    """`key_file` becomes PLANLIFT_KEY_FILE: its underscore is part of the suffix."""
    return {key.replace("_file", ".file"): value for key, value in settings.items()}


def test_a_value_and_its_file_at_once(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    both = renamed({"redis.password": "x", "redis.password_file": secret})
    refuse(world, "PLANLIFT_REDIS_PASSWORD_FILE", r"PLANLIFT_REDIS_PASSWORD\b", settings=both)
    both = renamed({"kafka.client.id": "x", "kafka.client.id_file": secret})
    refuse(world, "PLANLIFT_KAFKA_CLIENT_ID_FILE", settings=both, status=2)


def test_a_file_of_a_value_that_is_not_there(world: World, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    settings = renamed({"redis.password_file": missing})
    refuse(world, str(missing), "PLANLIFT_REDIS_PASSWORD_FILE", settings=settings, status=2)


def test_underscores_in_names_of_variables(ready: World) -> None:
    """An underscore of a key is two; kafka.log_level is one that librdkafka knows."""
    assert "PLANLIFT_KAFKA_LOG__LEVEL" in environment({"kafka.log_level": 6})
    ready.drain(settings={"kafka.log_level": 6})
    refuse(ready, r"log\.level", settings={"kafka.log.level": 6}, status=2)


# --- catalogue and use ----------------------------------------------------------------------------


def test_a_catalogue_that_is_not_there(world: World, tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    refuse(world, str(missing), settings={"catalogue.path": missing}, status=2)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('{"version"', '{"wersion"', "version"),
        ("o365-enterprise-e3", "o365-enterprise-e3-", "o365-enterprise-e3"),
        ("}", "", ""),
    ],
)
def test_a_bad_catalogue(world: World, tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "bad.json"
    shipped = (ROOT / "catalogue" / "csp.json").read_text()
    path.write_text(re.sub(r'\{\s*"version"', '{"version"', shipped).replace(old, new, 1))
    refuse(world, str(path), named, settings={"catalogue.path": path}, status=2)


@pytest.mark.parametrize(
    "arguments",
    [("run", "--no-such-option"), ("run", "more"), ("run", "--config"), ("walk",), (), ("topics",)],
)
def test_wrong_use(world: World, arguments: tuple[str, ...]) -> None:
    finished = world.run(*(arguments or ("",)))
    assert finished.status == 2
    assert "help" in finished.err


@pytest.mark.parametrize("command", ["run", "topics"])
def test_help(world: World, command: str) -> None:
    finished = world.run(command, "--help")
    assert finished.status == 0
    for text in ("--config", "group.id", "PLANLIFT_GROUP_ID"):
        assert text in finished.out
