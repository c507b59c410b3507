"""When the watchdog is fed."""

from __future__ import annotations

import pytest

from edge.core.liveness import Liveness, Vitals


def looked(*vitals: Vitals) -> list[bool]:
    liveness = Liveness()
    return [liveness.moved(one) for one in vitals]


def test_a_device_that_hears_lives() -> None:
    assert looked(*(Vitals(n * 4, n * 8000, expected=True) for n in range(1, 5))) == [True] * 4


def test_a_dead_audio_thread_is_noticed_whatever_the_card_does() -> None:
    assert looked(Vitals(4, 800, expected=True), Vitals(4, 1600, expected=True)) == [True, False]
    assert looked(Vitals(4, 0, expected=False), Vitals(4, 0, expected=False)) == [True, False]


def test_frames_that_stand_still_without_a_word_are_noticed() -> None:
    assert looked(Vitals(4, 800, expected=True), Vitals(8, 800, expected=True)) == [True, False]


@pytest.mark.parametrize("frames", [0, 800])
def test_muted_or_missing_and_told_the_threads_own_rounds_count(frames: int) -> None:
    assert looked(Vitals(4, frames, expected=False), Vitals(8, frames, expected=False)) == [True, True]


def test_a_device_opened_anew_counts_from_the_start() -> None:
    """Open is not enough: the first frame is."""
    vitals = (Vitals(4, 90_000, True), Vitals(8, 0, True), Vitals(12, 0, True), Vitals(16, 160, True))
    assert looked(*vitals) == [True, False, False, True]


def test_it_lives_again_when_things_move_again() -> None:
    vitals = (Vitals(4, 800, True), Vitals(4, 800, True), Vitals(5, 960, True))
    assert looked(*vitals) == [True, False, True]


def test_before_the_first_round_there_is_no_life() -> None:
    assert looked(Vitals(0, 0, expected=False)) == [False]
