"""The near end while the device speaks: cancel the echo, describe what is left, decide. The audio thread's work."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.audio.convert import Samples
from edge.audio.echo import EchoCanceller
from edge.audio.far import FarEnd
from edge.audio.features import Ear
from edge.audio.neural import NeuralVad, neural_vad
from edge.audio.reference import Reference
from edge.audio.vad import Vad
from edge.core.near_end import NearEnd, NearFrame, Verdict

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
        self._reference = Reference()
        self._neural: NeuralVad | None = None
        self._prepared = self.voiced = False

    def prepare(self) -> None:
        """A reply may come soon: load what judging needs, once."""
        if not self._prepared and self.near_end.by_voice:
            self._prepared = True
            self._aside(self._load)

    def _load(self) -> None:
        self._neural = neural_vad()

    def clean(self, near: Samples, at: float, reference: Samples | None = None) -> Samples:
        """A frame of the microphone that ended at `at`, without what the loudspeaker played meanwhile.

        `reference` is what the array says of the latter, if it does.
        """
        far = self.far.frame(at)
        frame = self.echo.process(near, far if reference is None else self._reference.choose(far, reference))
        self._ear.push(frame)
        self.voiced = self._vad(frame)
        return frame

    @property
    def level_db(self) -> float:
        """Of the last frame, cleaned."""
        return self.echo.facts.clean_db

    def judge(self, frame: Samples, at: float) -> Verdict:
        """What to do with the reply, after the frame that `clean` gave and that ended at `at`."""
        suspicious, neural = self.near_end.suspicious, self._neural
        speech = neural.push(frame, suspicious) if neural is not None else None
        facts = self.echo.facts
        sound = self._ear.sound() if suspicious else None
        echo = facts.converged and facts.erle_db > self.near_end.settings.echo_erle_db
        delay = max(round(facts.delay_ms / 10), USUAL_DELAY) if echo else USUAL_DELAY  # of no echo it is a guess
        near = NearFrame(facts.clean_db, facts.held_db, self.voiced, speech, sound, facts.erle_db, facts.far_db, delay)
        return self.near_end.process(near, at)
