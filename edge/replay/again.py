"""The core on recorded events, with the recorded clock: what it says to do about each, then and now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edge.config import Config
from edge.core.events import MicAudio
from edge.core.notation import Plain, read_event, written
from edge.core.snapshot import restored
from edge.errors import AudioError
from edge.fitting import conversation_settings
from edge.sessions.reading import Session


class Step(NamedTuple):
    """One event at its time, and the effects of then and of now."""

    t: float
    theirs: list[Plain]
    ours: list[Plain]


def steps(session: Session, config: Config) -> Iterator[Step]:
    """Every recorded event, handled by today's core; raises AudioError where the recording tells nonsense."""
    settings = conversation_settings(config, wakes=bool(session.header["wakes"]))
    try:
        talk = restored(session.header["conversation"], settings)
        for line in session.lines:
            if "event" in line and "front" not in line:
                now = float(line["t"])
                effects = talk.handle(read_event(line["event"]), now)
                yield Step(now, line["effects"], [written(effect) for effect in effects])
    except (KeyError, ValueError, TypeError) as error:
        raise AudioError(f"The recording cannot be followed: {error}.") from None


FROM_SOUND = frozenset({"SpeechStarted", "SpeechPaused", "SpeechResumed", "SpeechEnded", "BargedIn", MicAudio.__name__})
