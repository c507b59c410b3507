"""From a folder with everything in it to one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from provision.updater import archive
from provision.updater.manifest import FORMAT, PRODUCT, File, parse

from .sbom import digest
from .signing import sign


@dataclass(frozen=True)
class Release:
    """What the manifest says beside its files."""

    version: str
    sequence: int
    created: datetime
    days: int = 365
    kind: str = "release"
    updater: int = 0
    config: str = ""
    targets: Mapping[str, list[str]] = field(default_factory=dict)
    debs: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The bundle's file."""
        return f"edge-voice-{self.version}+{self.sequence}.evb"


def stamp(time: datetime) -> str:
    """As in a manifest."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def manifest(release: Release, files: list[File]) -> bytes:
    """The text that is signed; the files stand in it in the order of the archive."""
    about: dict[str, Any] = {
        "format": FORMAT, "product": PRODUCT, "class": release.kind, "version": release.version,
        "sequence": release.sequence, "created": stamp(release.created),
        "expires": stamp(release.created + timedelta(days=release.days)),
        "updater": release.updater, "config": release.config,
        "targets": {key: sorted(names) for key, names in sorted(release.targets.items())},
        "debs": {key: sorted(names) for key, names in sorted(release.debs.items())},
        "files": {file.path: {"sha256": file.sha256, "size": file.size, "mode": file.mode} for file in files},
    }  # fmt: skip
    return (json.dumps(about, indent=1) + "\n").encode()


def listed(folder: Path) -> list[File]:
    """Every file below, in order; executable or not is all that is kept of the mode."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        File(str(path.relative_to(folder)), path.stat().st_size, digest(path),
             0o755 if path.stat().st_mode & 0o100 else 0o644)
        for path in paths
    ]  # fmt: skip


def build(release: Release, folder: Path, out: Path, key: Path | None) -> Path:
    """Write the bundle into `out`, whole or not at all."""
    files = listed(folder)
    data = manifest(release, files)
    parse(data)  # what a device would refuse is refused here
    signed = sign(data, key, f"edge-voice {release.version} {release.sequence}")
    out.mkdir(parents=True, exist_ok=True)
    target, partial = out / release.name, out / f".{release.name}.partial"
    with partial.open("wb") as file:
        archive.write(file, data, signed, archive.seconds(release.created), _opened(folder, files))
    return partial.replace(target)


def _opened(folder: Path, files: list[File]) -> Iterator[tuple[File, BinaryIO]]:
    for file in files:
        with (folder / file.path).open("rb") as content:
            yield file, content
