"""The far end: what sounds, at 16 kHz, on the microphone's time. Written by the output, read by the audio thread.

The reply is tapped last of all, behind volume, duck, fade and stop, so that it is what really sounds. Frames are
read a little early (`LEAD_S`): a canceller takes an echo that is later than it thinks, and none that is earlier.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

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
        self.slip = 0  # by how many samples it has just been set right
        self._off = 0.0

    def next(self, stamped: int, count: int) -> tuple[int, bool]:
        """Where `count` samples belong that are stamped with a place; and whether the stream begins anew there.

        Stamps are off by some milliseconds, and the same ones for seconds: behind a hole they are still.
        """
        off = stamped - self.place
        self.slip = 0
        anew = abs(off - self._off) > HOLE
        if anew:
            self.place = stamped - round(self._off)
        else:
            self._off += SHARE * (off - self._off)
            if abs(self._off) > SLACK:
                self.slip, anew = round(self._off), True
                self.place += self.slip
                self._off = 0.0
        begin, self.place = self.place, self.place + count
        return begin, anew


class FarEnd:
    """`sounded` for every block that is given to the device, `frame` for every frame of the microphone."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[Samples | int, int, float]] = deque()
        self._line = np.zeros(SPAN, np.int16)  # by position modulo SPAN; 0 where nothing sounds
        self._convert: Callable[[Samples], Samples] | None = None
        self._rate = 0
        self._written = 0  # samples at 16 kHz on the daemon's clock
        self._silent = NOWHERE  # from here on there is nothing in the line
        self._blocks_at, self._frames_at = Steady(), Steady()
        self._slips: deque[tuple[int, int]] = deque()  # places in the line, and by how much it is later from there on
        self.later = 0  # samples by which an echo follows what is read later than it did at first
        self._part = 0.0  # of a sample at 16 kHz, by which counting the blocks' samples is behind

    def sounded(self, samples: Samples, rate: int, at: float) -> None:
        """`samples`, at the device's rate, will begin to sound at `at`. The output's thread; never waits."""
        self._blocks.append((samples, rate, at))

    def recall(self, count: int, rate: int) -> None:
        """The last `count` samples will not sound after all. The output's thread."""
        self._blocks.append((-count, rate, 0.0))

    def passed(self, count: int, rate: int) -> None:
        """`count` samples of nothing come next. The output's thread."""
        self._blocks.append((count, rate, 0.0))

    def frame(self, at: float) -> Samples:
        """The 160 samples that sound during a microphone's frame that ended at `at`; SILENCE when nothing does."""
        begin = self._next_begin(at)
        return self._read(begin, FRAME) if begin < self._silent else SILENCE

    def frames(self, ats: Sequence[float]) -> list[Samples]:
        """Several frames in a row, each as `frame`."""
        if len(ats) == 1:
            return [self.frame(ats[0])]
        begins = [self._next_begin(at) for at in ats]
        first, last = begins[0], begins[-1]
        if last < self._silent and last - first == (len(ats) - 1) * FRAME:
            return list(self._read(first, len(ats) * FRAME).reshape(-1, FRAME))
        return [self._read(begin, FRAME) if begin < self._silent else SILENCE for begin in begins]

    def _next_begin(self, at: float) -> int:
        """Where in the line the next frame begins."""
        while self._blocks:
            self._take(*self._blocks.popleft())
        begin, _ = self._frames_at.next(round((at + LEAD_S) * CORE_RATE) - FRAME, FRAME)
        self.later += self._frames_at.slip
        while self._slips and begin >= self._slips[0][0]:
            self.later -= self._slips.popleft()[1]
        return begin

    def _read(self, begin: int, count: int) -> Samples:
        """Samples of the line, which are used up."""
        part = np.empty(count, np.int16)
        done = 0
        for piece in self._pieces(begin, count):
            part[done : done + len(piece)] = piece
            piece[:] = 0
            done += len(piece)
        return part

    def _pieces(self, begin: int, count: int) -> tuple[Samples, ...]:
        """Where in the line `count` samples are: the end of it may come in between."""
        at = begin % SPAN
        piece = self._line[at : at + count]
        return (piece,) if len(piece) == count else (piece, self._line[: count - len(piece)])

    def _go(self, count: float) -> None:
        """Forth over silence, or back over what will not sound."""
        self._part += count
        whole = math.floor(self._part)
        self._part -= whole
        self._blocks_at.place += whole
        self._written = self._blocks_at.place
        for piece in self._pieces(self._written, max(0, -whole)):
            piece[:] = 0
        self._convert = None  # what it holds back is over, or was given back

    def _take(self, samples: Samples | int, rate: int, at: float) -> None:
        if isinstance(samples, int):
            self._go(samples * CORE_RATE / rate)
            return
        self._part += len(samples) * CORE_RATE / rate
        whole = int(self._part)
        self._part -= whole
        begin, anew = self._blocks_at.next(round(at * CORE_RATE), whole)
        if self._blocks_at.slip:
            self._slips.append((begin, self._blocks_at.slip))
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
