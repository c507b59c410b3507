"""The near end while the device speaks: cancel the echo, describe what is left, decide. The audio thread's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from edge.audio.convert import FRAME, SILENCE, Samples
from edge.audio.echo import PATH_DB, Echo, EchoCanceller
from edge.audio.far import FarEnd
from edge.audio.features import Ear
from edge.audio.likeness import Likeness
from edge.audio.neural import NeuralVad, neural_vad
from edge.audio.reference import Reference
from edge.audio.vad import Vad
from edge.core.near_end import NearEnd, NearFrame, Verdict

LIKENESS_EVERY = 3  # frames of a pause
USUAL_DELAY = 4  # frames by which an echo follows, unless it was found to be later

Aside = Callable[[Callable[[], None]], None]


def in_a_thread(work: Callable[[], None]) -> None:
    """Do it beside the audio thread: loading a model takes 35 ms here, and the output has 40 ms to play."""
    threading.Thread(target=work, name="loading", daemon=True).start()


class Guard:
    """`clean` every frame there is, `judge` those during which the device speaks."""

    def __init__(
        self, near_end: NearEnd, far: FarEnd, echo: EchoCanceller | None = None, aside: Aside = in_a_thread
    ) -> None:
        self.near_end, self.far, self.echo = near_end, far, echo or EchoCanceller()
        self._vad, self._ear, self._aside = Vad(), Ear(), aside
        self._reference, self._likeness = Reference(), Likeness()
        self._paused, self._like = 0, 0.0  # frames of the pause, and the highest likeness in it
        self._neural: NeuralVad | None = None
        self._prepared = self.voiced = self._referred = False
        self._facts = self.echo.facts  # of the last frame that was given
        self.sounds = SILENCE  # what the loudspeaker plays during the last frame

    def prepare(self) -> None:
        """A reply may come soon: load what judging needs, once."""
        if not self._prepared and self.near_end.by_voice:
            self._prepared = True
            self._aside(self._load)

    def _load(self) -> None:
        self._neural = neural_vad()
        if not self._referred:
            self.echo.prime()

    def clean(self, near: Samples, at: float, reference: Samples | None = None) -> Samples:
        """One frame, as `cleaned`."""
        [frame] = self.cleaned(near, [at], None if reference is None else [reference])
        return frame

    def cleaned(
        self, near: Samples, ats: Sequence[float], references: Iterable[Samples] | None = None
    ) -> Iterator[Samples]:
        """The microphone's frames that ended at `ats`, one by one, without what the loudspeaker played meanwhile.

        The echo is taken out of all of them at once, which is cheaper. `references` is what the array says of the
        loudspeaker, if it does.
        """
        before, sounding = self.far.later, self.far.frames(ats)
        if self.far.later != before:
            self.echo.shift(self.far.later - before)
            self.near_end.moved()
        played = sounding
        if references is not None:
            self._refer()
            played = [self._reference.choose(*both) for both in zip(sounding, references, strict=True)]
        silent = all(frame is SILENCE for frame in played)
        clean = self.echo.process(near, SILENCE if silent else np.concatenate(played)).reshape(-1, FRAME)
        linear = self.echo.linear.reshape(-1, FRAME)
        for cancelled, whole, sounds, facts in zip(clean, linear, sounding, self.echo.each, strict=True):
            self.sounds, self._facts = sounds, facts
            frame = whole if self.near_end.trusts_linear else cancelled
            self._likeness.push(frame, sounds)
            self._ear.push(frame)
            self.voiced = self._vad(frame)
            yield frame

    def _refer(self) -> None:
        """An array's reference runs beside its microphones: an AEC3 primed for a room's delay takes off 20 dB less."""
        if not self._referred:
            self._referred = True
            self.echo.unprime()

    @property
    def level_db(self) -> float:
        """Of the last frame, cleaned."""
        return self._facts.linear_db if self.near_end.trusts_linear else self._facts.clean_db

    @property
    def heard_db(self) -> float:
        """Of the last frame, with its echo."""
        return self._facts.near_db

    def judge(self, frame: Samples, at: float) -> Verdict:
        """What to do with the reply, after the frame that `cleaned` gave last and that ended at `at`."""
        suspicious, neural = self.near_end.suspicious, self._neural
        speech = neural.push(frame, suspicious) if neural is not None else None
        facts = self._facts
        sound = self._ear.sound() if suspicious else None
        echo = self._is_echo(facts)
        delay = max(round(facts.delay_ms / 10), USUAL_DELAY) if echo else USUAL_DELAY  # of no echo it is a guess
        near = NearFrame(
            facts.clean_db, facts.held_db, self.voiced, speech, sound, facts.erle_db if echo else 0.0, facts.far_db,
            delay, facts.linear_db, self._alike(),
        )  # fmt: skip
        return self.near_end.process(near, at)

    def _is_echo(self, facts: Echo) -> bool:
        """Whether there is one: what AEC3 takes off may be a voice, what a linear filter takes off is not."""
        there = facts.path_db > PATH_DB or not self.near_end.trusts_linear
        return there and facts.converged and facts.erle_db > self.near_end.settings.echo_erle_db

    def _alike(self) -> float:
        """The highest likeness to the far end in this pause."""
        self._paused = self._paused + 1 if self.near_end.paused else 0
        if not self._paused:
            self._like = 0.0
        elif self._paused % LIKENESS_EVERY == 1:
            self._like = max(self._like, self._likeness.now())
        return self._like
