"""PulseAudio's own canceller, set up as hardware.md says: calibration hears that it works."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.audio.calibration import Finding
from tests import rig as sound
from tests.busy import whole

ROOM = "load-module module-loopback source=spk.monitor sink=micfeed latency_msec=40 adjust_time=0\n"
HARDWARE = (Path(__file__).parents[2] / "hardware.md").read_text()
# the lines that the owner is told to write, with this rig's master devices
LOAD = next(line for line in HARDWARE.splitlines() if line.startswith("load-module module-echo-cancel"))
PCMS = [line for line in HARDWARE.splitlines() if line.startswith("pcm.echo_")]

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[sound.Rig]:
    """What the speaker plays comes back by the microphone, and the server cancels it."""
    one = sound.Rig(tmp_path)
    load = LOAD.replace("=MIC", "=mic").replace("=SPEAKER", "=spk")
    for name, text in (("default.pa", f"{ROOM}{load}\n"), ("asound.conf", "\n".join(PCMS) + "\n")):
        with (one.run / name).open("a") as file:
            file.write(text)
    with one:
        yield one


def measured(rig: sound.Rig, microphone: str, speaker: str) -> dict[str, Any]:
    """What calibration finds; once more when the machine was too busy to play and record without a gap."""
    env = rig.env(XDG_STATE_HOME=str(rig.run), XDG_CONFIG_HOME=str(rig.run), EDGE_VOICE_AUDIO__ECHO="system",
                  EDGE_VOICE_AUDIO__INPUT=microphone, EDGE_VOICE_AUDIO__OUTPUT=speaker)  # fmt: skip
    command = [sys.executable, "-m", "edge", "calibrate", "--yes", "--json"]

    def run() -> dict[str, Any]:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return whole(run, lambda found: found["finding"] == Finding.BROKEN)


def test_the_systems_canceller_is_heard_to_work(rig: sound.Rig) -> None:
    """It learns at the first sound: how much of that is left depends on the moment."""
    bare = measured(rig, "usbmic", "usbspk")
    assert bare["finding"] == Finding.HEARD
    found = measured(rig, "echo_cancelled", "echo_far")
    if found["finding"] != Finding.CANCELLED and found["return_db"] is None:  # a busy machine: the sweep had holes
        found = measured(rig, "echo_cancelled", "echo_far")
    assert found["finding"] == Finding.CANCELLED or found["return_db"] < bare["return_db"] - 10
