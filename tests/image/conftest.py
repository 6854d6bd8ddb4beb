"""A Kafka, a Redis and names that no other test has: the fixtures of the system tests."""

from system.conftest import kafka, kafka_client, make_world, redis_server, world

__all__ = ["kafka", "kafka_client", "make_world", "redis_server", "world"]
