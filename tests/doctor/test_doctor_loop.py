"""What `doctor --thorough` says of the way from loudspeaker to microphone, and when it does not try."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.audio.calibration import Loop
from edge.config import Audio, Config
from edge.doctor import loop
from edge.doctor.checks import State
from edge.doctor.loop import judged
from edge.doctor.site import Asked, Presence, Site

BACK, NOTHING = Loop(-58.2, -11.6, 43.2), Loop(-58.2)


def test_what_came_back() -> None:
    found = judged(BACK, "auto", lost=False)
    assert found.state is State.WELL
    assert found.found == "The microphone hears the loudspeaker: -12 dB, 43 ms later (noise -58 dBFS)."
    assert judged(BACK, "auto", lost=True) == found


@pytest.mark.parametrize(
    ("echo", "lost", "state", "words"),
    [
        ("auto", False, State.WARN, "hears nothing of the loudspeaker"),
        ("off", False, State.WARN, "hears nothing of the loudspeaker"),
        ("auto", True, State.WARN, "Sound was lost"),
        ("array", False, State.WELL, 'as audio.echo = "array" promises'),
        ("system", False, State.WELL, 'as audio.echo = "system" promises'),
    ],
)
def test_nothing_came_back(echo: str, lost: bool, state: State, words: str) -> None:
    found = judged(NOTHING, echo, lost=lost)
    assert found.state is state
    assert words in found.found
    assert bool(found.todo) is (state is State.WARN)


@pytest.mark.parametrize("presence", [Presence.RUNS, Presence.SILENT])
def test_a_daemon_is_not_played_at(presence: Presence) -> None:
    site = Site(Config(), [], Path("/s"), Path("/c"), daemon=Asked(presence))
    [found] = loop.check(site)
    assert found.state is State.SKIPPED
    assert "systemctl stop" in found.todo


def test_other_reasons_not_to_play() -> None:
    absent = Asked(Presence.ABSENT)
    quiet, bad, gone = (
        loop.check(Site(config, [], Path("/s"), Path("/c"), daemon=absent))[0]
        for config in (Config(audio=Audio(volume=0)), None, Config(audio=Audio(input="nonsense", output="nonsense")))
    )
    assert [one.state for one in (quiet, bad, gone)] == [State.SKIPPED] * 3
    assert quiet.found == "Not played: the volume is 0."
    assert gone.found.startswith("Not played: ")
