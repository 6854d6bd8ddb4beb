"""The values: wrong ones are refused with their place, every one is explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from helm.chart import CHART, LEAST, Json, template

VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text())

# Path, value: each is refused by values.schema.json.
WRONG: list[tuple[str, Any]] = [
    ("replicas", 3),  # replicaCount
    ("replicaCount", "3"),
    ("replicaCount", -1),
    ("replicaCount", 1.5),
    ("groupId", ""),
    ("groupId", "my group"),
    ("kafka.bootstrapServer", "k:9092"),
    ("kafka.bootstrapServers", "kafka"),
    ("kafka.bootstrapServers", "a:9092, b:9092"),
    ("kafka.tls.enabled", "true"),
    ("kafka.tls.caFile", "x"),
    ("kafka.sasl.mechanism", "SCRAM-SHA-1"),
    ("kafka.sasl.mechanism", "scram-sha-512"),
    ("kafka.sasl.password", "secret"),  # never inline
    ("kafka.sasl.existingSecret", "Not_A_Name"),
    ("redis.url", "redis"),
    ("redis.url", "http://redis:6379"),
    ("redis.url", "redis://user:secret@redis:6379"),  # never inline
    ("redis.url", "redis://:secret@redis:6379"),
    ("redis.password", "secret"),
    ("schemaRegistry.url", "registry:8081"),
    ("schemaRegistry.url", "https://user:secret@registry"),
    ("schemaRegistry.autoRegister", "no"),
    ("topics.partitions", 0),
    ("topics.partitions", "12"),
    ("topics.replicationFactor", 0),
    ("topics.events", "no spaces"),
    ("topics.createJob.enable", True),
    ("config", {"group.id": "x"}),  # has a value of its own
    ("config", {"kafka.enable.idempotence": False}),  # exactly-once depends on it
    ("config", {"kafka.sasl.password": "secret"}),
    ("config", {"redis.password": "secret"}),
    ("config", {"log.level": "verbose"}),
    ("config", {"batch.max.records": 0}),
    ("config", {"batch.max.records": "many"}),
    ("config", {"Batch.Max": 1}),
    ("config", {"log.format": ["json"]}),
    ("catalogue.content", {"version": "1"}),  # a text: --set-file
    ("catalogue.key", "a/b"),
    ("image", "planlift:1"),
    ("image.tag", "a b"),
    ("image.digest", "sha256:123"),
    ("image.pullPolicy", "always"),
    ("imagePullSecrets", ["pull"]),
    ("podLabels", {"a": 1}),
    ("serviceAccount.automount", True),
    ("resources.request", {"cpu": 1}),
    ("http.port", 70000),
    ("http.port", "8080"),
    ("livenessProbe.path", "/live"),
    ("readinessProbe.periodSeconds", 0),
    ("terminationGracePeriodSeconds", 5),
    ("podManagementPolicy", "parallel"),
    ("updateStrategy.type", "Recreate"),
    ("podDisruptionBudget.maxUnavailable", "one"),
    ("topologySpreadConstraints", [{"maxSkew": 1}]),
    ("extraEnv", [{"value": "x"}]),
    ("extraEnv", {"A": "b"}),
    ("extraVolumeMounts", [{"name": "x"}]),
    ("autoscaling.enabled", "yes"),
    ("autoscaling.maxReplicas", 0),
    ("autoscaling.lagThreshold", "5000"),
    ("autoscaling.max", 3),
    ("networkPolicy.egress", {"port": 1}),
    ("metrics.podMonitor.interval", 15),
    ("metrics.podMonitor.interval", "15"),
    ("metrics.enabled", True),
    ("tests.timeoutSeconds", 0),
]


def with_value(path: str, value: Any) -> Json:
    values = deepcopy(LEAST)
    *parents, last = path.split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return values


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda part: str(part)[:40])
def test_wrong_value_is_refused(path: str, value: Any) -> None:
    refused = template(with_value(path, value))
    assert refused.returncode != 0, refused.stdout
    assert "don't meet the specifications of the schema" in refused.stderr, refused.stderr
    first = path.split(".")[0]
    assert first in refused.stderr, refused.stderr


def leaves(values: Json, prefix: str = "") -> Iterator[str]:
    """Every value that can be set, maps of the user's own as one."""
    for key, value in values.items():
        if isinstance(value, dict) and value and key != "config":
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_every_value_is_explained() -> None:
    """In the tables of README.md: each value once, with its default, and no value that is none."""
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]*)` \| (.+) \|$", readme(), re.MULTILINE)
    told = {path: default for path, default, _ in rows}
    assert len(told) == len(rows), "a value is explained twice"
    known = dict.fromkeys(leaves(VALUES))
    whole = [path for path in told if path not in known and isinstance(at(path), (dict, list))]
    missing = [p for p in known if p not in told and not any(p.startswith(f"{w}.") for w in whole)]
    assert not missing, f"not explained: {missing}"
    for path, default in told.items():
        assert yaml.safe_load(default) == at(path), f"{path}: its default is {json.dumps(at(path))}"


def readme() -> str:
    return (CHART / "README.md").read_text()


def at(path: str) -> Any:
    """The default of a value; fails for one that is none."""
    place: Any = VALUES
    for part in path.split("."):
        assert isinstance(place, dict) and part in place, f"README.md: {path} is no value"
        place = place[part]
    return place


def test_schema_knows_every_value() -> None:
    """What is missing in the schema could not be set."""

    def check(values: Json, schema: Json, path: str) -> None:
        for key, value in values.items():
            if schema.get("additionalProperties") is not False:
                return
            assert key in schema["properties"], f"{path}{key}"
            if isinstance(value, dict):
                check(value, schema["properties"][key], f"{path}{key}.")

    check(VALUES, json.loads((CHART / "values.schema.json").read_text()), "")
