"""`edge-voice doctor` on virtual sound cards: real devices, a real daemon, and what can go wrong with them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.audio.profile import NAME, Profile, save
from tests import rig as sound
from tests.busy import whole

ENGINE = {"EDGE_VOICE_ENGINE__USE": "none"}

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path) as started:
        yield started


@pytest.fixture
def room(rig: sound.Rig) -> sound.Rig:
    """A microphone in a room, which is never quite silent."""
    noise = np.random.default_rng(1).normal(0, 100, 60 * sound.RATE).astype(np.int16)
    (rig.run / "noise.raw").write_bytes(noise.tobytes())
    rig.child(["pacat", "-d", "micfeed", f"--rate={sound.RATE}", "--channels=1", "--format=s16le", "--raw",
               str(rig.run / "noise.raw")])  # fmt: skip
    recorder = rig.record("micfeed")
    sound.wait_for(lambda: np.abs(recorder.samples()).max(initial=0) > 50, 10, "the noise")
    return rig


@pytest.fixture
def daemon(room: sound.Rig) -> sound.Running:
    one = sound.Running(room, **env(room))
    one.wait_ready()
    return one


def env(rig: sound.Rig) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(rig.run), "XDG_CONFIG_HOME": str(rig.run), **ENGINE}


def doctor(rig: sound.Rig, *words: str, **more: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The exit code, and the results by check."""
    command = [sys.executable, "-m", "edge", "doctor", "--json", *words]
    done = subprocess.run(
        command, env=rig.env(**env(rig), **more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert not done.stderr
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.stdout)["results"]:
        by_name.setdefault(one["check"], []).append(one)
    return done.returncode, by_name


def heard(rig: sound.Rig, **more: str) -> dict[str, list[dict[str, Any]]]:
    """Once more when the machine was too busy to play and record without a gap."""
    return whole(
        lambda: doctor(rig, "--thorough", **more)[1], lambda found: "Sound was lost" in found["loop"][0]["found"]
    )


def states(found: dict[str, list[dict[str, Any]]], *names: str) -> list[str]:
    return [one["state"] for name in names for one in found[name]]


def test_devices_that_work_and_nothing_is_heard(room: sound.Rig) -> None:
    recorder = room.record()
    code, found = doctor(room)
    assert code == 0
    assert states(found, "microphone", "loudspeaker") == ["well", "well"]
    assert "usbmic: 48000 Hz, 1 channel, level -5" in found["microphone"][0]["found"]
    assert found["loudspeaker"][0]["found"].startswith("usbspk: 48000 Hz, volume 100; it takes")
    assert not recorder.samples().any()


def test_a_short_sound_comes_back_or_does_not(room: sound.Rig) -> None:
    """Only where it is asked for; the models are none here, so that is all there is to wait for."""
    away = {"EDGE_VOICE_LOCAL__MODELS_DIR": str(room.run)}
    with room.echo(-6.0):
        found = heard(room, **away)
        assert states(found, "loop") == ["well"]
        level, delay = (float(part.split()[0]) for part in found["loop"][0]["found"].split(": ")[1].split(", "))
        assert level == pytest.approx(-6, abs=1.5)
        assert -10 < delay < 200
    recorder = room.record()
    found = heard(room, EDGE_VOICE_AUDIO__VOLUME="50", **away)
    assert states(found, "loop") == ["warn"]
    assert "With headphones" in found["loop"][0]["todo"]
    played = np.abs(recorder.samples().astype(float))
    assert played.max() == pytest.approx(32768 * 10 ** (-30 / 20), rel=0.1)  # -18 dBFS, and 12 less by the volume


def test_a_loudspeaker_that_is_muted_in_the_sound_server(room: sound.Rig) -> None:
    room.pactl("set-sink-mute", "spk", "1")
    code, found = doctor(room, EDGE_VOICE_AUDIO__MIXER="spk")
    assert code == 1
    assert [one["state"] for one in found["loudspeaker"]] == ["well", "fail"]
    assert found["loudspeaker"][1]["found"] == "Nothing will be heard: spk is switched off."
    room.pactl(*found["loudspeaker"][1]["todo"].split()[1:])
    room.pactl("set-sink-volume", "spk", "35%")
    code, found = doctor(room, EDGE_VOICE_AUDIO__MIXER="spk")
    assert code == 0
    assert found["loudspeaker"][0]["found"].endswith("it takes sound; spk is at 35 %.")


@pytest.mark.skipif(bool(list(Path("/dev").glob("gpiomem*"))), reason="this machine has pins")
def test_a_daemon_whose_button_cannot_be_used_says_so(room: sound.Rig) -> None:
    pins = {"EDGE_VOICE_PANEL__BUTTON_PIN": "17", "EDGE_VOICE_PANEL__PIN_FACTORY": "native"}
    daemon = sound.Running(room, **env(room), **pins)
    daemon.wait_ready()
    (problem,) = daemon.status()["panel"]
    assert problem.startswith("No button or lamp works here, for there are no pins: ")
    assert f"problem:    {problem}" in daemon.call("status").stdout
    code, found = doctor(room, **pins)
    assert code == 1
    assert found["panel"][0]["found"] == problem


def test_a_microphone_that_is_off_and_a_device_that_is_not_there(rig: sound.Rig) -> None:
    code, found = doctor(rig, EDGE_VOICE_AUDIO__OUTPUT="nonsense")
    assert code == 1
    assert found["microphone"][0]["found"] == "usbmic hears nothing at all, not even noise."
    assert found["loudspeaker"][0]["found"] == 'The speaker "nonsense" is not there.'
    assert '"usbspk"' in found["loudspeaker"][0]["todo"]


def test_cards_that_are_suspended(room: sound.Rig) -> None:
    room.pactl("suspend-source", "mic", "1")
    room.pactl("suspend-sink", "spk", "1")
    code, found = doctor(room)
    assert code == 1
    assert [found[name][0]["found"] for name in ("microphone", "loudspeaker")] == [
        '"usbmic" gives no sound.', '"usbspk" takes no sound.',
    ]  # fmt: skip


def test_roles_that_the_device_has_no_channels_for(room: sound.Rig) -> None:
    _, found = doctor(room, EDGE_VOICE_AUDIO__CHANNEL="60")
    assert "so audio.channel = 60 cannot be." in found["microphone"][0]["found"]


def test_a_preset_for_another_array(room: sound.Rig) -> None:
    """A sound server shows as many channels as one wants: here the owner wants the first one of an array's."""
    _, found = doctor(room, EDGE_VOICE_AUDIO__ARRAY="ps-eye")
    assert states(found, "microphone") == ["well"]
    assert "4 channels" in found["microphone"][0]["found"]


def test_a_sound_server_that_hangs_is_given_up(room: sound.Rig) -> None:
    room.server.send_signal(signal.SIGSTOP)
    try:
        code, found = doctor(room)
    finally:
        room.server.send_signal(signal.SIGCONT)
    assert code == 1
    assert found["microphone"][0]["found"] == "No answer within 5 s."
    assert states(found, "loudspeaker", "calibration") == ["skipped", "skipped"]
    assert states(found, "clock", "state") == ["well", "well"]


def test_a_running_daemon_is_asked_and_its_devices_are_left_alone(daemon: sound.Running) -> None:
    code, found = doctor(daemon.rig)
    assert code == 0
    assert found["daemon"][0]["found"].startswith("It runs: idle, ready for a turn, up ")
    for name in ("microphone", "loudspeaker"):
        assert found[name][0]["state"] == "well"
        assert found[name][0]["found"].endswith("(asked of the daemon).")
    assert found["priority"][0]["found"].startswith("The daemon's audio thread ")
    assert daemon.status()["microphone"]["problems"] == {}


def test_a_daemon_that_hears_nothing(rig: sound.Rig) -> None:
    daemon = sound.Running(rig, **env(rig), EDGE_VOICE_AUDIO__VOLUME="0")
    daemon.wait_ready()
    code, found = doctor(rig)
    assert code == 1
    assert found["microphone"][0]["found"].startswith("usbmic hears nothing at all, not even noise (asked")
    assert states(found, "loudspeaker") == ["well", "warn"]  # its volume, not the one configured here
    assert "volume is 0" in found["loudspeaker"][1]["found"]


def test_a_daemon_that_is_muted(daemon: sound.Running) -> None:
    daemon.call("mute")
    daemon.wait_state("muted")
    code, found = doctor(daemon.rig)
    assert code == 0
    assert found["daemon"][0]["todo"] == "edge-voice unmute"
    assert states(found, "microphone") == ["skipped"]


def test_a_daemon_that_hangs_keeps_its_devices_to_itself(daemon: sound.Running) -> None:
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        code, found = doctor(daemon.rig)
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert code == 1
    assert states(found, "daemon", "microphone", "loudspeaker") == ["fail", "skipped", "skipped"]


# --- what calibration found ----------------------------------------------------------------------------


def profile(rig: sound.Rig, **change: Any) -> None:
    facts = {"date": "2026-11-24T12:30:00+00:00", "microphone": "usbmic", "speaker": "usbspk", "finding": "heard",
             "safety": "limited", "volume": 100, "volume_limit": 55, "noise_dbfs": -60.0}  # fmt: skip
    save(Profile(**{**facts, **change}), rig.run / "edge-voice" / NAME)


def test_doctor_compares_it_with_the_devices(room: sound.Rig) -> None:
    profile(room)
    _, found = doctor(room)
    assert "audio.volume = 55" in found["calibration"][0]["todo"]
    assert states(doctor(room, EDGE_VOICE_AUDIO__VOLUME="55")[1], "calibration") == ["well"]
    profile(room, speaker="Another Speaker")
    _, found = doctor(room)
    assert found["calibration"][0]["found"].endswith("Now there is usbspk (then Another Speaker).")


def test_the_daemon_says_it_once_and_its_status_has_it(room: sound.Rig) -> None:
    profile(room)
    daemon = sound.Running(room, **env(room))
    daemon.wait_ready()
    sound.wait_for(lambda: "interrupting by voice is safe up to 55" in daemon.text(), 10, "the warning", daemon.text)
    assert daemon.status()["microphone"]["calibration"] == "2026-11-24: safe up to volume 55"
    assert "calibration 2026-11-24: safe up to volume 55" in daemon.call("status").stdout
    assert daemon.text().count("interrupting by voice is safe up to 55") == 1


def test_the_daemon_does_not_use_one_of_other_devices(room: sound.Rig) -> None:
    profile(room, microphone="Another Mic")
    daemon = sound.Running(room, **env(room))
    daemon.wait_ready()
    assert daemon.status()["microphone"]["calibration"] is None
    assert "interrupting" not in daemon.text()
