"""The daemon as its owner meets it: real PortAudio, callbacks and timing, spoken to and listened to."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import rig as sound
from tests.speech import models_present, transcribe

DATA = Path(__file__).parents[1] / "data"
LAMP = DATA / "speech/livingroom_lamp.flac"

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    """One sound server for the module."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        yield started


@pytest.fixture(scope="module")
def device(rig: sound.Rig) -> sound.Running:
    """One daemon for the module, ready for a turn."""
    running = sound.Running(rig, EDGE_VOICE_LOCAL__LLM="off", EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0")
    running.wait_ready()
    return running


def test_it_hears_a_question_and_its_answer_can_be_understood(device: sound.Running, rig: sound.Rig) -> None:
    """Spoken to through the microphone; what the speaker plays is transcribed again."""
    recorder = rig.record()
    device.call("press")
    device.wait_state("listening")
    rig.speak(LAMP)
    device.wait_count("turn", 1)
    device.wait_state("idle")
    assert "living room lamp" in device.of("user_transcript")[-1]["text"].lower()
    said = transcribe(recorder.heard())
    assert "smart home" in said.lower(), said
    status = device.status()
    assert status["microphone"]["lost_frames"] == 0
    assert status["speaker"]["starved"] == 0


def test_a_typed_question_is_answered_aloud(device: sound.Running, rig: sound.Rig) -> None:
    """`ask` needs no microphone."""
    recorder, before = rig.record(), len(device.of("turn"))
    device.call("ask", "what is twelve times eleven")
    device.wait_count("turn", before + 1)
    device.wait_state("idle")
    assert "132" in transcribe(recorder.heard()).replace(",", "")


def test_a_press_interrupts_and_the_speaker_falls_silent(device: sound.Running, rig: sound.Rig) -> None:
    """The rest of the sentence is never heard."""
    recorder, before = rig.record(), len(device.of("turn"))
    device.call(
        "say", "This sentence is long enough to be interrupted, and these last words of it are never heard: marmalade."
    )
    device.wait_count("turn", before + 1)
    device.call("press")
    device.wait_state("listening")
    device.call("press")
    device.wait_state("idle")
    said = transcribe(recorder.heard()).lower()
    assert "marmalade" not in said, said


def test_muted_it_hears_nothing(device: sound.Running, rig: sound.Rig) -> None:
    """A press while muted does not open the microphone, and says why."""
    before = len(device.of("user_transcript"))
    device.call("mute")
    device.wait_state("muted")
    assert device.call("status").returncode == 1
    device.call("press")
    rig.speak(LAMP)
    device.call("unmute")
    device.wait_state("idle")
    assert len(device.of("user_transcript")) == before
    assert any("muted" in error["message"] for error in device.of("error"))


def test_a_killed_worker_costs_no_words(device: sound.Running, rig: sound.Rig) -> None:
    """Killed while the person talks: the turn is answered all the same."""
    before, old = len(device.of("turn")), device.status()["engine"]["worker_pid"]
    device.call("press")
    device.wait_state("listening")
    os.kill(old, signal.SIGKILL)
    rig.speak(LAMP)
    device.wait_count("turn", before + 1, 40)
    device.wait_state("idle")
    assert "lamp" in device.of("user_transcript")[-1]["text"].lower()
    assert device.status()["engine"]["worker_pid"] != old


def test_a_second_daemon_is_refused(device: sound.Running) -> None:
    """It names the first one."""
    second = device.call("run")
    assert second.returncode == 1
    assert f"pid {device.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_vanished_microphone_is_told_and_comes_back(device: sound.Running, rig: sound.Rig) -> None:
    """Suspended: callbacks stop and nothing else tells."""
    rig.pactl("suspend-source", "mic", "1")
    device.wait_state("error", 10)
    assert "stopped" in device.status()["problems"][0]
    assert device.call("status").returncode == 1
    rig.pactl("suspend-source", "mic", "0")
    device.wait_state("idle", 20)
    assert device.status()["ready"]


def test_sigterm_in_mid_sentence_ends_it_cleanly(device: sound.Running) -> None:
    """Last in the module: the daemon is gone afterwards."""
    before = len(device.of("turn"))
    device.call(
        "say", "This is a sentence that is still being spoken when the service manager asks the daemon to stop."
    )
    device.wait_count("turn", before + 1)
    device.process.send_signal(signal.SIGTERM)
    assert device.process.wait(2) == 0
    assert "Traceback" not in device.text()


def test_no_microphone_is_said_in_words(rig: sound.Rig) -> None:
    """The daemon stays up, and waits for one."""
    running = sound.Running(rig, EDGE_VOICE_AUDIO__INPUT="no such thing", EDGE_VOICE_ENGINE__USE="none")
    sound.wait_for(lambda: running.call("status").stdout, 20, "an answer", running.text)
    status = running.status()
    assert not status["ready"]
    assert 'The microphone "no such thing" is not there.' in status["problems"][0]
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(3) == 0


def test_sigterm_while_it_still_loads_ends_it_cleanly(rig: sound.Rig) -> None:
    """The press has begun to load what listens during replies, in a thread inside native code."""
    for _ in range(5):
        running = sound.Running(rig, EDGE_VOICE_ENGINE__USE="none")
        running.wait_ready()
        press = rig.child([sys.executable, "-m", "edge", "press"], env=running.env)
        running.wait_state("listening")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0, running.text()
        assert press.wait(20) == 0


def test_talk_uses_the_devices_that_are_there(rig: sound.Rig) -> None:
    """A typed turn in `talk` comes out of the real speaker."""
    recorder = rig.record()
    command = [sys.executable, "-m", "edge", "talk", "--text", "what is 2 plus 3"]
    talk = rig.child(command, env=rig.env(EDGE_VOICE_LOCAL__LLM="off"))
    assert talk.wait(60) == 0
    heard = recorder.heard()
    assert np.abs(heard).max() > 1000
    assert "5" in transcribe(heard).replace("five", "5").replace("Five", "5")
