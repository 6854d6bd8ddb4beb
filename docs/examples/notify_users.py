#!/usr/bin/env python3
"""A notification team's consumer: one letter for each account that an upgrade affects.

    PLANLIFT_KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python notify_users.py [--once]

Needs confluent-kafka and fastavro. --once ends where the topic ends now; without it, it goes on.
It commits after the letters are out: after a crash some go out twice, none is lost. Who must not
send one twice keeps (customerId, requestId, userId) of those that are out.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError

SERVERS = os.environ.get("PLANLIFT_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
TOPIC = os.environ.get("PLANLIFT_TOPIC_RESULTS", "upgrade-results")
GROUP = os.environ.get("NOTIFY_GROUP", "notify-users")
# Schema id 3 of the embedded registry; with a schema registry, ask it for the writer's schema.
SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
RESULT = fastavro.schema.load_schema(SCHEMAS / "upgrade-result.avsc")


def letters(result: dict[str, Any]) -> Iterator[str]:
    """A result in several parts has other accounts in each: every part counts here."""
    for account in result["affectedAccounts"]:
        lines = [f"To: {account['userPrincipalName']}"]
        for change in account["transitions"]:
            if change["transition"] == "REPLACED":
                lines.append(f"  {change['service']} becomes {change['replacement']}")
            else:
                lines.append(f"  {change['service']} is no longer part of your plan")
        if account["licenseError"] is not None:
            lines.append(f"  Your licence did not move: {account['licenseError']['message']}")
        yield "\n".join(lines)


def main() -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": SERVERS,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",  # what was aborted is no result
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.subscribe([TOPIC])
    ended: set[int] = set()
    while "--once" not in sys.argv or len(ended) < len(consumer.assignment()) or not ended:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(str(message.error()))
            ended.add(message.partition())
            continue
        ended.discard(message.partition())
        body = io.BytesIO(message.value()[5:])  # behind the zero byte and the schema id
        result = fastavro.schemaless_reader(body, RESULT)
        if result["outcome"] == "UPGRADED":
            for letter in letters(result):
                print(letter, flush=True)
        consumer.commit(message, asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main()
