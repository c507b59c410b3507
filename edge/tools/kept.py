"""The timers on disk: written when one is set, cancelled or heard, and nothing in between.

What is written stays until somebody has heard it ring. So whatever is overdue when the program starts may have rung
before a crash: it does not ring again, it is told.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.tools.timers import MAX_TIMERS, Timer, Timers

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_log = logging.getLogger(__name__)


def boot_clock() -> float:
    """Seconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Shelf:
    """One file. `boot` tells one run of the machine from another, whose countdowns went by a clock that is gone."""

    def __init__(self, path: Path, boot: str | None = None) -> None:
        self._path = path
        self._boot = boot if boot is not None else _boot_id()

    def load(self, timers: Timers, now: float, wall: float) -> tuple[Timer, ...]:
        """Have what was kept run again; gives those that are overdue, or had rung unheard. Raises nothing."""
        timers.see(wall - now)
        try:
            kept = json.loads(self._path.read_bytes())
            found = [self._read(one, kept["boot"], timers.wall_s) for one in kept["timers"][: 2 * MAX_TIMERS]]
            timers.next_id = max([int(kept["next"]), *(one.id + 1 for one in found)])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            _log.error("timers_unreadable", extra={"error": repr(error)})
            self._put_aside()
            return ()
        timers.put(one for one in found if one.deadline > now)
        timers.rung = [one for one in found if one.deadline <= now]
        return tuple(timers.rung)

    def _read(self, kept: dict[str, Any], boot: str, wall_s: float) -> Timer:
        """A countdown of another run of the machine goes on by the wall clock."""
        timer = Timer(
            int(kept["id"]), str(kept["name"]), int(kept["seconds"]), float(kept["deadline"]), str(kept["kind"]),
            None if kept["at"] is None else float(kept["at"]),
        )  # fmt: skip
        if timer.at is None and boot == self._boot:
            return timer
        at = float(kept["wall"]) if timer.at is None else timer.at
        return Timer(timer.id, timer.name, timer.seconds, at - wall_s, timer.kind, at)

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".broken"))
        except OSError as error:
            _log.error("timers_not_put_aside", extra={"error": str(error)})

    def picture(self, timers: Timers) -> bytes:
        """What is to be written now."""
        all_ = [*timers.rung, *timers.find()]
        rows = [asdict(one) | {"wall": one.deadline + timers.wall_s} for one in all_]
        return json.dumps({"v": 1, "boot": self._boot, "next": timers.next_id, "timers": rows}).encode()

    def write(self, picture: bytes) -> None:
        """So that after a power cut there is the old file or the new one. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".partial")
        with aside.open("wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""  # every start counts as the same: only countdowns after a reboot are then off
