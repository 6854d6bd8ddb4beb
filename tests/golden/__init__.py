"""Golden state: what a version of planlift stored, byte for byte, and what it stands for.

seal      the envelope of a stored value, as any version writes it
story     facts and requests that are always the same
take      runs the story with the program and takes what it stored
place     puts golden state into a fresh state topic and Redis

A file `state-N.json.xz` for each format version N that there ever was; see README.md.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FOLDER = Path(__file__).resolve().parent
PROGRESS = b"#"  # key of the progress record in the state topic, and of the checkpoint in Redis


@dataclass(frozen=True, slots=True)
class Partition:
    """What one partition of the state topic holds once it is compacted, and its Redis hash."""

    state: dict[bytes, bytes]
    cache: dict[bytes, bytes]

    @property
    def pieces(self) -> dict[bytes, bytes]:
        """Of customers: all but the progress record."""
        return {key: value for key, value in self.state.items() if key != PROGRESS}


@dataclass(frozen=True, slots=True)
class Golden:
    """`customers`: each as STATE of contract 9, sorted. `requests`: those that were answered, in
    their order, as plain JSON."""

    cluster: str
    group: str
    partitions: list[Partition]
    customers: list[Json]
    requests: list[Json]

    @property
    def format(self) -> int:
        """The format version, the first byte of every value."""
        values = [value for part in self.partitions for value in part.state.values()]
        values += [value for part in self.partitions for value in part.cache.values()]
        [version] = {value[0] for value in values}
        return version

    def save(self) -> Path:
        """Write state-N.json.xz, N the format version."""
        path = FOLDER / f"state-{self.format}.json.xz"
        data = {
            "cluster": self.cluster,
            "group": self.group,
            "partitions": [
                {"state": _to_hex(part.state), "cache": _to_hex(part.cache)}
                for part in self.partitions
            ],
            "customers": self.customers,
            "requests": self.requests,
        }
        text = json.dumps(data, ensure_ascii=False, indent=0)
        path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
        return path


def load(path: Path) -> Golden:
    """Read a golden file."""
    data = json.loads(lzma.decompress(path.read_bytes()))
    data["partitions"] = [
        Partition(_from_hex(part["state"]), _from_hex(part["cache"])) for part in data["partitions"]
    ]
    return Golden(**data)


def files() -> list[Path]:
    """All golden files, the newest format last."""
    return sorted(FOLDER.glob("state-*.json.xz"), key=lambda path: int(path.name[6:].split(".")[0]))


def _to_hex(values: dict[bytes, bytes]) -> dict[str, str]:
    return {key.hex(): values[key].hex() for key in sorted(values)}


def _from_hex(values: dict[str, str]) -> dict[bytes, bytes]:
    return {bytes.fromhex(key): bytes.fromhex(value) for key, value in values.items()}
