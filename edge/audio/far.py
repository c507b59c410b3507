"""The far end: what sounds, at 16 kHz, on the microphone's time. Written by the output, read by the audio thread.

The reply is tapped last of all, behind volume, duck, fade and stop, so that it is what really sounds. Frames are
read a little early (`LEAD_S`): a canceller takes an echo that is later than it thinks, and none that is earlier.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from edge.audio.convert import CORE_RATE, FRAME, SILENCE, Samples, ToDevice
from edge.audio.decimate import Decimator

LEAD_S = 0.01  # less than any device keeps buffered, so the frame is there; more than stamps jitter
SPAN = 4 * CORE_RATE  # 4 s: more than an output ever writes ahead
SLACK = 80  # samples (5 ms) that a stream may be off on average before it is set right
HOLE = 320  # samples (20 ms): no jitter, but something that was left out. Stamps of an output jitter by 5 ms
SHARE = 0.02  # of the way that the average follows: 50 blocks or frames, about a second
NOWHERE = -(1 << 60)


class Steady:
    """A place in a stream that goes on by counting: a canceller that has learnt a delay must not see it jitter."""

    def __init__(self) -> None:
        self.place = NOWHERE
        self._off = 0.0

    def next(self, stamped: int, count: int) -> tuple[int, bool]:
        """Where `count` samples belong that are stamped with a place; and whether the stream begins anew there."""
        off = stamped - self.place
        self._off += SHARE * (off - self._off)
        anew = abs(off) > HOLE
        if anew:
            self.place = stamped
        elif abs(self._off) > SLACK:
            self.place += round(self._off)
            anew = True
        if anew:
            self._off = 0.0
        begin, self.place = self.place, self.place + count
        return begin, anew


class FarEnd:
    """`sounded` for every block that is given to the device, `frame` for every frame of the microphone."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[Samples | None, int, float]] = deque()
        self._line = np.zeros(SPAN, np.int16)  # by position modulo SPAN; 0 where nothing sounds
        self._convert: Callable[[Samples], Samples] | None = None
        self._rate = 0
        self._written = 0  # samples at 16 kHz on the daemon's clock
        self._silent = NOWHERE  # from here on there is nothing in the line
        self._blocks_at, self._frames_at = Steady(), Steady()
        self._part = 0.0  # of a sample at 16 kHz, by which counting the blocks' samples is behind

    def sounded(self, samples: Samples, rate: int, at: float) -> None:
        """`samples`, at the device's rate, will begin to sound at `at`. The output's thread; never waits."""
        self._blocks.append((samples, rate, at))

    def recall(self, count: int, rate: int) -> None:
        """The last `count` samples will not sound after all. The output's thread."""
        self._blocks.append((None, rate, count * CORE_RATE / rate))

    def frame(self, at: float) -> Samples:
        """The 160 samples that sound during a microphone's frame that ended at `at`; SILENCE when nothing does."""
        while self._blocks:
            self._take(*self._blocks.popleft())
        begin, _ = self._frames_at.next(round((at + LEAD_S) * CORE_RATE) - FRAME, FRAME)
        if begin >= self._silent:
            return SILENCE
        part = np.empty(FRAME, np.int16)
        done = 0
        for piece in self._pieces(begin, FRAME):
            part[done : done + len(piece)] = piece
            piece[:] = 0
            done += len(piece)
        return part

    def _pieces(self, begin: int, count: int) -> tuple[Samples, ...]:
        """Where in the line `count` samples are: the end of it may come in between."""
        at = begin % SPAN
        piece = self._line[at : at + count]
        return (piece,) if len(piece) == count else (piece, self._line[: count - len(piece)])

    def _take_back(self, count: int) -> None:
        self._blocks_at.place -= count
        self._written = self._blocks_at.place
        for piece in self._pieces(self._written, count):
            piece[:] = 0
        self._convert = None  # what it holds back was given back, too

    def _take(self, samples: Samples | None, rate: int, at: float) -> None:
        if samples is None:
            self._take_back(round(at))
            return
        self._part += len(samples) * CORE_RATE / rate
        whole = int(self._part)
        self._part -= whole
        begin, anew = self._blocks_at.next(round(at * CORE_RATE), whole)
        if anew or self._convert is None or self._rate != rate:
            self._convert, self._rate = _to_core(rate), rate
            self._written = begin
        self._write(self._convert(samples))

    def _write(self, samples: Samples) -> None:
        done = 0
        for piece in self._pieces(self._written, len(samples)):
            piece[:] = samples[done : done + len(piece)]
            done += len(piece)
        self._written += len(samples)
        self._silent = max(self._silent, self._written)


def _to_core(rate: int) -> Callable[[Samples], Samples]:
    """A stream at a rate to 16 kHz; by the microphone's own filter where that is possible, for it is at hand."""
    factor, rest = divmod(rate, CORE_RATE)
    if factor > 1 and not rest:
        decimate = Decimator(factor, 1)
        return lambda samples: decimate(samples[:, None])[:, 0]
    convert = ToDevice(rate, CORE_RATE)
    return lambda samples: convert(samples.tobytes())
