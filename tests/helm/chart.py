"""The chart as the tests use it: rendered by Helm, read as objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from services import ROOT

CHART = ROOT / "helm" / "planlift"
TOOLS = ROOT / "build" / "tools"
SCHEMAS = ROOT / "build" / "kube"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
MINORS = ("1.29", "1.37")  # the oldest and the newest that are supported; Chart.yaml has the oldest

Json = dict[str, Any]

LEAST: Json = {"kafka": {"bootstrapServers": "kafka:9092"}, "redis": {"url": "redis://redis:6379"}}

# Every switch on.
MOST: Json = {
    "kafka": {
        "bootstrapServers": "kafka:9093",
        "tls": {
            "enabled": True,
            "existingSecret": "kafka-tls",
            "certKey": "tls.crt",
            "keyKey": "tls.key",
            "keyPasswordKey": "password",
        },
        "sasl": {
            "mechanism": "SCRAM-SHA-512",
            "username": "planlift",
            "existingSecret": "kafka-user",
        },
    },
    "redis": {
        "url": "rediss://planlift@redis:6379",
        "existingSecret": "redis",
        "tls": {"existingSecret": "redis-tls", "certKey": "tls.crt", "keyKey": "tls.key"},
    },
    "schemaRegistry": {
        "url": "https://registry/apis/ccompat/v7",
        "existingSecret": "registry",
        "tls": {"existingSecret": "registry-ca"},
    },
    "schemas": {"existingConfigMap": "schemas"},
    "catalogue": {"content": "{}"},
    "topics": {"createJob": {"enabled": True}},
    "imagePullSecrets": [{"name": "pull"}],
    "commonLabels": {"team": "licences"},
    "commonAnnotations": {"team": "licences"},
    "podLabels": {"a": "b"},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAffinity": {}},
    "priorityClassName": "high",
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraEnvFrom": [{"secretRef": {"name": "a"}}],
    "extraVolumes": [{"name": "a", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}],
    "autoscaling": {"enabled": True, "fallbackReplicas": 3},
    "networkPolicy": {
        "ingressFrom": [{"namespaceSelector": {}}],
        "egress": [{"ports": [{"port": 9093}]}],
    },
    "metrics": {
        "podMonitor": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
}


def tool(
    name: str, *arguments: str | Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the tools that tests/env/install has made."""
    command = [str(TOOLS / name), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def template(
    values: Mapping[str, Any] | Path, release: str = "p", minor: str = MINORS[-1]
) -> subprocess.CompletedProcess[str]:
    """What Helm makes of the chart with these values, or a file of them."""
    arguments = ["template", release, CHART, "--namespace", "n", "--kube-version", f"{minor}.0"]
    if isinstance(values, Path):
        return tool("helm", *arguments, "--values", values)
    return tool("helm", *arguments, "--values", "-", stdin=json.dumps(values))


def render(values: Mapping[str, Any] | Path, release: str = "p", minor: str = MINORS[-1]) -> str:
    """The manifests, as text."""
    made = template(values, release, minor)
    assert made.returncode == 0, made.stderr
    return made.stdout


def objects(manifests: str) -> list[Json]:
    return [entry for entry in yaml.safe_load_all(manifests) if entry]


def of_kind(found: Sequence[Json], kind: str) -> Json:
    """The only object of its kind."""
    [entry] = [entry for entry in found if entry["kind"] == kind]
    return entry
