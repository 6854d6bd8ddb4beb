"""The stored form of state is what schemas/state-*.avsc say, read by another Avro library."""

from __future__ import annotations

from typing import Any

import redis

from harness import World
from harness.stored import decode


def kind(key: bytes) -> str:
    return {"h": "head", "l": "licences", "a": "answered", "#": "progress"}[key[:1].decode()]


def test_every_record_and_field_can_be_read(world: World) -> None:
    world.create_topics()
    stated = {"offerId": "m365-business-basic", "status": "ACTIVE", "quantity": 90}
    world.send_event("c", "SubscriptionChanged", subscriptionId="s", revision=1, **stated)
    for n in range(100):
        user = {"userId": f"u{n}", "userPrincipalName": f"u{n}@x"}
        world.send_event("c", "LicenseAssigned", subscriptionId="s", **user)
    world.drain()
    world.send_request("c", partnerId="p", subscriptionId="s", operation="CHECK")
    world.drain()

    latest: dict[bytes, dict[str, Any]] = {}
    for record in world.client.read(world.topics.state):
        if record.value is None:
            latest.pop(record.key)
        else:
            latest[record.key] = decode(kind(record.key), record.value)
    head = latest[b"h/c"]
    assert (head["version"], head["answeredTotal"]) == (101, 1)
    [subscription] = head["subscriptions"]
    assert (subscription["offerId"], subscription["licenceCount"]) == ("m365-business-basic", 100)
    chunks = [value for key, value in latest.items() if kind(key) == "licences"]
    assert len(chunks) == len([n for n in subscription["revisions"] if n > 0]) > 3
    assert {entry["userId"] for chunk in chunks for entry in chunk["licences"]} == {
        f"u{n}" for n in range(100)
    }
    assert len(latest[b"a0/c"]["slots"]) == 32

    hashes = redis.Redis.from_url(world.redis.url)
    pieces = 0
    for key in hashes.keys(f"planlift:{{{world.group}:p*"):
        fields = hashes.hgetall(key)
        checkpoint = decode("checkpoint", fields.pop(b"#"))
        assert checkpoint["isWhole"]
        assert checkpoint["progress"]["groupId"] == world.group
        assert checkpoint["progress"]["pieces"] == len(fields)
        pieces += len(fields)
    assert pieces == len(latest) - 1  # all but the progress record, one key for all partitions
