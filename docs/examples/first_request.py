#!/usr/bin/env python3
"""A first upgrade: write three facts about a customer, ask for an upgrade, read the answer.

    PLANLIFT_KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python first_request.py

Needs confluent-kafka and fastavro (tests/env/requirements.txt), and a running `planlift run` with
its default topics. What an order platform does is all here: Avro in Confluent framing, the
customerId as key, murmur2 partitioning, and `expectedVersion` against racing ahead of the facts.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import uuid
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, Producer

SERVERS = os.environ.get("PLANLIFT_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
IDS = {"subscription-event": 1, "upgrade-request": 2, "upgrade-result": 3}  # schemas/manifest.json
PARSED = {name: fastavro.schema.load_schema(SCHEMAS / f"{name}.avsc") for name in IDS}

CUSTOMER = f"customer-{uuid.uuid4().hex[:8]}"
PARTNER = "partner-1"


def framed(name: str, record: dict) -> bytes:
    """Confluent framing: a zero byte, the schema id in four, the Avro body."""
    out = io.BytesIO()
    out.write(b"\0" + IDS[name].to_bytes(4, "big"))
    fastavro.schemaless_writer(out, PARSED[name], record)
    return out.getvalue()


def fact(producer: Producer, kind: str, **fields: object) -> None:
    event = {
        "eventId": uuid.uuid4().hex,
        "customerId": CUSTOMER,
        "occurredAt": int(time.time() * 1000),
        "change": (f"planlift.{kind}", fields),
    }
    producer.produce("subscription-events", framed("subscription-event", event), CUSTOMER)


def ask_for_upgrade(producer: Producer) -> str:
    request_id = uuid.uuid4().hex
    request = {
        "requestId": request_id,
        "customerId": CUSTOMER,
        "partnerId": PARTNER,
        "subscriptionId": "sub-1",
        "operation": "UPGRADE",
        "targetOfferId": "o365-enterprise-e3",
        "expectedVersion": 3,  # the three facts below: refused if they are not taken in yet
        "requestedBy": {"userId": "admin-1", "role": "ADMIN_AGENT"},
        "requestedAt": int(time.time() * 1000),
    }
    producer.produce("upgrade-requests", framed("upgrade-request", request), CUSTOMER)
    producer.flush()
    return request_id


def await_result(consumer: Consumer, request_id: str) -> dict:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        body = io.BytesIO(message.value()[5:])
        result = fastavro.schemaless_reader(body, PARSED["upgrade-result"])
        if result["requestId"] == request_id:
            return result
    sys.exit("no result within 30 seconds: is `planlift run` running?")


def main() -> None:
    producer = Producer({"bootstrap.servers": SERVERS, "partitioner": "murmur2_random"})
    consumer = Consumer(
        {
            "bootstrap.servers": SERVERS,
            "group.id": f"first-request-{CUSTOMER}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["upgrade-results"])
    fact(
        producer,
        "SubscriptionChanged",
        subscriptionId="sub-1",
        offerId="m365-business-basic",
        status="ACTIVE",
        quantity=10,
        partnerId=PARTNER,
        channel="CSP",
        revision=1,
    )
    fact(
        producer,
        "LicenseAssigned",
        subscriptionId="sub-1",
        userId="user-1",
        userPrincipalName="ann@example.com",
        displayName="Ann",
    )
    fact(producer, "DelegatedAdminChanged", partnerId=PARTNER, granted=True, serviceFamilies=[])
    producer.flush()

    result = await_result(consumer, ask_for_upgrade(producer))
    while any(error["code"] == "version_mismatch" for error in result["errors"]):
        result = await_result(consumer, ask_for_upgrade(producer))  # the facts were not in yet
    print(json.dumps(result, indent=2, default=str))
    consumer.close()


if __name__ == "__main__":
    main()
