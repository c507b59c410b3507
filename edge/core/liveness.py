"""Whether the device really works, for the watchdog: judged by what has moved since the last look. Pure.

The loop alone is no evidence: a device whose audio thread is dead, or whose microphone stands still without anybody
having noticed, answers every command and hears nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vitals:
    """What can be counted: the audio thread's rounds, and the frames of the microphone since it was opened.

    `expected`: frames should be coming. Not while it is muted, and not while its absence is known and told.
    """

    rounds: int
    frames: int
    expected: bool


class Liveness:
    """Asked regularly; both counters move several times a second in a device that works."""

    def __init__(self) -> None:
        self._last = Vitals(0, 0, expected=False)

    def moved(self, vitals: Vitals) -> bool:
        """Whether everything that should move has moved since the last time this was asked."""
        last, self._last = self._last, vitals
        if vitals.rounds == last.rounds:
            return False
        return not vitals.expected or vitals.frames not in {0, last.frames}
