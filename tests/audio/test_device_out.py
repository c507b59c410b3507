"""Writing to a sound card: what is ahead in it, when nothing is written, and what counts as an underrun."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio import device as module
from edge.audio.device import MOST_AHEAD_S, PIECE_S, REST_S, DeviceSink
from edge.audio.feed import AHEAD_S, TAIL_S
from edge.audio.speaker import QueueSpeaker
from tests.audio.test_device import TABLE
from tests.fakes.lines import Clock
from tests.fakes.portaudio import Card, FakePortAudio


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio(TABLE, (3, 3))
    monkeypatch.setattr(module, "sd", fake)
    monkeypatch.setattr(module, "time", Clock())
    return fake


AHEAD, TAIL = round(AHEAD_S * 48_000), round(TAIL_S * 48_000)


class Out:
    """A speaker on a fake card, and time."""

    def __init__(self) -> None:
        self.speaker = QueueSpeaker(lambda _: None, module.time.monotonic)  # type: ignore[attr-defined]
        self.sink = DeviceSink(self.speaker, "Headset")
        self.sink.open()
        assert self.sink._opened is not None
        self.card: Card = self.sink._opened.stream
        self.most = 0  # that was in the card

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.sink.pump()
            self.most = max(self.most, self.card.left)
            module.time.now += 0.01  # type: ignore[attr-defined]
            self.card.play(480)

    @property
    def played(self) -> np.ndarray:
        return np.frombuffer(self.card.played, np.int16)


def ramp(count: int) -> np.ndarray:
    return (np.arange(count) % 30_000 + 1).astype(np.int16)


@pytest.mark.parametrize(("dtype", "scale"), [("int16", 1), ("float32", 1 / 32768), ("int32", 65536)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_speaker_gets_the_samples_on_all_channels(
    card: FakePortAudio, dtype: str, scale: float, channels: int
) -> None:
    card.can = lambda how: how["dtype"] == dtype and how["channels"] == channels
    out = Out()
    assert (out.speaker.name, out.speaker.rate) == ("Headset", 48_000)
    samples = np.array([0, 1, -1, 32767, -32768, 5], np.int16)
    out.speaker.play(1, samples.tobytes(), 48_000)
    out.sink.pump()
    table = np.frombuffer(out.card.played, dtype).reshape(6, channels)
    for channel in range(channels):
        assert np.array_equal(table[:, channel], (samples.astype(np.float64) * scale).astype(dtype))
    out.sink.close()
    assert not out.sink.is_open


def test_between_replies_nothing_is_written(card: FakePortAudio) -> None:
    out = Out()
    out.run(1.0)
    assert not out.card.played


def test_a_reply_goes_into_an_empty_card_at_once_and_no_more_than_it_may_hold(card: FakePortAudio) -> None:
    out = Out()
    out.run(1.0)
    out.speaker.play(1, ramp(20_000).tobytes(), 48_000)
    out.sink.pump()
    assert np.array_equal(out.played, ramp(AHEAD))


def test_a_reply_is_whole_and_followed_by_silence_and_a_fresh_start(card: FakePortAudio) -> None:
    out = Out()
    for turn in (1, 2):
        out.card.played = b""
        out.speaker.play(turn, ramp(20_123).tobytes(), 48_000)
        out.speaker.finish(turn)
        out.run(0.6)
        assert np.array_equal(out.played, np.concatenate([ramp(20_123), np.zeros(TAIL, np.int16)]))
        out.run(REST_S + 0.1)
        assert out.card.log == ["start", *["abort", "start"] * turn]
    assert not out.sink.pump()
    assert out.speaker.stats()["underruns"] == 0


def test_only_an_underrun_inside_a_reply_is_counted(card: FakePortAudio) -> None:
    out = Out()
    out.card.flag = True
    out.speaker.play(1, ramp(20_000).tobytes(), 48_000)
    out.sink.pump()
    assert out.speaker.underruns == 0
    out.run(PIECE_S + 0.02)
    assert out.speaker.underruns == 1
    out.run(0.2)
    assert AHEAD < out.most <= MOST_AHEAD_S * 48_000  # what the audio thread is late is made good by a larger piece


def test_a_card_that_is_full_enough_is_left_alone_until_there_is_room(card: FakePortAudio) -> None:
    out = Out()
    out.speaker.play(1, ramp(20_000).tobytes(), 48_000)
    wait = out.sink.pump()
    assert wait == pytest.approx(PIECE_S, abs=0.002)
    out.card.gone = True  # and would be found out by a question
    assert out.sink.pump() == pytest.approx(wait)
    assert not out.sink.stalled()
    out.speaker.stop(1)  # that is urgent
    out.sink.pump()
    assert out.sink.stalled()


def test_a_card_that_takes_nothing_more_is_stalled(card: FakePortAudio) -> None:
    out = Out()
    module.time.now += 60  # type: ignore[attr-defined]
    assert not out.sink.stalled()  # it has nothing to take
    out.speaker.play(1, ramp(20_000).tobytes(), 48_000)
    for _ in range(3):
        out.sink.pump()
        module.time.now += 0.9  # type: ignore[attr-defined]
    assert out.sink.stalled()
    out.sink.close()
    assert not out.sink.stalled()


def test_a_speaker_that_is_unplugged_is_stalled_before_the_next_reply(card: FakePortAudio) -> None:
    """Which would be lost."""
    out = Out()
    out.run(0.1)
    out.card.gone = True
    out.sink.pump()
    assert out.sink.stalled()
