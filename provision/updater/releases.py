"""Making a release's folder from a bundle: aside, synced, and then under its name at once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from . import files
from .archive import PIECE, Reader
from .errors import Refused, UpdateError
from .layout import OPT, Layout
from .manifest import MANIFEST, SIGNATURE, File, Manifest, parse
from .wheels import Wheel, write_script

COMPLETE = ".complete"
COMMAND = "edge-voice"
CODE_GROWS = 2.0  # with its compiled form beside it; at most 1.9 on our packages
COMPILE_S = 1200
# Hash-based and never looked at again: the clock that file times come from may be wrong, and nothing here changes.
COMPILE = ("-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash")


@dataclass(frozen=True)
class Python:
    """The interpreter that releases run with; its packages from Debian are seen too."""

    path: str = f"/usr/bin/python3.{sys.version_info.minor}"
    version: str = ".".join(str(part) for part in sys.version_info[:3])
    minor: int = sys.version_info.minor

    @property
    def site(self) -> str:
        """Where packages are, in a release."""
        return f"lib/python3.{self.minor}/site-packages"


Tell = Callable[[str], None]


class Builder:
    """Builds the release of one bundle."""

    def __init__(self, layout: Layout, manifest: Manifest, target: str, python: Python) -> None:
        self._layout, self._manifest, self._target, self._python = layout, manifest, target, python

    def wheels(self, reader: Reader) -> list[Wheel]:
        """All of this device's, found sound before the first is unpacked; raises Refused."""
        return [
            Wheel(cast("IO[bytes]", reader.open(file)), file.path.rpartition("/")[2])
            for file in self._manifest.wheels(self._target)
        ]

    def need_bytes(self, wheels: list[Wheel]) -> int:
        """How much room it takes."""
        models = sum(file.size for file in self._manifest.below("models") if not self._there(file))
        return int(sum(wheel.size for wheel in wheels) * CODE_GROWS) + models

    def is_built(self) -> bool:
        """The release is there already, of this very manifest."""
        return is_complete(self._layout.release(self._manifest.name), self._manifest.fingerprint)

    def build(self, reader: Reader) -> None:
        """Unpack, sync, rename. A disk that is full leaves nothing behind; raises UpdateError."""
        name = self._manifest.name
        files.make_folder(self._layout.releases)
        partial = self._layout.releases / f".{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            self._models(reader)
            self._fill(partial, reader)
            files.sync_tree(partial)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise UpdateError(f"The release could not be unpacked: {error.strerror or error}.") from None
        except UpdateError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        files.remove_tree(self._layout.release(name))
        files.rename(partial, self._layout.release(name))

    def _fill(self, partial: Path, reader: Reader) -> None:
        python = f"{OPT}/releases/{self._manifest.name}/bin/python"
        self._environment(partial)
        for file in self._manifest.wheels(self._target):
            self._unpack(reader, file, partial, python)
        for file in (*self._manifest.below("units"), *self._manifest.below("updater"), *self._documents()):
            _put(partial / file.path, reader.read(file), file.mode)
        self._compile(partial)
        (partial / MANIFEST).write_bytes(reader.manifest)
        (partial / SIGNATURE).write_bytes(reader.signature)
        (partial / COMPLETE).write_text(self._manifest.fingerprint + "\n")

    def _unpack(self, reader: Reader, file: File, partial: Path, python: str) -> None:
        """From a copy, hashed once more: the bundle may be on somebody's stick, or in somebody's folder."""
        copy = partial / ".wheel"
        _copy(reader, file, copy)
        with copy.open("rb") as opened:
            wheel = Wheel(opened, Path(file.path).name)
            wheel.unpack(partial, self._python.site, python)
            if entry := wheel.entry_point(COMMAND):
                write_script(partial / "bin" / COMMAND, entry, python)
        copy.unlink()

    def _documents(self) -> list[File]:
        return [file for file in self._manifest.files if "/" not in file.path]

    def _environment(self, partial: Path) -> None:
        """What `python3 -m venv --without-pip --system-site-packages` makes."""
        (partial / self._python.site).mkdir(parents=True)
        (partial / "bin").mkdir()
        (partial / "lib64").symlink_to("lib")
        (partial / "bin/python").symlink_to(self._python.path)
        (partial / "bin/python3").symlink_to("python")
        lines = ("home = /usr/bin", "include-system-site-packages = true", f"version = {self._python.version}")
        (partial / "pyvenv.cfg").write_text("\n".join(lines) + "\n")

    def _compile(self, partial: Path) -> None:
        """Before the switch: otherwise the first start would take many seconds, each time."""
        if not Path(self._python.path).exists():
            return
        site = partial / self._python.site
        words = (self._python.path, *COMPILE, "-s", str(partial), "-p", f"{OPT}/releases/{self._manifest.name}", site)
        # A package may have files for other versions of Python in it: what does not compile is not imported either.
        subprocess.run(words, capture_output=True, timeout=COMPILE_S, check=False)

    def _models(self, reader: Reader) -> None:
        """Beside the releases, since they are large and seldom change."""
        for file in self._manifest.below("models"):
            target = self._layout.models / file.path.partition("/")[2]
            if self._there(file):
                continue
            files.make_folder(target.parent)
            partial = target.with_name(f".{target.name}.new")
            _copy(reader, file, partial)
            partial.chmod(0o644)
            files.sync(partial)
            files.rename(partial, target)

    def _there(self, file: File) -> bool:
        target = self._layout.models / file.path.partition("/")[2]
        if not target.is_file() or target.stat().st_size != file.size:
            return False
        with target.open("rb") as there:
            return hashlib.file_digest(there, "sha256").hexdigest() == file.sha256


def _copy(reader: Reader, file: File, target: Path) -> None:
    """A large file of the bundle; raises Refused if it is not what was checked before."""
    digest = hashlib.sha256()
    with reader.open(file) as source, target.open("wb") as out:
        while piece := source.read(PIECE):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != file.sha256:
        raise Refused(f"{file.path} has changed while it was read.")


def _put(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def is_complete(release: Path, fingerprint: str = "") -> bool:
    """The release is whole; with a fingerprint: and of this manifest."""
    try:
        said = (release / COMPLETE).read_text().strip()
    except OSError:
        return False
    return said == fingerprint if fingerprint else True


def manifest_of(release: Path) -> Manifest | None:
    """Of an installed release; None for one that provision/install has made from sources."""
    try:
        return parse((release / MANIFEST).read_bytes())
    except (OSError, UpdateError):
        return None


def sequence_of(release: Path) -> int:
    """0 for one from sources: any bundle is newer."""
    manifest = manifest_of(release)
    return manifest.sequence if manifest else 0


def clear(layout: Layout) -> None:
    """What an interrupted run has left half done."""
    if layout.releases.is_dir():
        for path in layout.releases.iterdir():
            if path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)


def all_releases(layout: Layout) -> list[tuple[int, str]]:
    """(sequence, name) of each."""
    if not layout.releases.is_dir():
        return []
    paths = sorted(path for path in layout.releases.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [(sequence_of(path), path.name) for path in paths]
