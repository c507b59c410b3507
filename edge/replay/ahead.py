"""The echo canceller of a long recording in a process of its own, ahead of what judges by it.

It takes half of a replay's time, and depends on nothing but the sound: with two cores the whole takes little more than
half as long. What comes of it is the same to the last bit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import numpy as np

from edge.audio.convert import FRAME, Samples
from edge.audio.echo import Echo, EchoCanceller, Uncancelled
from edge.config import Config, show
from edge.errors import AudioError
from edge.sessions.reading import Session

LEAST_FRAMES = 6000  # a minute: the process takes half a second to begin
CHANNELS = 2  # an array's reference makes it depend on more
COMMAND = (sys.executable, "-m", "edge.replay.canceller")
ROW = len(Echo._fields)


def worthwhile(session: Session) -> bool:
    """Whether a recording is long enough, and there is a core for it."""
    long = len(session.sound) >= LEAST_FRAMES * FRAME and session.sound.shape[1] == CHANNELS
    return long and len(os.sched_getaffinity(0)) > 1


class Ahead(EchoCanceller):
    """In a guard's canceller's place while all pieces of a recording come by in order. A context manager."""

    def __init__(self, session: Session, config: Config) -> None:
        super().__init__(Uncancelled())
        pieces = [(line["count"], line.get("slip", 0)) for line in session.lines if line.get("front") == "frames"]
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "session.json").write_text(json.dumps({"config": show(config), "pieces": pieces}))
            np.save(folder / "sound.npy", session.sound)
            self._process = subprocess.Popen([*COMMAND, str(folder)], stdout=subprocess.PIPE)  # noqa: S603  our own
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._out.close()
        self._process.wait()
        self._stack.close()

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def process(self, near: Samples, far: Samples) -> Samples:  # noqa: ARG002  the process has the same
        """See EchoCanceller."""
        clean, self.linear = self._samples(len(near)), self._samples(len(near))
        rows = np.frombuffer(self._read(len(near) // FRAME * ROW * 8), np.float64).reshape(-1, ROW).tolist()
        self.each = [_echo(row) for row in rows]
        return clean

    def shift(self, samples: int) -> None:
        """See EchoCanceller: the process knows."""

    def _samples(self, count: int) -> Samples:
        return np.frombuffer(self._read(2 * count), np.int16)

    def _read(self, size: int) -> bytes:
        data = self._out.read(size)
        if len(data) < size:
            raise AudioError("The recording cannot be heard again: the process that cancels its echo has ended.")
        return data


def _echo(row: list[float]) -> Echo:
    near, clean, far, held, erle, delay, converged, linear, path = row
    return Echo(near, clean, far, held, erle, int(delay), bool(converged), linear, path)
