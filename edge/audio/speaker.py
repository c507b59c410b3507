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
NO_OUTPUT_S = 1.0  # nobody has pulled for so long: no output is open, and none can be touching the queue
MOST_S = 900.0  # queued audio beyond this is dropped and counted: an engine gone wild


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn at the head of the queue, how many samples are queued, and whether `turn` has all of its own."""

    turn: int
    samples: int
    whole: bool


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
        self._ledger = Ledger()
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
        out = np.zeros(frames, np.int16)
        filled, self._pulled = 0, now
        if self._paused and self._gain == 0.0:
            self._ledger.silence(frames)
            return out
        while self._queue:
            turn, chunk = self._queue[0]
            if filled == frames and chunk is not None:
                break
            if turn <= self._stopped:
                filled = self._fade(out, filled)
            elif chunk is None:
                self._queue.popleft()
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
        return np.zeros(frames, np.int16)

    def _copy(self, turn: int, chunk: Samples, out: Samples, filled: int, now: float) -> int:
        part = chunk[: len(out) - filled]
        out[filled : filled + len(part)] = part
        self._ledger.sounded(turn, len(part))
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
            self._ledger.silence(frames - filled)
            self.starved += 1 if self._sounding and not self._in_gap else 0
        self._in_gap = gap

    def _amplify(self, out: Samples, filled: int) -> Samples:
        """Ramp to the wanted gain over one block; silence costs nothing."""
        wanted = self._wanted_gain()
        before, self._gain = self._gain, wanted
        if not filled or before == wanted == 1.0:
            return out
        return (out * np.linspace(before, wanted, len(out), dtype=np.float32)).astype(np.int16)

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
        """See ports.Speaker. Samples already with the device will sound, and so will the fade: they count as heard."""
        fade = min(int(FADE_S * self.rate), self._pushed - self._popped) if self._audible(turn) else 0
        self._stopped = max(self._stopped, turn)
        self._convert = None
        self._ducked = self._paused = False
        return round((self._ledger.heard(turn, 0) + fade) * 1000 / self.rate)

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
