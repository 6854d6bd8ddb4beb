"""Faults of Redis: it forgets, goes back in time, is damaged, stalls, fails over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

from harness import eventually

from .rig import PARTITIONS, Kind, Outcome, Rig

ALL = frozenset(range(PARTITIONS))
LONG_S = 7.0  # longer than planlift waits for an answer


def quick(command: Callable[[Rig, Outcome], set[int]], rig: Rig, outcome: Outcome) -> set[int]:
    """A single command while planlift runs."""
    rig.idle(0.5)
    rig.mark(outcome, rig.now())
    return command(rig, outcome) or set(ALL)


def flush(rig: Rig, _: Outcome) -> set[int]:
    rig.redis_client().flushall()
    return set(ALL)


def drop_partition(rig: Rig, outcome: Outcome) -> set[int]:
    partition = rig.rng.randrange(PARTITIONS)
    outcome.detail = f"partition {partition}"
    rig.redis_client().delete(rig.redis_key(partition))
    return {partition}


def script_flush(rig: Rig, _: Outcome) -> set[int]:
    rig.redis_client().script_flush()
    return set(ALL)


def cut(rig: Rig, _: Outcome) -> set[int]:
    rig.servers.redis_proxy.cut_all()
    return set(ALL)


def half_reply(rig: Rig, _: Outcome) -> set[int]:
    rig.servers.redis_proxy.breaks_next = True
    return set(ALL)


def some_field(rig: Rig, outcome: Outcome) -> tuple[int, bytes, bytes]:
    """A partition, one of its customers' fields, and its value; heads more often than not."""
    partition = rig.rng.randrange(PARTITIONS)
    stored = rig.redis_client().hgetall(rig.redis_key(partition))
    names = sorted(name for name in stored if name != b"#")
    heads = [name for name in names if name.startswith(b"h/")]
    name = rig.rng.choice(heads if rig.rng.random() < 0.5 else names)
    outcome.detail = f"partition {partition} field {name!r}"
    return partition, name, stored[name]


def delete_field(rig: Rig, outcome: Outcome) -> set[int]:
    partition, name, _ = some_field(rig, outcome)
    rig.redis_client().hdel(rig.redis_key(partition), name)
    return {partition}


def garble_field(rig: Rig, outcome: Outcome) -> set[int]:
    partition, name, value = some_field(rig, outcome)
    changed = bytearray(value)
    changed[rig.rng.randrange(len(changed))] ^= 1 << rig.rng.randrange(8)
    rig.garbled.setdefault((partition, name), set()).add(bytes(changed))
    rig.redis_client().hset(rig.redis_key(partition), name, bytes(changed))
    return {partition}


def garble_checkpoint(rig: Rig, outcome: Outcome) -> set[int]:
    partition = rig.rng.randrange(PARTITIONS)
    key = rig.redis_key(partition)
    changed = bytearray(rig.redis_client().hget(key, "#"))
    changed[rig.rng.randrange(len(changed))] ^= 1 << rig.rng.randrange(8)
    rig.redis_client().hset(key, "#", bytes(changed))
    outcome.detail = f"partition {partition}"
    return {partition}


def restart_empty(rig: Rig, outcome: Outcome) -> set[int]:
    """Killed; back after a while, with nothing."""
    rig.mark(outcome, rig.now())
    rig.redis.kill()
    rig.idle(1.0)
    rig.redis.start()
    rig.heal(outcome)
    return set(ALL)


def restart_old(rig: Rig, outcome: Outcome) -> set[int]:
    """Killed; back with a snapshot of a while ago, whose write it had acknowledged since."""
    client = rig.redis_client()
    client.save()
    snapshot = rig.redis.directory / "dump.rdb"
    kept = rig.redis.directory / "kept.rdb"
    shutil.move(snapshot, kept)
    age = rig.rng.uniform(0.3, 4)
    rig.wait(age)
    outcome.detail = f"{age:.1f} s old"
    rig.mark(outcome, rig.now())
    rig.redis.kill()
    shutil.move(kept, snapshot)
    rig.redis.start()
    snapshot.unlink()
    rig.heal(outcome)
    return set(ALL)


def stall(seconds: float, rig: Rig, outcome: Outcome) -> set[int]:
    """Frozen; all that was asked meanwhile is done when it goes on."""
    seconds = rig.rng.uniform(0.3, 1) * seconds
    outcome.detail = f"{seconds:.1f} s"
    rig.mark(outcome, rig.now())
    rig.redis.pause()
    rig.wait(seconds)
    rig.redis.resume()
    rig.heal(outcome)
    return set(ALL)


def silence(rig: Rig, outcome: Outcome) -> set[int]:
    """Commands get there and are done, answers do not come back."""
    proxy = rig.servers.redis_proxy
    seconds = rig.rng.uniform(0.5, 1) * LONG_S
    outcome.detail = f"{seconds:.1f} s"
    rig.mark(outcome, rig.now())
    proxy.is_silent = True
    try:
        rig.wait(seconds)
    finally:
        proxy.is_silent = False
        proxy.cut_all()
    rig.heal(outcome)
    return set(ALL)


def refuse_writes(how: str, rig: Rig, outcome: Outcome) -> set[int]:
    """Full, or a replica: reads are answered, writes are not."""
    client = rig.redis_client()
    seconds = rig.rng.uniform(0.5, 3)
    outcome.detail = f"{seconds:.1f} s"
    rig.mark(outcome, rig.now())
    try:
        if how == "full":
            client.config_set("maxmemory", 1)
        else:
            client.config_set("repl-diskless-sync-delay", 0)
            client.replicaof("127.0.0.1", rig.nobody_port)
        rig.wait(seconds)
    finally:
        client.config_set("maxmemory", 0)
        client.replicaof("NO", "ONE")
    rig.heal(outcome)
    return set(ALL)


def failover(rig: Rig, outcome: Outcome) -> set[int]:
    """To a replica that has missed the last writes; the former primary is lost."""
    servers = rig.servers
    spare = servers.spare_redis()
    client, replica = rig.redis_client(), servers.redis_client(spare)
    replica.replicaof("127.0.0.1", rig.redis.port)
    eventually(lambda: replica.info("replication")["master_link_status"] == "up", "replica in step")
    rig.idle(1.0)
    replica.replicaof("NO", "ONE")
    lag = rig.rng.uniform(0.0, 2.0)
    rig.wait(lag)
    outcome.detail = f"{lag:.1f} s behind"
    rig.mark(outcome, rig.now())
    servers.promote(spare)
    client.flushall()
    return set(ALL)


KINDS = [
    *(
        Kind(f"redis_{command.__name__}", "Redis", partial(quick, command))
        for command in (
            flush,
            drop_partition,
            script_flush,
            cut,
            half_reply,
            delete_field,
            garble_field,
            garble_checkpoint,
        )
    ),
    Kind("redis_restart_empty", "Redis", restart_empty),
    Kind("redis_restart_old", "Redis", restart_old),
    Kind("redis_stall", "Redis", partial(stall, 3.0)),
    Kind("redis_stall_long", "Redis", partial(stall, 2 * LONG_S)),
    Kind("redis_silence", "Redis", silence),
    Kind("redis_full", "Redis", partial(refuse_writes, "full")),
    Kind("redis_read_only", "Redis", partial(refuse_writes, "read only")),
    Kind("redis_failover", "Redis", failover),
]
