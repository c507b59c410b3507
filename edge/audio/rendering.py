"""The output's side of playing: gain, fades, what may be given back, and who has heard what.

Called by the output's thread only (for a sound card the audio thread, through `Feed`), but for the flags.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.audio.convert import Samples
from edge.audio.far import FarEnd
from edge.audio.overlay import Overlay
from edge.core.playout import Ledger

DUCK_GAIN = 0.2  # -14 dB: at least the 12 dB of the design
FADE_S = 0.01  # long enough not to click, short enough to be instant
GIVEN_S = 0.3  # more than any output holds
LOWERED = 0.7  # a change of volume by less than 3 dB can wait


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn at the head of the queue, how many samples are queued, and whether `turn` has all of its own."""

    turn: int
    samples: int
    whole: bool


Piece = tuple[int, Samples | None]  # of a turn (0: silence); None is its end


class Given:
    """The newest pieces that an output was given, for as long as it may still give them back."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._samples = 0

    def note(self, turn: int, samples: Samples | None, most: int) -> None:
        """Remember it, and of all pieces the last `most` samples."""
        self._pieces.append((turn, samples))
        self._samples += 0 if samples is None else len(samples)
        while self._pieces and self._samples - _length(self._pieces[0]) >= most:
            self._samples -= _length(self._pieces.popleft())

    def take_back(self, count: int) -> list[Piece]:
        """The last `count` samples and the ends among them, in order."""
        back: list[Piece] = []
        while self._pieces and count > 0:
            turn, samples = self._pieces.pop()
            if samples is not None:
                self._samples -= len(samples)
                if len(samples) > count:
                    self.note(turn, samples[:-count], 1 << 60)
                    samples = samples[-count:]
                count -= len(samples)
            back.append((turn, samples))
        return back[::-1]


def _length(piece: Piece) -> int:
    return 0 if piece[1] is None else len(piece[1])


class Rendering:
    """Takes (turn, samples) off a queue as an output pulls; flags say how it should sound."""

    def __init__(self, volume: int) -> None:
        self._volume = volume
        self.mixed = False  # somebody else makes it so loud: a mixer behind the output
        self.volume_set: Callable[[int], None] = lambda _percent: None  # told of every change
        self.overlay = Overlay()
        self.rate, self.latency_s = 48_000, 0.0
        self._queue: deque[Piece] = deque()
        self._pushed = self._popped = 0  # samples, each written by one thread only
        self._ducked = self._paused = False
        self.far: FarEnd | None = None  # told what sounds, when somebody wants to cancel its echo
        self._gain = 1.0
        self.unheard = False  # the card gets silence for a reply, at the same pace
        self._stopped = 0  # the highest turn that must not sound
        self._ledger, self._given = Ledger(), Given()
        self.ahead: Callable[[], int] = lambda: 0  # samples that the output has and has not played yet
        self._started: tuple[int, float] | None = None
        self._ended: tuple[int, float] | None = None
        self._sounding, self._in_gap = 0, False
        self._pulled = 0.0  # when an output last asked
        self.starved = 0

    @property
    def volume(self) -> int:
        """In percent."""
        return self._volume

    @volume.setter
    def volume(self, percent: int) -> None:
        self._volume = percent
        self.volume_set(percent)

    def adopt(self, percent: int) -> None:
        """The mixer stands so: that is the volume, and nobody has set it."""
        self._volume = percent

    def waiting(self) -> Waiting | None:
        """What is next in the queue, or of a sound over nothing (turn 0)."""
        if not self._queue:
            left = 0 if self.unfinished else self.overlay.left(self.rate)
            return Waiting(0, left, whole=True) if left else None
        turn, (last, end) = self._queue[0][0], self._queue[-1]
        whole = end is None or last != turn or turn <= self._stopped
        return Waiting(turn, self._pushed - self._popped, whole=whole)

    @property
    def unfinished(self) -> bool:
        """A reply has begun to sound, and neither its end has been rendered nor was it stopped."""
        return self._sounding > self._stopped

    def render(self, frames: int, now: float) -> Samples:
        """The next `frames` samples for the device, which sound `latency_s` from `now`."""
        self._pulled = now
        if not self._paused:
            return self._render(frames, now)
        fade = min(frames, round(FADE_S * self.rate)) if self._gain else 0
        faded = self._render(fade, now)
        return np.concatenate([faded, self.silence(frames - fade)])

    def _render(self, frames: int, now: float) -> Samples:
        out = np.zeros(frames, np.int16)
        filled = 0
        while self._queue:
            turn, chunk = self._queue[0]
            if filled == frames and chunk is not None:
                break
            if turn <= self._stopped:
                filled = self._fade(out, filled)
            elif chunk is None:
                self._queue.popleft()
                self._given.note(turn, None, self._most)
                self._sounding, self._ended = 0, (turn, now + filled / self.rate + self.latency_s)
            else:
                filled += self._copy(turn, chunk, out, filled, now)
        self._account(filled, frames)
        out = self._amplify(out, filled)
        over = self.overlay.take(frames, self.rate, now + self.latency_s)
        if over is not None:
            filled, out = frames, self._mix(out, over)
        if self.far is not None and filled:
            self.far.sounded(out, self.rate, now + self.latency_s)
        elif self.far is not None:
            self.far.passed(frames, self.rate)
        return out

    def silence(self, frames: int) -> Samples:
        """So many samples of nothing, for an output that has to be kept going."""
        if self.far is not None:
            self.far.passed(frames, self.rate)
        return self._silence(frames)

    def _silence(self, frames: int) -> Samples:
        self._ledger.silence(frames)
        nothing = np.zeros(frames, np.int16)
        self._given.note(0, nothing, self._most)
        return nothing

    @property
    def _most(self) -> int:
        return round(GIVEN_S * self.rate)

    @property
    def urgent(self) -> bool:
        """What the output was given already should sound otherwise: be stopped, held, quieter, or go on."""
        turn = self._sounding or (self._ended[0] if self._ended else 0)
        if not turn:
            return False
        wanted, now = self._wanted_gain(), self._gain
        return turn <= self._stopped or wanted < LOWERED * now or now == 0.0 < wanted

    def recall(self, count: int) -> None:
        """The output has thrown away the last `count` samples it was given: they come again, as they are wanted now."""
        self._ledger.rewind(count)
        for turn, samples in reversed(self._given.take_back(count)):
            if not turn:
                continue
            self._queue.appendleft((turn, samples))
            self._popped -= 0 if samples is None else len(samples)
            self._sounding = turn
            if samples is None:
                self._ended = None
        self.overlay.recall(count)
        if self.far is not None:
            self.far.recall(count, self.rate)

    def _copy(self, turn: int, chunk: Samples, out: Samples, filled: int, now: float) -> int:
        part = chunk[: len(out) - filled]
        out[filled : filled + len(part)] = part
        self._ledger.sounded(turn, len(part))
        self._given.note(turn, part, self._most)
        if self._sounding != turn:
            self._sounding, self._started = turn, (turn, now + filled / self.rate + self.latency_s)
            self._gain = self._wanted_gain()  # a ramp from what was before is for a reply that sounds
        self._popped += len(part)
        if len(part) == len(chunk):
            self._queue.popleft()
        else:
            self._queue[0] = (turn, chunk[len(part) :])
        return len(part)

    def _fade(self, out: Samples, filled: int) -> int:
        """Take a stopped turn off the queue; what was sounding goes down with a short fade."""
        turn, chunk = self._queue[0]
        length = 0
        if chunk is not None and self._audible(turn):
            part = chunk[: min(len(out) - filled, int(FADE_S * self.rate))]
            length = len(part)
            out[filled : filled + length] = part * np.linspace(1.0, 0.0, length, dtype=np.float32)
            self._ledger.sounded(turn, length)
            self._given.note(0, part, self._most)
        self._sounding = 0
        self._drop_stopped()
        return filled + length

    def _audible(self, turn: int) -> bool:
        return self._sounding == turn and self._gain > 0.0  # a reply that is held needs no fade

    def _drop_stopped(self) -> None:
        while self._queue and self._queue[0][0] <= self._stopped:
            chunk = self._queue.popleft()[1]
            self._popped += 0 if chunk is None else len(chunk)

    def _account(self, filled: int, frames: int) -> None:
        gap = filled < frames
        if gap:
            self._silence(frames - filled)
            self.starved += 1 if self._sounding and not self._in_gap else 0
        self._in_gap = gap

    def _amplify(self, out: Samples, filled: int) -> Samples:
        """Ramp to the wanted gain; silence costs nothing."""
        wanted = self._wanted_gain()
        before, self._gain = self._gain, wanted
        if not filled or before == wanted == 1.0:
            return out
        if before == wanted:
            return (out * np.float32(wanted)).astype(np.int16)
        gain = np.full(len(out), wanted, np.float32)
        ramp = min(len(out), round(FADE_S * self.rate))
        gain[:ramp] = np.linspace(before, wanted, ramp, dtype=np.float32)
        return (out * gain).astype(np.int16)

    def _mix(self, out: Samples, over: Samples) -> Samples:
        """A sound over a reply, as loud as that would be now: lowered with it, and as silent while a person speaks."""
        total = out.astype(np.int32) + (over * np.float32(self._wanted_gain())).astype(np.int32)
        return np.clip(total, -32768, 32767).astype(np.int16)

    def _wanted_gain(self) -> float:
        if self._paused or self.unheard or not self._volume:  # a mixer's 0 is not always silence
            return 0.0
        return (1.0 if self.mixed else (self._volume / 100) ** 2) * (DUCK_GAIN if self._ducked else 1.0)
