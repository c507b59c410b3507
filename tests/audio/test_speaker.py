"""The playout queue: what sounds, when, how loud, and who has heard what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audio.rendering import DUCK_GAIN, FADE_S
from edge.audio.speaker import MOST_S, QueueSpeaker
from edge.core.events import Event, PlayoutEnded, PlayoutStarted
from tests.signals import amplitude, pitch, tone

RATE = 48_000
BLOCK = 480


class Output:
    """A sound card that pulls when it is told to, and everything it got."""

    def __init__(self, latency: float = 0.0, volume: int = 100) -> None:
        self.events: list[Event] = []
        self.now = 10.0
        self.speaker = QueueSpeaker(self.events.append, lambda: self.now, volume)
        self.speaker.opened("fake", RATE, latency)
        self.heard = np.zeros(0, np.int16)

    def pull(self, frames: int = BLOCK) -> np.ndarray:
        block = self.speaker.render(frames, self.now)
        self.now += frames / RATE
        self.speaker.tick()
        self.heard = np.concatenate([self.heard, block])
        return block

    def run(self, seconds: float) -> np.ndarray:
        return np.concatenate([self.pull() for _ in range(round(seconds * RATE / BLOCK))])


def ramp(count: int, start: int = 1) -> np.ndarray:
    """Samples that can be told apart."""
    return (np.arange(start, start + count) % 30_000 + 1).astype(np.int16)


# --- what sounds ---------------------------------------------------------------------------------------


@given(
    pieces=st.lists(st.integers(1, 3000), min_size=1, max_size=12),
    blocks=st.lists(st.integers(1, 2000), min_size=1, max_size=12),
)
def test_what_goes_in_comes_out_without_gap_or_change(pieces: list[int], blocks: list[int]) -> None:
    out, at, whole = Output(), 0, ramp(sum(pieces))
    for piece in pieces:
        out.speaker.play(1, whole[at : at + piece].tobytes(), RATE)
        at += piece
    out.speaker.finish(1)
    while len(out.heard) <= len(whole):
        for frames in blocks:
            out.pull(frames)
    assert np.array_equal(out.heard[: len(whole)], whole)
    assert not out.heard[len(whole) :].any()
    assert [type(event) for event in out.events] == [PlayoutStarted, PlayoutEnded]


def test_pieces_of_another_rate_join_without_a_click() -> None:
    out, sound = Output(), tone(1.0, 440, 24_000)
    for at in range(0, len(sound), 777):
        out.speaker.play(1, sound[at : at + 777].tobytes(), 24_000)
    out.speaker.finish(1)
    out.run(1.1)
    heard = out.heard[1000:47_000].astype(np.int32)
    assert np.abs(np.diff(heard)).max() < 1.1 * 2 * np.pi * 440 / RATE * 16_384
    assert np.count_nonzero(out.heard) == pytest.approx(RATE, abs=300)


def test_a_later_turn_follows_an_earlier_one() -> None:
    out = Output()
    out.speaker.play(1, ramp(700).tobytes(), RATE)
    out.speaker.finish(1)
    out.speaker.play(2, ramp(700, 5000).tobytes(), RATE)
    out.speaker.finish(2)
    out.run(0.05)
    assert np.array_equal(out.heard[:1400], np.concatenate([ramp(700), ramp(700, 5000)]))


# --- stopping ------------------------------------------------------------------------------------------


def test_stop_fades_out_within_ten_milliseconds() -> None:
    out = Output()
    out.speaker.play(1, np.full(RATE, 20_000, np.int16).tobytes(), RATE)
    out.run(0.1)
    out.speaker.stop(1)
    tail = out.run(0.1)
    sounding = np.flatnonzero(tail)
    assert sounding[-1] <= FADE_S * RATE
    assert np.abs(np.diff(tail.astype(np.int32))).max() < 200  # no click
    assert not tail[int(FADE_S * RATE) :].any()


def test_stop_drops_that_turn_only() -> None:
    out = Output()
    out.speaker.play(1, ramp(9000).tobytes(), RATE)
    out.run(0.02)
    out.speaker.stop(1)
    out.speaker.play(1, ramp(500).tobytes(), RATE)  # late audio of the stopped reply
    out.speaker.play(2, ramp(2000, 9000).tobytes(), RATE)
    out.speaker.finish(2)
    after = out.run(0.1)
    start = int(np.argmax(after == 9001))
    assert np.array_equal(after[start : start + 2000], ramp(2000, 9000))
    assert [e for e in out.events if isinstance(e, PlayoutEnded)] == [PlayoutEnded(2)]


def test_nothing_of_a_stopped_turn_is_reported_any_more() -> None:
    out = Output(latency=0.2)
    out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
    out.speaker.finish(1)
    out.pull()
    out.speaker.stop(1)
    out.run(0.5)
    assert out.events == []
    assert not out.speaker.busy


@given(total=st.integers(1, 20_000), blocks=st.integers(0, 30))
def test_heard_is_what_was_rendered_and_the_fade_to_come(total: int, blocks: int) -> None:
    out = Output()
    out.speaker.play(3, np.full(total, 1000, np.int16).tobytes(), RATE)
    for _ in range(blocks):
        out.pull()
    told = out.speaker.stop(3)
    out.run(0.02)
    assert told == pytest.approx(np.count_nonzero(out.heard) * 1000 / RATE, abs=0.6)


def test_gaps_do_not_count_as_heard() -> None:
    out = Output()
    for _ in range(3):
        out.speaker.play(1, np.full(RATE // 10, 9, np.int16).tobytes(), RATE)
        out.run(0.5)
    assert out.speaker.stop(1) == 300


def test_the_audio_thread_can_silence_whatever_sounds() -> None:
    out = Output()
    out.speaker.play(4, ramp(RATE).tobytes(), RATE)
    out.run(0.1)
    out.speaker.stop_all()
    assert not out.run(0.1)[int(FADE_S * RATE) :].any()
    assert out.speaker.stop(4) == pytest.approx(100, abs=11)  # the fade was heard too


def test_stop_all_in_silence_stops_nothing() -> None:
    out = Output()
    out.speaker.stop_all()
    out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
    assert np.array_equal(out.pull(), ramp(BLOCK))


# --- loudness ------------------------------------------------------------------------------------------


def playing(volume: int = 100) -> Output:
    out = Output(volume=volume)
    out.speaker.play(1, tone(3.0, 480, RATE).tobytes(), RATE)
    out.run(0.2)
    return out


def test_duck_is_at_least_12_db_and_comes_back() -> None:
    out = playing()
    before = amplitude(out.run(0.1))
    out.speaker.duck(True)
    out.pull()
    assert amplitude(out.run(0.1)) == pytest.approx(before * DUCK_GAIN, rel=0.01)
    assert 20 * np.log10(DUCK_GAIN) <= -12
    out.speaker.duck(False)
    out.pull()
    assert amplitude(out.run(0.1)) == pytest.approx(before, rel=0.01)


def test_ducking_does_not_click() -> None:
    out = playing()
    steepest = np.abs(np.diff(out.run(0.1).astype(np.int32))).max()
    out.speaker.duck(True)
    assert np.abs(np.diff(out.run(0.05).astype(np.int32))).max() <= steepest * 1.1


@pytest.mark.parametrize("volume", [0, 1, 50, 100])
def test_volume_is_quadratic(volume: int) -> None:
    out = playing(volume)
    assert amplitude(out.run(0.1)) == pytest.approx(16_384 * (volume / 100) ** 2, rel=0.02, abs=1)


def test_a_stop_ends_ducking() -> None:
    out = playing()
    out.speaker.duck(True)
    out.run(0.1)
    out.speaker.stop(1)
    out.run(0.1)
    out.speaker.play(2, tone(1.0, 480, RATE).tobytes(), RATE)
    out.run(0.1)
    assert amplitude(out.run(0.1)) == pytest.approx(16_384, rel=0.01)


# --- what is reported ----------------------------------------------------------------------------------


def test_start_and_end_are_told_when_they_can_be_heard() -> None:
    out = Output(latency=0.1)
    out.pull()
    out.speaker.play(1, ramp(BLOCK * 5).tobytes(), RATE)
    out.speaker.finish(1)
    times: dict[type[Event], float] = {}
    for _ in range(40):
        out.pull()
        for event in out.events:
            times.setdefault(type(event), out.now)
    started = next(e for e in out.events if isinstance(e, PlayoutStarted))
    assert started.at == pytest.approx(10.01 + 0.1)
    assert times[PlayoutStarted] == pytest.approx(10.11, abs=0.011)
    assert times[PlayoutEnded] == pytest.approx(10.01 + 0.05 + 0.1, abs=0.011)


def test_start_is_told_once_although_the_reply_has_gaps() -> None:
    out = Output()
    for _ in range(3):
        out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
        out.run(0.1)
    assert [type(e) for e in out.events] == [PlayoutStarted]


def test_a_finished_turn_without_sound_ends() -> None:
    out = Output()
    out.speaker.finish(1)
    out.run(0.02)
    assert out.events == [PlayoutEnded(1)]


def test_starvation_counts_gaps_and_not_blocks() -> None:
    out = Output()
    out.run(0.1)
    assert out.speaker.starved == 0  # nothing was to be played
    for _ in range(2):
        out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
        out.run(0.2)
    assert out.speaker.starved == 2
    out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
    out.speaker.finish(1)
    out.run(0.2)
    assert out.speaker.starved == 2


def test_an_engine_gone_wild_does_not_fill_the_memory() -> None:
    out = Output()
    minute = bytes(60 * RATE * 2)
    for _ in range(round(MOST_S / 60) + 5):
        out.speaker.play(1, minute, RATE)
    assert sum(len(c) for _, c in out.speaker._queue if c is not None) <= (MOST_S + 60) * RATE
    assert out.speaker.stats()["dropped_samples"]


def test_what_was_stopped_is_not_kept_although_no_output_pulls() -> None:
    """No loudspeaker plugged in: the replies of a day must not be waiting for one."""
    out = Output()
    for turn in range(1, 50):
        out.speaker.play(turn, bytes(RATE), RATE)
        out.speaker.finish(turn)
        out.speaker.stop(turn)
        out.now += 5
        out.speaker.tick()
    assert len(out.speaker._queue) <= 2
    assert not out.speaker.busy


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_an_output_that_opens_in_the_middle_of_a_reply_loses_nothing_of_it(rate: int) -> None:
    """Not what the resampler holds back, either: 30 ms at its best quality."""
    out, piece = Output(), tone(0.1, 1000.0, 24_000).tobytes()
    for number in range(10):
        if number == 3:
            out.speaker.opened("card", rate, 0.0)
        out.speaker.play(1, piece, 24_000)
    out.speaker.finish(1)
    heard = out.speaker.render(2 * rate, 10.0)
    assert np.flatnonzero(heard)[-1] == pytest.approx(rate, abs=rate / 1000)


def test_what_waits_is_fitted_to_an_output_that_opens_later_at_another_rate() -> None:
    """The first words may come before the card is open, and it may turn out to be one of 44.1 kHz."""
    out = Output()
    out.speaker.play(1, tone(0.5, 1000.0, 24_000).tobytes(), 24_000)
    out.speaker.opened("card", 44_100, 0.0)
    out.speaker.play(1, tone(0.5, 1000.0, 24_000).tobytes(), 24_000)
    out.speaker.finish(1)
    heard = out.speaker.render(44_100, 10.0)
    assert pitch(heard[:20_000], 44_100) == pytest.approx(1000, abs=3)
    assert pitch(heard[-20_000:], 44_100) == pytest.approx(1000, abs=3)


def test_a_new_reply_does_not_begin_with_the_loudness_of_the_last_one() -> None:
    out = playing()
    out.speaker.duck(True)
    out.pull()
    out.speaker.stop(1)
    out.pull()
    out.speaker.play(2, np.full(BLOCK, 1000, np.int16).tobytes(), RATE)
    assert out.pull()[0] == 1000


def test_a_reply_in_the_middle_of_a_gap_is_not_over() -> None:
    out = Output()
    out.speaker.play(1, ramp(BLOCK).tobytes(), RATE)
    out.run(0.1)
    assert out.speaker.unfinished
    assert out.speaker.busy
    out.speaker.finish(1)
    out.run(0.1)
    assert not out.speaker.unfinished
    assert not out.speaker.busy


# --- what an output gives back -------------------------------------------------------------------------


def half_given(seconds: float = 2.0, ahead: float = 0.1) -> Output:
    """A tone of which 0.5 s were given to an output that has still `ahead` seconds of it to play."""
    out = Output()
    out.speaker.play(1, tone(seconds, 1000.0, RATE).tobytes(), RATE)
    out.speaker.finish(1)
    for _ in range(50):
        out.speaker.render(RATE // 100, 10.0)
    out.speaker.ahead = lambda: round(ahead * RATE)
    return out


def test_a_stop_takes_back_what_was_not_heard() -> None:
    """All but the fade, and that is what counts as heard."""
    out = half_given()
    assert not out.speaker.urgent
    heard = out.speaker.stop(1)
    assert heard == 410
    assert out.speaker.urgent
    out.speaker.recall(RATE // 10)
    rest = out.speaker.render(RATE // 10, 10.5)
    assert np.flatnonzero(rest)[-1] < RATE // 100
    assert not out.speaker.urgent
    assert out.speaker._ledger.heard(1, 0) * 1000 // RATE == 410


@pytest.mark.parametrize("change", ["duck", "pause"])
def test_a_reply_that_is_held_or_ducked_is_complete(change: str) -> None:
    """What was given back comes again, quieter or later, and not a sample is left out or twice."""
    out = half_given()
    getattr(out.speaker, change)(True)
    assert out.speaker.urgent
    out.speaker.recall(RATE // 10)
    ramp = out.speaker.render(RATE // 100, 10.5)
    assert not out.speaker.urgent
    assert amplitude(ramp[:100]) > 2 * amplitude(ramp[-100:])
    held = out.speaker.render(RATE // 10, 10.5)
    getattr(out.speaker, change)(False)
    if change == "pause":
        assert not held.any()
        assert out.speaker.urgent  # the silence it was given is not waited out
        out.speaker.recall(RATE // 10)
    rest = out.speaker.render(3 * RATE, 10.6)
    played = (0.4 + 0.01) * RATE + (0 if change == "pause" else RATE / 10) + np.flatnonzero(rest)[-1]
    assert played == pytest.approx(2 * RATE, abs=60)


def test_the_end_of_a_reply_is_taken_back_with_it() -> None:
    """Or a reply that is held at its last word would be told to be over."""
    out = half_given(seconds=0.5)
    out.speaker.render(RATE // 100, 10.0)
    assert not out.speaker.unfinished
    out.speaker.pause(True)
    assert out.speaker.urgent
    out.speaker.recall(RATE // 10)
    assert out.speaker.unfinished
    out.speaker.tick()
    out.speaker.pause(False)
    assert np.count_nonzero(out.speaker.render(RATE, 11.0)) > 0.07 * RATE
    assert not out.speaker.unfinished


def test_a_reply_that_has_been_played_out_is_nothing_to_take_back() -> None:
    """Nor is a change of volume that nobody would notice at once."""
    out = half_given()
    out.speaker.volume = 95
    assert not out.speaker.urgent
    silent = Output()
    silent.speaker.duck(True)
    assert not silent.speaker.urgent
