"""What Helm makes of the chart: valid for Kubernetes and the operators, and safe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.chart import CHART, EXAMPLES, LEAST, MINORS, MOST, SCHEMAS, objects, render, tool

# What kube-score asks for and we do not do, and why.
UNSCORED = {
    "container-image-pull-policy": "the tag is a version, or the image is named by its digest",
    "statefulset-has-host-podantiaffinity": "topology spread constraints do it",
}


def test_helm_lint() -> None:
    linted = tool("helm", "lint", "--strict", "--kube-version", "1.37.0", CHART)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_templates() -> None:
    """Every switch: helm/planlift/tests."""
    tested = tool("helm-unittest", "--strict", CHART)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def validate(manifests: str, minor: str) -> None:
    arguments = ["-strict", "-summary", "-kubernetes-version", f"{minor}.0"]
    for folder in (SCHEMAS / minor, SCHEMAS / "crds"):
        arguments += ["-schema-location", f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
    valid = tool("kubeconform", *arguments, stdin=manifests)
    assert valid.returncode == 0, valid.stdout
    assert "Skipped: 0" in valid.stdout, valid.stdout


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_valid(values: dict[str, Any], minor: str) -> None:
    validate(render(values, minor=minor), minor)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example: Path) -> None:
    """Strimzi, Redpanda, the managed services."""
    manifests = render(example)
    validate(manifests, MINORS[-1])
    if "autoscaling" in yaml.safe_load(example.read_text()):
        assert "ScaledObject" in manifests


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


def test_older_kubernetes_is_refused() -> None:
    assert f">={MINORS[0]}.0-0" in (CHART / "Chart.yaml").read_text()
    refused = tool("helm", "template", "p", CHART, "--kube-version", "1.28.0")
    assert refused.returncode != 0 and "kubeVersion" in refused.stderr


def test_validator_refuses_wrong_manifests() -> None:
    """The checks above can fail: a number where KEDA wants text, a field that nobody knows."""
    for wrong, right in (
        ("lagThreshold: 5000", 'lagThreshold: "5000"'),
        ("podManagmentPolicy:", "podManagementPolicy:"),
        ("pathh:", "path:"),
    ):
        manifests = render(MOST)
        assert right in manifests
        with pytest.raises(AssertionError, match="Invalid"):
            validate(manifests.replace(right, wrong), MINORS[-1])


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_secure(values: dict[str, Any]) -> None:
    arguments = ["--output-format", "ci", "--exit-one-on-warning", "--ignore-container-cpu-limit"]
    arguments += ["--enable-optional-test", "container-seccomp-profile"]
    for name in UNSCORED:
        arguments += ["--ignore-test", name]
    scored = tool("kube-score", "score", *arguments, "-", stdin=render(values))
    assert scored.returncode == 0, scored.stdout + scored.stderr


def test_no_secret_is_made() -> None:
    """Secrets are the user's own: none is ever written by the chart."""
    assert not [entry for entry in objects(render(MOST)) if entry["kind"] == "Secret"]


def test_every_pod_is_restricted() -> None:
    """What Pod Security `restricted` asks for, in the topics job and the test as well."""
    pods = [
        entry["spec"] if entry["kind"] == "Pod" else entry["spec"]["template"]["spec"]
        for entry in objects(render(MOST))
        if entry["kind"] in ("Job", "Pod", "StatefulSet")
    ]
    assert len(pods) == 3
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True


def test_alerts_and_dashboard() -> None:
    for group in yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"], rule
                assert rule["annotations"]["summary"], rule
    dashboard = json.loads((CHART / "files" / "dashboard.json").read_text())
    assert dashboard["title"] and dashboard["uid"] and dashboard["panels"]
