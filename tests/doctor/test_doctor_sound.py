"""The parts of the sound checks that need no sound: names, channels, errors, what the daemon says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.config import Audio, Config
from edge.doctor import sound
from edge.doctor.capture import Capture
from edge.doctor.checks import Result, State
from edge.doctor.site import BAD_CONFIG, Asked, Presence, Site
from edge.errors import DeviceGone

XVF = "reSpeaker XVF3800 4-Mic Array: USB Audio (hw:2,0)"


def array(name: str, channels: int, preset: str) -> list[Result]:
    captured = Capture(name, np.zeros((10, channels)), 16_000, 0.1, (0,))
    return list(sound._array(captured, replace(Audio(), array=preset)))


def test_an_array_that_is_known_and_not_told_of() -> None:
    (one,) = array(XVF, 2, "")
    assert (one.state, one.todo) == (State.WARN, 'Set audio.array = "xvf3800".')
    assert array("USB PnP Sound Device", 1, "") == []
    assert array(XVF, 2, "plain") == []  # the owner wants it so


def test_an_array_with_another_firmware() -> None:
    assert array(XVF, 2, "xvf3800") == array(XVF, 6, "xvf3800") == []
    (one,) = array(XVF, 1, "xvf3800")
    assert one.found == 'It has 1 channel, and audio.array = "xvf3800" is known with 2 or 6.'


@pytest.mark.parametrize(
    ("error", "found", "todo"),
    [
        ('"USB Mic" is in use by another program.', '"USB Mic" is in use by another program.', sound.LOOK),
        ("No microphone found. Plug one in.", "No microphone found.", "Plug one in."),
        ('"A. B." is gone', '"A.', 'B." is gone'),  # an odd name is still told whole
    ],
)
def test_an_error_says_what_and_then_what_to_do(error: str, found: str, todo: str) -> None:
    assert sound._failed(DeviceGone(error)) == Result(State.FAIL, found, todo)


def site(presence: Presence, config: Config | None, **status: object) -> Site:
    return Site(config, [], Path("/state"), Path("/run/c.sock"), Asked(presence, status))


@pytest.mark.parametrize("check", [sound.check_microphone, sound.check_speaker])
def test_nothing_is_opened_without_a_configuration_or_behind_a_silent_daemon(check) -> None:
    assert check(site(Presence.ABSENT, None)) == [BAD_CONFIG]
    assert [one.state for one in check(site(Presence.SILENT, Config()))] == [State.SKIPPED]


def test_what_the_daemon_says_of_its_devices() -> None:
    (one,) = sound.check_microphone(site(Presence.RUNS, Config(), microphone={"open": False}))
    assert one.found == "The daemon has no microphone open."
    speaker = {"device": "USB", "rate": 48_000, "volume": 60, "problem": ""}
    (one,) = sound.check_speaker(site(Presence.RUNS, Config(), speaker=speaker))
    assert one.found == "USB: 48000 Hz, volume 60 (asked of the daemon)."
    speaker["problem"] = "The speaker has stopped. Is it unplugged?"
    assert sound.check_speaker(site(Presence.RUNS, Config(), speaker=speaker))[0].state is State.FAIL


NOISY = """
import os, sys
from edge.doctor.sound import quiet
with quiet():
    os.write(2, b"ALSA lib pcm.c: Unknown PCM\\n")
os.write(2, b"after\\n")
"""


@pytest.mark.parametrize(("debug", "told"), [("", "after\n"), ("1", "ALSA lib pcm.c: Unknown PCM\nafter\n")])
def test_what_libraries_write_does_not_tear_the_screen(debug: str, told: str) -> None:
    command = [sys.executable, "-c", NOISY]
    done = subprocess.run(
        command, env={**os.environ, "EDGE_VOICE_DEBUG": debug}, capture_output=True, text=True, check=True
    )
    assert done.stderr == told


def test_without_a_standard_error_there_is_nothing_to_keep_quiet() -> None:
    done = subprocess.run(
        f"{sys.executable} -c 'from edge.doctor.sound import quiet\nwith quiet(): print(1)' 2>&-",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n")
