"""What is pushed into a card: no silence before a reply, none inside it without need, and one pause instead of many."""

from __future__ import annotations

import numpy as np

from edge.audio.feed import AHEAD_S, LOW_S, TAIL_S, Feed
from edge.audio.speaker import QueueSpeaker
from edge.core.cushion import AGAIN_S, MOST_S

RATE = 48_000
TICK = 0.016
AHEAD = round(AHEAD_S * RATE)


class Device:
    """Holds what it was given and plays it, tick by tick; `heard` has a 0 wherever it had nothing."""

    def __init__(self) -> None:
        self.now = 5.0
        self.speaker = QueueSpeaker(lambda _: None, lambda: self.now)
        self.feed = Feed(self.speaker)
        self.left = 0
        self.given = np.zeros(0, np.int16)

    def tick(self) -> np.ndarray:
        samples = self.feed.next(AHEAD - self.left, self.left, self.now)
        self.given = np.concatenate([self.given, samples])
        self.left = max(0, self.left + len(samples) - round(TICK * RATE))
        self.now += TICK
        self.speaker.tick()
        return samples

    def run(self, seconds: float) -> np.ndarray:
        return np.concatenate([self.tick() for _ in range(round(seconds / TICK))])

    def play(self, seconds: float, turn: int = 1, value: int = 1000) -> None:
        self.speaker.play(turn, np.full(round(seconds * RATE), value, np.int16).tobytes(), RATE)


def test_nothing_is_given_when_nothing_is_to_be_played() -> None:
    assert len(Device().run(0.2)) == 0


def test_late_audio_that_the_card_can_bridge_joins_without_silence() -> None:
    device = Device()
    for _ in range(20):
        device.play(0.02)
        device.tick()  # 16 ms: faster than real time by a quarter
    assert device.given.all()
    assert device.speaker.starved == 0


def test_a_reply_that_runs_dry_is_one_pause_and_then_goes_on() -> None:
    device = Device()
    device.play(0.1)
    device.run(0.3)
    assert device.speaker.starved == 1
    device.play(AGAIN_S / 2)
    assert not device.run(0.1).any()
    device.play(AGAIN_S / 2)
    after = device.run(0.3)
    sounding = np.flatnonzero(after)
    assert len(sounding) == round(AGAIN_S * RATE)
    assert sounding[-1] - sounding[0] == len(sounding) - 1
    assert device.speaker.starved == 2


def test_while_a_reply_is_unfinished_the_card_is_kept_going() -> None:
    device = Device()
    device.play(0.1)
    for _ in range(60):
        device.tick()
        assert device.left + round(TICK * RATE) >= LOW_S * RATE


def test_the_next_reply_starts_with_the_cushion_that_this_one_taught() -> None:
    device = Device()
    device.play(0.1)
    device.run(0.3)
    device.play(0.3)
    device.speaker.finish(1)
    device.run(0.6)
    device.play(MOST_S - 0.01, turn=2)
    assert not device.run(0.1).any()
    device.play(0.01, turn=2)
    assert device.tick().all()


def test_a_reply_ends_in_silence_and_then_nothing() -> None:
    device = Device()
    device.play(0.1)
    device.speaker.finish(1)
    device.run(0.5)
    assert len(device.given) == round((0.1 + TAIL_S) * RATE)
    assert np.count_nonzero(device.given) == round(0.1 * RATE)


def test_a_stopped_reply_fades_and_ends_although_it_was_never_finished() -> None:
    device = Device()
    device.play(5.0)
    device.run(0.2)
    told = device.speaker.stop(1)
    device.run(0.5)
    assert round(np.count_nonzero(device.given) * 1000 / RATE) in {told, told - 1}
    assert len(device.tick()) == 0


def test_one_stopped_in_a_gap_is_over_too() -> None:
    device = Device()
    device.play(0.1)
    device.run(0.3)
    device.speaker.stop(1)
    device.run(TAIL_S + 2 * TICK)
    assert len(device.tick()) == 0
