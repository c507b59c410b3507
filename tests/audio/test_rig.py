"""The audio side on real PortAudio and a real sound server: what is sent is what is heard, to the sample."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.audio.device import DeviceSink, DeviceSource, rescan
from edge.audio.files import load
from edge.audio.keeper import Keeper
from edge.audio.microphone import AudioThread, Ear, Sessions
from edge.audio.speaker import QueueSpeaker
from edge.core.effects import Ears
from edge.core.events import Event, MicAudio, MicFound, MicLost, PlayoutEnded, SpeakerFound, SpeakerLost
from edge.fitting import front_end
from tests import rig as sound
from tests.settings import EXACT

RATE = sound.RATE
LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


class Side:
    """Devices, their thread and their keeper, as the daemon has them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.speaker = QueueSpeaker(self.events.append, time.monotonic)
        sessions = Sessions(self.events.append, lambda call: call())
        front = front_end(EXACT, sessions, self.speaker)
        self.source, self.sink = DeviceSource("usbmic"), DeviceSink(self.speaker, "usbspk")
        self.thread = AudioThread(front, self.speaker, source=self.source, sink=self.sink)
        self.keeper = Keeper(
            self.source, self.sink, self.events.append, front.attach, rescan, lambda: self.speaker.busy
        )
        self.ear = Ear(front, sessions, self.thread, self.keeper)
        self.speaker.needed = self._needed
        self.keeper.start()
        self.thread.start()

    def _needed(self) -> None:
        self.keeper.need_output()
        self.thread.wake()

    def play(self, turn: int, samples: np.ndarray) -> None:
        """As an engine does: in pieces, faster than they can be played."""
        for at in range(0, len(samples), 4800):
            self.speaker.play(turn, samples[at : at + 4800].tobytes(), RATE)
        self.speaker.finish(turn)

    def wait(self, event: Event) -> None:
        sound.wait_for(lambda: event in self.events, 20, str(event), lambda: self.events[-5:])

    def wait_kind(self, kind: type[Event], count: int = 1) -> None:
        sound.wait_for(lambda: sum(isinstance(e, kind) for e in self.events) >= count, 20, kind.__name__)

    def heard(self) -> np.ndarray:
        pcm = [e.pcm for e in self.events if isinstance(e, MicAudio)]
        return np.frombuffer(b"".join(pcm), np.int16)

    def close(self) -> None:
        self.thread.close()
        self.keeper.close()


@pytest.fixture
def rig(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[sound.Rig]:
    """A sound server that this process uses; PortAudio is told to look again."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        for name, value in started.env().items():
            monkeypatch.setitem(os.environ, name, value)
        rescan()
        yield started


@pytest.fixture
def side(rig: sound.Rig) -> Iterator[Side]:
    """The audio side, and a microphone that delivers."""
    one = Side()
    one.wait_kind(MicFound)
    yield one
    one.close()


def ramp(count: int) -> np.ndarray:
    """Samples that can be told apart."""
    return (np.arange(count) % 9000 + 1000).astype(np.int16)


def recorded(recorder: sound.Recorder) -> np.ndarray:
    """All that was not silence: a busy machine may put some in between, and still nothing is to be lost."""
    samples = recorder.samples()
    return samples[samples != 0]


def settled(recorder: sound.Recorder, seconds: float) -> None:
    """Until the recorder has got so much more: what was played by now is in it."""
    wanted = len(recorder.samples()) + seconds * RATE
    sound.wait_for(lambda: len(recorder.samples()) >= wanted, 10, "the recorder")


def test_nothing_is_lost_at_either_end_of_a_reply(side: Side, rig: sound.Rig) -> None:
    """The first with the output closed, one in quick succession, and one after the card has come to rest."""
    side.ear.set_ears(Ears.LISTEN, time.monotonic())
    for turn, pause in ((1, 0.0), (2, 0.1), (3, 1.0)):
        recorder = rig.record()
        settled(recorder, 0.5 + pause)
        side.play(turn, ramp(31_234))
        side.wait(PlayoutEnded(turn))
        settled(recorder, 0.3)
        assert np.array_equal(recorded(recorder), ramp(31_234))


def test_what_is_told_to_have_been_heard_was_heard(side: Side, rig: sound.Rig) -> None:
    for turn in (1, 2, 3):
        recorder = rig.record()
        settled(recorder, 0.5)
        side.play(turn, np.full(10 * RATE, 5000, np.int16))
        settled(recorder, 0.4 + 0.0171 * turn)
        told = side.speaker.stop(turn)
        settled(recorder, 0.3)
        assert len(recorded(recorder)) * 1000 / RATE == pytest.approx(told, abs=10)


def test_a_press_hands_over_what_was_said_before_it(side: Side, rig: sound.Rig) -> None:
    """The card still has up to a quarter of a second of it."""
    began, ended = rig.speak(LAMP)
    side.ear.set_ears(Ears.LISTEN, began - 0.2)
    sound.wait_for(lambda: len(side.heard()) >= (ended - began) * 16_000, 5, "the recording")
    heard = side.heard().astype(np.float64)
    wanted = load(LAMP).astype(np.float64)
    match = np.correlate(heard, wanted[4000:12_000], "valid")
    at = int(np.argmax(match))
    part = heard[at : at + 8000]
    assert np.corrcoef(part, wanted[4000:12_000])[0, 1] > 0.98


def test_muted_nothing_is_kept(side: Side, rig: sound.Rig) -> None:
    side.ear.set_ears(Ears.LISTEN, time.monotonic())
    side.ear.close_mic(True)
    rig.speak(LAMP)
    assert len(side.source.ring.read(0, 1_000_000)[0]) == 0
    side.ear.close_mic(False)
    side.wait_kind(MicFound, 2)


def test_a_microphone_that_stops_is_told_and_comes_back(side: Side, rig: sound.Rig) -> None:
    rig.pactl("suspend-source", "mic", "1")
    side.wait_kind(MicLost)
    rig.pactl("suspend-source", "mic", "0")
    side.wait_kind(MicFound, 2)


def test_a_speaker_that_stops_is_told_and_comes_back(side: Side, rig: sound.Rig) -> None:
    rig.pactl("suspend-sink", "spk", "1")
    side.play(1, ramp(10 * RATE))
    side.wait_kind(SpeakerLost)
    rig.pactl("suspend-sink", "spk", "0")
    recorder = rig.record()
    side.wait_kind(SpeakerFound)
    settled(recorder, 1.0)
    assert len(recorded(recorder)) > RATE / 2
