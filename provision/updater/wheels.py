"""Wheels, as the updater unpacks them itself: a zip with a list of hashes in it (PEP 427)."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from .errors import Refused

PIECE = 1 << 20
MOST_MEMBERS = 50_000
MOST_BYTES = 4 << 30
UNHASHED = ("/RECORD", "/RECORD.jws", "/RECORD.p7s")
SCRIPT = """#!{python}
import sys

from {module} import {function}

if __name__ == "__main__":
    sys.exit({function}())
"""
# Where the parts of NAME.data go, below the release; headers are for compilers only.
DATA = {"purelib": "{site}", "platlib": "{site}", "scripts": "bin", "data": "", "headers": None}


class Wheel:
    """One wheel, whose list of members has been found sound; raises Refused."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(file)
            self._members = [info for info in self._zip.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise Refused(f"{name} is not a wheel: {error}.") from None
        self.size = sum(info.file_size for info in self._members)
        self._check()

    def _check(self) -> None:
        if len(self._members) > MOST_MEMBERS or self.size > MOST_BYTES:
            raise Refused(f"{self.name} is larger than any wheel of ours.")
        seen = set()
        for info in self._members:
            path = PurePosixPath(info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if path.is_absolute() or ".." in path.parts or "\\" in info.filename or "\0" in info.filename:
                raise Refused(f"{self.name} would write to {info.filename!r}.")
            if kind not in {0, stat.S_IFREG} or info.flag_bits & 1 or str(path) in seen:
                raise Refused(f"{self.name} has something else than files in it: {info.filename!r}.")
            seen.add(str(path))

    def unpack(self, release: Path, site: str, python: str) -> None:
        """Every file with the hash that RECORD gives; raises Refused. Scripts run `python`."""
        hashes = self._record()
        try:
            for info in self._members:
                self._extract(info, hashes.get(info.filename), release / self._place(info.filename, site), python)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise Refused(f"{self.name} is damaged: {error}.") from None

    def entry_point(self, command: str) -> str:
        """`module:function` of a console script, or ""."""
        name = next((i.filename for i in self._members if i.filename.endswith(".dist-info/entry_points.txt")), "")
        if not name:
            return ""
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.read_string(self._zip.read(name).decode())
        return parser.get("console_scripts", command, fallback="")

    def _record(self) -> dict[str, tuple[str, int]]:
        name = next((info.filename for info in self._members if info.filename.endswith(".dist-info/RECORD")), "")
        if not name:
            raise Refused(f"{self.name} has no RECORD.")
        try:
            rows = csv.reader(io.StringIO(self._zip.read(name).decode()))
            return {path: (digest, int(size)) for path, digest, size in rows if digest}
        except (ValueError, zipfile.BadZipFile) as error:
            raise Refused(f"The RECORD of {self.name} cannot be read: {error}.") from None

    def _place(self, filename: str, site: str) -> str:
        first, _, rest = filename.partition("/")
        if not first.endswith(".data"):
            return f"{site}/{filename}"
        kind, _, inner = rest.partition("/")
        folder = DATA.get(kind)
        if folder is None:
            return f"{site}/{filename}" if kind not in DATA else f"include/{inner}"
        return str(PurePosixPath(folder.format(site=site)) / inner)

    def _extract(self, info: zipfile.ZipInfo, record: tuple[str, int] | None, target: Path, python: str) -> None:
        if record is None and not info.filename.endswith(UNHASHED):
            raise Refused(f"{info.filename} is not in the RECORD of {self.name}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        script = target.parent.name == "bin" and ".data/scripts/" in info.filename
        runs = script or (info.external_attr >> 16) & stat.S_IXUSR
        with self._zip.open(info) as source:
            digest, size = _copy(source, target, python if script else "")
        target.chmod(0o755 if runs else 0o644)
        if record is not None and record != (digest, size):
            raise Refused(f"{info.filename} is not as the RECORD of {self.name} says.")


def _copy(source: IO[bytes], target: Path, python: str) -> tuple[str, int]:
    """The source's hash, as RECORD spells it, and its size."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for piece in _pieces(source):
            digest.update(piece)
            shown = piece
            if size == 0 and python and piece.startswith(b"#!python"):
                shown = f"#!{python}\n".encode() + piece.partition(b"\n")[2]
            size += len(piece)
            out.write(shown)
    return f"sha256={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}", size


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(PIECE):
        yield piece


def write_script(path: Path, entry: str, python: str) -> None:
    """A command that calls `module:function`."""
    module, _, function = entry.partition(":")
    path.write_text(SCRIPT.format(python=python, module=module.strip(), function=function.strip()))
    path.chmod(0o755)
