"""Plays the calibration signal through the real devices and keeps what the microphone hears of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from edge.audio.arrays import Roles
from edge.audio.calibration import Recording
from edge.audio.convert import Format
from edge.audio.keeper import Line, Source
from edge.audio.response import LATEST_S
from edge.audio.speaker import QueueSpeaker
from edge.audio.sweep import Floats, signal
from edge.core.events import Event, PlayoutEnded, PlayoutStarted
from edge.errors import DeviceGone
from edge.ports import Clock

PLAYED_RATE = 48_000
TURN = 1
LOOK_S = 0.01
SETTLE_S = 0.3  # a sound server's first blocks come in bursts, and their stamps with them
STARTING_S = 5.0  # to the first sample from the microphone, and to the first one played
FULL_SCALE = {"int16": 32768.0, "int32": 2.0**31, "float32": 1.0}


class Pumped(Line, Protocol):
    """A device that moves samples when it is called."""

    def pump(self) -> object:
        """See device.DeviceSink."""


class Microphone(Source, Pumped, Protocol):
    """An input of that kind."""


class Session:
    """One measurement on open devices. `events` are what the speaker posts."""

    def __init__(  # noqa: PLR0913, PLR0917  the devices, and the time they live in
        self, source: Microphone, sink: Pumped, speaker: QueueSpeaker, events: list[Event],
        clock: Clock = time.monotonic, pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._source, self._sink, self._speaker, self._events = source, sink, speaker, events
        self._clock, self._pause = clock, pause
        self._blocks: list[Floats] = []
        self._next = 0  # position in the ring
        self._frames = 0
        self._holes = 0

    def run(self, played: Floats | None = None) -> tuple[Recording, bool]:
        """The recording, and whether samples were lost in it; raises DeviceGone.

        `played` at PLAYED_RATE, full scale 1, is another sound than the whole signal of calibration.
        """
        whole = signal(PLAYED_RATE) if played is None else played
        source, speaker = self._source, self._speaker
        self._until(lambda: self._frames > 0, STARTING_S, f'The microphone "{source.name}" gives no sound.')
        self._wait(SETTLE_S)
        before = source.overruns
        pcm = np.rint(whole * 32767).astype(np.int16).tobytes()
        speaker.play(TURN, pcm, PLAYED_RATE)
        speaker.finish(TURN)
        stopped = f'The speaker "{speaker.name}" takes no sound.'
        self._until(lambda: self._started() is not None, STARTING_S, stopped)
        self._until(lambda: PlayoutEnded(TURN) in self._events, len(whole) / PLAYED_RATE + STARTING_S, stopped)
        self._wait(LATEST_S)
        lost = source.overruns > before or self._holes or speaker.underruns or speaker.starved
        return Recording(np.concatenate(self._blocks), source.form.rate, self._begun()), bool(lost)

    def _started(self) -> float | None:
        return next((event.at for event in self._events if isinstance(event, PlayoutStarted)), None)

    def _begun(self) -> float:
        """The frame of the recording during which the first sample sounded, by the ring's stamps."""
        last, at = self._source.ring.stamp
        return self._frames - (self._next - last) - (at - (self._started() or at)) * self._source.form.rate

    def _wait(self, seconds: float) -> None:
        end = self._clock() + seconds
        while self._clock() < end:
            self._turn()

    def _until(self, done: Callable[[], bool], limit: float, problem: str) -> None:
        end = self._clock() + limit
        while not done():
            if self._clock() > end or self._source.stalled() or self._sink.stalled():
                raise DeviceGone(f"{problem} Is it unplugged, suspended or in use by another program?")
            self._turn()

    def _turn(self) -> None:
        source = self._source
        source.pump()
        self._sink.pump()
        self._speaker.tick()
        raw, lost = source.ring.read(self._next, source.ring.capacity)
        self._holes += lost if self._frames else 0
        self._next += lost + len(raw)
        if len(raw):
            self._frames += len(raw)
            self._blocks.append(_table(raw.tobytes(), source.form, source.roles))
        self._pause(LOOK_S)


def _table(raw: bytes, form: Format, roles: Roles | None) -> Floats:
    """Frames by channels, full scale 1; only those that the daemon listens to."""
    table = np.frombuffer(raw, form.dtype).reshape(-1, form.channels) / FULL_SCALE[form.dtype]
    return np.asarray(table if roles is None else table[:, roles.near], np.float64)
