"""Keeps what libraries write to standard error from tearing the live view: it becomes lines above it.

ALSA and JACK write there from C, whatever Python's sys.stderr is, each time that devices are looked for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

FD = 2
MOST = 50  # different lines shown; the same line is shown once


class Stderr:
    """From its making in a running loop until `close`, if standard error is a terminal at all."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._shown: set[str] = set()
        self._rest = b""
        self._before = self._pipe = -1
        if not os.isatty(FD):
            return
        self._loop = asyncio.get_running_loop()
        self._before = os.dup(FD)
        self._pipe, end = os.pipe()
        os.set_blocking(self._pipe, False)
        os.set_blocking(end, False)  # nobody may have to wait for this view: what does not fit is lost
        os.dup2(end, FD)
        os.close(end)
        self._loop.add_reader(self._pipe, self._read)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            *lines, self._rest = (self._rest + os.read(self._pipe, 65536)).split(b"\n")
            for raw in lines:
                self._line(raw.decode(errors="replace").strip())

    def _line(self, line: str) -> None:
        if line and line not in self._shown and len(self._shown) < MOST:
            self._shown.add(line)
            self._show(line)

    def close(self) -> None:
        """Give standard error back, with what was not shown yet. Idempotent."""
        if self._before < 0:
            return
        os.dup2(self._before, FD)
        os.close(self._before)
        self._before = -1
        if not self._loop.is_closed():
            self._loop.remove_reader(self._pipe)
        self._read()
        self._line(self._rest.decode(errors="replace").strip())
        os.close(self._pipe)
