"""The real models, where they have been fetched: words are understood, and no sound upsets them."""

from __future__ import annotations

import asyncio
import difflib
import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctranslate2")

from edge.agents.local import models
from edge.agents.local.engine import LocalAgent
from edge.agents.local.responder import Settings
from edge.agents.local.setup import EARS, models_dir
from edge.agents.local.understanding.made_up import is_hallucination
from edge.agents.local.worker.whisper import Reading
from edge.config import load as load_config
from edge.core.events import AgentReady, Event, ReplyAudio, ReplyEnded, TranscriptHeard
from tests.bench.clips import DATA, Clip, english
from tests.bench.words import errors, normal
from tests.signals import noise, recording, sine
from tests.speech import models_present, transcribe, whisper
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]
# Single odd words and made-up sentences are beyond the small model; counted over all clips together.
MOST_WRONG = 0.10


def voiced_uh(seconds: float) -> np.ndarray:
    """A hum with a throat behind it: 120 Hz and its overtones, falling by 12 dB an octave."""
    wave = sum(sine(seconds, 120 * n, 16_000, 0.3 / n**2) for n in range(1, 12))
    return (np.asarray(wave) * 32767).astype(np.int16)


def accepted(samples: np.ndarray) -> str:
    """What the engine takes it for."""
    reading: Reading = whisper().read(samples.tobytes())
    facts = {"score": reading.score, "no_speech": reading.no_speech, "seconds": reading.seconds}
    return "" if is_hallucination(reading.text, **facts) else reading.text


def test_public_recordings_are_understood() -> None:
    def wrong(clip: Clip) -> tuple[int, int]:
        wanted = normal(clip.transcript)
        return errors(wanted, normal(transcribe(recording(clip.path)))), len(wanted)

    counts = [wrong(clip) for clip in english()]
    assert sum(bad for bad, _ in counts) / sum(words for _, words in counts) <= MOST_WRONG


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.5, 3.0, 12.0])
def test_silence_is_nothing(seconds: float) -> None:
    assert accepted(np.zeros(round(seconds * 16_000), np.int16)) == ""


@pytest.mark.parametrize("loudness", [0.0003, 0.003, 0.03, 0.3])
def test_noise_is_nothing(loudness: float) -> None:
    assert accepted(noise(3.0, loudness=loudness)) == ""


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_a_voiced_uh_does_not_upset_it(seconds: float) -> None:
    assert len(accepted(voiced_uh(seconds))) < 100


@pytest.mark.parametrize("kind", ["clipped", "square", "one sample", "odd"])
def test_absurd_sounds_do_not_upset_it(kind: str) -> None:
    sounds = {
        "clipped": np.full(32_000, 32767, np.int16),
        "square": np.tile(np.repeat(np.array([32767, -32768], np.int16), 40), 400),
        "one sample": np.array([1], np.int16),
        "odd": np.arange(12_345, dtype=np.int16),
    }
    assert isinstance(accepted(sounds[kind]), str)


def test_thirty_seconds_of_speech_are_read_to_their_end() -> None:
    names = ("jfk", "vctk_p286_011", "libri_1272_0000", "librivox_0890")
    sound = np.concatenate([recording(DATA / f"speech/{name}.flac") for name in names])[: 30 * 16_000]
    words = normal(transcribe(sound))
    assert words[:3] == ["and", "so", "my"]
    assert difflib.get_close_matches("disposed", words[-3:], 1, 0.5)


def test_the_worker_with_its_real_models_survives_a_kill_in_the_middle_of_reading() -> None:
    events: list[Event] = []

    def ended() -> list[ReplyEnded]:
        return [event for event in events if isinstance(event, ReplyEnded)]

    async def main() -> None:
        path = models.path_of(EARS, models_dir(load_config().local))
        agent = LocalAgent(Settings(Path(path)), events.append, lambda: "")
        await agent.open()
        await wait_until(lambda: AgentReady(judges=True) in events, 90)
        agent.audio(1, recording(DATA / "speech/livingroom_lamp.flac").tobytes())
        agent.end_of_turn(1)
        await asyncio.sleep(0.05)  # the reading has begun
        pid = agent.stats()["worker_pid"]
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        await wait_until(ended, 90)
        await agent.close()

    asyncio.run(main())
    assert ended()[0].outcome == "done"
    heard = [event.text for event in events if isinstance(event, TranscriptHeard) and event.final]
    assert "living room lamp" in heard[0].lower()
    assert sum(len(event.pcm) for event in events if isinstance(event, ReplyAudio)) > 24_000
