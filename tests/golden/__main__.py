"""Writes golden state; see `write`."""

from __future__ import annotations

from harness import KafkaClient, World
from services import Redis

from .take import expected_customers, golden_kafka, settle, take

with golden_kafka() as kafka, Redis() as server:
    world = World(kafka, server, KafkaClient(kafka.bootstrap_servers), "golden")
    with settle(world):
        golden = take(world)
assert golden.customers == expected_customers(), "not what the oracle makes of the story"
print(f"written: {golden.save()}, format version {golden.format}")
