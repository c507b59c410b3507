"""The few things that outlive a restart, in the state directory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from edge.core.budget import Budget

WRITE_S = 60.0  # a memory card wears out: a power cut may forget what was spent in the last minute


class Purse:
    """Keeps the day's spending in a file. A file that cannot be read or written costs no turn.

    `aside`, in memory (tmpfs), is written at once each time: a process that is killed forgets nothing.
    """

    def __init__(self, path: Path, aside: Path | None = None) -> None:
        self._path, self._aside = path, aside
        self._written_at = -WRITE_S
        self._newest: Budget | None = None

    def load(self, daily: float, currency: str) -> Budget:
        """The budget as it was left."""
        places = (self._path,) if self._aside is None else (self._path, self._aside)
        day, spent, warned = max(map(_spending, places))
        return Budget(daily, currency, day, spent, warned=warned)

    def keep(self, budget: Budget) -> None:
        """Write it down, if it is time."""
        self._newest = budget
        if self._aside is not None:
            _write(self._aside, _spent(budget))
        if time.monotonic() - self._written_at >= WRITE_S:
            self.close()

    def close(self) -> None:
        """Write down what is not yet. Idempotent."""
        budget, self._newest = self._newest, None
        if budget is None:
            return
        self._written_at = time.monotonic()
        _write(self._path, _spent(budget))


def _spent(budget: Budget) -> dict[str, object]:
    return {"day": budget.day.isoformat(), "spent": budget.spent, "warned": budget.warned.isoformat()}


def _spending(path: Path) -> tuple[date, float, date]:
    """The newer and the larger counts."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(path.read_bytes())
        spent = float(kept["spent"])
        if 0 <= spent < float("inf"):
            warned = kept.get("warned", "0001-01-01")  # which older releases did not write
            return date.fromisoformat(kept["day"]), spent, date.fromisoformat(warned)
    return date.min, 0.0, date.min


class Dial:
    """Keeps the volume that was set by voice or command, for as long as the configured one stays the same."""

    def __init__(self, path: Path, configured: int) -> None:
        self._path, self._configured = path, configured

    def load(self) -> int | None:
        """The volume as it was left; None when nobody has set it since the configuration did."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._path.read_bytes())
            volume = kept["volume"]
            if kept["configured"] == self._configured and isinstance(volume, int) and 0 <= volume <= 100:  # noqa: PLR2004  percent
                return volume
        return None

    def keep(self, volume: int) -> None:
        """Write it down; a file that cannot be written costs nothing but the memory."""
        _write(self._path, {"volume": volume, "configured": self._configured})


class Wishes:
    """Keeps the settings that an owner has changed while the device ran, each with what the configuration said then."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, tuple[object, object]]:
        """(the wish, what was configured) by the setting's name. A file that cannot be read has none."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            return {
                str(name): (wish, configured)
                for name, (wish, configured) in json.loads(self._path.read_bytes()).items()
            }
        return {}

    def keep(self, wishes: Mapping[str, tuple[object, object]]) -> None:
        """Write them down; a file that cannot be written costs nothing but the memory."""
        _write(self._path, wishes)


class Latch:
    """Remembers over a restart or a crash that the microphone was muted: a file that is there as long as it is.

    A Watcher. It is kept in each of `paths`, so that a disk that fails does not open the microphone; `switched` tells
    whether a switch on the device decides, which needs no memory. `failed` is told once when no place takes the file.
    """

    def __init__(self, paths: Sequence[Path], switched: Callable[[], bool], failed: Callable[[str], None]) -> None:
        self._paths, self._switched, self._failed = paths, switched, failed

    def load(self) -> bool:
        """Whether it was muted."""
        return any(_exists(path) for path in self._paths)

    def published(self, event: str, fields: Mapping[str, object]) -> None:
        """See ports.Watcher."""
        if event != "mute":
            return
        if not fields.get("on") or self._switched():
            for path in self._paths:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        elif not any([_made(path) for path in self._paths]):  # noqa: C419  a list: in every place, not in the first
            self._failed("The mute cannot be written down: after a restart the microphone would be open.")


def _exists(path: Path) -> bool:
    with suppress(OSError):
        return path.exists()
    return False


def _made(path: Path) -> bool:
    """Whether an empty file is there now; it takes no room, so a full disk takes it."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            os.fsync(file.fileno())
        return True
    return False


def _write(path: Path, values: Mapping[str, object]) -> None:
    """So that after a power cut there is the old file or the new one."""
    aside = path.with_suffix(".partial")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
