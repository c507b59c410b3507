"""What a pause and the end are owed, and when patience ends."""

from __future__ import annotations

import pytest

from edge.agents.chained import faults
from edge.agents.chained.stt.settling import LAST_S, SETTLE_S, Settling
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing

SERVICE = faults.Service("Deepgram", "stt.deepgram", "deepgram_api_key", "k")


def settling(text: str = "") -> Settling:
    made = Settling(SERVICE)
    made.understood(text)
    return made


def test_what_is_understood_is_told_once():
    turn = settling("turn")
    assert list(turn.partial()) == [Heard("turn")]
    assert list(turn.partial()) == []
    turn.understood("turn on")
    assert list(turn.partial()) == [Heard("turn on")]


def test_nothing_is_owed_without_a_pause():
    turn = settling("turn on")
    assert turn.due is None
    assert list(turn.settled()) == [Heard("turn on")]


def test_a_pause_is_owed_one_eager():
    turn = settling("turn on")
    turn.noted(Mark.PAUSED, 1.5, now=10.0)
    assert (turn.asked_at_s, turn.due) == (1.5, 10.0 + SETTLE_S)
    assert list(turn.settled()) == [Heard("turn on", Standing.EAGER)]
    assert turn.due is None
    assert list(turn.settled()) == []


def test_after_a_pause_that_was_none_nothing_is_owed():
    turn = settling("turn on")
    turn.noted(Mark.PAUSED, 1.5, now=10.0)
    turn.noted(Mark.RESUMED, 1.6, now=10.1)
    assert turn.due is None
    assert list(turn.settled()) == [Heard("turn on")]


def test_a_second_pause_is_owed_another():
    turn = settling("turn on")
    for at in (1.0, 2.0):
        turn.noted(Mark.PAUSED, at, now=at)
        assert list(turn.settled()) == [Heard("turn on", Standing.EAGER)]


def test_patience_with_a_pause_ends_with_what_is_known():
    turn = settling("turn on")
    turn.noted(Mark.PAUSED, 1.5, now=10.0)
    assert list(turn.overdue()) == [Heard("turn on", Standing.EAGER)]
    assert turn.due is None


def test_the_end_is_owed_an_over_even_of_nothing():
    turn = settling()
    turn.noted(None, 1.5, now=10.0)
    assert turn.ending
    assert turn.due == 10.0 + LAST_S
    assert list(turn.settled()) == [Heard("", Standing.OVER)]


def test_the_end_overrides_a_pause():
    turn = settling("turn on")
    turn.noted(Mark.PAUSED, 1.5, now=10.0)
    turn.noted(None, 1.5, now=10.1)
    assert list(turn.settled()) == [Heard("turn on", Standing.OVER)]


def test_patience_with_the_end_is_a_failure():
    turn = settling("turn on")
    turn.noted(None, 1.5, now=10.0)
    with pytest.raises(StageFailed) as caught:
        list(turn.overdue())
    assert caught.value.fault is Fault.STALLED
