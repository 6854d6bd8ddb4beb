"""The whole chart against a real kube-apiserver with Pod Security `restricted`
(make helm-test FULL=1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from harness.deadline import eventually
from helm.chart import EXAMPLES, LEAST, MOST, objects, render

from .conftest import Cluster

Json = dict[str, Any]


def without_warning(cluster: Cluster, *arguments: str, values: Json | None = None) -> str:
    done = cluster.helm(*arguments, values=values)
    assert done.returncode == 0, done.stderr
    assert "W1" not in done.stderr and "arning" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("which", ["least", "most"])
def test_server_side_dry_run(cluster: Cluster, namespace: str, which: str) -> None:
    """Every object is one that the API server takes, as it stands."""
    values = {"least": LEAST, "most": MOST}[which]
    where = f"--namespace={namespace}"
    told = without_warning(cluster, "install", "p", "--dry-run=server", where, values=values)
    assert "kind: StatefulSet" in told


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(cluster: Cluster, namespace: str, example: Path) -> None:
    values = yaml.safe_load(example.read_text())
    where = f"--namespace={namespace}"
    without_warning(cluster, "install", "p", "--dry-run=server", where, values=values)


def test_what_is_not_restricted_is_told(cluster: Cluster, namespace: str) -> None:
    """The tests above can fail."""
    values = {**LEAST, "securityContext": {"allowPrivilegeEscalation": True}}
    with pytest.raises(AssertionError, match="violate PodSecurity .*restricted"):
        without_warning(cluster, "install", "p", f"--namespace={namespace}", values=values)


def test_installed_upgraded_removed(cluster: Cluster, namespace: str) -> None:
    where = f"--namespace={namespace}"
    # Without the job, which nobody would run here.
    most = {**MOST, "topics": {}, "priorityClassName": ""}
    without_warning(cluster, "install", "p", where, values=LEAST)
    without_warning(cluster, "upgrade", "p", where, values=most)
    without_warning(cluster, "upgrade", "p", where, values=LEAST)
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    [made] = json.loads(cluster.call("GET", path))["items"]
    assert made["spec"]["replicas"] == 2
    without_warning(cluster, "uninstall", "p", where)
    eventually(lambda: not json.loads(cluster.call("GET", path))["items"], "removed")


def test_pods_are_admitted(cluster: Cluster, namespace: str) -> None:
    """Each pod that the chart makes, by the admission that refuses what is not restricted."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    specs = [
        entry["spec"] if entry["kind"] == "Pod" else entry["spec"]["template"]["spec"]
        for entry in objects(render({**MOST, "priorityClassName": ""}))
        if entry["kind"] in ("Job", "Pod", "StatefulSet")
    ]
    assert len(specs) == 3
    for number, spec in enumerate(specs):
        spec.pop("serviceAccountName", None)
        cluster.call("POST", path, {"metadata": {"name": f"p{number}"}, "spec": spec})
    specs[0]["securityContext"]["runAsNonRoot"] = False
    with pytest.raises(HTTPError) as refused:
        cluster.call("POST", path, {"metadata": {"name": "wrong"}, "spec": specs[0]})
    assert refused.value.code == 403 and b"restricted" in refused.value.read()
