"""Duck, then decide: is somebody talking over the reply? Pure.

Peers that stop at the first sound stop for coughs; peers that wait for certainty talk over people.
So the reply is ducked at once and only stopped when the speech goes on (design section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.core.speech import FRAME_S

CLICK_FRAMES = 2  # so few voiced frames are a click: a clicking room must not keep the reply ducked


class Verdict(StrEnum):
    """What to do with the reply that is playing."""

    NONE = "none"
    DUCK = "duck"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class BargeInSettings:
    """`mode`: duck (then decide), stop (no ducking), button and off (voice never interrupts)."""

    mode: str = "button"
    duck_frames: int = 5  # ~50 ms of near-end speech
    stop_frames: int = 18  # ~180 ms, counted as voiced frames with leaky forgetting
    quiet_frames: int = 30  # silence after which the reply comes back up


class BargeIn:
    """A leaky count of voiced frames: up one for each, down a half for each silent one."""

    def __init__(self, settings: BargeInSettings | None = None) -> None:
        self.settings = settings or BargeInSettings()
        self.reset()

    def reset(self) -> None:
        """A new reply begins."""
        self._count = 0.0
        self._quiet = 0
        self._ducked = False
        self.onset = 0.0

    @property
    def by_voice(self) -> bool:
        """Whether voice can interrupt at all."""
        return self.settings.mode in {"duck", "stop"}

    def process(self, voiced: bool, at: float) -> Verdict:
        """One frame that ended at `at`. After STOP the caller resets."""
        if not self.by_voice:
            return Verdict.NONE
        if voiced:
            self.onset = at - FRAME_S if self._count <= 0 else self.onset
            self._count += 1
        else:
            self._count = max(0.0, self._count - 0.5)
        clear = voiced and self._count > CLICK_FRAMES
        self._quiet = 0 if clear else self._quiet + 1
        return self._verdict()

    def _verdict(self) -> Verdict:
        if self._count >= self.settings.stop_frames:
            return Verdict.STOP
        if self._ducked and self._quiet >= self.settings.quiet_frames:
            self._ducked = False
            return Verdict.RESUME
        if not self._ducked and self.settings.mode == "duck" and self._count >= self.settings.duck_frames:
            self._ducked = True
            return Verdict.DUCK
        return Verdict.NONE
