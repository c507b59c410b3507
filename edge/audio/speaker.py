"""The playout queue behind every output, real or file: gain, fades, and who has heard what.

`render` is called by the output's thread (for a sound card the audio thread, through `Feed`); everything
else by the loop or the audio thread. Queue and flags change hands by single assignments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import numpy as np
import soxr

from edge.audio.convert import Samples, ToDevice
from edge.audio.far import FarEnd
from edge.core.events import Event, PlayoutEnded, PlayoutStarted
from edge.core.playout import Ledger
from edge.ports import Clock, Fields, Post

DUCK_GAIN = 0.2  # -14 dB: at least the 12 dB of the design
FADE_S = 0.01  # long enough not to click, short enough to be instant
GIVEN_S = 0.25  # more than any output holds
LOWERED = 0.7  # a change of volume by less than 3 dB can wait
NO_OUTPUT_S = 1.0  # nobody has pulled for so long: no output is open, and none can be touching the queue
MOST_S = 900.0  # queued audio beyond this is dropped and counted: an engine gone wild


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


class QueueSpeaker:
    """The Speaker port over a queue of (turn, samples). An output pulls with `render`."""

    def __init__(self, post: Post, clock: Clock, volume: int = 100) -> None:
        self._post, self._clock = post, clock
        self.volume = volume
        self.rate, self.latency_s, self.name = 48_000, 0.0, "none"
        self.problem = ""
        self.needed: Callable[[], None] = lambda: None  # told when there is something to play
        self._queue: deque[tuple[int, Samples | None]] = deque()  # None: the turn is finished
        self._pushed = self._popped = 0  # samples, each written by one thread only
        self._convert: ToDevice | None = None
        self._lock = Lock()  # an output opens in the middle of a reply, in a thread of its own
        self._ducked = self._paused = False
        self.far: FarEnd | None = None  # told what sounds, when somebody wants to cancel its echo
        self._gain = 1.0
        self._stopped = 0  # the highest turn that must not sound
        self._ledger, self._given = Ledger(), Given()
        self.ahead: Callable[[], int] = lambda: 0  # samples that the output has and has not played yet
        self._started: tuple[int, float] | None = None
        self._ended: tuple[int, float] | None = None
        self._sounding, self._in_gap = 0, False
        self._pulled = 0.0  # when an output last asked
        self.underruns = self.starved = self.dropped = 0

    # --- the output's side --------------------------------------------------------------------------

    def opened(self, name: str, rate: int, latency_s: float) -> None:
        """An output of this rate and latency is going to pull; what waits is fitted to it."""
        with self._lock:
            if rate != self.rate:
                self._refit(rate)
            self.name, self.rate, self.latency_s, self.problem = name, rate, latency_s, ""

    def _refit(self, rate: int) -> None:
        if self._convert is not None and self._queue:
            self._push(self._queue[-1][0], self._convert(b"", last=True))  # what its filter still holds
        self._convert = None
        waiting = ((turn, c if c is None else soxr.resample(c, self.rate, rate)) for turn, c in self._queue)
        self._queue = deque(waiting)
        self._pushed = self._popped + sum(len(c) for _, c in self._queue if c is not None)

    def waiting(self) -> Waiting | None:
        """What is next in the queue."""
        if not self._queue:
            return None
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
        if self.far is not None and filled:
            self.far.sounded(out, self.rate, now + self.latency_s)
        return out

    def silence(self, frames: int) -> Samples:
        """So many samples of nothing, for an output that has to be kept going."""
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
            self.silence(frames - filled)
            self.starved += 1 if self._sounding and not self._in_gap else 0
        self._in_gap = gap

    def _amplify(self, out: Samples, filled: int) -> Samples:
        """Ramp to the wanted gain; silence costs nothing."""
        wanted = self._wanted_gain()
        before, self._gain = self._gain, wanted
        if not filled or before == wanted == 1.0:
            return out
        gain = np.full(len(out), wanted, np.float32)
        ramp = min(len(out), round(FADE_S * self.rate))
        gain[:ramp] = np.linspace(before, wanted, ramp, dtype=np.float32)
        return (out * gain).astype(np.int16)

    def _wanted_gain(self) -> float:
        if self._paused:
            return 0.0
        return (self.volume / 100) ** 2 * (DUCK_GAIN if self._ducked else 1.0)

    # --- the loop's side ----------------------------------------------------------------------------

    def prepare(self) -> None:
        """See ports.Speaker."""
        self.needed()

    def play(self, turn: int, pcm: bytes, rate: int) -> None:
        """See ports.Speaker."""
        if not self._queue:
            self.needed()
        with self._lock:
            if self._convert is None or self._convert.rate != rate:
                self._convert = ToDevice(rate, self.rate)
            self._push(turn, self._convert(pcm))

    def _push(self, turn: int, samples: Samples) -> None:
        if self._pushed - self._popped > MOST_S * self.rate:
            self.dropped += len(samples)
        elif len(samples) and turn > self._stopped:
            self._pushed += len(samples)
            self._queue.append((turn, samples))

    def finish(self, turn: int) -> None:
        """See ports.Speaker."""
        with self._lock:
            if self._convert is not None:
                self._push(turn, self._convert(b"", last=True))
                self._convert = None
            self._queue.append((turn, None))

    def stop(self, turn: int) -> int:
        """See ports.Speaker. What the output gives back was not heard; the fade will be."""
        ahead = self.ahead()
        fade = min(int(FADE_S * self.rate), self._pushed - self._popped + ahead) if self._audible(turn) else 0
        heard = self._ledger.heard(turn, ahead) + fade
        self._stopped = max(self._stopped, turn)
        self._convert = None
        self._ducked = self._paused = False
        self.needed()
        return round(heard * 1000 / self.rate)

    def stop_all(self) -> None:
        """Silence whatever is sounding (the audio thread's own decision)."""
        if self._sounding:
            self._stopped = max(self._stopped, self._sounding)
        self._paused = False

    def duck(self, on: bool) -> None:
        """See ports.Speaker."""
        self._ducked = on

    def pause(self, on: bool) -> None:
        """Hold the reply, with a fade, or let it go on where it was."""
        self._paused = on

    @property
    def busy(self) -> bool:
        """Something is queued, sounding (or about to go on), or waiting to be reported."""
        return bool(self._queue or self._started or self._ended or self.unfinished)

    def tick(self) -> None:
        """Post what the output has noted. Called by the audio thread every few milliseconds."""
        now = self._clock()
        if self._queue and now - self._pulled > NO_OUTPUT_S:
            self._drop_stopped()
        started, ended = self._started, self._ended
        if started and now >= started[1]:
            self._started = None
            self._report(started[0], PlayoutStarted(*started))
        if ended and not self._started and now >= ended[1]:
            self._ended = None
            self._report(ended[0], PlayoutEnded(ended[0]))

    def _report(self, turn: int, event: Event) -> None:
        if turn > self._stopped:
            self._post(event)

    def stats(self) -> Fields:
        """See ports.Speaker."""
        counters = {"underruns": self.underruns, "starved": self.starved, "dropped_samples": self.dropped}
        return {"device": self.name, "rate": self.rate, "latency_ms": round(self.latency_s * 1000, 1),
                "volume": self.volume, "problem": self.problem, **counters}  # fmt: skip
