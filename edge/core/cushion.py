"""How much of a reply must be waiting before it may sound. Pure; times are seconds.

A reply normally starts with its first sample. One whose audio comes too late to be joined on does not
stutter on piece by piece: it waits for a cushion. What one reply taught, the next ones begin with.
"""

from __future__ import annotations

AGAIN_S = 0.12  # heard as one pause, where several of 20 ms are heard as a broken device
# Simulated, pieces of 100 ms at 1.2 x real time, each up to 200 ms early or late: of the replies that began
# with 0.2 / 0.3 / 0.4 s waiting, 39 / 9 / 0 % had a gap. Where pieces come faster it costs hardly a delay.
MOST_S = 0.4
LEAST_S = 0.05  # below this a cushion is not worth its delay
PAUSE_S = 0.8  # a longer gap is no jitter but the engine at work (a tool): nothing is learned from it


class Cushion:
    """Ask `flows` before each piece; tell when a reply begins, runs dry and ends."""

    def __init__(self) -> None:
        self.wanted = 0.0
        self._need = 0.0
        self._flowing = self._ran_dry = False
        self._dry_at: float | None = None
        self._spare = 0.0  # the least that was waiting while the reply was sounding

    def begin(self) -> None:
        """Another reply is going to sound."""
        self._need = self._spare = self.wanted
        self._flowing = self._ran_dry = False
        self._dry_at = None

    def flows(self, waiting: float, now: float, *, finished: bool) -> bool:
        """Whether the next piece may sound, `waiting` seconds being there; in any case when that is all."""
        if self._dry_at is not None:
            self._learn(now - self._dry_at)
        self._flowing = self._flowing or finished or waiting >= self._need
        if self._flowing and not finished:
            self._spare = min(self._spare, waiting)
        return self._flowing

    def _learn(self, gap: float) -> None:
        """The first piece after a gap tells how long that was."""
        self._dry_at = None
        if gap < PAUSE_S:
            self._need, self.wanted, self._ran_dry = AGAIN_S, MOST_S, True
        else:
            self._need = self.wanted

    def ran_dry(self, now: float) -> bool:
        """Nothing is waiting although the reply is not finished; whether that is news."""
        was, self._flowing = self._flowing, False
        if was:
            self._dry_at = now
        return was

    def ended(self) -> None:
        """The reply is over. A cushion of which hardly a quarter was used is made smaller."""
        if not self._ran_dry and self._spare >= self.wanted * 0.75:
            self.wanted = self.wanted * 0.75 if self.wanted > LEAST_S else 0.0
