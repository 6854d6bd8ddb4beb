#!/usr/bin/env python3
"""JSON schemas of Kubernetes objects, in the form kubeconform reads: one file a kind.

    kube_schemas.py FOLDER WHEEL CRD_FILE...

From the wheel of the Python package kubernetes-validate the oldest and the newest minor that the
chart supports; from CRD files those of their kinds.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

MINORS = ("1.29", "1.37")

Json = Any


def unpack(wheel: Path, minor: str, folder: Path) -> None:
    """The schemas of a minor, which allow no field that is unknown."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if f"/v{minor}.0-local-strict/" in name and name.endswith(".json"):
                schema = json.loads(packed.read(name))
                # As it stands they point to a server; the definitions lie beside them.
                schema.pop("$id", None)
                text = json.dumps(schema).replace("/api/_definitions.json", "_definitions.json")
                (folder / Path(name).name).write_text(text)
    if not list(folder.iterdir()):
        sys.exit(f"{wheel.name} has no schemas of Kubernetes {minor}")


def strict(schema: Json) -> Json:
    """An OpenAPI v3 schema of a CRD as a JSON schema that refuses unknown fields."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: strict(part) for key, part in schema.items() if not key.startswith("x-")}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not is_open:
        made.setdefault("additionalProperties", False)
    return made


def convert(crd_file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for crd in yaml.safe_load_all(crd_file.read_text()):
        spec = crd["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            group = spec["group"].split(".")[0]
            name = f"{spec['names']['kind']}-{group}-{version['name']}.json".lower()
            (folder / name).write_text(json.dumps(schema))


def main(arguments: Sequence[str]) -> None:
    folder, wheel, *crds = map(Path, arguments)
    for minor in MINORS:
        unpack(wheel, minor, folder / minor)
    for crd in crds:
        convert(crd, folder / "crds")


if __name__ == "__main__":
    main(sys.argv[1:])
