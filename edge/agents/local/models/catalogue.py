"""The models that can be had, and what of them lies on the disk.

Everything here is quick enough for start-up: nothing is hashed unless `verify` is called.
"""

import contextlib
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edge.errors import ModelError

State = Literal["ok", "missing", "partial", "damaged"]

MB = 1_000_000
PART = ".part"
STAMP = ".verified.json"
CHUNK = 1 << 20


@dataclass(frozen=True)
class HubSource:
    """One file in a repository of the authors' hub, at a fixed revision."""

    repo: str
    revision: str
    path: str


@dataclass(frozen=True)
class Archive:
    """A wheel of the user's package index, pinned byte by byte."""

    name: str
    version: str
    size: int
    sha256: str

    @property
    def stem(self) -> str:
        """How the wheel's file name begins."""
        return f"{self.name.replace('-', '_').lower()}-{self.version}-"


@dataclass(frozen=True)
class Member:
    """One file inside an archive."""

    archive: Archive
    path: str
    size: int


@dataclass(frozen=True)
class PackageSource:
    """Members of wheels which, joined in order, are the file."""

    members: tuple[Member, ...]


@dataclass(frozen=True)
class FolderSource:
    """A local folder, such as a USB stick, with the bare files or the wheels that carry them."""

    folder: Path


Source = HubSource | PackageSource | FolderSource


@dataclass(frozen=True)
class File:
    """One file of a model; `size` and `sha256` decide, whatever the source."""

    name: str
    size: int
    sha256: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Model:
    """A model and its files."""

    id: str
    purpose: str
    licence: str
    upstream: str
    required: bool
    files: tuple[File, ...]
    memory_mb: int = 0
    min_total_memory_mb: int = field(default=0)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.size for file in self.files)


def load_manifest(path: Path | None = None) -> tuple[Model, ...]:
    """Every model of the manifest, in its order."""
    source = path or Path(__file__).with_name("manifest.toml")
    try:
        raw = tomllib.loads(source.read_text(encoding="utf-8"))
        archives = {name: Archive(name=name, **pins) for name, pins in raw.get("archive", {}).items()}
        return tuple(_model(entry, archives) for entry in raw["model"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        message = f"the list of models {source} cannot be used ({error}); install edge-voice again"
        raise ModelError(message) from error


def _model(entry: dict[str, Any], archives: dict[str, Archive]) -> Model:
    files = tuple(_file(raw, archives) for raw in entry.pop("file"))
    return Model(files=files, **entry)


def _file(raw: dict[str, Any], archives: dict[str, Archive]) -> File:
    if Path(raw["name"]).name != raw["name"]:
        message = f"{raw['name']!r} is not a plain file name"
        raise KeyError(message)
    sources = tuple(_source(source, archives) for source in raw.pop("sources"))
    return File(sources=sources, **raw)


def _source(raw: dict[str, Any], archives: dict[str, Archive]) -> Source:
    if "hub" in raw:
        return HubSource(**raw["hub"])
    members = (Member(archives[part["name"]], part["member"], part["size"]) for part in raw["package"])
    return PackageSource(tuple(members))


def path_of(model_id: str, directory: Path) -> Path:
    """The directory of one model's files."""
    return directory / model_id


def state_of(model: Model, directory: Path) -> State:
    """What is there, judged by size and by the stamp that the last full check left; reads no contents."""
    folder = path_of(model.id, directory)
    stamps = read_stamps(folder)
    try:
        found = {file.name: _is_stamped(file, folder, stamps) for file in model.files if (folder / file.name).is_file()}
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise ModelError(message) from error
    if not all(found.values()):
        return "damaged"
    if len(found) == len(model.files):
        return "ok"
    begun = found or any((folder / f"{file.name}{PART}").exists() for file in model.files)
    return "partial" if begun else "missing"


def verify(model: Model, directory: Path) -> list[str]:
    """Read and hash every file; what is wrong, in words. A file found right is stamped as such."""
    folder = path_of(model.id, directory)
    problems = {file.name: problem_of(file, folder) for file in model.files}
    with contextlib.suppress(OSError):  # a read-only directory can still be verified
        write_stamps(folder, [file for file in model.files if problems[file.name] is None])
    return [problem for problem in problems.values() if problem is not None]


def problem_of(file: File, folder: Path) -> str | None:
    """What is wrong with one file after reading all of it."""
    path = folder / file.name
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{path} has {size} bytes instead of {file.size}"
        if sha256_of(path) != file.sha256:
            return f"{path} is damaged: its SHA-256 is not the expected one"
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None


def sha256_of(path: Path) -> str:
    """The hash of a file's contents."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_stamps(folder: Path) -> dict[str, list[object]]:
    """File name -> [size, mtime_ns, sha256] as of the last full check; empty when unreadable."""
    try:
        stamps = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def write_stamps(folder: Path, files: list[File]) -> None:
    """Record that these files, and no others, were found right as they are now."""
    stamps = {file.name: _stamp(file, folder) for file in files}
    temporary = folder / f"{STAMP}.new"
    temporary.write_text(json.dumps(stamps), encoding="utf-8")
    temporary.replace(folder / STAMP)


def is_stamped(file: File, folder: Path) -> bool:
    """Whether the file is as the last full check left it."""
    return (folder / file.name).is_file() and _is_stamped(file, folder, read_stamps(folder))


def _is_stamped(file: File, folder: Path, stamps: dict[str, list[object]]) -> bool:
    return stamps.get(file.name) == _stamp(file, folder)


def _stamp(file: File, folder: Path) -> list[object]:
    status = (folder / file.name).stat()
    return [status.st_size, status.st_mtime_ns, file.sha256]
