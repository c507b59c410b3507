"""What systemd is told (sd_notify's protocol); nothing at all when no service manager listens.

One datagram a message, to the socket that NOTIFY_SOCKET names. Written here and not taken from systemd-python, so
that a machine without that package still has a service that becomes ready.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

MOST_S = 0.5  # between two looks: a dead audio thread costs so much more than WatchdogSec
EXTEND_S = 20.0  # a start may go on so long after the last sign of life
SEND_S = 0.2  # a manager that does not read for so long does without
LONGEST = 512  # characters of a status

Moved = Callable[[], bool]


def watchdog_s(env: Mapping[str, str]) -> float | None:
    """WatchdogSec of the unit, if it is for this process."""
    for_us = env.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
    with suppress(ValueError):
        seconds = int(env.get("WATCHDOG_USEC", "")) / 1e6
        return seconds if for_us and seconds > 0 else None
    return None


class Systemd:
    """The Host port, and a Watcher. `status` gives the line that describes the device now."""

    def __init__(self, status: Callable[[], str], env: Mapping[str, str] = os.environ) -> None:
        self._status = status
        self._to = env.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)  # of Linux's abstract names
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._to else None
        if self._socket is not None:
            self._socket.settimeout(SEND_S)
        self._watchdog = watchdog_s(env)
        self._told = ""
        self._ready = self._stops = False

    @property
    def listens(self) -> bool:
        """Whether there is a service manager."""
        return self._socket is not None

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # --- what happens -------------------------------------------------------------------------------

    def ready(self) -> None:
        """See ports.Host."""
        self._ready = True
        self._tell("READY=1", self._news())

    def stopping(self) -> None:
        """See ports.Host."""
        self._tell("STOPPING=1", "STATUS=Stopping")
        self._stops = True

    def reloading(self) -> None:
        """The configuration is about to be read again; `reloaded` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def reloaded(self) -> None:
        """It has been read, or was refused. A device that is not ready yet has not become so by that."""
        if self._ready:
            self._tell("READY=1", self._news())

    def published(self, event: str, fields: Mapping[str, object]) -> None:
        """See ports.Watcher: whatever happens may change the status."""
        del event, fields
        self._tell(self._news())

    # --- life ---------------------------------------------------------------------------------------

    async def beat(self, moved: Moved) -> None:
        """Tell, for as long as this runs in the main loop, that the device lives: whenever `moved` says so."""
        while self.listens:
            await asyncio.sleep(MOST_S if self._watchdog is None else min(MOST_S, self._watchdog / 4))
            self.look(alive=moved())

    def look(self, *, alive: bool) -> None:
        """One beat: feed the watchdog, or ask for more time to start in."""
        sign = ""
        if alive and self._ready and self._watchdog is not None:
            sign = "WATCHDOG=1"
        elif alive and not (self._ready or self._stops):
            sign = f"EXTEND_TIMEOUT_USEC={EXTEND_S * 1e6:.0f}"
        self._tell(sign, self._news())

    # --- telling ------------------------------------------------------------------------------------

    def _news(self) -> str:
        """The status, if it is not as told."""
        if self._socket is None or self._stops:
            return ""
        status = "".join(c if c.isprintable() else " " for c in self._status())[:LONGEST]
        if status == self._told:
            return ""
        self._told = status
        return f"STATUS={status}"

    def _tell(self, *assignments: str) -> None:
        text = "\n".join(filter(None, assignments))
        if self._socket is not None and text:
            try:
                self._socket.sendto(text.encode(), self._to)
            except OSError:  # costs no turn; the next beat tells the status again
                self._told = ""
