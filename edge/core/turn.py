"""One exchange: what is known of it while it lasts. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edge.core.reports import Problem

PCM_BYTES_PER_S = 32_000  # 16 kHz mono int16


class Kind(StrEnum):
    """How the turn came about."""

    TAP = "tap"  # a press; the end is found by silence
    HOLD = "hold"  # push-to-talk; the end is the release
    FOLLOW_UP = "follow_up"  # listening goes on after a reply
    TEXT = "text"  # typed
    SAY = "say"  # only spoken, no question
    RING = "ring"  # a timer


VOICE = frozenset({Kind.TAP, Kind.HOLD, Kind.FOLLOW_UP})

STAGES = ("speech_end", "turn_end", "transcript", "first_token", "first_audio", "first_sound")


@dataclass(slots=True)
class Turn:
    """`held` keeps what the engine could not take yet; `times` maps a stage to its first time.

    `asked`: a press at rest began it. `eager`: the engine has been told that this may be the end. `pause_s`: the
    longest pause so far. `interrupts`: it began over a reply; `stop_at` is where the stop word in it ended. `closing`:
    the person's hand has ended the turn, and the last sound is still on its way in. `reply_s` is the length of the
    reply so far; `sounds_until` when it will have been played. `failure` is why there is none. `asks`: the device asks
    the person something. `last`: nobody is listened to after it.
    """

    id: int
    kind: Kind
    text: str = ""
    asked: bool = False
    spoke: bool = False
    eager: bool = False
    pause_s: float = 0.0
    closing: bool = False
    interrupts: bool = False
    stop_at: float | None = None
    ended: bool = False
    held: list[bytes] = field(default_factory=list)
    audio_bytes: int = 0
    empties: int = 0
    times: dict[str, float] = field(default_factory=dict)
    reply_s: float = 0.0
    sounds_until: float = 0.0
    outcome: str = ""
    failure: Problem | None = None
    asks: bool = False
    last: bool = False

    @property
    def by_voice(self) -> bool:
        """Whether the person speaks in this turn."""
        return self.kind in VOICE

    @property
    def audio_s(self) -> float:
        """Seconds of the person's audio so far."""
        return self.audio_bytes / PCM_BYTES_PER_S

    def queue(self, seconds: float, now: float) -> None:
        """More of the reply goes to the speaker; a gap before it puts off its end, and is no part of its length."""
        self.reply_s += seconds
        self.sounds_until = max(self.sounds_until, now) + seconds

    def mark(self, stage: str, at: float) -> None:
        """Note when a stage was first reached."""
        self.times.setdefault(stage, at)

    def latencies(self) -> dict[str, int]:
        """Milliseconds from the end of speech (or of the turn, where nobody spoke) to each stage."""
        zero = self.times.get("speech_end", self.times.get("turn_end"))
        if zero is None:
            return {}
        return {stage: round((self.times[stage] - zero) * 1000) for stage in STAGES if stage in self.times}
