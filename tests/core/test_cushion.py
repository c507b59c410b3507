"""The cushion: no delay on a good line, one pause instead of a stutter on a bad one, and what is learned from it."""

from __future__ import annotations

import random

import pytest

from edge.core.cushion import AGAIN_S, LEAST_S, MOST_S, PAUSE_S, Cushion

TICK, AHEAD = 0.016, 0.04


def reply(cushion: Cushion, arrivals: list[float], piece: float) -> int:
    """Play one through a device that holds 40 ms; returns the number of gaps."""
    cushion.begin()
    now = device = waiting = 0.0
    came = gaps = 0
    while True:
        now, device = now + TICK, max(0.0, device - TICK)
        while came < len(arrivals) and arrivals[came] <= now:
            came, waiting = came + 1, waiting + piece
        finished = came == len(arrivals)
        if waiting > 1e-9 and cushion.flows(waiting, now, finished=finished):
            part = min(waiting, AHEAD - device)
            waiting, device = waiting - part, device + part
            if finished and waiting < 1e-9:
                cushion.ended()
                return gaps
        elif waiting < 1e-9 and device < TICK and came:
            gaps += cushion.ran_dry(now)


def jittery(seed: int, piece: float = 0.1, seconds: float = 6.0) -> list[float]:
    """Deltas at 1.2 x real time, each up to 200 ms early or late, in order."""
    chance, last, times = random.Random(seed), 0.0, []
    for n in range(round(seconds / piece)):
        last = max(last, 1.0 + n * piece / 1.2 + chance.uniform(-0.2, 0.2))
        times.append(last)
    return times


def test_on_a_good_line_a_reply_starts_with_its_first_piece() -> None:
    cushion = Cushion()
    cushion.begin()
    assert cushion.flows(0.01, 1.0, finished=False)


def test_a_reply_that_ran_dry_goes_on_when_there_is_a_cushion() -> None:
    cushion = Cushion()
    cushion.begin()
    cushion.flows(0.1, 1.0, finished=False)
    assert cushion.ran_dry(1.1)
    assert not cushion.ran_dry(1.2)  # no news
    assert not cushion.flows(AGAIN_S - 0.01, 1.3, finished=False)
    assert cushion.flows(AGAIN_S, 1.4, finished=False)


def test_the_end_of_a_reply_waits_for_nothing() -> None:
    cushion = Cushion()
    cushion.wanted = MOST_S
    cushion.begin()
    assert not cushion.flows(0.1, 1.0, finished=False)
    assert cushion.flows(0.1, 1.0, finished=True)


def test_after_a_gap_the_next_replies_start_with_a_cushion() -> None:
    cushion = Cushion()
    assert reply(cushion, [1.0, 1.3, 1.6, 1.9], 0.1) > 0
    cushion.begin()
    assert not cushion.flows(MOST_S - 0.01, 9.0, finished=False)
    assert cushion.flows(MOST_S, 9.0, finished=False)


def test_a_pause_in_which_the_engine_works_teaches_nothing() -> None:
    cushion = Cushion()
    cushion.begin()
    cushion.flows(0.1, 1.0, finished=False)
    cushion.ran_dry(1.1)
    assert cushion.flows(0.02, 1.1 + PAUSE_S, finished=False)
    assert cushion.wanted == 0


def test_once_taught_a_jittery_line_plays_without_gaps() -> None:
    """300 replies on a bad line, each after one that had a gap."""
    gaps = 0
    for seed in range(300):
        cushion = Cushion()
        cushion.wanted = MOST_S
        gaps += reply(cushion, jittery(seed), 0.1) > 0
    assert gaps <= 3


def test_replies_that_never_ran_dry_make_it_small_again() -> None:
    cushion, sizes = Cushion(), []
    cushion.wanted = MOST_S
    for _ in range(12):
        assert reply(cushion, [1.0 + n * 0.02 for n in range(60)], 0.1) == 0
        sizes.append(cushion.wanted)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


@pytest.mark.parametrize("seed", range(20))
def test_it_never_grows_beyond_its_bound_nor_lies_below_its_least(seed: int) -> None:
    cushion = Cushion()
    for n in range(6):
        reply(cushion, jittery(seed * 100 + n), 0.1)
        assert cushion.wanted == 0 or LEAST_S * 0.7 < cushion.wanted <= MOST_S
