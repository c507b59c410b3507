"""Keeps the figures of every turn and what it cost: in memory, then in batches in the store. No words."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.host.book import TURN, USAGE, Book, Record
from edge.ports import Fields

FLUSH_S, FLUSH_ROWS = 300.0, 100  # a memory card wears out: about 50 turns a write
MOST_WAITING = 1000  # while the disk is full
KEPT = {TURN: ("kind", "latency_ms", "said_s"), USAGE: ("tokens", "cost", "model", "ids")}  # of the event's fields


class Diary:
    """A Watcher. What waits to be written also stands in `aside`, in memory (tmpfs), so that a kill loses nothing.

    `engine` names the engine in use; `told` hears, once each, that the store was damaged or cannot be written.
    """

    def __init__(
        self,
        book: Book,
        aside: Path,
        engine: Callable[[], str],
        told: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.book, self.run = book, os.urandom(8).hex()
        self.waiting: list[Record] = []
        self.lost = 0
        self._aside, self._engine, self._told, self._clock = aside, engine, told, clock
        self._seq = 0
        self._failing = False
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Take over what a process that was killed has left."""
        with suppress(OSError):
            for line in self._aside.read_text().splitlines()[-MOST_WAITING:]:
                with suppress(ValueError, TypeError, KeyError):
                    record = Record(*json.loads(line))
                    if record.table in KEPT and isinstance(record.body, dict):
                        self.waiting.append(record)
        self._later()

    async def close(self) -> None:
        """Write what waits, and end. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await self._flushing
        if self.waiting:
            await self._flush()

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event not in KEPT:
            return
        self._seq += 1
        body = {name: fields[name] for name in KEPT[event] if name in fields}
        turn = int(str(fields.get("turn", 0)))
        self._keep(Record(event, self.run, self._seq, self._clock(), turn, self._engine(), body))

    def _keep(self, record: Record) -> None:
        self.waiting.append(record)
        with suppress(OSError), self._aside.open("a") as file:
            file.write(record.line)
        if len(self.waiting) > MOST_WAITING:
            del self.waiting[0]
            self.lost += 1
        if len(self.waiting) >= FLUSH_ROWS and not self._failing:
            self._begin()
        else:
            self._later()

    def _later(self) -> None:
        if self._timer is None and self.waiting:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._rang)

    def _rang(self) -> None:
        self._timer = None
        self._begin()

    def _begin(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.ensure_future(self._flush())
            self._flushing.add_done_callback(self._flushed)

    def _flushed(self, _task: asyncio.Task[None]) -> None:
        self._flushing = None
        self._later()

    async def _flush(self) -> None:
        batch = tuple(self.waiting)
        try:
            damaged = await asyncio.to_thread(self._write, batch)
        except (OSError, sqlite3.Error) as error:
            if not self._failing:
                self._told(f"The figures of turns cannot be written to {self.book.path}: {error}.")
            self._failing = True
            return
        if damaged is not None:
            self._told(f"The store of turns was damaged; it begins anew, and what there was is in {damaged}.")
        self._failing = False
        written = set(map(id, batch))
        self.waiting = [record for record in self.waiting if id(record) not in written]
        with suppress(OSError):
            self._aside.write_text("".join(record.line for record in self.waiting))

    def _write(self, batch: tuple[Record, ...]) -> Path | None:
        """In a thread; returns where a damaged store was put."""
        try:
            self.book.write(batch)
        except sqlite3.OperationalError:  # full, locked, not writable: another time
            raise
        except sqlite3.DatabaseError:
            damaged = self.book.path.with_suffix(".damaged")
            self.book.path.replace(damaged)
            self.book.path.with_name(self.book.path.name + "-journal").unlink(missing_ok=True)
            self.book.write(batch)
            return damaged
        return None
