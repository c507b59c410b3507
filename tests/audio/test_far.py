"""The far end keeps its place by counting, over silence and what is taken back."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.far import HOLE, LEAD_S, SLACK, FarEnd, Steady
from tests.signals import Int16

RATE = 16_000


def click(count: int = 160) -> Int16:
    block = np.zeros(count, np.int16)
    block[0] = 20_000
    return block


def clicks(far: FarEnd, until: float) -> list[int]:
    """Places of what sounds, in samples."""
    ats = [n / 100 - LEAD_S for n in range(1, round(until * 100) + 1)]
    line = np.concatenate([far.frame(at) for at in ats])
    return [int(n) for n in np.flatnonzero(np.abs(line) > 4_000)]


def test_silence_is_counted() -> None:
    """However wrong the stamp behind it is, by less than a hole."""
    far = FarEnd()
    far.sounded(click(), RATE, 0.0)
    far.passed(160 * 20, RATE)
    far.sounded(click(), RATE, 0.21 + 0.012)
    assert clicks(far, 0.5) == [0, 160 * 21]


def test_what_is_taken_back_is_counted() -> None:
    far = FarEnd()
    far.sounded(click(), RATE, 0.0)
    far.passed(160 * 4, RATE)
    far.recall(160 * 2, RATE)
    far.sounded(click(), RATE, 0.03)
    assert clicks(far, 0.2) == [0, 160 * 3]


def test_parts_of_a_sample_are_kept() -> None:
    """A third of the samples at 48 kHz: three times 100 and back again is nothing."""
    far = FarEnd()
    far.sounded(click(480), 48_000, 0.0)
    for _ in range(3):
        far.passed(100, 48_000)
    far.recall(300, 48_000)
    far.passed(4_800, 48_000)
    far.sounded(click(480), 48_000, 0.11)
    first, *_, last = clicks(far, 0.3)
    assert last - first == pytest.approx(160 * 11, abs=1)


def test_stamps_are_as_wrong_behind_a_hole_as_before() -> None:
    """By 3 ms: what a canceller has learnt still holds."""
    steady = Steady()
    steady.next(0, 160)
    for n in range(1, 400):
        steady.next(160 * n + 48, 160)
    begin, anew = steady.next(160 * 400 + 48 + 10 * HOLE, 160)
    assert anew
    assert begin == pytest.approx(160 * 400 + 10 * HOLE, abs=2)


def test_a_slip_is_told_where_it_is_heard() -> None:
    """The echo follows the far end by as much less, from that place in the line on."""
    far = FarEnd()
    late, told = 2 * SLACK, 0
    for n in range(300):
        far.sounded(click(), RATE, (160 * n + late * (n > 0)) / RATE)
        far.frame(n / 100 - 0.1 - LEAD_S)
        if far.later and not told:
            told = n
    assert far.later < -SLACK
    assert told > 10
