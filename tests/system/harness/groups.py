"""Requests about a consumer group that the Python client cannot make."""

from __future__ import annotations

import socket
import struct

OFFSET_FETCH, FIND_COORDINATOR, LEAVE_GROUP, OFFSET_DELETE = 9, 10, 13, 47


def is_coordinated(bootstrap_servers: str, group: str) -> bool:
    """Whether the broker has loaded the group; until then confluent-kafka may crash when asked."""
    # It is the first question of this kind that makes a broker's topic for groups.
    _request(bootstrap_servers, FIND_COORDINATOR, 0, _text(group))
    no_topics = struct.pack(">i", 0)
    answer = _request(bootstrap_servers, OFFSET_FETCH, 2, _text(group) + no_topics)
    return struct.unpack(">ih", answer[:6])[1] == 0


def committed_offsets(bootstrap_servers: str, group: str) -> dict[tuple[str, int], int]:
    """What the group has committed, by topic and partition; open transactions are not waited for,
    and nothing is there while the broker does not know."""
    all_topics = struct.pack(">i", -1)
    answer = _request(bootstrap_servers, OFFSET_FETCH, 2, _text(group) + all_topics)
    found, at = {}, 4
    for _ in range(struct.unpack_from(">i", answer)[0]):
        size = struct.unpack_from(">h", answer, at)[0]
        topic = answer[at + 2 : at + 2 + size].decode()
        count = struct.unpack_from(">i", answer, at + 2 + size)[0]
        at += 2 + size + 4
        for _ in range(count):
            partition, offset, metadata_size = struct.unpack_from(">iqh", answer, at)
            at += 14 + max(metadata_size, 0) + 2
            if offset >= 0:
                found[topic, partition] = offset
    return found


def remove_member(bootstrap_servers: str, group: str, instance: str) -> None:
    """Let a static member that has ended leave at once, before its session times out."""
    body = _text(group) + struct.pack(">i", 1) + _text("") + _text(instance)
    answer = _request(bootstrap_servers, LEAVE_GROUP, 3, body)
    error = struct.unpack(">ih", answer[:6])[1]
    assert error == 0, f"group {group}, member {instance}: error {error}"


def delete_offsets(bootstrap_servers: str, group: str, topic: str, partitions: range) -> None:
    """Forget a group's committed offsets of a topic, as their expiry does."""
    numbers = struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    body = _text(group) + struct.pack(">i", 1) + _text(topic) + numbers
    answer = _request(bootstrap_servers, OFFSET_DELETE, 0, body)
    error = struct.unpack(">h", answer[:2])[0]
    assert error == 0, f"offsets of group {group}: error {error}"


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _request(bootstrap_servers: str, key: int, version: int, body: bytes) -> bytes:
    """The body of the answer."""
    host, port = bootstrap_servers.split(":")
    request = struct.pack(">hhi", key, version, 1) + _text("test") + body
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = connection.makefile("rb")
        size = struct.unpack(">i", reply.read(4))[0]
        return reply.read(size)[4:]
