"""A front end that hears a recording: the sound that was recorded, and the detectors of today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from edge.audio.convert import CORE_RATE, FRAME, SILENCE, Format, Samples
from edge.audio.far import FarEnd
from edge.audio.frontend import FrontEnd
from edge.audio.guard import Guard
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.tape import Tape
from edge.config import Config
from edge.core.effects import Ears
from edge.core.events import Event
from edge.core.notation import Plain
from edge.core.speech import FRAME_S
from edge.replay.ahead import Ahead, worthwhile
from edge.sessions.reading import Session
from edge.sessions.recorder import new_detectors


class Played(FarEnd):
    """The far end as it was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self._next: list[Samples] = []

    def give(self, sound: Samples, slip: int) -> None:
        """What sounds during the next frames, and by how much later its echo is from there on."""
        self._next = [frame if frame.any() else SILENCE for frame in sound.reshape(-1, FRAME)]
        self.later += slip

    def frames(self, ats: Sequence[float]) -> list[Samples]:
        """See FarEnd."""
        return self._next[: len(ats)]


class _Notes(Tape):
    """What is found, without the sound that is there already."""

    def _sounding(self, far: list[Samples], slip: int) -> None:
        pass


class Hearing:
    """`take` the lines of a recording that tell of sound, in order; `lines` are the notes of today's front end."""

    def __init__(self, session: Session, config: Config, deliver: Callable[[int, Event], None]) -> None:
        self._sound, self._at = session.sound, 0
        self._config = config
        self.lines: list[Plain] = []
        speaker = QueueSpeaker(lambda _event: None, lambda: 0.0)
        self._far = Played()
        speaker.far = self._far
        fresh = new_detectors(config, speaker)
        self._speaker = speaker
        self._tape = _Notes(lambda line, _sound: self.lines.append(line), self._far, asked=fresh.guard is not None)
        if fresh.guard is not None:
            fresh.guard.far = self._tape.far
        self._fresh = fresh
        self.front = FrontEnd(deliver, speaker, new_detectors(config, speaker).endpointer)
        ring = Ring(CORE_RATE, 2, 1.0)  # nothing is ever in it: all that was read of one was recorded
        self.front.attach(ring, Format(CORE_RATE, 1), None)
        unasked = unasked_times(session.lines)
        self.front.unasked = unasked.__contains__

    @property
    def guard(self) -> Guard | None:
        """Of the detectors that will hear it."""
        return self._fresh.guard

    def begin(self, line: Plain) -> None:
        """As the recording does."""
        front = self.front
        front.endpointer.floor.db = float(line["floor_db"])
        front.endpointer.be_patient(int(line["end_frames"]) * FRAME_S)
        front.set_ears(int(line["session"]), Ears(line["mode"]), 0.0)
        front.renew(self._fresh, self._tape)
        front.work()

    def obey(self, line: Plain) -> None:
        """Do again what it was told then."""
        if line["front"] == "ears":
            self.front.set_ears(int(line["session"]), Ears(line["mode"]), float(line["since"]))
        else:
            self.front.set_patience(float(line["silence_s"]))
        self.front.work()

    def frames(self, line: Plain, *, wanted: bool = True) -> None:
        """The next frames of the recording."""
        count = int(line["count"])
        sound = self._sound[self._at * FRAME : (self._at + count) * FRAME]
        self._at += count
        if wanted:
            near, far, *reference = (np.ascontiguousarray(column) for column in sound.T)
            self._far.give(far, int(line.get("slip", 0)))
            self.front.replay([near, *reference], [float(at) for at in line["ats"]])


def unasked_times(lines: Iterable[Plain]) -> set[float]:
    """When what sounded like a voice was the device's own sound, or the end of its word."""
    return {float(line["at"]) for line in lines if line.get("front") == "unasked"}


def heard_again(session: Session, config: Config) -> list[Plain]:
    """The notes of today's front end that is told what the recorded one was told."""
    hearing = Hearing(session, config, lambda _session, _event: None)
    if hearing.guard is None or not worthwhile(session):
        return _told(session, hearing)
    with Ahead(session, config) as hearing.guard.echo:
        return _told(session, hearing)


def _told(session: Session, hearing: Hearing) -> list[Plain]:
    for line in session.lines:
        match line.get("front"):
            case "begin":
                hearing.begin(line)
            case "ears" | "patience":
                hearing.obey(line)
            case "room":
                hearing.front.follow([float(level) for level in line["levels"]], int(line["frames"]))
            case "frames":
                hearing.frames(line)
            case _:
                pass  # what it found, and what is not its business
    return hearing.lines
