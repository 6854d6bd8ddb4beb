"""A kubelet and a StatefulSet controller small enough to read: they run the containers of rendered
manifests as processes on this machine, as the manifests say.

Of a container: command, arguments, environment, mounts, on a read-only root of its own, with its
pod's name as host name, as its user, without privileges; HTTP probes; SIGTERM and the grace period.
What stands in for the cluster: the image is this machine's /usr and the binary under test, unless
there is one; a pod's address is one of 127.0.0.0/8, and Secrets and ConfigMaps come from a
dictionary. Needs root.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from harness import eventually
from harness.deadline import Deadline
from harness.planlift import BINARY, Stream
from harness.root import require_root
from services import spawn

Json = dict[str, Any]
Files = Mapping[tuple[str, str], Mapping[str, str]]  # of a Secret or ConfigMap, by kind and name

KERNEL = ("proc", "dev")
# Of this machine; what an image would bring.
MACHINE = ("usr", "bin", "lib", "lib64", "etc/ssl", "etc/passwd", "etc/nsswitch.conf")

# Runs in namespaces of its own: ROOT MOUNTS HOSTNAME UID COMMAND...
ENTER = """
set -e
root=$1 mounts=$2 name=$3 uid=$4; shift 4
hostname "$name"
mount --make-rprivate /
mount --bind "$root" "$root"
while read -r from to mode; do
    mount --rbind "$from" "$root$to"
    [ "$mode" != ro ] || mount -o remount,bind,ro "$root$to"
done <"$mounts"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot "$root" setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all -- "$@"
"""


class Pod:
    """One pod with one container, from start to end."""

    def __init__(
        self,
        name: str,
        spec: Json,
        files: Files,
        address: str,
        image: Path | None = None,
    ) -> None:
        require_root()
        [self.container] = spec["containers"]
        self.image = image
        self.name, self.spec, self.address = name, spec, address
        self.folder = Path(tempfile.mkdtemp(prefix="planlift-pod-"))
        self.folder.chmod(0o755)
        self.volumes = {v["name"]: self._fill(v, files) for v in spec["volumes"]}
        self.process: subprocess.Popen | None = None
        self.out: Stream
        self.err: Stream

    # --- what the manifest says -----------------------------------------------------------------

    @property
    def uid(self) -> int:
        return self.spec["securityContext"]["runAsUser"]

    def environment(self) -> dict[str, str]:
        """That of the container; of the image there is only the path of programs."""
        listed = {entry["name"]: entry["value"] for entry in self.container["env"]}
        if "PLANLIFT_HTTP_LISTEN" in listed:  # every address of the pod: it has but one here
            port = listed["PLANLIFT_HTTP_LISTEN"].removeprefix("0.0.0.0:")
            listed["PLANLIFT_HTTP_LISTEN"] = f"{self.address}:{port}"
        return {"PATH": "/image:/usr/local/bin:/usr/bin:/bin", **listed}

    def _fill(self, volume: Json, files: Files) -> Path:
        """A volume as the kubelet makes it: ConfigMap, Secret (for the group alone), emptyDir."""
        folder = self.folder / "volumes" / volume["name"]
        folder.mkdir(parents=True)
        if "emptyDir" in volume:
            os.chown(folder, self.uid, self.uid)
            return folder
        kind = "secret" if "secret" in volume else "configMap"
        source = volume[kind]
        content = files[kind, source.get("secretName", source.get("name"))]
        for item in source.get("items") or [{"key": key, "path": key} for key in content]:
            file = folder / item["path"]
            file.write_text(content[item["key"]])
            if kind == "secret":
                os.chown(file, 0, self.spec["securityContext"]["fsGroup"])
                file.chmod(source["defaultMode"])
        return folder

    # --- running it -----------------------------------------------------------------------------

    def start(self) -> None:
        root = self.image or self.folder / "root"
        mounts = [(Path("/") / place, f"/{place}", "rw") for place in KERNEL]
        if self.image is None:
            there = [place for place in MACHINE if (Path("/") / place).exists()]
            mounts += [(Path("/") / place, f"/{place}", "rw") for place in there]
            mounts.append((BINARY.parent, "/image", "ro"))
        for mount in self.container["volumeMounts"]:
            mode = "ro" if mount.get("readOnly") else "rw"
            mounts.append((self.volumes[mount["name"]], mount["mountPath"], mode))
        for source, place, _ in mounts:
            make_place(source, root / place.lstrip("/"))
        listed = self.folder / "mounts"
        listed.write_text("".join(f"{source} {place} {mode}\n" for source, place, mode in mounts))
        inner = [*self.container["command"], *self.container["args"]]
        own_namespaces = ["unshare", "--mount", "--uts", "bash", "-c", ENTER, "enter"]
        self.process = spawn(
            [*own_namespaces, root, listed, self.name, str(self.uid), *inner],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.out, self.err = Stream(self.process.stdout), Stream(self.process.stderr)

    def probe(self, which: str) -> bool:
        """What a probe of the container would be told now."""
        asked = self.container[which]["httpGet"]
        [port] = [p["containerPort"] for p in self.container["ports"] if p["name"] == asked["port"]]
        timeout = self.container[which]["timeoutSeconds"]
        connection = http.client.HTTPConnection(self.address, port, timeout=timeout)
        try:
            connection.request("GET", asked["path"])
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def await_ready(self) -> None:
        """Started within what the startup probe allows, then ready, and alive."""
        startup = self.container["startupProbe"]
        eventually(self._passes("startupProbe"), f"{self.name} started", patience(startup))
        eventually(self._passes("readinessProbe"), f"{self.name} ready", 60)
        eventually(self._passes("livenessProbe"), f"{self.name} alive", 5)

    def _passes(self, which: str) -> Any:
        def passes() -> bool:
            assert self.process.poll() is None, f"{self.name} ended:\n{self.err.tail()}"
            return self.probe(which)

        return passes

    def run_inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As `kubectl exec` does: in the container, as its user, with its environment."""
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--root"]
        enter += ["--setuid", str(self.uid), "--setgid", str(self.uid), "--"]
        return subprocess.run(
            [*enter, *command],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> None:
        """As the kubelet ends a pod; it must not come to SIGKILL."""
        self.process.send_signal(signal.SIGTERM)
        assert self.finish(self.spec["terminationGracePeriodSeconds"]) == 0, self.err.tail()

    def finish(self, seconds: float) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            status = self.process.wait(Deadline(seconds).left)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.err.tail()}") from None
        self.out.join()
        self.err.join()
        return status

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            print(f"--- {self.name}: its last lines:\n{self.err.tail(20)}")
        shutil.rmtree(self.folder)


def run_to_end(manifest: Json, files: Files, image: Path | None = None) -> str:
    """A pod that does something and ends: what it said."""
    spec = manifest["spec"]
    if manifest["kind"] == "Job":
        spec = spec["template"]["spec"]
    with closing(Pod(manifest["metadata"]["name"], spec, files, "127.0.1.100", image)) as pod:
        pod.start()
        assert pod.finish(120) == 0, pod.err.tail()
        return pod.out.text


def make_place(source: Path, place: Path) -> None:
    """Somewhere for `source` to be mounted."""
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def patience(probe: Json) -> float:
    return probe.get("periodSeconds", 10) * probe["failureThreshold"]


class StatefulSet:
    """Its pods by ordinal, under the rules of apps/v1."""

    def __init__(self, manifest: Json, files: Files, image: Path | None = None) -> None:
        self.image = image
        self.name = manifest["metadata"]["name"]
        self.spec = manifest["spec"]
        assert self.spec["podManagementPolicy"] == "Parallel"
        self.files = files
        self.pods: list[Pod] = []

    def scale(self, replicas: int) -> None:
        """Pods are added all at once, and taken away from the highest down."""
        while len(self.pods) > replicas:
            pod = self.pods.pop()
            pod.stop()
            pod.close()
        added = [self._pod(n) for n in range(len(self.pods), replicas)]
        self.pods += added
        for pod in added:
            pod.start()
        for pod in self.pods:
            pod.await_ready()

    def roll(self) -> None:
        """A rolling update: from the highest down, each once the one before is ready."""
        for n in reversed(range(len(self.pods))):
            self.pods[n].stop()
            self.pods[n].close()
            self.pods[n] = self._pod(n)
            self.pods[n].start()
            self.pods[n].await_ready()

    def close(self) -> None:
        for pod in self.pods:
            pod.close()

    def _pod(self, ordinal: int) -> Pod:
        spec = json.loads(json.dumps(self.spec["template"]["spec"]))
        return Pod(f"{self.name}-{ordinal}", spec, self.files, f"127.0.1.{ordinal + 1}", self.image)
