"""The keyboard as the panel of `talk`: single keys from a terminal, put back as it was at the end."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable


class Keyboard:
    """Calls `pressed` with each key, in the loop. A context manager; needs stdin to be a terminal."""

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._fd = sys.stdin.fileno()
        self._before: list[int | list[bytes | int]] = []

    def __enter__(self) -> Keyboard:
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    def _read(self) -> None:
        for key in os.read(self._fd, 64).decode(errors="ignore"):
            self._pressed(key)

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
