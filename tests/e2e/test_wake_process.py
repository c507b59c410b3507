"""The whole program through sound cards: called by its word, stopped by another, and deaf to its own voice."""

from __future__ import annotations

import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import rig as sound
from tests.speech import models_present, transcribe
from tests.voices import spoken

DATA = Path(__file__).parents[1] / "data"
LONG = "This is a sentence that goes on for quite a while, about nothing much, so that somebody may well interrupt it. "
ECHO_DB = -6.0

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.long,
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
    running = sound.Running(
        rig, EDGE_VOICE_LOCAL__LLM="off", EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", EDGE_VOICE_WAKE__WORD="hey_jarvis",
        EDGE_VOICE_WAKE__STOP_WORD="alexa", EDGE_VOICE_WAKE__STOP_SENSITIVITY="medium",
    )  # fmt: skip
    running.wait_ready()
    return running


def say(rig: sound.Rig, text: str) -> tuple[float, float]:
    """Somebody says it."""
    path = rig.run / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(spoken(text).tobytes())
    return rig.speak(path)


def test_called_and_asked_in_one_breath_it_answers(device: sound.Running, rig: sound.Rig) -> None:
    recorder = rig.record()
    say(rig, "hey jarvis, what is twelve times eleven?")
    device.wait_count("turn", 1)
    device.wait_state("idle")
    assert "jarvis" not in device.of("user_transcript")[-1]["text"].lower()
    assert "132" in transcribe(recorder.heard()).replace(",", "")
    microphone = device.status()["microphone"]
    assert (microphone["wake_word"], microphone["words_heard"], microphone["lost_frames"]) == ("Hey Jarvis", 1, 0)


def test_called_and_asked_after_a_while_it_answers_too(device: sound.Running, rig: sound.Rig) -> None:
    before = len(device.of("turn"))
    say(rig, "hey jarvis")
    device.wait_state("listening")
    time.sleep(1.0)
    say(rig, "what is three plus four?")
    device.wait_count("turn", before + 1)
    device.wait_state("idle")
    assert device.of("user_transcript")[-1]["text"].lower().startswith("what is")


def test_the_same_question_without_the_word_is_nobodys(device: sound.Running, rig: sound.Rig) -> None:
    before = len(device.of("state"))
    say(rig, "what is twelve times eleven?")
    time.sleep(1.0)
    assert len(device.of("state")) == before


def test_the_stop_word_silences_it(device: sound.Running, rig: sound.Rig) -> None:
    """And is no question."""
    turns = len(device.of("turn"))
    device.call("say", LONG * 4)
    device.wait_count("turn", turns + 1)
    time.sleep(1.0)
    heard = len(device.of("user_transcript"))
    recorder = rig.record()
    rig.speak(DATA / "speech/kw_alexa_14.flac")
    device.wait_state("idle", 3)
    silent_from = time.monotonic() + 0.5
    time.sleep(2.0)
    assert np.abs(recorder.between(silent_from, silent_from + 1.0)).max() < 100
    assert (len(device.of("user_transcript")), len(device.of("turn"))) == (heard, turns + 1)


def test_its_own_voice_neither_wakes_nor_stops_it(device: sound.Running, rig: sound.Rig) -> None:
    """All of it comes back by the microphone, from the first word on."""
    turns, cuts, heard = (
        len(device.of("turn")),
        len(device.of("interrupted")),
        device.status()["microphone"]["words_heard"],
    )
    recorder = rig.record()
    with rig.echo(ECHO_DB):
        device.call("say", "hey jarvis. alexa. hey jarvis, what time is it? alexa. and that is all. marmalade.")
        device.wait_count("turn", turns + 1)
        device.wait_state("idle", 20)
    assert "marmalade" in transcribe(recorder.heard()).lower()
    assert len(device.of("interrupted")) == cuts
    microphone = device.status()["microphone"]
    assert microphone["words_heard"] == heard


def test_muted_it_is_not_called(device: sound.Running, rig: sound.Rig) -> None:
    device.call("mute")
    device.wait_state("muted")
    before = device.status()["microphone"]["words_heard"]
    say(rig, "hey jarvis, what is twelve times eleven?")
    device.call("unmute")
    device.wait_state("idle")
    time.sleep(0.5)
    assert device.status()["microphone"]["words_heard"] == before
