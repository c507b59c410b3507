"""How long a silence ends the turn: this person's own pauses, and what the words so far seem to be. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# Chosen with tests/bench/endpointing.py, on the half of its recordings that is for choosing.
TURNS = 8  # how many turns are looked back at
MARGIN_S = 0.2  # patience above the pauses that are to be survived: people do not pause by the clock
UP_S, DOWN_S = 0.15, 0.02  # most that one turn changes: being cut off is worse than waiting for 20 ms
FADE_S = 120.0  # what was learnt counts half after this time: the next one to speak may be somebody else
LONGEST_S = 2.0  # who goes on after more than this has had another idea, and was not cut off
NO_OPINION = 0.5  # as probable as not
COMPLETE_SHARE = 0.7  # of the usual patience, when the words are surely all


@dataclass(frozen=True, slots=True)
class PauseSettings:
    """Times in seconds: the patience to begin with, its bounds, and that with words that are surely not all."""

    start_s: float = 0.55
    least_s: float = 0.35
    most_s: float = 1.2
    unfinished_s: float = 1.4


@dataclass(slots=True)
class Pauses:
    """One conversation's patience: `begin` with each turn, `note` at its end, and how that turned out.

    It rises when two of the last turns had pauses that it would hardly have survived, and falls when none had;
    so one odd turn changes nothing. Bounds hold whatever it is told.
    """

    settings: PauseSettings = field(default_factory=PauseSettings)
    usual_s: float = field(init=False)
    _longest: deque[float] = field(init=False)  # pause of each of the last turns
    _last: float | None = field(init=False)  # of the turn before, from which nothing has been learnt yet
    _at: float | None = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing."""
        self.reset()

    def reset(self) -> None:
        """Forget this person."""
        self.usual_s = self.settings.start_s
        self._longest = deque([self.settings.start_s - MARGIN_S] * TURNS, TURNS)
        self._last = self._at = None

    # --- turns ----------------------------------------------------------------------------------------

    def begin(self, settings: PauseSettings, now: float) -> None:
        """The person has the word: learn from the turn before, and let what is long ago fade."""
        if settings != self.settings:
            self.settings = settings
            self.reset()
        self._fade(0.0 if self._at is None else now - self._at)
        self._at = now
        if self._last is not None:
            self._longest.append(self._last)
            self._last = None
            self._move()

    def note(self, pause_s: float) -> None:
        """A turn was ended by silence; the longest pause in it."""
        self._last = pause_s

    def went_on(self, pause_s: float) -> None:
        """That silence was only a pause, of this length."""
        if self._last is not None and pause_s <= LONGEST_S:
            self._last = max(self._last, pause_s)

    def unnote(self) -> None:
        """There were no words in that turn: nothing is to be learnt from noises."""
        self._last = None

    def _fade(self, seconds: float) -> None:
        kept, start = 0.5 ** (seconds / FADE_S), self.settings.start_s
        self.usual_s = self._bounded(start + (self.usual_s - start) * kept)
        plain = start - MARGIN_S
        self._longest = deque((plain + (pause - plain) * kept for pause in self._longest), TURNS)

    def _move(self) -> None:
        *_, second, first = sorted(self._longest)
        if second + MARGIN_S > self.usual_s:
            self.usual_s = self._bounded(min(second + MARGIN_S, self.usual_s + UP_S))
        elif first + MARGIN_S < self.usual_s:
            self.usual_s = self._bounded(max(first + MARGIN_S, self.usual_s - DOWN_S))

    def _bounded(self, silence_s: float) -> float:
        limits = self.settings
        return max(min(limits.least_s, limits.start_s), min(silence_s, max(limits.most_s, limits.start_s)))

    # --- words ----------------------------------------------------------------------------------------

    @property
    def for_words_s(self) -> float:
        """Patience while the engine reads the words so far: until then it could not answer them either."""
        return max(self.usual_s, self.settings.unfinished_s)

    def with_words(self, complete: float) -> float:
        """Patience when the turn so far is thought to be complete with this probability."""
        usual = self.usual_s
        all_said = complete > NO_OPINION
        end = self._bounded(usual * COMPLETE_SHARE) if all_said else max(usual, self.settings.unfinished_s)
        return usual + (end - usual) * min(1.0, abs(2 * complete - 1))
