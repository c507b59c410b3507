"""Waits for a mixer to be moved by somebody else: a program of the system tells it, which costs nothing meanwhile.

`pactl subscribe` and `amixer events` print a line for each change and sleep in between.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from edge.audio.mixer import plain_env

AGAIN_S = (1.0, 60.0)  # the first pause before a program that has ended is started again, and the longest
JOIN_S = 1.0


def _is_of_volume(line: bytes) -> bool:
    """Of a sink, of which one is the default, of a card's control; not of clients: asking for the volume is one."""
    return any(sign in line for sign in (b" on sink #", b" on server", b"event value"))


class Following:
    """`moved` is told, in a thread of its own, of each line that may be a change; it may be called too often."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self._moved = moved
        self._command: tuple[str, ...] = ()
        self._listener: _Listener | None = None

    def follow(self, command: Sequence[str]) -> None:
        """Listen to this program from now on; () is none."""
        if tuple(command) == self._command:
            return
        self.close()
        self._command = tuple(command)
        if command:
            self._listener = _Listener(self._command, self._moved)

    def close(self) -> None:
        """End the program. Idempotent."""
        self._command = ()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


class _Listener:
    """One program, started again after each end: a sound server may be restarted."""

    def __init__(self, command: tuple[str, ...], moved: Callable[[], None]) -> None:
        self._command, self._moved = command, moved
        self._ended = threading.Event()
        self._lock = threading.Lock()  # around starting it: none is started once this is closed
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="mixer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._lock:
            self._ended.set()
            if self._child is not None:
                self._child.terminate()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        pause, longest = AGAIN_S
        while (child := self._start()) is not None:
            with child:
                assert child.stdout is not None
                for line in child.stdout:
                    pause = AGAIN_S[0]
                    if _is_of_volume(line):
                        self._moved()
            if self._ended.wait(pause):
                return
            self._moved()  # whatever was missed meanwhile
            pause = min(2 * pause, longest)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            self._child = None
            if not self._ended.is_set():
                with suppress(OSError):  # not installed: nothing will be told
                    self._child = subprocess.Popen(  # noqa: S603  a fixed program and a device's name, no shell
                        self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                        env=plain_env(),
                    )  # fmt: skip
            return self._child
