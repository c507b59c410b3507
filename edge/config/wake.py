"""The section [wake] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.config.fields import setting

BUILT_IN = ("okay_nabu", "hey_jarvis", "hey_mycroft", "alexa")  # of pymicro-wakeword 2.5


class Ease(StrEnum):
    """How easily a word is heard: seldom wrong, as its model's author thinks right, or seldom missed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    def of(self, cutoff: float) -> float:
        """The probability that counts, from the one that the author gives: 0.97 becomes 0.985, 0.97 or 0.78."""
        if self is Ease.LOW:
            return (1 + cutoff) / 2
        return cutoff if self is Ease.MEDIUM else 0.6 * cutoff + 0.2


EASES = tuple(str(ease) for ease in Ease)
_WORDS = f"{', '.join(BUILT_IN)}, or the .json file of another microWakeWord model; none when empty"


@dataclass(frozen=True, slots=True)
class Wake:
    """The section [wake]. It needs the extra `wake`."""

    word: str = setting("", f"word that the device listens to as to a press of the button: {_WORDS}")
    sensitivity: str = setting("medium", "how easily it is heard", choices=EASES)
    stop_word: str = setting("", f"word that silences a reply without a question of its own: {_WORDS}")
    stop_sensitivity: str = setting("low", "how easily that is heard", choices=EASES)

    @property
    def wanted(self) -> bool:
        """Whether there is a word to listen for."""
        return bool(self.word or self.stop_word)
