"""What is in a bundle, for whoever has to know: a CycloneDX 1.5 file from the wheels and the models themselves."""

from __future__ import annotations

import email
import hashlib
import json
import re
import tomllib
import uuid
import zipfile
from collections.abc import Iterable
from datetime import datetime
from email.message import Message
from pathlib import Path
from typing import Any

Component = dict[str, Any]


def wheel(path: Path) -> Component:
    """One component; its licence as the package itself names it."""
    with zipfile.ZipFile(path) as there:
        name = next(name for name in there.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        about = email.message_from_bytes(there.read(name))
    package, version = str(about["Name"]), str(about["Version"])
    spelt = re.sub(r"[-_.]+", "-", package).lower()
    return {
        "type": "library", "bom-ref": f"pkg:pypi/{spelt}@{version}?file_name={path.name}", "name": package,
        "version": version, "purl": f"pkg:pypi/{spelt}@{version}",
        "hashes": [{"alg": "SHA-256", "content": digest(path)}], **_licences(about),
        "properties": [{"name": "file", "value": f"wheels/{path.name}"}],
    }  # fmt: skip


def _licences(about: Message) -> dict[str, Any]:
    if expression := about.get("License-Expression"):
        return {"licenses": [{"expression": str(expression)}]}
    classifiers = [value for key, value in about.items() if key == "Classifier" and value.startswith("License ::")]
    text = str(about.get("License") or "").strip()
    if text and "\n" not in text and len(text) < 60:  # noqa: PLR2004  some have the whole licence there
        return {"licenses": [{"license": {"name": text}}]}
    names = [value.rpartition(" :: ")[2] for value in classifiers]
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


def models(catalogue: Path, folders: Iterable[str]) -> list[Component]:
    """Those models that are in the bundle."""
    known = tomllib.loads(catalogue.read_text())["model"]
    return [
        {
            "type": "machine-learning-model", "bom-ref": f"model:{about['id']}", "name": about["id"],
            "licenses": [{"license": {"name": str(about.get("licence", "unknown"))}}],
            "description": str(about.get("upstream", "")),
        }
        for about in known if about["id"] in set(folders)
    ]  # fmt: skip


def document(version: str, created: datetime, components: list[Component]) -> bytes:
    """The file. Its serial number follows from what is in it, so that the same bundle is the same to the byte."""
    ordered = sorted(components, key=lambda component: str(component["bom-ref"]))
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([version, ordered], sort_keys=True))
    said = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{number}", "version": 1,
        "metadata": {
            "timestamp": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "component": {"type": "application", "name": "edge-voice", "version": version, "bom-ref": "edge-voice"},
        },
        "components": ordered,
    }  # fmt: skip
    return (json.dumps(said, indent=1, sort_keys=True) + "\n").encode()


def digest(path: Path) -> str:
    """SHA-256, as text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
