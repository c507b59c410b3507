"""The ring against a plain list, and its clock against callbacks that come late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.audio.ring import Ring

RATE, WIDTH, SECONDS = 1000, 2, 0.3  # 300 frames, of which 100 are the margin


def frames(first: int, count: int) -> np.ndarray:
    """Frames that can be told apart: frame n is (n // 256, n % 256)."""
    numbers = np.arange(first, first + count)
    return np.stack([numbers // 256 % 256, numbers % 256], axis=1).astype(np.uint8)


class AgainstAList(RuleBasedStateMachine):
    """Everything written is in `model`; the ring may only give what is there, or say that it is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring(RATE, WIDTH, SECONDS)
        self.model: list[tuple[int, ...]] = []
        self.floor = 0

    @rule(count=st.integers(0, 299))
    def write(self, count: int) -> None:
        block = frames(len(self.model), count)
        self.ring.write(block.tobytes(), len(self.model) / RATE)
        self.model += map(tuple, block.tolist())

    @rule()
    def wipe(self) -> None:
        self.ring.wipe()
        self.floor = len(self.model)

    @rule(back=st.integers(0, 700), most=st.integers(0, 400))
    def read(self, back: int, most: int) -> None:
        start = max(0, len(self.model) - back)
        data, lost = self.ring.read(start, most)
        begin = max(start, self.floor, len(self.model) - 300 + 100)
        assert lost == begin - start
        assert list(map(tuple, data.tolist())) == self.model[begin : begin + most]

    @rule(seconds=st.floats(-1, 3))
    def position_at(self, seconds: float) -> None:
        assert self.ring.oldest() <= self.ring.position_at(seconds) <= self.ring.written

    @invariant()
    def counts(self) -> None:
        assert self.ring.written == len(self.model)


TestAgainstAList = AgainstAList.TestCase


@given(st.lists(st.integers(1, 120), min_size=1, max_size=30))
def test_a_reader_that_keeps_up_gets_every_frame_once(counts: list[int]) -> None:
    ring, got, position, written = Ring(RATE, WIDTH, SECONDS), [], 0, 0
    for count in counts:
        ring.write(frames(written, count).tobytes(), written / RATE)
        written += count
        data, lost = ring.read(position, 1000)
        assert lost == 0
        position += len(data)
        got.append(data)
    assert np.array_equal(np.concatenate(got), frames(0, written))


def test_a_block_longer_than_the_ring_leaves_its_end() -> None:
    ring = Ring(RATE, WIDTH, SECONDS)
    ring.write(frames(0, 1000).tobytes(), 1.0)
    data, _ = ring.read(0, 1000)
    assert np.array_equal(data[-1], frames(999, 1)[0])


def test_nothing_from_before_a_wipe_can_be_read_even_in_the_memory() -> None:
    ring = Ring(RATE, WIDTH, SECONDS)
    ring.write(frames(1, 250).tobytes(), 0.25)
    ring.wipe()
    assert ring.position_at(0.0) == 250
    assert len(ring.read(0, 1000)[0]) == 0
    assert not ring._data.any()


# --- time --------------------------------------------------------------------------------------------


def fed(delays: list[float], block: int = 20, rate: int = RATE) -> Ring:
    """Blocks whose callbacks come late by `delays`."""
    ring = Ring(rate, WIDTH, 10.0)
    for n, delay in enumerate(delays, 1):
        ring.write(bytes(block * WIDTH), 100.0 + n * block / rate + delay)
    return ring


def test_positions_and_times_are_inverse() -> None:
    ring = fed([0.0] * 50)
    for position in (0, 1, 500, 999, 1000):
        assert ring.time_of(position) == pytest.approx(100 + position / RATE)
        assert ring.position_at(ring.time_of(position)) == position


def test_late_callbacks_do_not_move_the_clock() -> None:
    ring = fed([0.0, *[0.04, 0.0, 0.11, 0.07] * 20])
    assert ring.time_of(0) == pytest.approx(100, abs=0.005)


def test_a_drifting_card_is_followed() -> None:
    slow = 1.0002  # 200 ppm is a poor card
    ring = Ring(RATE, WIDTH, 10.0)
    for n in range(1, 60_000):  # twenty minutes
        ring.write(bytes(20 * WIDTH), n * 0.02 * slow)
    assert ring.time_of(ring.written) == pytest.approx(60_000 * 0.02 * slow, abs=0.03)


def test_the_clock_is_right_again_soon_after_a_hole_in_the_stream() -> None:
    """Frames that an overrun or a suspended machine has cost must not shift every later press."""
    ring = fed([0.0] * 50 + [0.8] * 5)
    assert ring.time_of(ring.written) == pytest.approx(100 + 55 * 0.02 + 0.8, abs=0.02)


def test_one_very_late_callback_is_forgiven_by_the_next() -> None:
    ring = fed([0.0] * 50 + [0.8, 0.0])
    assert ring.time_of(0) == pytest.approx(100, abs=0.001)


def test_the_clock_follows_a_late_card_alike_whatever_the_pace_of_reading() -> None:
    """A card that is later than it was by 10 ms: after ten seconds four tenths of it are believed."""
    for piece in (1, 2, 8):
        ring = Ring(1000, 2, 3.0)
        ring.write(bytes(2 * 10 * piece), 0.01 * piece)
        for n in range(2, 1000 // piece):
            ring.write(bytes(2 * 10 * piece), 0.01 * piece * n + 0.01)
        assert ring.time_of(ring.written) - ring.written / 1000 == pytest.approx(0.004, abs=0.0003)


@pytest.mark.parametrize(("written", "start", "found"), [(7, 4, 3), (10, 8, 2), (12, 8, 2), (13, 11, 2), (20, 13, 7)])
def test_the_newest_are_there_in_place_as_far_as_they_are_in_a_row(written: int, start: int, found: int) -> None:
    ring = Ring(10, 2, 1.0)
    for n in range(written):
        ring.write(np.int16(n).tobytes(), 0.1 * n)
    assert np.frombuffer(ring.last(start), np.int16).tolist() == list(range(written - found, written))
