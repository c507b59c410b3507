"""What a bundle says of itself, read with distrust. Pure: bytes in, a Manifest out, or Refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import Refused

FORMAT = 1
PRODUCT = "edge-voice"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.minisig"
# Far beyond any real bundle, and what a device can still count.
MOST_BYTES = 8 << 30
MOST_FILES = 10_000
MOST_SEQUENCE = 1 << 53
FOLDERS = {"wheels", "units", "updater", "models", "debs"}

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+~-]*"  # no part begins with a dot: neither .. nor hidden files
PATH = re.compile(rf"{_PART}(/{_PART})*", re.ASCII)
VERSION = re.compile(r"[0-9][0-9A-Za-z.]{0,39}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
TARGET = re.compile(r"[a-z0-9_]+-3\.[0-9]+", re.ASCII)


@dataclass(frozen=True)
class File:
    """One file of the bundle."""

    path: str
    size: int
    sha256: str
    mode: int


@dataclass(frozen=True)
class Manifest:
    """A bundle. `targets` and `debs` have the names of files by machine and Python, such as aarch64-3.11."""

    version: str
    sequence: int
    kind: str
    created: datetime
    expires: datetime
    targets: Mapping[str, tuple[str, ...]]
    debs: Mapping[str, tuple[str, ...]]
    files: tuple[File, ...]
    updater: int
    fingerprint: str

    @property
    def name(self) -> str:
        """Of the release's folder."""
        return f"{self.version}+{self.sequence}"

    def below(self, folder: str) -> tuple[File, ...]:
        """The files of units, updater or models."""
        return tuple(file for file in self.files if file.path.startswith(f"{folder}/"))

    def wheels(self, target: str) -> tuple[File, ...]:
        """Those for one kind of device."""
        return self._named("wheels", self.targets.get(target, ()))

    def packages(self, target: str) -> tuple[File, ...]:
        """The Debian packages for one kind of device."""
        return self._named("debs", self.debs.get(target, ()))

    def _named(self, folder: str, names: tuple[str, ...]) -> tuple[File, ...]:
        wanted = {f"{folder}/{name}" for name in names}
        return tuple(file for file in self.files if file.path in wanted)


def when(value: object) -> datetime:
    """A time such as 2026-11-25T02:00:00Z; raises ValueError."""
    there = datetime.fromisoformat(str(value))
    if there.tzinfo is None:
        raise ValueError(f"no time zone in {value!r}")
    return there.astimezone(UTC)


def parse(data: bytes) -> Manifest:
    """Read manifest.json."""
    try:
        said = json.loads(data)
        return _manifest(said, hashlib.sha256(data).hexdigest())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise Refused(f"The manifest cannot be read: {error!r}.") from None


def head(said: dict[str, Any], what: str) -> None:
    """What every signed file of ours begins with: raises Refused for another product or a later format."""
    if said.get("product") != PRODUCT:
        raise Refused(f"The {what} is for {said.get('product')!r}, not for {PRODUCT}.")
    if said.get("format") != FORMAT:
        raise Refused(f"The {what} has format {said.get('format')!r}; this updater reads {FORMAT}.")


def _manifest(said: dict[str, Any], fingerprint: str) -> Manifest:
    head(said, "bundle")
    files = tuple(_file(path, about) for path, about in said["files"].items())
    if len(files) > MOST_FILES or sum(file.size for file in files) > MOST_BYTES:
        raise Refused("The bundle is larger than any of ours.")
    manifest = Manifest(
        _matching(VERSION, said["version"]), whole(said["sequence"], 1), str(said["class"]), when(said["created"]),
        when(said["expires"]), _names(said["targets"]), _names(said.get("debs", {})), files,
        whole(said.get("updater", 0)), fingerprint,
    )  # fmt: skip
    _complete(manifest)
    return manifest


def _complete(manifest: Manifest) -> None:
    """Every name that a target gives is a file of the bundle."""
    there = {file.path for file in manifest.files}
    for folder, names in (("wheels", manifest.targets), ("debs", manifest.debs)):
        for target, wanted in names.items():
            if absent := [name for name in wanted if f"{folder}/{name}" not in there]:
                raise Refused(f"The manifest names {absent[0]} for {target}, which is not in the bundle.")


def _file(path: str, about: dict[str, Any]) -> File:
    folder, slash, _ = _matching(PATH, path).partition("/")
    if slash and folder not in FOLDERS:
        raise Refused(f"The bundle has a folder {folder!r}, which no bundle of ours has.")
    mode = whole(about["mode"])
    if mode not in {0o644, 0o755}:
        raise Refused(f"The mode of {path} is {mode:o}; only 644 and 755 are allowed.")
    return File(path, whole(about["size"]), _matching(SHA256, about["sha256"]), mode)


def _names(said: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {_matching(TARGET, key): tuple(_matching(PATH, name) for name in names) for key, names in said.items()}


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refused(f"The manifest has {value!r}, which is not allowed.")
    return value


def whole(value: object, least: int = 0) -> int:
    """A whole number; raises ValueError for anything else, also for true."""
    if type(value) is not int or not least <= value <= MOST_SEQUENCE:
        raise ValueError(f"not a number from {least}: {value!r}")
    return value
