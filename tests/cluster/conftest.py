"""A real kube-apiserver with etcd, which knows the CRDs of KEDA and the Prometheus operator."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from helm.chart import CHART, TOOLS
from services import LOOPBACK, Service, reserve_port

Json = dict[str, Any]
TOKEN = "of-the-tests"
CRDS = (
    "keda/config/crd/bases/keda.sh_scaledobjects.yaml",
    "keda/config/crd/bases/keda.sh_triggerauthentications.yaml",
    "prometheus-operator/example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    "prometheus-operator/example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    "prometheus-operator/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
)


class Etcd(Service):
    name = "etcd"

    def __init__(self) -> None:
        super().__init__()
        self.url = f"http://{LOOPBACK}:{reserve_port()}"
        self._peer = f"http://{LOOPBACK}:{reserve_port()}"

    def command(self) -> Sequence[str | Path]:
        return [
            "etcd",
            f"--data-dir={self.directory}/data",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={self._peer}",
            f"--initial-advertise-peer-urls={self._peer}",
            f"--initial-cluster=default={self._peer}",
        ]

    def answers(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
            return answer.status == 200


class Cluster(Service):
    """The API alone: nothing schedules or runs a pod."""

    name = "kube-apiserver"
    start_limit_s = 180.0

    def __init__(self, etcd: Etcd) -> None:
        super().__init__()
        self._etcd = etcd
        self.port = reserve_port()
        self.url = f"https://{LOOPBACK}:{self.port}"
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE  # its certificate is made as it starts
        key = self.directory / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.directory / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.kubeconfig = self.directory / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(self._kubeconfig()))

    def command(self) -> Sequence[str | Path]:
        folder = self.directory
        return [
            TOOLS / "kube-apiserver",
            f"--etcd-servers={self._etcd.url}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self.port}",
            f"--cert-dir={folder}",
            "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/sa.key",
            f"--service-account-signing-key-file={folder}/sa.key",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
        ]

    def answers(self) -> bool:
        try:
            self.call("GET", "/readyz")
        except HTTPError:
            return False
        return True

    def call(self, method: str, path: str, body: Json | None = None) -> str:
        """A request to the API; HTTPError where it refuses."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": kind},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:
            return answer.read().decode()

    def helm(self, *arguments: str, values: Json | None = None) -> subprocess.CompletedProcess[str]:
        command = [TOOLS / "helm", *arguments, f"--kubeconfig={self.kubeconfig}"]
        if values is not None:
            command += [CHART, "--values", "-"]
        given = json.dumps(values)
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    def _kubeconfig(self) -> Json:
        server = {"server": self.url, "insecure-skip-tls-verify": True}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Etcd() as etcd, Cluster(etcd) as server:
        for name in CRDS:
            [crd] = yaml.safe_load_all((TOOLS / name).read_text())
            server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        yield server


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """One that takes pods of the profile `restricted` alone."""
    name = re.sub(r"\W+|_", "-", request.node.name.removeprefix("test_")).strip("-")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    return name
