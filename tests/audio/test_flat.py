"""A microphone whose samples never change: what is a fault, what may be a quiet room, and when it is opened anew."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.flat import RAREST_S, REVIVE_S, STUCK_S, Flat
from edge.audio.ring import Ring

RATE, LOOK_S = 16_000, 0.5


class Card:
    """A microphone that delivers what it is told, looked at twice a second."""

    def __init__(self) -> None:
        self.flat, self.now = Flat(), 100.0
        self.opened()

    def opened(self) -> None:
        self.ring = Ring(RATE, 2, 10.0)
        self.flat.opened()

    def run(self, seconds: float, value: int | None) -> list[bool]:
        """Whether it was stuck, at each look; None is noise."""
        found = []
        for _ in range(round(seconds / LOOK_S)):
            count = round(LOOK_S * RATE)
            noise = np.random.default_rng(1).integers(-9, 9, count, np.int16)
            self.ring.write((noise if value is None else np.full(count, value, np.int16)).tobytes(), self.now)
            self.now += LOOK_S
            found.append(self.flat.look(self.ring, self.now))
        return found


@pytest.mark.parametrize("value", [1, -32768, 32767])
def test_one_value_over_and_over_is_stuck(value: int) -> None:
    card = Card()
    found = card.run(STUCK_S + 1.0, value)
    assert not any(found[: round(STUCK_S / LOOK_S)])
    assert found[-1]
    assert not card.flat.silent


def test_noise_is_neither_stuck_nor_silent() -> None:
    card = Card()
    assert not any(card.run(30.0, None))
    assert not card.flat.silent
    assert not card.flat.doubtful


def test_a_value_that_changes_now_and_then_is_not_stuck() -> None:
    card = Card()
    for value in (5, 6, 7):
        assert not any(card.run(STUCK_S, value))


def test_zeros_are_silence_and_no_fault() -> None:
    card = Card()
    assert not any(card.run(STUCK_S + 1.0, 0))
    assert card.flat.silent
    card.run(LOOK_S, None)
    assert not card.flat.silent


def test_nothing_that_has_come_since_the_last_look_says_nothing() -> None:
    card = Card()
    card.run(STUCK_S, 7)
    assert not any(card.flat.look(card.ring, card.now + again) for again in range(10))


def test_one_channel_that_moves_is_enough() -> None:
    flat, ring = Flat(), Ring(RATE, 4, 10.0)
    for second in range(10):
        frames = np.zeros((RATE, 2), np.int16)
        frames[:, 1] = np.random.default_rng(second).integers(-9, 9, RATE, np.int16)
        ring.write(frames.tobytes(), second)
        assert not flat.look(ring, second)
    assert not flat.silent


def test_lasting_silence_is_opened_anew_ever_more_rarely() -> None:
    card, opened = Card(), list[float]()
    for _ in range(round(2.2 * RAREST_S / LOOK_S)):
        card.run(LOOK_S, 0)
        if card.flat.wants_reviving(card.now):
            opened.append(card.now)
            card.opened()
    pauses = np.diff([100.0, *opened])
    assert pauses[0] == pytest.approx(REVIVE_S, abs=3)
    assert pauses[1] == pytest.approx(2 * REVIVE_S, abs=3)
    assert max(pauses) <= RAREST_S + 3
    card.run(LOOK_S, None)
    card.run(REVIVE_S + STUCK_S, 0)
    assert card.flat.wants_reviving(card.now)
