"""A schema registry over HTTP (contract 3): a real one, behind a door that may misbehave."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Message, Planlift, World, eventually
from harness.certificates import Authority
from harness.door import Door
from harness.samples import customer_facts, wish
from oracle.wire import EVENT, REQUEST, RESULT, Registry, encode, frame, unframe
from services import LOOPBACK, reserve_port
from services import Registry as RegistryService

Json = dict[str, Any]

OTHER = json.dumps({"type": "record", "name": "Other", "namespace": "planlift", "fields": []})

# What a door does that is no answer, and what planlift says of it.
MISBEHAVIOUR = {
    "fails": "HTTP 500",
    "is_forbidden": "basic.auth.user.info",
    "is_another": "check the path of schema.registry.url",
    "babbles": "not that of a schema registry",
    "lacks": "it has no schema",
    "is_endless": "has no end",
    "stops_half_way": "cannot be asked",
    "is_slow": "cannot be asked",
    "moves": "has moved",
}


@pytest.fixture(scope="module")
def registry() -> Iterator[RegistryService]:
    with RegistryService() as server:
        yield server


@pytest.fixture
def door(registry: RegistryService) -> Iterator[Door]:
    with Door(registry.url) as found:
        yield found


class Subjects:
    """The registry as the teams around planlift use it, for one world's topics."""

    def __init__(self, world: World, registry: RegistryService) -> None:
        self.world = world
        self.url = registry.url
        self.names = {
            EVENT: f"{world.topics.events}-value",
            REQUEST: f"{world.topics.requests}-value",
            RESULT: f"{world.topics.results}-value",
        }

    def ask(self, path: str, body: Json | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def register(self, name: str, schema: str | None = None) -> int:
        """Put a schema, or planlift's own, under the subject of a record; its id, known to the
        world from now on."""
        text = schema or self.world.registry.own[name].text
        subject = f"/subjects/{self.names[name]}"
        found = self.ask(f"{subject}/versions", {"schema": text})["id"]
        own = {key: writer.text for key, writer in self.world.registry.own.items()}
        known = {key: writer.text for key, writer in self.world.registry.by_id.items()}
        self.world.registry = Registry(own, {**known, found: text})
        return found

    def fresh(self, marker: str) -> int:
        """The id of a schema for requests that nobody has seen yet."""
        schema = json.loads(self.world.registry.own[REQUEST].text)
        return self.register(REQUEST, json.dumps({**schema, "doc": marker}))

    def answered(self, count: int) -> list[str]:
        """Ids of the requests that have results, once there are so many."""
        self.register(RESULT)  # as planlift has: whoever reads looks it up so
        return [result["requestId"] for result in self.world.results(count)]

    def versions(self, name: str) -> list[int]:
        return self.ask(f"/subjects/{self.names[name]}/versions")


@pytest.fixture
def subjects(world: World, registry: RegistryService, door: Door) -> Subjects:
    world.create_topics()
    world.settings["schema.registry.url"] = door.url
    return Subjects(world, registry)


def request_value(world: World, schema_id: int, request_id: str, customer: str = "c") -> bytes:
    about = {
        **wish("CHECK"),
        "requestId": request_id,
        "customerId": customer,
        "requestedBy": {"userId": "u", "role": "GLOBAL_ADMIN"},
        "requestedAt": 1,
    }
    return encode(world.registry, REQUEST, about, schema_id)


def request_schema(fields: list[Json]) -> str:
    record = {"type": "record", "name": "UpgradeRequest", "namespace": "planlift"}
    return json.dumps({**record, "fields": fields})


def send_request(world: World, schema_id: int, request_id: str) -> None:
    value = request_value(world, schema_id, request_id)
    world.client.send(world.topics.requests, [Message(b"c", value)])


def codes(world: World) -> list[str]:
    return [dict(letter.headers)["planlift-error-code"].decode() for letter in world.dead_letters()]


def await_reason(process: Planlift, text: str) -> None:
    """Until /readyz names the registry and this."""

    def is_told() -> bool:
        try:
            status, body = process.get("/readyz")
        except OSError:
            return False
        lines = [line for line in body.splitlines() if line.startswith("registry:")]
        return status == 503 and any(text in line for line in lines)

    eventually(is_told, f"unready because of the registry: {text}", 40)


# --- ids and schemas ------------------------------------------------------------------------------


def test_own_schemas_are_registered_and_all_versions_are_read(
    world: World, subjects: Subjects, door: Door
) -> None:
    """The registry may be away afterwards, as long as no further schema comes."""
    fields = json.loads(world.registry.own[REQUEST].text)["fields"]
    note = {"name": "note", "type": ["null", "string"], "default": None}
    newer = subjects.register(REQUEST, request_schema([note, *fields]))
    older = subjects.register(
        REQUEST, request_schema([f for f in fields if f["name"] != "expectedVersion"])
    )
    other = subjects.register(REQUEST, OTHER)
    service = world.start()
    service.await_ready()
    assert subjects.versions(EVENT) == [1], "an empty subject gets planlift's own"
    assert len(subjects.versions(REQUEST)) == 3, "one that others fill does not"
    assert "unreadable_schema" in service.err.text and f"id={other}" in service.err.text
    asked = len(door.asked)
    door.close()
    facts = customer_facts(world, "c")
    event_id = subjects.register(EVENT)
    facts = [Message(fact.key, frame(event_id, unframe(fact.value)[1])) for fact in facts]
    world.client.send(world.topics.events, facts)
    for schema_id in (newer, older):
        send_request(world, schema_id, f"r{schema_id}")
    world.client.send(world.topics.requests, [Message(b"c", frame(other, b""))])
    assert subjects.answered(2) == [f"r{newer}", f"r{older}"]
    [record, _] = world.client.read(world.topics.results)
    assert unframe(record.value)[0] == subjects.register(RESULT)
    eventually(lambda: codes(world) == ["incompatible_schema"], "a dead letter of the other record")
    assert len(door.asked) == asked
    assert service.stop().status == 0


def test_an_id_that_nobody_has_is_a_dead_letter(
    world: World, subjects: Subjects, door: Door
) -> None:
    """Asked for once where many records have it; known once it is registered."""
    good = subjects.register(REQUEST)
    value = request_value(world, good, "r1")
    body = unframe(value)[1]
    unknown = [Message(b"c", frame(4_000_000_000, body))] * 50
    world.client.send(world.topics.requests, [*unknown, Message(b"c", value)])
    world.drain()
    assert codes(world) == ["unknown_schema"] * 50
    assert 1 <= door.count("/schemas/ids/4000000000") <= 5
    assert subjects.answered(1) == ["r1"]


def test_a_schema_that_refers_to_others_is_refused_by_name(
    world: World, subjects: Subjects
) -> None:
    """By this registry, which does not put them in: at the start, and with each such record."""
    subjects.register(REQUEST)
    schema = json.loads(world.registry.own[REQUEST].text)
    [field] = [field for field in schema["fields"] if field["name"] == "requestedBy"]
    used = {**field["type"], "namespace": "planlift"}
    field["type"] = "planlift.Requester"
    shared = f"{world.group}-requester"
    subjects.ask(f"/subjects/{shared}/versions", {"schema": json.dumps(used)})
    reference = {"name": "planlift.Requester", "subject": shared, "version": 1}
    body = {"schema": json.dumps(schema), "references": [reference]}
    found = subjects.ask(f"/subjects/{subjects.names[REQUEST]}/versions", body)["id"]
    value = world.request("c", **wish("CHECK")).value
    world.client.send(world.topics.requests, [Message(b"c", frame(found, unframe(value)[1]))])
    finished = world.drain()
    [letter] = world.dead_letters()
    told = dict(letter.headers)
    assert told["planlift-error-code"] == b"incompatible_schema"
    assert f"schema {found} refers to other schemas".encode() in told["planlift-error-message"]
    assert "unreadable_schema" in finished.err


def test_own_schemas_may_only_be_looked_up(world: World, subjects: Subjects) -> None:
    world.settings["schema.registry.auto.register"] = "false"
    refused = world.run("run", "--drain")
    assert refused.status == 1
    assert subjects.names[RESULT] in refused.err
    assert "schema.registry.auto.register=true" in refused.err
    assert refused.err.splitlines()[-1] == "exit_reason=registry"
    subjects.register(RESULT)
    good = subjects.register(REQUEST)
    send_request(world, good, "r1")
    world.drain()
    assert subjects.answered(1) == ["r1"]


def test_an_incompatible_subject_of_results_is_refused(world: World, subjects: Subjects) -> None:
    subjects.register(RESULT, OTHER)
    config = f"/config/{subjects.names[RESULT]}"
    asked = urllib.request.Request(
        subjects.url + config,
        json.dumps({"compatibility": "FULL"}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(asked, timeout=60).close()
    refused = world.run("run", "--drain")
    assert refused.status == 1
    assert "not compatible" in refused.err and subjects.names[RESULT] in refused.err


def test_commands_use_the_registry(world: World, subjects: Subjects) -> None:
    service = world.start()
    service.await_ready()
    sent = world.run(
        "submit", "--customer", "c", "--partner", "p", "--subscription", "s",
        "--operation", "CHECK", "--wait", "--json",
    )  # fmt: skip
    assert sent.status == 0, sent.err
    [request] = world.client.read(world.topics.requests)
    assert unframe(request.value)[0] == subjects.register(REQUEST)
    world.settings["schema.registry.url"] = f"http://{LOOPBACK}:{reserve_port()}"
    away = world.run("results")
    assert away.status == 1 and "schema registry at http" in away.err


# --- a registry that is away ----------------------------------------------------------------------


def test_records_wait_for_a_registry_that_misbehaves(
    world: World, subjects: Subjects, door: Door
) -> None:
    """And those that need none of it are answered meanwhile."""
    service = world.start()
    service.await_ready()
    for count, (manner, said) in enumerate(MISBEHAVIOUR.items(), 1):
        schema_id = subjects.fresh(manner)
        door.manner = manner
        send_request(world, schema_id, manner)
        await_reason(service, said)
        assert codes(world) == []
        door.manner = "honest"
        assert subjects.answered(count)[-1] == manner
    service.await_ready()
    finished = service.stop()
    assert finished.status == 0
    assert "waiting" in finished.err and "going_on" in finished.err


def test_a_start_waits_for_the_registry(world: World, subjects: Subjects) -> None:
    """Named among places that do not answer; asked to stop, it stops."""
    port = reserve_port()
    world.settings["schema.registry.url"] = f"http://{LOOPBACK}:{port}"
    service = world.start()
    await_reason(service, f"{LOOPBACK}:{port}")
    service.err.await_match(rf"waiting.*{port}")
    assert service.stop(10).status == 0
    places = f"http://{LOOPBACK}:{port}/, {subjects.url}/"
    world.drain(settings={"schema.registry.url": places})


# --- who may ask ----------------------------------------------------------------------------------


def test_login_and_certificates(
    world: World, subjects: Subjects, registry: RegistryService, tmp_path: Path
) -> None:
    """Passwords are read anew from their file; a certificate that is not trusted is refused."""
    authority = Authority(tmp_path / "ca")
    secret = tmp_path / "user-info"
    secret.write_text("planlift:old\n")
    good = subjects.register(REQUEST)
    send_request(world, good, "r1")
    with Door(registry.url, authority.issue("registry")) as door:
        door.login = "planlift:new"
        world.settings["schema.registry.url"] = door.url
        service = world.start()
        await_reason(service, "schema.registry.ssl.ca.location")
        assert service.stop().status == 0
        world.settings["schema.registry.ssl.ca.location"] = authority.certificate
        variable = "PLANLIFT_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO_FILE"
        service = world.start(variables={variable: str(secret)})
        await_reason(service, "basic.auth.user.info")
        secret.write_text("planlift:new\n")
        service.await_ready()
        assert subjects.answered(1) == ["r1"]
        finished = service.stop()
        assert finished.status == 0
        assert "planlift:old" not in finished.err and "planlift:new" not in finished.err


def test_a_login_in_the_url_is_not_shown(world: World, subjects: Subjects, door: Door) -> None:
    door.login = "planlift:s3cret"
    url = door.url.replace("http://", "http://planlift:s3cret@")
    shown = world.run("config", settings={"schema.registry.url": url})
    assert "s3cret" not in shown.out + shown.err
    finished = world.drain(settings={"schema.registry.url": url})
    assert "s3cret" not in finished.err
    wrong = {"schema.registry.url": url.replace("s3cret", "wr0ng")}
    service = world.start(settings=wrong)
    await_reason(service, "basic.auth.user.info")
    assert "wr0ng" not in service.stop().err


@pytest.mark.parametrize(
    "url", ["registry:8081", "ftp://host", "http://", "http://a?b", "http://a,"]
)
def test_what_is_no_url_is_refused(world: World, url: str) -> None:
    refused = world.run("run", settings={"schema.registry.url": url})
    assert refused.status == 2
    assert "schema.registry.url must look like" in refused.err
