"""When the audio thread works: when there is something, however a card hands it over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.audio.pace import EARLIEST_S, IDLE_LOOK_S, LATEST_S, LEAST_S, SUSPECT_S, Pace

STEP = 0.04


def rounds(arrives: Callable[[float], float], seconds: float) -> tuple[np.ndarray, np.ndarray, Pace]:
    """How many seconds of sound each round found, and how late its end was; `arrives` tells up to when at a time."""
    pace, now, got, late = Pace(), 10.0, [], []
    stamp = arrives(now)
    while now < 10.0 + seconds:
        now = pace.next(stamp, STEP, now)
        there = arrives(now)
        got.append(there - stamp)
        late.append(now - there)
        stamp = there
    return np.array(got), np.array(late), pace


def blocks(size: float, lag: float = 0.0) -> Callable[[float], float]:
    """A card that hands over whole blocks, `lag` after their stamps."""
    return lambda now: np.floor((now - lag) / size + 1e-9) * size


@pytest.mark.parametrize("lag", [0.0, 0.0015, 0.012])
@pytest.mark.parametrize("size", [0.001, 0.01, 0.02])
def test_nearly_every_round_finds_what_it_came_for(size: float, lag: float) -> None:
    got, late, _ = rounds(blocks(size, lag), 20.0)
    after = got[len(got) // 2 :]
    assert np.mean(after >= STEP - 0.006) > 0.9
    assert np.median(late[len(late) // 2 :]) < lag + max(size, 0.005)


def test_a_server_that_changes_its_mind_is_followed_both_ways() -> None:
    got, late, _ = rounds(lambda now: blocks(0.02, 0.018 if 20 < now < 40 else 0.0)(now), 60.0)
    half = len(got) // 2
    assert len(got) < 1.15 * 60 / STEP
    assert np.median(late[half - 100 : half - 20]) > 0.015
    assert np.median(late[-100:]) < 0.005


def test_samples_that_come_earlier_are_noticed() -> None:
    """Or the ring's clock, which believes the earliest, would only ever be told of late ones."""
    _, late, pace = rounds(blocks(0.02), 60.0)
    assert late.min() < 0.0005
    assert pace.late < 0.003


def test_a_card_that_gives_nothing_is_asked_ever_less_often() -> None:
    pace, now = Pace(), 10.0
    waits = []
    for _ in range(20):
        after = pace.next(9.99, STEP, now)
        waits.append(after - now)
        now = after
    assert waits[1] == pytest.approx(LEAST_S)
    assert waits[-1] == pytest.approx(IDLE_LOOK_S)
    assert sum(waits) > 1.0  # 20 rounds at LEAST_S would be 60 ms
    assert EARLIEST_S <= pace.late <= LATEST_S


def test_where_nothing_is_needed_a_look_now_and_then_is_enough() -> None:
    pace = Pace()
    assert pace.next(9.99, None, 10.0) == 10.0 + IDLE_LOOK_S
    assert pace.next(9.99, None, 10.25) == 10.5
    assert pace.late == 0.0


def test_single_frames_that_come_in_pairs_put_nothing_off() -> None:
    """Somebody is suspected, and the server hands over 20 ms at a time."""
    pace, now, arrives = Pace(), 10.0, blocks(0.02)
    for _ in range(100):
        now = pace.next(arrives(now), SUSPECT_S, now)
    assert pace.late == 0.0


def test_what_waits_already_is_due_at_once() -> None:
    assert Pace().next(9.0, 0.0, 10.0) == 10.0


def test_a_round_that_was_asked_for_says_nothing_about_the_card() -> None:
    """A press comes when it comes."""
    pace = Pace()
    pace.next(10.0, STEP, 10.0)
    pace.next(10.01, STEP, 10.02)
    assert pace.late == 0.0
