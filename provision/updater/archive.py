"""A bundle's container: an uncompressed tar in which nothing is left to choose.

Given the manifest, every header is known beforehand to the byte. So a reader compares and interprets nothing: links,
devices, foreign paths and false sizes are all just not what was expected.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO

from .errors import Refused
from .manifest import MANIFEST, SIGNATURE, File, Manifest

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
PIECE = 1 << 20
MOST = {MANIFEST: 4 << 20, SIGNATURE: 4096}


def header(path: str, size: int, mode: int, time: int) -> bytes:
    """The 512 bytes before a file; raises ValueError for a path that is too long."""
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime = size, mode, time
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def padding(size: int) -> int:
    """How many zeros follow a file of this size."""
    return -size % BLOCK


def seconds(time: datetime) -> int:
    """As in a header."""
    return int(time.timestamp())


class Reader:
    """Reads a bundle. `manifest` and `signature` are as they stand in it; the caller checks them before the rest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.manifest = self._first(MANIFEST)
        self.signature = self._first(SIGNATURE)
        self._begin = file.tell()
        self._places: dict[str, int] = {}

    def check(self, manifest: Manifest) -> None:
        """Every byte of the bundle is as in the manifest, and none is missing or too many; raises Refused."""
        time = seconds(manifest.created)
        self._expect(header(MANIFEST, len(self.manifest), 0o644, time), 0, MANIFEST)
        for file in manifest.files:
            self._expect(header(file.path, file.size, file.mode, time), self._begin, file.path)
            self._places[file.path] = self._file.tell()
            if self._digest(file.size) != file.sha256:
                raise Refused(f"{file.path} is not what was signed.")
            self._skip_zeros(padding(file.size), file.path)
            self._begin = self._file.tell()
        if self._file.read(len(END) + 1) != END:
            raise Refused("The bundle does not end where it should.")

    def open(self, file: File) -> Part:
        """One file of a checked bundle."""
        return Part(self._file, self._places[file.path], file.size)

    def read(self, file: File) -> bytes:
        """A small file, checked again: it is about to be used."""
        data = self.open(file).read()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise Refused(f"{file.path} has changed while it was read.")
        return data

    def _first(self, path: str) -> bytes:
        block = self._exactly(BLOCK, path)
        size = _size(block, path)
        if size > MOST[path]:
            raise Refused(f"{path} is larger than any of ours.")
        data = self._exactly(size, path)
        self._skip_zeros(padding(size), path)
        return data

    def _expect(self, block: bytes, at: int, path: str) -> None:
        self._file.seek(at)
        if self._exactly(BLOCK, path) != block:
            raise Refused(f"Where {path} should be, the bundle has something else.")

    def _exactly(self, size: int, path: str) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise Refused(f"The bundle is cut off in {path}.")
        return data

    def _skip_zeros(self, size: int, path: str) -> None:
        if any(self._exactly(size, path)):
            raise Refused(f"There is something hidden after {path}.")

    def _digest(self, size: int) -> str:
        digest = hashlib.sha256()
        while size:
            piece = self._file.read(min(size, PIECE))
            if not piece:
                raise Refused("The bundle is cut off.")
            digest.update(piece)
            size -= len(piece)
        return digest.hexdigest()


def _size(block: bytes, path: str) -> int:
    """Of one of the first two files; raises Refused unless its header is one of ours in all else."""
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        if block == header(path, info.size, 0o644, int(info.mtime)):
            return info.size
    except (tarfile.TarError, ValueError):
        pass
    raise Refused(f"This is not a bundle: it does not begin with {MANIFEST} and {SIGNATURE}.")


class Part(io.RawIOBase):
    """A piece of a file as a file of its own, for zipfile."""

    def __init__(self, file: BinaryIO, begin: int, size: int) -> None:
        self._file, self._begin, self._size, self._at = file, begin, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """From the piece's beginning."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """At most to the piece's end."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._begin + self._at)
        data = self._file.read(wanted)
        self._at += len(data)
        return data


def write(out: BinaryIO, manifest: bytes, signature: bytes, time: int, files: Iterable[tuple[File, BinaryIO]]) -> None:
    """Make a bundle."""
    first = ((MANIFEST, manifest), (SIGNATURE, signature))
    out.writelines(header(path, len(data), 0o644, time) + data + bytes(padding(len(data))) for path, data in first)
    for file, content in files:
        out.write(header(file.path, file.size, file.mode, time))
        while piece := content.read(PIECE):
            out.write(piece)
        out.write(bytes(padding(file.size)))
    out.write(END)
