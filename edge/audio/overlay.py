"""A short sound over whatever the output plays: chimes and reports. It is in no queue and in no ledger of replies.

`ask` and `hush` are called by the loop, all else by the output's thread; what changes hands is one assignment.
"""

from __future__ import annotations

import math

import numpy as np
import soxr

from edge.audio.convert import Samples

FADE_S = 0.01
LATE_S = 1.0  # an output that has not opened by then comes too late for a chime
ROOM_S = 0.15  # that a room and the microphone's path still sound of it


class _Sound:
    """One sound, at its own rate until an output asks for it. `before` is the one whose place it takes."""

    def __init__(self, samples: Samples, rate: int, asked_at: float, before: _Sound | None) -> None:
        self.samples, self.rate, self.asked_at = samples, rate, asked_at
        self.at = 0
        self.before: _Sound | None = before if before is not None and before.at else None
        self.hushed = False

    @property
    def left(self) -> int:
        return len(self.samples) - self.at

    def take(self, frames: int, rate: int) -> Samples:
        """The next samples at the output's rate, `frames` at most."""
        if rate != self.rate:
            self.at = round(self.at * rate / self.rate)
            self.samples, self.rate = np.asarray(soxr.resample(self.samples, self.rate, rate), np.int16), rate
        part = self.samples[self.at : self.at + frames]
        self.at += len(part)
        return part

    def fade(self, frames: int, rate: int) -> Samples:
        """The last samples of one that ends now."""
        part = self.take(min(frames, round(FADE_S * rate)), rate)
        return (part * np.linspace(1.0, 0.0, len(part), dtype=np.float32)).astype(np.int16)


class Overlay:
    """At most one sound; a new one takes the place of the old."""

    def __init__(self) -> None:
        self._sound: _Sound | None = None
        self._heard = (-math.inf, -math.inf)  # when the newest sound began to be heard, and until when it is

    def ask(self, samples: Samples, rate: int, now: float) -> None:
        """Sound this (mono int16), as soon as there is an output."""
        self._sound = _Sound(samples, rate, now, self._sound)

    def hush(self) -> None:
        """Fade out; one that has not begun never does."""
        sound = self._sound
        if sound is not None:
            sound.hushed = True

    def expire(self, now: float) -> None:
        """Forget what nobody has fetched, and what nobody goes on fetching: the output has gone."""
        sound = self._sound
        if sound is not None and now - max(sound.asked_at, self._heard[1] if sound.at else 0.0) > LATE_S:
            self._drop(sound)

    @property
    def active(self) -> bool:
        """Whether something sounds, or waits for an output."""
        return self._sound is not None

    def left(self, rate: int) -> int:
        """Samples at an output's rate still to come."""
        sound = self._sound
        return 0 if sound is None else math.ceil(sound.left * rate / sound.rate)

    def covers(self, at: float) -> bool:
        """Whether a microphone may have heard it at this time."""
        begin, end = self._heard
        return begin <= at < end + ROOM_S

    def take(self, frames: int, rate: int, at: float) -> Samples | None:
        """The next `frames` samples at an output's rate, heard from `at` on; None when there is nothing."""
        sound = self._sound
        if sound is None:
            return None
        begun = bool(sound.at)
        out = np.zeros(frames, np.int16)
        part = out[:0]
        if not sound.hushed:
            part = sound.take(frames, rate)
        elif begun:
            part = sound.fade(frames, rate)
        out[: len(part)] = part
        before, sound.before = sound.before, None
        if before is not None:
            last = before.fade(frames, rate)
            out[: len(last)] = np.clip(out[: len(last)].astype(np.int32) + last, -32768, 32767)
        self._heard = (self._heard[0] if begun else at, at + len(part) / rate)
        if sound.hushed or not sound.left:
            self._drop(sound)
        return out

    def recall(self, count: int) -> None:
        """The output has thrown away the last `count` samples: what is left of the sound goes on with them."""
        sound = self._sound
        if sound is not None:
            sound.at = max(0, sound.at - count)

    def _drop(self, sound: _Sound) -> None:
        if self._sound is sound:  # else the loop has asked for another one
            self._sound = None
