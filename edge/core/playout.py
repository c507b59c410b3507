"""Which samples of which turn the person has really heard. Pure integer book-keeping.

The speaker's timeline counts every sample handed to the device, silence included. Subtracting the
device's latency gives the sample at the cone; whatever of a turn lies before it was heard. That
number, and no wall clock, is what a truncation sends.
"""

from __future__ import annotations

from dataclasses import dataclass

KEEP_TURNS = 4  # nobody asks for the heard length of older ones


@dataclass(slots=True)
class _Segment:
    turn: int
    start: int
    length: int


class Ledger:
    """Segments of turns on the device's timeline (samples at the device rate)."""

    def __init__(self) -> None:
        self.handed_over = 0
        self._segments: list[_Segment] = []

    def silence(self, samples: int) -> None:
        """So many samples of nothing were handed to the device."""
        self.handed_over += samples

    def sounded(self, turn: int, samples: int) -> None:
        """So many samples of a turn were handed to the device."""
        last = self._segments[-1] if self._segments else None
        if last and last.turn == turn and last.start + last.length == self.handed_over:
            last.length += samples
        else:
            self._segments.append(_Segment(turn, self.handed_over, samples))
            self._forget_old(turn)
        self.handed_over += samples

    def rewind(self, samples: int) -> None:
        """The last so many samples were given back by the device: nobody will hear them."""
        self.handed_over -= samples
        for segment in self._segments:
            segment.length = max(0, min(segment.length, self.handed_over - segment.start))
        self._segments = [s for s in self._segments if s.length]

    def heard(self, turn: int, latency: int) -> int:
        """Samples of this turn that have left the speaker, `latency` samples being still on the way."""
        cone = self.handed_over - latency
        return sum(max(0, min(s.length, cone - s.start)) for s in self._segments if s.turn == turn)

    def _forget_old(self, turn: int) -> None:
        if self._segments[0].turn < turn - KEEP_TURNS:
            self._segments = [s for s in self._segments if s.turn >= turn - KEEP_TURNS]
