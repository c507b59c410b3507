"""How much of the microphone is worth waking for.

Between two wakes the processor's caches have been somebody else's: a frame of 10 ms that costs 12 us in a row costs
100 us in a wake of four frames, and most of a wake is the same for eight. So nobody is hurried without need.
"""

from __future__ import annotations

import math

from edge.audio.guard import Guard
from edge.core.effects import Ears
from edge.core.speech import Endpointer

STILL_S = 0.08  # nobody says anything yet: no word can be late
LISTEN_S = 0.04  # somebody does, and may end, or let the button go
GUARD_S = 0.02  # a voice may interrupt a reply ...
KEPT_S = 0.11  # ... but what is too soft for one is only looked at, and worked on when so much has come together
SUSPECT_S = 0.01  # ... and somebody may be about to
IDLE_LOOK_S = 0.25  # how often the room's level is looked at when nobody talks
LEAST_S = 0.003  # between two rounds, where a card is late
SHORT_S = 0.005  # of the sound that was waited for and did not come
# A sound server hands over its samples some time after they could have been there, and changes its mind about how
# long. Going earlier until they are not there yet finds that out, and keeps the ring's clock from believing it.
LATER_S, EARLIER_S = 0.002, 0.0001
EARLIEST_S, LATEST_S = -0.001, 0.03
NO_ECHO_DB = -200.0


class Pace:
    """Tells when the next round is due, and learns how late behind its stamps a card's samples come."""

    def __init__(self) -> None:
        self.late = 0.0
        self._wanted = math.inf  # what the card should have handed over by `_at`
        self._at = 0.0
        self._learns = False

    def next(self, stamp: float, step: float | None, now: float) -> float:
        """When the next round is due: one has just been, up to a frame of time `stamp`, and `step` s make another.

        A step of 0 is a round at once, and None a look now and then.
        """
        if now >= self._at and self._learns:
            short = stamp < self._wanted - SHORT_S
            self.late = min(self.late + LATER_S, LATEST_S) if short else max(self.late - EARLIER_S, EARLIEST_S)
        self._wanted = stamp + step if step else math.inf
        self._learns = step is not None and step > SUSPECT_S  # less than a server's own pieces often does not come
        if step == 0:
            return now
        # a card that gives nothing is asked again after as long as it is late
        self._at = now + max(LEAST_S, min(abs(self._wanted + self.late - now), IDLE_LOOK_S))
        return self._at


def step(mode: Ears, endpointer: Endpointer, guard: Guard | None, *, voiced: bool) -> float:
    """How many seconds of sound make a round, `voiced` being the last frame."""
    if mode is Ears.GUARD and guard is not None:
        return SUSPECT_S if guard.near_end.suspicious or (voiced and _stands_out(guard)) else GUARD_S
    quiet = mode is Ears.LISTEN and not voiced and not endpointer.speaking
    return STILL_S if quiet else LISTEN_S


def may_wait(guard: Guard, level_db: float, frames: float) -> bool:
    """Whether no voice can be in so many frames of such a level, whatever a canceller would take off it."""
    loudest_db = level_db + 10 * math.log10(max(frames, 1.0))  # if all of it is in one of them
    return not (guard.near_end.suspicious or guard.near_end.stands_out(loudest_db, NO_ECHO_DB))


def _stands_out(guard: Guard) -> bool:
    """The second frame of a voice is worth a wake of its own."""
    return guard.near_end.stands_out(guard.level_db, guard.echo.facts.held_db)
