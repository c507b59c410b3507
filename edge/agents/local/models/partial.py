"""A file on its way in: `NAME.part`, resumable, bounded, hashed as it grows, put in place only when it is right."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.agents.local.models.catalogue import CHUNK, MB, PART
from edge.errors import ModelError


class SourceFailed(ModelError):
    """A source cannot give the file; another one may."""


class Unreachable(SourceFailed):
    """The source's host did not answer at all."""


class Partial:
    """`NAME.part` next to its target: the beginning of the file, hashed as it grows, never longer than `size`."""

    def __init__(self, target: Path, size: int, sha256: str) -> None:
        self.target, self.size, self._expected = target, size, sha256
        self.length = 0
        self._path = target.with_name(target.name + PART)
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
        while chunk := self._file.read(CHUNK):
            self._hash.update(chunk)
            self.length += len(chunk)
        if self.length > self.size:
            self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self.length == 0:
            self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append; more than the file may hold is the source's failure, a full disk everybody's."""
        if self.length + len(data) > self.size:
            self.restart()
            message = f"gave more than the expected {self.size} bytes"
            raise SourceFailed(message)
        view = memoryview(data)
        while view:
            try:
                count = self._file.write(view) or 0
            except OSError as error:
                raise disk_error(error, self._path) from error
            self._hash.update(view[:count])
            self.length += count
            view = view[count:]

    def restart(self) -> None:
        """Forget what is there."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.length = 0

    def matches(self) -> bool:
        """Whether this is the whole file, bit for bit."""
        return self.length == self.size and self._hash.hexdigest() == self._expected

    def commit(self) -> None:
        """Put the file in its place so that after a power cut there is the old one or the new one."""
        try:
            os.fsync(self._file.fileno())
            self._path.replace(self.target)
            folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise disk_error(error, self._path) from error


def disk_error(error: OSError, path: Path) -> ModelError:
    """The error of a write, for a person."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return ModelError(f"{path}: {error.strerror}; what has arrived is kept: free some space and fetch again")
    return ModelError(f"{path} cannot be written: {error.strerror}")


def complete(partial: Partial, fill: Callable[[], None]) -> None:
    """Fill, check and put in place; a beginning that may have come from elsewhere gets one clean second try."""
    inherited = partial.length > 0
    fill()
    if not partial.matches() and inherited:
        partial.restart()
        fill()
    if not partial.matches():
        partial.restart()
        message = "its bytes do not have the expected SHA-256"
        raise SourceFailed(message)
    partial.commit()


def require_space(folder: Path, needed: int) -> None:
    """Say before the work that the disk is too small for it."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        message = f"not enough disk space: needs {needed / MB:.0f} MB, has {free / MB:.0f} MB at {folder}"
        raise ModelError(message)
