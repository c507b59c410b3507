"""SQLite behind one thread: people, devices and what they have done outlive the process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from edge.errors import EdgeVoiceError
from edge.relay.refused import Refused
from edge.relay.store.schema import STEPS

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_MS = 5000  # another process on the same file may be writing
MOST_WAITING = 1000  # pieces of work; each takes about 0.1 ms


class StoreFailed(EdgeVoiceError):
    """The database cannot be used; says which file and why."""


class Store:
    """A file, made and brought up to date when it is opened. `close` is idempotent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = opened(path)
        self._thread = ThreadPoolExecutor(1, "store")
        self._waiting = 0
        self._closed = False

    async def run(self, work: Work[T]) -> T:
        """What `work` gives, done as one transaction in the store's thread; nothing is kept of it if it raises."""
        if self._waiting >= MOST_WAITING:
            raise Refused(503, "busy", "The relay is busy. Please try again in a moment.", wait_s=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        finally:
            self._waiting -= 1

    def later(self, work: Work[T]) -> Future[T]:
        """The same without waiting for it, behind what has been given before."""
        return self._thread.submit(self._do, work)

    def do(self, work: Work[T]) -> T:
        """The same for a command, which has no event loop."""
        return self._thread.submit(self._do, work).result()

    def close(self) -> None:
        """Work that waits is done first."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._connection.close).result()
            self._thread.shutdown()

    def _do(self, work: Work[T]) -> T:
        with transaction(self._connection):
            return work(self._connection)


class transaction:  # noqa: N801  reads like contextlib's own
    """All of it or nothing, and nobody else in between."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def opened(path: Path) -> sqlite3.Connection:
    """For the owner's eyes only, in WAL mode, with all steps done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # autocommit: transactions are ours; one thread at a time uses it, but not the one that made it
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreFailed(f"The database {path} cannot be opened: {error}.") from None
    try:
        connection.row_factory = sqlite3.Row
        for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, path)
    except (sqlite3.Error, StoreFailed) as error:
        connection.close()
        raise StoreFailed(f"The database {path} cannot be used: {error}") from None
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Step by step, each one whole; two processes that start together do it once."""
    if (done := _version(connection)) > len(STEPS):
        raise StoreFailed(f"{path.name} is from a newer edge-voice (step {done}, this one knows {len(STEPS)}).")
    while _version(connection) < len(STEPS):
        with transaction(connection):
            done = _version(connection)
            for statement in STEPS[done].split(";") if done < len(STEPS) else ():
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {min(done + 1, len(STEPS))}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def backup(path: Path, to: Path) -> None:
    """A whole copy, also while relays use it: a file of its own, there complete or not at all."""
    if not path.is_file():
        raise StoreFailed(f"There is no database {path} yet.")
    aside = to.with_name(to.name + ".partial")
    try:
        aside.unlink(missing_ok=True)
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(aside)) as copy:
            source.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(to)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            aside.unlink()
        raise StoreFailed(f"The database {path} could not be copied to {to}: {error}.") from None
