"""`edge-voice calibrate` on virtual sound cards, with and without a way from speaker to microphone."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.audio.profile import load
from tests import rig as sound
from tests.busy import whole

LOOP = ("load-module", "module-loopback", "source=spk.monitor", "sink=micfeed", "latency_msec=40", "adjust_time=0")

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        yield started


@pytest.fixture
def room(rig: sound.Rig) -> Iterator[sound.Rig]:
    """What the speaker plays comes back by the microphone."""
    assert rig.pactl(*LOOP) == 0
    yield rig
    rig.pactl("unload-module", "module-loopback")


def calibrate(rig: sound.Rig, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Once more when the machine was too busy to play and record without a gap."""
    env = rig.env(**{"XDG_STATE_HOME": str(rig.run), "XDG_CONFIG_HOME": str(rig.run), **env})
    command = [sys.executable, "-m", "edge", "calibrate", "--yes", *words]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    return whole(run, lambda done: "was lost while measuring" in done.stdout)


def report(rig: sound.Rig, **env: str) -> tuple[int, dict[str, Any]]:
    done = calibrate(rig, "--json", **env)
    return done.returncode, json.loads(done.stdout)


def test_it_finds_the_echo(room: sound.Rig) -> None:
    code, facts = report(room)
    assert code == 0
    assert facts["finding"] == "heard"
    assert -10 < facts["delay_ms"] < 200
    assert facts["return_db"] == pytest.approx(0, abs=1)
    assert facts["microphone"] == "usbmic"
    assert facts["volume_limit"] < 100
    found = load(room.run / "edge-voice/calibration.json")
    assert found is not None
    assert found.delay_ms == pytest.approx(facts["delay_ms"], abs=0.01)


def test_the_volume_is_accounted_for_and_pictures_are_drawn(room: sound.Rig, tmp_path: Path) -> None:
    done = calibrate(room, "--plot", "--png", str(tmp_path / "room.png"), EDGE_VOICE_AUDIO__VOLUME="50")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("noise", "delay")))
    assert set(figures) == {"noise", "delay"}
    assert "usbspk, volume 50" in done.stdout
    returned = next(line for line in done.stdout.splitlines() if line.startswith("echo return"))
    assert abs(float(returned.split()[2])) < 1
    assert "█" in done.stdout
    assert struct.unpack(">II", (tmp_path / "room.png").read_bytes()[16:24]) == (740, 808)


def test_without_a_way_back_nothing_is_heard(rig: sound.Rig, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 100, 60 * sound.RATE).astype(np.int16)
    (tmp_path / "noise.raw").write_bytes(noise.tobytes())
    player = rig.child(["pacat", "-d", "micfeed", f"--rate={sound.RATE}", "--channels=1", "--format=s16le", "--raw",
                        str(tmp_path / "noise.raw")])  # fmt: skip
    done = calibrate(rig)
    player.terminate()
    assert done.returncode == 1
    assert "nothing of the loudspeaker" in done.stdout


def test_a_microphone_that_is_off(rig: sound.Rig) -> None:
    code, facts = report(rig)
    assert (code, facts["finding"]) == (1, "deaf")


def test_a_microphone_that_is_not_there(rig: sound.Rig) -> None:
    done = calibrate(rig, EDGE_VOICE_AUDIO__INPUT="nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith('edge-voice: The microphone "nonsense" is not there.')
    assert os.linesep not in done.stderr.rstrip()
