"""What runs pods, where there is none: it does for one namespace what the controllers and kubelets
of a cluster do, with its containers as processes of this machine (helm/pods.py)."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from helm.pods import Files, StatefulSet, run_to_end

from .conftest import Cluster

Json = dict[str, Any]


class Kubelet:
    """Runs each Job, Pod and StatefulSet as it comes, with the Secrets and ConfigMaps that the API
    has, and tells the API how it went."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self.said: dict[str, str] = {}  # by Jobs and Pods that have ended
        self.sets: dict[str, StatefulSet] = {}
        self._failure: BaseException | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._is_over.wait(0.1):
                self._look()
        except BaseException as failure:
            self._failure = failure

    def _look(self) -> None:
        for job in self._list("apis/batch/v1", "jobs"):
            if "conditions" not in job.get("status", {}):
                self._run(job)
                self._report("apis/batch/v1", "jobs", job, finished_job())
        for pod in self._list("api/v1", "pods"):
            if pod["status"]["phase"] == "Pending":
                self._run(pod)
                self._report("api/v1", "pods", pod, {"phase": "Succeeded"})
        for entry in self._list("apis/apps/v1", "statefulsets"):
            if entry["metadata"]["name"] not in self.sets:
                self._start(entry)
                self._report("apis/apps/v1", "statefulsets", entry, ready(entry))

    def _run(self, manifest: Json) -> None:
        self.said[manifest["metadata"]["name"]] = run_to_end(manifest, self._files())

    def _start(self, manifest: Json) -> None:
        pods = self.sets[manifest["metadata"]["name"]] = StatefulSet(manifest, self._files())
        pods.scale(manifest["spec"]["replicas"])

    def _files(self) -> Files:
        files = {}
        for secret in self._list("api/v1", "secrets"):
            data = secret.get("data", {}).items()
            content = {key: base64.b64decode(value).decode() for key, value in data}
            files["secret", secret["metadata"]["name"]] = content
        for entry in self._list("api/v1", "configmaps"):
            files["configMap", entry["metadata"]["name"]] = entry.get("data", {})
        return files

    def _list(self, group: str, kind: str) -> Iterator[Json]:
        path = f"/{group}/namespaces/{self._namespace}/{kind}"
        single = {"jobs": "Job", "pods": "Pod", "statefulsets": "StatefulSet"}
        for entry in json.loads(self._cluster.call("GET", path))["items"]:
            yield {"kind": single.get(kind), **entry}  # lists leave it out

    def _report(self, group: str, kind: str, entry: Json, status: Json) -> None:
        name = entry["metadata"]["name"]
        path = f"/{group}/namespaces/{self._namespace}/{kind}/{name}/status"
        self._cluster.call("PATCH", path, {"status": status})

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        for pods in self.sets.values():
            pods.close()
        if self._failure is not None:
            raise self._failure


def finished_job() -> Json:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    conditions = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
    return {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}


def ready(manifest: Json) -> Json:
    """A StatefulSet whose pods are all ready."""
    replicas = manifest["spec"]["replicas"]
    kinds = ("", "ready", "available", "current", "updated")
    counts = {f"{kind}Replicas" if kind else "replicas": replicas for kind in kinds}
    revision = {"currentRevision": "1", "updateRevision": "1"}
    return {"observedGeneration": manifest["metadata"]["generation"], **counts, **revision}
