"""Sounds that are no reply: chimes, the sound of thinking, what is wrong in words. When each may be heard. Pure.

None is ever made unasked: each answers a hand or a question of the same moment, so a night has no rules of its own.
"""

from __future__ import annotations

import math

from edge.core import effects as do
from edge.core.effects import Tone
from edge.core.reports import Problem, problem_of
from edge.core.stage import ConversationSettings
from edge.core.table import State
from edge.core.turn import Kind, Turn
from edge.core.words import Words

AGAIN_S = 60.0  # the same sentence is not said more often; the chime is enough
CHIME_S = 0.7  # the longest chime, and how late an output may open
OPENING_S = 0.3  # that alone


class Sounding(Words):
    """Actions that only sound. `sounds_at` is a deadline beside the conversation's own."""

    def __init__(self, settings: ConversationSettings | None = None) -> None:
        super().__init__(settings)
        self.sounds_at: float | None = None
        self._audible_until = -math.inf
        self._filling = False  # what sounds only fills the wait for the reply
        self._checked = False  # it has been said in this wait that it takes a moment
        self._told_at: dict[Problem, float] = {}

    @property
    def wake_at(self) -> float | None:
        """When the caller has to come back with TimePassed."""
        times = [at for at in (self.deadline, self.sounds_at) if at is not None]
        return min(times, default=None)

    def _audible(self, now: float) -> bool:
        """Whether the microphone may hear the device itself."""
        return now < self._audible_until

    def _chime(self, tone: Tone, now: float) -> None:
        if tone in self.settings.sounds.tones:
            self._do(do.Chime(tone))
            self._audible_until, self._filling = now + CHIME_S, False

    def _report(self, problem: Problem, now: float) -> None:
        """Say what is wrong; a chime where there are no words, or they have just been said."""
        clips = self.settings.sounds.clips
        if problem not in clips or now - self._told_at.get(problem, -math.inf) < AGAIN_S:
            self._chime(Tone.OFFLINE if problem is Problem.NO_INTERNET else Tone.ERROR, now)
            return
        self._told_at[problem] = now
        self._do(do.Report(problem))
        self._audible_until, self._filling = now + clips[problem] + OPENING_S, False

    def _unanswered(self, turn: Turn, problem: Problem, now: float) -> None:
        """A turn is over without an answer: tell whoever spoke, and never talk over them."""
        if not turn.by_voice or self.turn is not None:
            return
        if not turn.ended and (turn.spoke or turn.kind is Kind.HOLD):
            self._chime(Tone.ERROR, now)
        else:
            self._report(problem, now)

    def _hush(self, now: float) -> None:
        if self._audible(now):
            self._do(do.Hush())
            self._audible_until, self._filling = -math.inf, False

    # --- waiting for a reply ------------------------------------------------------------------------

    def _mind_waiting(self, now: float) -> None:
        """After every event: the sound of thinking begins late, and ends with the wait."""
        if not self._waits():
            self.sounds_at, self._checked = None, False
            if self._filling:
                self._hush(now)
        elif self.sounds_at is None and self.settings.sounds.any:
            sounds, said_s = self.settings.sounds, self._wait_said_after
            self.sounds_at = now + (sounds.thinking_s if said_s is None else said_s)

    @property
    def _wait_said_after(self) -> float | None:
        sounds = self.settings.sounds
        return sounds.check_s if Problem.WAIT in sounds.clips else None

    def _waits(self) -> bool:
        turn = self.turn
        if turn is None or not turn.by_voice:
            return False
        return self.state is State.THINKING or (self.state is State.CONNECTING and turn.ended)

    def _fill(self, now: float) -> None:
        """The wait has become long."""
        if self.sounds_at is None or now < self.sounds_at:
            return
        if self.state is State.CONNECTING and self.agent_away:
            self.sounds_at = math.inf  # that was all there is to say
            self._report(problem_of(self.agent_away), now)
        elif self._wait_said_after is not None and not self._checked:
            length = self.settings.sounds.clips[Problem.WAIT] + OPENING_S
            self._do(do.Report(Problem.WAIT))
            self._checked, self._audible_until = True, now + length
            self.sounds_at = now + length + self.settings.sounds.again_s
        else:
            self.sounds_at = now + self.settings.sounds.again_s
            self._chime(Tone.THINKING, now)
        self._filling = self._audible(now)
