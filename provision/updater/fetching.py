"""Fetching from any static web server. What is fetched is checked afterwards: the way it came is not trusted."""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from . import files
from .errors import UpdateError

ANSWER_S = 30
PIECE = 256 << 10
DOWNLOAD_S = 6 * 3600  # 1 GB at 50 kB/s; what has come is kept for the next time
AGENT = {"User-Agent": "edge-voice-update"}
PARTIAL = 206
NOT_SATISFIABLE = 416


def beside(channel: str, name: str) -> str:
    """The address of a file in the same folder."""
    return urllib.parse.urljoin(channel, urllib.parse.quote(name))


def small(url: str, most: int) -> bytes:
    """A small file, whole; raises UpdateError."""
    try:
        with _open(url, {}) as answer:
            data = answer.read(most + 1)
    except (OSError, ValueError) as error:
        raise UpdateError(f"{url} cannot be fetched: {_why(error)}.") from None
    if len(data) > most:
        raise UpdateError(f"{url} is larger than it may be.")
    return data


def large(url: str, target: Path, size: int, sha256: str) -> None:
    """A file of known size and hash, going on where an earlier try was cut off; raises UpdateError."""
    files.make_folder(target.parent)
    partial = target.with_name(f"{target.name}.partial")
    if not target.is_file():
        try:
            _download(url, partial, size)
        except (OSError, ValueError) as error:
            raise UpdateError(f"{url} was cut off, and is gone on with next time: {_why(error)}.") from None
        files.sync(partial)
        files.rename(partial, target)
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
            return
    target.unlink()
    raise UpdateError(f"{url} is not the file that the channel names; it is fetched anew next time.")


def _download(url: str, partial: Path, size: int) -> None:
    begin = partial.stat().st_size if partial.exists() else 0
    if begin > size:
        partial.unlink()
        begin = 0
    if begin == size:
        return
    with _open(url, {"Range": f"bytes={begin}-"} if begin else {}) as answer:
        whole = begin and answer.status != PARTIAL  # type: ignore[attr-defined]  # HTTPResponse has it
        _copy(answer, partial, "wb" if whole or not begin else "ab", size)
    if (come := partial.stat().st_size) != size:
        raise OSError(f"{come} of {size} bytes came")


def _copy(answer: IO[bytes], partial: Path, mode: str, size: int) -> None:
    end = time.monotonic() + DOWNLOAD_S
    with partial.open(mode) as out:
        while piece := answer.read(PIECE):
            if out.tell() + len(piece) > size or time.monotonic() > end:
                raise OSError("it is larger than the channel says, or too slow")
            out.write(piece)


def _open(url: str, headers: dict[str, str]) -> IO[bytes]:
    request = urllib.request.Request(url, headers=AGENT | headers)  # noqa: S310  settings.py allows http, https and file
    answer: IO[bytes] = urllib.request.urlopen(request, timeout=ANSWER_S)  # noqa: S310
    return answer


def _why(error: Exception) -> str:
    return str(error.reason) if isinstance(error, urllib.error.URLError) else str(error)
