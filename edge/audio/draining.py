"""How much of what a sound card was given is still to be played, while it tells so only in whole periods, and late.

A clock's line through the newest of what it has told is right to half a millisecond; what it tells is 2.5 ms behind on
average, and more where the machine is busy. Of a reply that was taken back in the middle, that much was heard twice.
"""

from __future__ import annotations

from collections import deque

LOOKS = 64  # of which the line is made: a second or two, in which no clock drifts by more than half a millisecond
STALE = 4  # periods by which `whole` may go beyond what the card has told last


class Draining:
    """`wrote` and `told` in the order of things; times in seconds, all else in samples."""

    def __init__(self, rate: int, period: int) -> None:
        self._rate, self._period = rate, period
        self._leads: deque[float] = deque(maxlen=LOOKS)  # by how much what was played is ahead of the clock
        self._written = self._played = 0
        self.told_at = 0.0  # when the card was asked last

    def begin(self) -> None:
        """The card is empty, and stands still."""
        self._leads.clear()
        self._written = self._played = 0

    def wrote(self, samples: int) -> None:
        """They follow what is in the card."""
        self._written += samples

    def told(self, left: int, now: float) -> None:
        """So many samples are left, says the card."""
        self._played, self.told_at = self._written - left, now
        if left:
            self._leads.append(self._played - self._rate * now)
        else:
            self._leads.clear()  # it stands, or has run dry

    def left(self, now: float) -> int:
        """Samples that are still to be played, by the line."""
        return self._written - self._played - round(self._since(now))

    def whole(self, now: float) -> int:
        """Samples that the card still holds, if it is emptied now: it plays the period that it has begun."""
        return (
            self._written
            - self._played
            - min(int(self._since(now)), STALE * self._period) // self._period * self._period
        )

    def _since(self, now: float) -> float:
        """What was played since the card told something."""
        if not self._leads:
            return 0.0
        since = max(self._leads) + self._rate * now - self._played
        return min(max(since, 0.0), self._written - self._played)
