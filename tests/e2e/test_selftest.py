"""`edge-voice selftest`: a turn that nobody hears, through the real cards and the offline engine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from tests import rig as sound
from tests.speech import models_present

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]
NOT_NOW = 75
UNHEARD = 30  # of 32,768


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        yield started


@pytest.fixture(scope="module")
def device(rig: sound.Rig) -> sound.Running:
    running = sound.Running(rig, EDGE_VOICE_LOCAL__LLM="off", EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0")
    running.wait_ready()
    return running


def test_a_turn_is_held_and_nobody_hears_it(device: sound.Running, rig: sound.Rig) -> None:
    """The question is understood, an answer comes, the card takes it; the room stays silent."""
    recorder = rig.record()
    ended = device.call("selftest", "--json")
    result = json.loads(ended.stdout)
    assert result["ok"], result
    assert (result["microphone"], result["understood"], result["speaker"]) == (True, True, True)
    assert result["engine"] == "local"
    assert "living room lamp" in device.of("user_transcript")[-1]["text"].lower()
    assert np.abs(recorder.heard()).max(initial=0) < UNHEARD


def test_afterwards_the_microphone_and_the_loudspeaker_are_the_persons_again(
    device: sound.Running, rig: sound.Rig
) -> None:
    """What is asked then is answered aloud."""
    device.wait_state("idle")
    recorder = rig.record()
    device.call("ask", "what time is it")
    device.wait_state("speaking")
    device.wait_state("idle")
    assert np.abs(recorder.heard()).max(initial=0) > 100 * UNHEARD


def test_it_does_not_disturb_somebody_who_talks(device: sound.Running, rig: sound.Rig) -> None:
    """Refused in one line, with the exit code for "not now"."""
    device.call("press")
    device.wait_state("listening")
    ended = device.call("selftest")
    assert ended.returncode == NOT_NOW
    assert "using the device" in ended.stderr
    device.call("press")
    device.wait_state("idle")
    assert rig.run.is_dir()


def test_a_muted_device_stays_muted(device: sound.Running, rig: sound.Rig) -> None:
    """No turn is tried, and why is said."""
    device.call("mute")
    ended = device.call("selftest")
    device.call("unmute")
    assert ended.returncode == NOT_NOW
    assert "is muted" in ended.stderr
    assert rig.run.is_dir()
