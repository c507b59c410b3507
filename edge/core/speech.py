"""Where speech begins, pauses and ends: smoothing over a frame-wise voice detector. Pure.

A frame counts as voiced when the detector says so *and* it stands out of the noise: webrtcvad in
its strictest mode still calls one clicking or humming frame in ten speech, so neither is enough alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.core.events import Event, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted

FRAME_S = 0.01
FLOOR_DOWN = 0.2  # share of the way the noise floor follows a quieter frame
FLOOR_UP_DB = 0.02  # dB a frame it creeps up by: 2 dB a second, slower than any syllable
FLOOR_MIN_DB = -75.0  # a muted or digital source must not make every hiss stand out
ONSET_HOLE_FRAMES = 5  # an unvoiced start or a stop consonant inside the onset


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """Smoothing of turn starts and ends; all in 10 ms frames or dB."""

    window: int = 15  # frames looked at to decide that speech began ...
    needed: int = 8  # ... of which so many must be voiced
    above_floor_db: float = 9.0
    least_db: float = -55.0
    eager_frames: int = 20  # silence after which the engine may start to work
    end_frames: int = 55  # silence after which the turn is over, until `be_patient` says otherwise
    resume_needed: int = 3  # voiced frames in a row that end a silence: one alone is a click


class NoiseFloor:
    """An adaptive estimate of the room's level in dBFS: down fast, up slowly."""

    def __init__(self, start_db: float = -60.0) -> None:
        self.db = start_db

    def update(self, level_db: float, frames: int = 1) -> float:
        """Follow the level of one frame, or of one that stands for several; returns the floor."""
        if level_db < self.db:
            self.db += FLOOR_DOWN * (level_db - self.db)
        else:
            self.db = min(level_db, self.db + FLOOR_UP_DB * frames)
        self.db = max(self.db, FLOOR_MIN_DB)
        return self.db


class Endpointer:
    """Turns (voiced, level) of each 10 ms frame into speech events.

    `reset` starts a new turn and keeps what it knows of the room, and its patience.
    """

    def __init__(self, settings: SpeechSettings | None = None) -> None:
        self.settings = settings or SpeechSettings()
        self.floor = NoiseFloor()
        self._recent: deque[bool] = deque(maxlen=self.settings.window)
        self._end_frames = self.settings.end_frames
        self.reset()

    def reset(self) -> None:
        """Forget the turn so far."""
        self._recent.clear()
        self._speaking = False
        self._silence = 0
        self._run = 0
        self._paused = False
        self._voiced_until = 0.0

    def be_patient(self, silence_s: float) -> None:
        """How long a silence ends speech, from the next frame on; never before its pause has been told."""
        self._end_frames = max(round(silence_s / FRAME_S), self.settings.eager_frames + 1)

    def take_over(self, other: Endpointer) -> None:
        """Know of the room what another one knows, and be as patient."""
        self.floor.db, self._end_frames = other.floor.db, other._end_frames

    @property
    def end_frames(self) -> int:
        """How many frames of silence end speech now."""
        return self._end_frames

    @property
    def speaking(self) -> bool:
        """Between SpeechStarted and SpeechEnded."""
        return self._speaking

    def stands_out(self, level_db: float) -> bool:
        """Whether a frame is loud enough to be somebody speaking here."""
        limit = max(self.floor.db + self.settings.above_floor_db, self.settings.least_db)
        return level_db >= limit

    def process(self, voiced: bool, level_db: float, at: float) -> Event | None:
        """One frame that ended at `at`; at most one event."""
        voiced = voiced and self.stands_out(level_db)
        self.floor.update(level_db)
        return self._go_on(voiced, at) if self._speaking else self._wait(voiced, at)

    def _wait(self, voiced: bool, at: float) -> Event | None:
        self._recent.append(voiced)
        if sum(self._recent) < self.settings.needed:
            return None
        self._speaking, self._paused = True, False
        self._silence, self._run, self._voiced_until = 0, 0, at
        first = len(self._recent) - list(self._recent).index(True)
        return SpeechStarted(onset=at - first * FRAME_S)

    def _go_on(self, voiced: bool, at: float) -> Event | None:
        self._run = self._run + 1 if voiced else 0
        self._silence += 1
        if self._run >= self.settings.resume_needed or (voiced and self._silence <= ONSET_HOLE_FRAMES):
            return self._resume(at)
        return None if voiced else self._silent()  # a voiced frame may be the person going on: wait and see

    def _silent(self) -> Event | None:
        if self._silence >= self._end_frames and self._paused:
            until = self._voiced_until
            self.reset()
            return SpeechEnded(voiced_until=until)
        if self._silence >= self.settings.eager_frames and not self._paused:
            self._paused = True
            return SpeechPaused()
        return None

    def _resume(self, at: float) -> Event | None:
        pause_s = (self._silence - self._run) * FRAME_S
        self._silence, self._voiced_until = 0, at
        if not self._paused:
            return None
        self._paused = False
        return SpeechResumed(pause_s)
