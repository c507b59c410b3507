"""The conversation over a restart: kept for as long as the configuration says, and no longer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from edge.core.history import Exchange, History

NAME = "conversation.json"
WRITE_S = 20.0  # a memory card wears out: a power cut may lose the exchanges of so long
MOST_BYTES = 1 << 20  # of a file that is read


class Resume:
    """Keeps what is in `history`: in `aside`, in memory (tmpfs), at once, and on the disk a little later.

    With `minutes` 0 nothing is written, and what a former configuration had kept is removed.
    """

    def __init__(
        self, history: History, path: Path, aside: Path | None, minutes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._history, self._path, self._aside = history, path, aside
        self._keep_s, self._clock = 60.0 * minutes, clock
        self._lock = Lock()
        self._picture: bytes | None = None  # what is to be written to the disk; None when it is there
        self._writing: asyncio.TimerHandle | None = None
        self._expiring: asyncio.TimerHandle | None = None

    def load(self) -> None:
        """Put back what was said, if that was not too long ago. Raises nothing."""
        at, past = max((_read(path) for path in self._paths), key=lambda kept: kept[0])
        age = self._clock() - at
        if past and 0 <= age < self._keep_s:
            self._history.restore(past)
            self._expire_in(self._keep_s - age)
        else:
            self.wipe()

    def changed(self) -> None:
        """Somebody has been answered, or everything is to be forgotten."""
        past = self._history.exchanges
        if not past:
            self.wipe()
        elif self._keep_s:
            turns = [[one.user, one.reply] for one in past]
            self._picture = json.dumps({"at": self._clock(), "turns": turns}).encode()
            if self._aside is not None:
                _write(self._aside, self._picture)
            self._expire_in(self._keep_s)
            if self._writing is None:
                self._writing = asyncio.get_running_loop().call_later(WRITE_S, self._rang)

    def wipe(self) -> None:
        """Nothing of it is left in a file when this returns."""
        with self._lock:
            self._picture = None
            for path in self._paths:
                for one in (path, path.with_suffix(".partial")):
                    with suppress(OSError):
                        one.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what is not yet on the disk. Idempotent."""
        for timer in (self._writing, self._expiring):
            if timer is not None:
                timer.cancel()
        self._writing = self._expiring = None
        self._to_disk()

    @property
    def _paths(self) -> tuple[Path, ...]:
        return (self._path,) if self._aside is None else (self._path, self._aside)

    def _expire_in(self, seconds: float) -> None:
        if self._expiring is not None:
            self._expiring.cancel()
        self._expiring = asyncio.get_running_loop().call_later(seconds, self.wipe)

    def _rang(self) -> None:
        self._writing = None
        asyncio.get_running_loop().run_in_executor(None, self._to_disk)

    def _to_disk(self) -> None:
        """In any thread; what has been wiped meanwhile stays away."""
        with self._lock:
            picture, self._picture = self._picture, None
            if picture is not None:
                _write(self._path, picture)


def _read(path: Path) -> tuple[float, list[Exchange]]:
    with suppress(OSError, ValueError, TypeError, KeyError):
        with path.open("rb") as file:
            kept = json.loads(file.read(MOST_BYTES))
        return float(kept["at"]), [Exchange(str(user), str(reply)) for user, reply in kept["turns"]]
    return 0.0, []


def _write(path: Path, picture: bytes) -> None:
    """For its owner's eyes only. A file that cannot be written costs nothing but the memory."""
    aside = path.with_suffix(".partial")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
