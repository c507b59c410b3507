"""The keyboard as the panel of `talk`: single keys from a terminal, put back as it was at the end."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import Self

IFLAG, CC = 0, 6  # places in what tcgetattr gives
GONE = "\x04"  # as if end of input had been typed
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\x1b])?")  # arrows, function keys, Alt: no keys of ours


class Keyboard:
    """Calls `pressed` with each key, in the loop. A context manager; needs stdin to be a terminal.

    Ctrl-C stays a signal. Ctrl-Z and Ctrl-S are keys like others, for either would stop the loop with
    the microphone open. A terminal that goes away is told as `GONE`.
    """

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._fd = sys.stdin.fileno()
        self._before: list[int | list[bytes | int]] = []

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[IFLAG] &= ~termios.IXON
        mode[CC][termios.VSUSP] = b"\0"
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 64)
        except OSError:
            data = b""
        if not data:  # else it would be readable for ever
            asyncio.get_running_loop().remove_reader(self._fd)
            self._pressed(GONE)
        for key in _SEQUENCES.sub("", data.decode(errors="ignore")):
            self._pressed(key)

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
