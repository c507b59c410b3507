"""Which far end to believe: what the array says that it plays, or what the daemon gave to the loudspeaker.

The array's is on the microphones' own clock, to the sample. But it is silent where the loudspeaker is plugged in
elsewhere, and wrong where the channel is not what it was taken for: it counts only while the daemon plays.
"""

from __future__ import annotations

from edge.audio.convert import Samples, level_db

ACTIVE_DB = -60.0  # what is played is louder, but for the ends of words
HOLD_FRAMES = 50  # half a second: the longest way from the daemon to the array, and the pauses of a voice
MISSING_FRAMES = 50  # of playing without a trace of it in the reference: the loudspeaker hangs elsewhere


class Reference:
    """`choose` once a frame."""

    def __init__(self) -> None:
        self.live = False  # the reference has been found to carry what is played
        self._since = HOLD_FRAMES  # frames since the daemon played something
        self._missing = 0

    def choose(self, tapped: Samples, returned: Samples) -> Samples:
        """The far end of a frame: `returned` by the array, or `tapped` behind the daemon's volume."""
        playing = level_db(tapped) > ACTIVE_DB
        self._since = 0 if playing else self._since + 1
        if self._since >= HOLD_FRAMES:
            return tapped
        if level_db(returned) > ACTIVE_DB:
            self.live, self._missing = True, 0
        elif playing:
            self._missing += 1
            self.live = self.live and self._missing < MISSING_FRAMES
        return returned if self.live else tapped
