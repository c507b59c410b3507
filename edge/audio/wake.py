"""The wake word and the stop word: microWakeWord's models over the microphone's frames. The audio thread's work.

A model costs 1.1 ms for a second of sound, the features that all of them share 0.9 ms, and a silent room nothing:
only what stands out of its noise is looked at, with half a second before it.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import Samples
from edge.config import Wake
from edge.config.wake import BUILT_IN, Ease
from edge.core.effects import Ears
from edge.core.events import StopWordHeard, WakeWordHeard
from edge.errors import AudioError
from edge.ports import Fields, Post

WAKE, STOP = "wake", "stop"
BEFORE_FRAMES = 50  # 0.5 s: a soft "hey" does not stand out
OPEN_FRAMES = 80  # after the last that stood out: a model answers within 0.3 s, and has pauses to hear
ABOVE_DB = 6.0  # of the room's noise
AT_ONCE = 4  # frames for each that comes, so that what was kept back holds up nothing
# A model answers 0.04 to 0.3 s after its word (bench). The cut is early, so that no following word is lost: of the
# word itself a last sound may remain.
LATE_S = 0.2
EARLY_S = 0.15  # "hey mycroft" is told by its first sounds
AGAIN_FRAMES = 100  # one word is heard once
OWN_FRAMES = 120  # the loudspeaker has said it, and the room says it once more
OWN_SHARE = 0.5  # of the probability that counts: an echo may sound more like the word than the voice itself
FIRST_S = 1.5  # of a turn that interrupts, with what was said before that became clear
MODES: dict[Ears, tuple[str, ...]] = {Ears.AWAIT: (WAKE,), Ears.WATCH: (STOP,), Ears.GUARD: (WAKE, STOP)}

TRY_S = 30.0  # 0.2 s here
TRY = """
import sys
import numpy
from pymicro_wakeword import MicroWakeWord
model = MicroWakeWord.from_config(sys.argv[1])
assert 0 < model.probability_cutoff < 1
for _ in range(30):
    model.process_streaming_prob(numpy.zeros((1, 1, 40)))
"""

Features = NDArray[np.float64]


class Model(Protocol):
    """What is used of MicroWakeWord."""

    def process_streaming_prob(self, features: Features) -> float | None:
        """How probable it is that the word has just been said."""


class Spotter:
    """One word in one stream. `recent` is its highest probability lately."""

    def __init__(self, model: Model, least: float) -> None:
        self._model, self._least = model, least
        self._recent: deque[float] = deque([0.0] * OWN_FRAMES, maxlen=OWN_FRAMES)
        self._rest = AGAIN_FRAMES  # a model begins with guesses

    def push(self, features: Features) -> bool:
        """The next 10 ms; whether the word has just been said."""
        probability = self._model.process_streaming_prob(features) or 0.0
        self._recent.append(probability)
        self._rest -= 1
        if probability <= self._least or self._rest > 0:
            return False
        self._rest = AGAIN_FRAMES
        return True

    @property
    def lately(self) -> bool:
        """Whether the word, or something like it, has been said in the last second."""
        return max(self._recent) > OWN_SHARE * self._least


class Stream:
    """The words of one side: what the microphone hears, or what the loudspeaker says."""

    def __init__(self, spotters: dict[str, Spotter]) -> None:
        from pymicro_wakeword import MicroWakeWordFeatures

        self.spotters = spotters
        self._features = MicroWakeWordFeatures()

    def push(self, frame: Samples, wanted: Sequence[str]) -> list[str]:
        """The next frame; which of the wanted words have just been said."""
        found = []
        for features in self._features.process_streaming(frame.tobytes()):
            found += [name for name in wanted if name in self.spotters and self.spotters[name].push(features)]
        return found


class Pair(NamedTuple):
    """10 ms that ended at `at`: what is heard, echo included, and what sounds."""

    near: Samples
    far: Samples
    at: float


class Words:
    """`arm` for what is done with the frames, then `push` them. Posts what is heard, unless the device says it itself.

    `called` tells what the words are.
    """

    def __init__(self, post: Post, near: Stream, far: Stream, called: dict[str, str]) -> None:
        self._post, self._near, self._far, self.called = post, near, far, called
        self._wanted: tuple[str, ...] = ()
        self._mode, self._until = Ears.OFF, math.inf
        self._kept: deque[Pair] = deque(maxlen=BEFORE_FRAMES)
        self._open = 0
        self.heard = self.own = 0
        self.said_until = -math.inf  # up to here a voice may still be saying a word that was heard

    @property
    def hot(self) -> bool:
        """Whether something is being listened to closely."""
        return self._open > 0

    @property
    def names(self) -> frozenset[str]:
        """What can be heard."""
        return frozenset(self._near.spotters)

    def arm(self, mode: Ears, at: float) -> None:
        """From now on frames come because of this mode."""
        words = MODES.get(mode, ())
        self._until = math.inf
        if mode is Ears.LISTEN and self._mode in {Ears.WATCH, Ears.GUARD}:
            words, self._until = (STOP,), at + FIRST_S  # the voice that interrupts may be saying just that
        elif self._mode in {Ears.OFF, Ears.LISTEN}:
            self._kept.clear()
            self._open = 0
        self._mode = mode
        self._wanted = tuple(word for word in words if word in self.names)

    def push(self, pair: Pair, *, loud: bool) -> None:
        """The next frame; `loud` if it stands out of the room's noise."""
        if not self._wanted or pair.at > self._until:
            return
        if self._mode is Ears.GUARD:
            self._far.push(pair.far, self._wanted)  # without a gap: whoever begins to listen in a word hears others
        self._kept.append(pair)
        self._open = OPEN_FRAMES if loud else self._open - 1
        if self._open <= 0:
            return
        for _ in range(min(AT_ONCE, len(self._kept))):
            self._listen(self._kept.popleft())

    def _listen(self, pair: Pair) -> None:
        for word in self._near.push(pair.near, self._wanted):
            if self._mode is Ears.GUARD and self._far.spotters[word].lately:
                self.own += 1
                continue
            self.heard += 1
            self.said_until = pair.at + EARLY_S
            until = pair.at - LATE_S
            self._post(WakeWordHeard(until) if word == WAKE else StopWordHeard(until))

    def stats(self) -> Fields:
        """For `status`: the words, how often they were heard, and how often only from the device itself."""
        named = {f"{name}_word": word for name, word in self.called.items()}
        return {**named, "words_heard": self.heard, "own_words": self.own}


def load(config: Wake, post: Post) -> Words:
    """The configured words; raises AudioError, which says what is missing."""
    wanted = {WAKE: (config.word, config.sensitivity), STOP: (config.stop_word, config.stop_sensitivity)}
    near, far = dict[str, Spotter](), dict[str, Spotter]()
    called = {}
    for name, (word, ease) in wanted.items():
        if word:
            near[name], called[name] = _spotter(word, Ease(ease))
            far[name], _ = _spotter(word, Ease(ease))
    return Words(post, Stream(near), Stream(far), called)


def _spotter(word: str, ease: Ease) -> tuple[Spotter, str]:
    """With the word as it is said."""
    try:
        from pymicro_wakeword import MicroWakeWord
        from pymicro_wakeword import Model as BuiltIn
    except (ImportError, OSError) as error:
        raise AudioError(f'The wake word needs another package: pip install "edge-voice[wake]" ({error}).') from None
    if word in BUILT_IN:
        model = MicroWakeWord.from_builtin(BuiltIn(word))
    else:
        model = MicroWakeWord.from_config(_checked(Path(word).expanduser()))
    return Spotter(model, ease.of(model.probability_cutoff)), model.wake_word


def _checked(path: Path) -> Path:
    """The description of a model that can be used; the library crashes over others, so a process of its own tries."""
    about = path.with_suffix(".json")
    if not about.is_file():
        raise AudioError(f"There is no file {about}: a word is one of {', '.join(BUILT_IN)}, or a model's .json file.")
    tried = subprocess.run([sys.executable, "-c", TRY, about], capture_output=True, timeout=TRY_S, check=False)  # noqa: S603  ours
    if tried.returncode:
        raise AudioError(f"{about} does not describe a model of microWakeWord (version 2), or its model is damaged.")
    return about
