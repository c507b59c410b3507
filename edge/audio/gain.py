"""A gentle gain for people far from the microphone. What the engine hears gets it; the detectors do not.

Off unless asked for: of 216 spoken words Whisper base read 3.7 % wrongly without it and 6.9 % with it, 25 dB down
6.5 % and 7.4 %.
"""

from __future__ import annotations

import numpy as np

from edge.audio.convert import Samples, level_db

TARGET_DB = -24.0  # RMS of speech that recognisers are trained on
MOST_DB = 18.0  # more would bring up the room; a person at 4 m is about 12 dB down on one at 1 m
UP_DB = 0.06  # a frame, 6 dB a second: no pumping between words
DOWN_DB = 0.3  # 30 dB a second: the second syllable of a shout is right
PEAK = 29_000.0  # one dB below full scale


class Gain:
    """`process` every frame; only frames that are speech teach it."""

    def __init__(self) -> None:
        self.db = 0.0

    def process(self, frame: Samples, speech: bool) -> Samples:
        """The frame, louder where the speaker is far away; never quieter, and never clipped by it."""
        before = self.db
        if speech:
            wanted = min(max(TARGET_DB - level_db(frame), 0.0), MOST_DB)
            self.db += min(max(wanted - self.db, -DOWN_DB), UP_DB)
        if before == self.db == 0.0:
            return frame
        louder = frame * np.linspace(10 ** (before / 20), 10 ** (self.db / 20), len(frame), dtype=np.float32)
        highest = float(np.abs(louder).max(initial=1.0))
        most = max(PEAK, float(np.abs(frame.astype(np.int32)).max(initial=0)))
        whole: Samples = np.rint(louder * min(1.0, most / highest)).astype(np.int16)
        return whole
