"""The Speaker port over a queue: what the loop wants to be heard, for whatever output pulls with `render`.

Queue and flags change hands by single assignments.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from threading import Lock

import soxr

from edge.audio.convert import Samples, ToDevice
from edge.audio.rendering import FADE_S, Rendering
from edge.core.events import Event, PlayoutEnded, PlayoutStarted
from edge.ports import Clock, Fields, Post

NO_OUTPUT_S = 1.0  # nobody has pulled for so long: no output is open, and none can be touching the queue
MOST_S = 900.0  # queued audio beyond this is dropped and counted: an engine gone wild


class QueueSpeaker(Rendering):
    """The Speaker port."""

    def __init__(self, post: Post, clock: Clock, volume: int = 100) -> None:
        super().__init__(volume)
        self._post, self._clock = post, clock
        self.name, self.problem = "none", ""
        self.needed: Callable[[], None] = lambda: None  # told when there is something to play
        self.opened_as: Callable[[str], None] = lambda _name: None  # told which output has been opened
        self._convert: ToDevice | None = None
        self._lock = Lock()  # an output opens in the middle of a reply, in a thread of its own
        self.underruns = self.dropped = 0

    def opened(self, name: str, rate: int, latency_s: float) -> None:
        """An output of this rate and latency is going to pull; what waits is fitted to it."""
        with self._lock:
            if rate != self.rate:
                self._refit(rate)
            self.name, self.rate, self.latency_s, self.problem = name, rate, latency_s, ""
        self.opened_as(name)

    def _refit(self, rate: int) -> None:
        if self._convert is not None and self._queue:
            self._push(self._queue[-1][0], self._convert(b"", last=True))  # what its filter still holds
        self._convert = None
        waiting = ((turn, c if c is None else soxr.resample(c, self.rate, rate)) for turn, c in self._queue)
        self._queue = deque(waiting)
        self._pushed = self._popped + sum(len(c) for _, c in self._queue if c is not None)

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

    def sound(self, pcm: Samples, rate: int) -> None:
        """Mix a short sound over whatever plays, in place of one that still sounds: no part of any turn."""
        self.overlay.ask(pcm, rate, self._clock())
        self.needed()

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
        return bool(self._queue or self._started or self._ended or self.unfinished or self.overlay.active)

    @property
    def due(self) -> float:
        """When `tick` will have something to post; infinite when that is not known."""
        noted = self._started or self._ended
        return noted[1] if noted else math.inf

    def tick(self) -> None:
        """Post what the output has noted. Called by the audio thread every few milliseconds."""
        now = self._clock()
        if self._queue and now - self._pulled > NO_OUTPUT_S:
            self._drop_stopped()
        self.overlay.expire(now)
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
