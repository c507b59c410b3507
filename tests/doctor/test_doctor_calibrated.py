from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.audio.profile import NAME, Profile
from edge.config import Audio, Config, Conversation
from edge.doctor import calibrated
from edge.doctor.checks import State, skipped, well
from edge.doctor.site import Asked, Presence, Site

FOUND = Profile("2026-11-24T12:30:00+00:00", "Mic", "Speaker", "heard", "limited", 80, 55, -61.5)
THESE = ("Mic", "Speaker")
BUTTON = replace(Config(), conversation=Conversation(barge_in="button"))
SOFT = replace(Config(), audio=Audio(volume=50))


def test_never_measured() -> None:
    (found,) = calibrated.judged(None, THESE, Config())
    assert found.state is State.WARN
    assert "edge-voice calibrate" in found.todo
    (found,) = calibrated.judged(None, THESE, BUTTON)
    assert found.state is State.SKIPPED


def test_the_volume_and_the_very_setting() -> None:
    (found,) = calibrated.judged(FOUND, THESE, Config())
    assert found.state is State.WARN
    assert found.todo == 'Set audio.volume = 55, or conversation.barge_in = "button".'
    assert calibrated.judged(FOUND, THESE, SOFT) == [
        well("Interrupting by voice is safe up to volume 55 (2026-11-24).")
    ]


def test_all_that_is_wrong_is_told() -> None:
    states = [one.state for one in calibrated.judged(replace(FOUND, drift_ppm=300.0), THESE, Config())]
    assert states == [State.WARN, State.WARN]


@pytest.mark.parametrize(
    ("devices", "changed"),
    [
        (("New", "Speaker"), "Now there is New (then Mic)."),
        (("New", "Other"), "Now there is New (then Mic) and Other (then Speaker)."),
    ],
)
def test_it_is_older_than_the_devices(devices: tuple[str, str], changed: str) -> None:
    (found,) = calibrated.judged(FOUND, devices, Config())
    assert found.state is State.WARN
    assert changed in found.found


def test_devices_that_are_not_there() -> None:
    assert calibrated.judged(FOUND, ("", ""), Config()) == [
        skipped("Of 2026-11-24: safe up to volume 55. The devices are not there to compare.")
    ]


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    site = Site(Config(), [], tmp_path, tmp_path / "c.sock", Asked(Presence.ABSENT))
    (found,) = calibrated.check(site)
    assert found.state is State.WARN
    assert "damaged" in found.found
