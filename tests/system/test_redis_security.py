"""Redis with users, secrets that change, and TLS (contract 8, redis.url)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import World
from harness.certificates import Authority
from harness.redises import client, documented_rights
from harness.samples import customer_facts, wish
from harness.verdict import judge
from services import LOOPBACK, Redis, reserve_port

WITHOUT_TLS = "this build of planlift has no TLS for Redis"

# What the service cannot do without; the others of the documented list are for some deployments.
NEEDED = ("multi", "exec", "hmget", "hlen", "hget", "hset", "hdel", "unlink", "eval")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Redis]:
    """A Redis where users are made and taken away."""
    with Redis() as server:
        yield server


def set_user(server: Redis, rules: list[str]) -> None:
    with client(server) as admin:
        admin.execute_command("ACL SETUSER", "planlift", "reset", *rules)
        admin.execute_command("CLIENT KILL", "USER", "planlift")


def work(world: World, customer: str) -> None:
    world.client.send(world.topics.events, customer_facts(world, customer))
    world.send_request(customer, **wish())


# --- users ----------------------------------------------------------------------------------------


def test_the_documented_rights_suffice(world: World, guarded: Redis) -> None:
    """For the service in all that it does, and for the commands."""
    set_user(guarded, documented_rights())
    world.settings["redis.url"] = f"redis://planlift@{LOOPBACK}:{guarded.port}"
    world.settings["redis.password"] = "first"
    world.create_topics()
    service = world.start()
    work(world, "c1")
    assert len(world.results(1)) == 1
    world.client.send(world.topics.events, [world.event("c1", "CustomerErased")])
    world.await_taken_in(service)
    with client(guarded) as admin:  # a cache of somebody else's, to be dropped
        for key in admin.keys(f"planlift:*{world.group}:p*"):
            admin.hset(key, "#", "garbled")
    work(world, "c2")
    assert len(world.results(2)) == 2
    finished = service.stop()
    assert finished.status == 0
    assert "NOPERM" not in finished.err and "redis_unchecked" not in finished.err
    for command in ("verify", "rebuild"):
        done = world.run("cache", command)
        assert done.status == 0, done.err
    judge(world)


def test_a_right_that_is_missing_is_named(world: World, guarded: Redis) -> None:
    """Planlift waits for it, and goes on once it is there."""
    world.settings["redis.url"] = f"redis://planlift:first@{LOOPBACK}:{guarded.port}"
    world.create_topics()
    rights = documented_rights()
    for number, name in enumerate(NEEDED, 1):
        assert f"+{name}" in rights
        set_user(guarded, [*rights, f"-{name}"])
        with client(guarded) as admin:
            for key in admin.keys(f"planlift:*{world.group}:p*"):
                admin.hset(key, "#", "garbled")
        work(world, f"c{number}")
        world.client.send(world.topics.events, [world.event(f"c{number - 1}", "CustomerErased")])
        service = world.start()
        service.err.await_match(rf"waiting.*\b{name}\b.*see its ACL", 60)
        set_user(guarded, rights)
        service.await_ready(60)
        world.await_taken_in(service)
        assert service.stop().status == 0
    set_user(guarded, [*rights, "resetkeys", "~other:*"])
    service = world.start()
    service.err.await_match(r"waiting.*NOPERM.*see its ACL", 60)
    assert service.stop().status == 0


def test_a_new_password_is_read_from_its_file(world: World, guarded: Redis, tmp_path: Path) -> None:
    """When the connection is made anew."""
    secret = tmp_path / "password"
    secret.write_text("first\n")
    set_user(guarded, documented_rights())
    world.settings["redis.url"] = f"redis://planlift@{LOOPBACK}:{guarded.port}"
    world.create_topics()
    service = world.start(variables={"PLANLIFT_REDIS_PASSWORD_FILE": str(secret)})
    service.await_ready(60)
    set_user(guarded, [rule.replace(">first", ">second") for rule in documented_rights()])
    work(world, "c")
    service.err.await_match("waiting.*check redis.password", 60)
    secret.write_text("second\n")
    assert len(world.results(1)) == 1
    finished = service.stop()
    assert finished.status == 0
    assert "first" not in finished.err and "second\n" not in finished.err


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def encrypted(authority: Authority) -> Iterator[tuple[Redis, int]]:
    """A Redis that also has a port for TLS, where it wants a certificate of its clients."""
    pair, port = authority.issue("redis"), reserve_port()
    files = ["--tls-cert-file", pair.certificate, "--tls-key-file", pair.key]
    settings = ["--tls-port", port, *files, "--tls-ca-cert-file", authority.certificate]
    with Redis([str(part) for part in settings]) as server:
        yield server, port


def test_tls_is_built_in_or_refused_by_name(
    world: World, authority: Authority, encrypted: tuple[Redis, int]
) -> None:
    _, port = encrypted
    mine = authority.issue("planlift")
    trusted = f"cacert={authority.certificate}&cert={mine.certificate}&key={mine.key}"
    world.create_topics()
    world.settings["redis.url"] = f"rediss://{LOOPBACK}:{port}?{trusted}"
    service = world.start()
    if WITHOUT_TLS in service.err.await_match("started|no TLS for Redis", 60).string:
        assert service.await_exit().status == 2
        return
    work(world, "c")
    assert len(world.results(1)) == 1
    assert service.stop().status == 0
    untrusted = {
        f"rediss://{LOOPBACK}:{port}": "not trusted.*cacert=FILE",
        f"rediss://{LOOPBACK}:{port}?cacert={authority.certificate}": "waiting.*Redis",
        f"rediss://{LOOPBACK}:{port}?cacert=/nowhere": "/nowhere",
        f"redis://{LOOPBACK}:{port}": "waiting.*Redis",
    }
    for url, said in untrusted.items():
        service = world.start(settings={"redis.url": url})
        service.err.await_match(said, 60)
        assert service.stop().status == 0


def test_a_certificate_of_another_host_is_refused(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair, port = authority.issue("elsewhere", "DNS:redis.elsewhere.example"), reserve_port()
    files = ["--tls-cert-file", pair.certificate, "--tls-key-file", pair.key]
    settings = ["--tls-port", port, *files, "--tls-auth-clients", "no"]
    with Redis([str(part) for part in [*settings, "--tls-ca-cert-file", authority.certificate]]):
        world.create_topics()
        url = f"rediss://{LOOPBACK}:{port}?cacert={authority.certificate}"
        service = world.start(settings={"redis.url": url})
        said = service.err.await_match("mismatch|no TLS for Redis", 60)
        status = 2 if WITHOUT_TLS in said.string else 0
        assert (service.await_exit() if status else service.stop()).status == status
