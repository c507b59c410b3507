"""`python -m edge.replay.canceller FOLDER`: the echo canceller over a whole recording, for `ahead`.

FOLDER has session.json (the configuration, and the pieces as they came) and sound.npy; to standard output goes what
comes of each piece: the cleaned samples, those of the linear filter, and ROW numbers for each frame.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edge.audio.convert import FRAME, SILENCE, Samples
from edge.audio.echo import Echo, EchoCanceller
from edge.audio.far import FarEnd
from edge.audio.speaker import QueueSpeaker
from edge.replay.command import as_recorded
from edge.sessions.reading import Session
from edge.sessions.recorder import new_detectors

ROW = len(Echo._fields)


def canceller(header: dict[str, object]) -> EchoCanceller:
    """As new as the one of a recording at its beginning."""
    speaker = QueueSpeaker(lambda _event: None, lambda: 0.0)
    speaker.far = FarEnd()
    fresh = new_detectors(as_recorded(Session(header, [], np.zeros((0, 2), np.int16)), {}), speaker)
    assert fresh.guard is not None
    return fresh.guard.echo


def work(echo: EchoCanceller, sound: Samples, pieces: list[list[int]], out: BinaryIO) -> None:
    """Each piece is how many frames it has, and by how much later the echo is from there on (see Guard.cleaned)."""
    at = 0
    for count, slip in pieces:
        near, far = (np.ascontiguousarray(column) for column in sound[at : at + count * FRAME].T)
        at += count * FRAME
        if slip:
            echo.shift(slip)
        clean = echo.process(near, far if far.any() else SILENCE)
        facts = np.array(echo.each, np.float64)
        out.write(clean.tobytes() + echo.linear.tobytes() + facts.tobytes())
    out.flush()


def main() -> None:
    """All of a folder."""
    folder = Path(sys.argv[1])
    header = json.loads((folder / "session.json").read_text())
    work(canceller(header), np.load(folder / "sound.npy"), header["pieces"], sys.stdout.buffer)


if __name__ == "__main__":
    main()
