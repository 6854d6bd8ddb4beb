"""The settings that the chart gives planlift are settings that it knows, and arrive as they were
meant: secrets from their files."""

from __future__ import annotations

import json
from typing import Any

from helm.chart import MOST, objects, of_kind, render
from helm.pods import run_to_end

Json = dict[str, Any]

SECRETS = {
    "kafka-tls": {"ca.crt": "-", "tls.crt": "-", "tls.key": "-", "password": "of the key\n"},
    "kafka-user": {"password": "of kafka\n"},
    "redis": {"password": "of redis\n"},
    "redis-tls": {"ca.crt": "-", "tls.crt": "-", "tls.key": "-"},
    "registry": {"user-info": "user:of the registry\n"},
    "registry-ca": {"ca.crt": "-"},
}


def test_every_setting_is_known() -> None:
    found = objects(render(MOST))
    pod = of_kind(found, "StatefulSet")["spec"]["template"]
    pod["spec"]["containers"][0]["args"] = ["config", "--json"]
    pod |= {"kind": "Pod", "metadata": {"name": "p-planlift-0"}}
    [catalogue] = [o["data"] for o in found if o["metadata"]["name"] == "p-planlift-catalogue"]
    files = {("secret", name): content for name, content in SECRETS.items()}
    files |= {
        ("configMap", "p-planlift-catalogue"): catalogue,
        ("configMap", "schemas"): {"manifest.json": "{}"},
    }
    told = run_to_end(pod, files)
    settings = json.loads(told)
    for name, value in {
        "group.id": "planlift",
        "slot": "0",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.username": "planlift",
        "kafka.ssl.ca.location": "/etc/planlift/kafka-tls/ca.crt",
        "catalogue.path": "/etc/planlift/catalogue/catalogue.json",
        "schemas.path": "/etc/planlift/schemas",
    }.items():
        assert settings[name]["value"] == value, settings
    for name in ("kafka.sasl.password", "kafka.ssl.key.password", "redis.password"):
        assert settings[name]["from"].endswith("_FILE"), settings
    assert " of " not in told, told  # no secret is shown
