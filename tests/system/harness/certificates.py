"""An authority of the test's own, and certificates that it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path

    def together(self) -> Path:
        """Both in one file, as Kafka's PEM stores want them."""
        path = self.key.with_suffix(".both.pem")
        path.write_text(self.key.read_text() + self.certificate.read_text())
        return path

    def locked(self, password: str) -> Pair:
        """The same with its key encrypted."""
        path = self.key.with_suffix(".locked.key")
        _openssl("pkcs8", "-topk8", "-v2", "aes256", "-passout", f"pass:{password}",
                 "-in", self.key, "-out", path)  # fmt: skip
        return Pair(self.certificate, path)


class Authority:
    """Signs for this machine's loopback address, and for clients by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        key, self.certificate = folder / "ca.key", folder / "ca.pem"
        _openssl("req", "-x509", *_new_key(key), "-days", "2", "-subj", "/CN=test authority",
                 "-out", self.certificate)  # fmt: skip
        self._key = key

    def issue(self, name: str, for_whom: str = "IP:127.0.0.1,DNS:localhost") -> Pair:
        """For a server at this machine's loopback, or for a client."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        certificate, about = self._folder / f"{name}.pem", self._folder / f"{name}.ext"
        about.write_text(f"subjectAltName={for_whom}\n")
        _openssl("req", *_new_key(key), "-subj", f"/CN={name}", "-out", request)
        signed_by = ["-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"]
        _openssl("x509", "-req", "-in", request, *signed_by, "-days", "2", "-extfile", about,
                 "-out", certificate)  # fmt: skip
        return Pair(certificate, key)


def _new_key(path: Path) -> list[str | Path]:
    curve = "ec_paramgen_curve:prime256v1"
    return ["-newkey", "ec", "-pkeyopt", curve, "-nodes", "-keyout", path]


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
