"""Chimes, sentences and the mixer on a real sound server: what the loudspeaker plays, and what the server says."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.audio import adpcm
from edge.audio.convert import level_db
from edge.audio.sounds import path_of
from edge.core.reports import Problem
from tests import rig as sound

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path) as started:
        yield started


def started(rig: sound.Rig, folder: Path, **env: str) -> sound.Running:
    running = sound.Running(rig, EDGE_VOICE_ENGINE__USE="none", STATE_DIRECTORY=str(folder / "state"), **env)
    running.wait_ready()
    return running


def volume_of(rig: sound.Rig, sink: str = "spk") -> int:
    """As the sound server tells it."""
    command = ["pactl", "get-sink-volume", sink]
    told = subprocess.run(
        command, env=rig.env(LC_ALL="C"), capture_output=True, text=True, check=True, timeout=5
    ).stdout
    found = re.search(r"(\d+)%", told)
    assert found is not None
    return int(found[1])


def stop(running: sound.Running) -> None:
    running.process.terminate()
    assert running.process.wait(10) == 0


def test_a_start_chime_is_heard_at_once_and_nothing_after_it(rig: sound.Rig, tmp_path: Path) -> None:
    device = started(rig, tmp_path, EDGE_VOICE_SOUNDS__START="true")
    device.call("press")
    device.wait_state("listening")
    device.call("press")  # nothing was said: at rest again, and the output stays open
    device.wait_state("idle")
    recorder = rig.record()
    sound.wait_for(lambda: recorder.blocks, 5, "the recorder")
    before = time.monotonic()
    device.call("press")
    device.wait_count("state", 3)
    time.sleep(1.0)
    pressed = next(at for at, event in reversed(device.events) if event.get("state") == "listening")
    heard = recorder.first_sound(before)
    ended = recorder.last_sound()
    assert heard is not None
    assert ended is not None
    assert heard - pressed < 1.0  # 20 ms on a machine with nothing else to do
    assert ended - heard < 0.7  # and nothing comes after it
    assert device.status()["speaker"]["starved"] == 0


def test_a_press_while_muted_is_told_in_words(rig: sound.Rig, tmp_path: Path) -> None:
    device = started(rig, tmp_path, EDGE_VOICE_SOUNDS__REPORTS="true")
    device.call("mute")
    device.wait_state("muted")
    recorder = rig.record()
    device.call("press")
    device.wait_count("error", 1)
    said = adpcm.read(path_of(Problem.MUTED, "en"))
    time.sleep(said.seconds + 1.0)
    heard = recorder.samples()
    loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > 300)
    assert (loud[-1] - loud[0]) / sound.RATE == pytest.approx(said.seconds, abs=0.15)
    assert level_db(heard[loud[0] : loud[-1]]) == pytest.approx(level_db(said.decode()), abs=1.5)


def test_the_mixer_is_set_read_and_remembered(rig: sound.Rig, tmp_path: Path) -> None:
    mixer = {"EDGE_VOICE_AUDIO__MIXER": "spk"}
    assert rig.pactl("set-sink-volume", "spk", "63%") == 0
    device = started(rig, tmp_path, **mixer)
    device.call("press")
    sound.wait_for(lambda: device.status()["speaker"]["volume"] == 63, 10, "the mixer's own volume", device.text)
    assert volume_of(rig) == 63
    device.call("volume", "40")
    sound.wait_for(lambda: volume_of(rig) == 40, 10, "the mixer", device.text)
    sound.wait_for((tmp_path / "state" / "volume.json").exists, 10, "the memory")
    stop(device)
    assert rig.pactl("set-sink-volume", "spk", "90%") == 0  # as a card is after a boot
    device = started(rig, tmp_path, **mixer)
    assert device.status()["speaker"]["volume"] == 40
    device.call("press")
    sound.wait_for(lambda: volume_of(rig) == 40, 10, "the mixer", device.text)
    stop(device)
    device = started(rig, tmp_path, EDGE_VOICE_AUDIO__VOLUME="55", **mixer)  # the configuration counts again
    device.call("press")
    sound.wait_for(lambda: volume_of(rig) == 55, 10, "the mixer", device.text)


def test_a_volume_that_is_changed_elsewhere_is_followed_and_remembered(rig: sound.Rig, tmp_path: Path) -> None:
    """Another program, or a key on the loudspeaker."""
    mixer = {"EDGE_VOICE_AUDIO__MIXER": "spk"}
    device = started(rig, tmp_path, **mixer)
    device.call("say", "hello")
    device.call("volume", "70")
    sound.wait_for(lambda: volume_of(rig) == 70, 10, "the mixer", device.text)
    time.sleep(0.2)  # until what the setting itself has caused is over
    assert rig.pactl("set-sink-volume", "spk", "35%") == 0
    sound.wait_for(lambda: device.status()["speaker"]["volume"] == 35, 10, "the volume in force", device.text)
    assert [event["percent"] for event in device.of("volume")][-1] == 35
    kept = tmp_path / "state" / "volume.json"
    sound.wait_for(lambda: '"volume": 35' in kept.read_text(), 10, "the memory", kept.read_text)
    assert volume_of(rig) == 35


def test_what_a_mixer_makes_quieter_the_program_does_not_make_quieter_again(rig: sound.Rig, tmp_path: Path) -> None:
    device = started(rig, tmp_path, EDGE_VOICE_AUDIO__MIXER="spk", EDGE_VOICE_SOUNDS__START="true")
    device.call("volume", "70")
    device.call("press")
    sound.wait_for(lambda: volume_of(rig) == 70, 10, "the mixer", device.text)
    device.call("press")
    recorder = rig.record()
    sound.wait_for(lambda: recorder.blocks, 5, "the recorder")
    device.call("press")
    time.sleep(1.0)
    heard = recorder.samples()
    loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > 100)
    level = level_db(heard[loud[-1] - round(0.22 * sound.RATE) : loud[-1]])  # the last chime, not the end of the first
    assert level == pytest.approx(-20 + 60 * np.log10(0.7), abs=1.5)  # PulseAudio's scale is cubic


def test_without_a_mixer_the_server_is_left_alone(rig: sound.Rig, tmp_path: Path) -> None:
    assert rig.pactl("set-sink-volume", "spk", "63%") == 0
    device = started(rig, tmp_path)  # "usbspk" is no card, and it may lead anywhere
    device.call("press")
    device.call("volume", "40")
    sound.wait_for((tmp_path / "state" / "volume.json").exists, 10, "the memory")
    assert volume_of(rig) == 63
    assert device.status()["speaker"]["volume"] == 40


@pytest.mark.parametrize("barge_in", ["duck", "button"])
def test_a_loud_start_chime_that_comes_back_by_the_microphone_is_no_question(
    rig: sound.Rig, tmp_path: Path, barge_in: str
) -> None:
    device = started(rig, tmp_path, EDGE_VOICE_SOUNDS__START="true", EDGE_VOICE_CONVERSATION__NO_SPEECH_S="2",
                     EDGE_VOICE_CONVERSATION__BARGE_IN=barge_in)  # fmt: skip
    rig.noise(-60)
    with rig.echo(0, delay_ms=40):
        recorder = rig.record("micfeed")
        device.call("press")
        device.wait_state("listening")
        device.wait_state("idle", 10)
    assert np.abs(recorder.samples()).max() > 3000  # it was heard
    assert [event["state"] for event in device.of("state")][-2:] == ["listening", "idle"]
    assert "thinking" not in [event["state"] for event in device.of("state")]
