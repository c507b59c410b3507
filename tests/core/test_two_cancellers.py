"""Whom to believe: AEC3, or a linear canceller that leaves the voice whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.near_end import NearEnd, NearEndSettings, NearFrame
from tests.core.test_near_end import NO_ECHO, QUIET, feed, frame, give


@pytest.fixture
def near_end() -> NearEnd:
    return NearEnd(NearEndSettings(mode="duck"))


def by_linear(letters: str, linear_db: float | None = None, likeness: float = 0.0) -> list[NearFrame]:
    """What AEC3 makes of a voice over an echo: nothing; what the linear canceller leaves of it, and of a reply."""
    drawn = [frame(letter, -20.0) for letter in letters]
    return [
        replace(
            near,
            level_db=QUIET,
            linear_db=max(near.level_db, -60.0) if linear_db is None else linear_db,
            erle_db=30.0,
            likeness=likeness,
        )
        for near in drawn
    ]


def trusting(near_end: NearEnd) -> NearEnd:
    give(near_end, by_linear("." * 400))
    return near_end


def test_linear_canceller_that_leaves_little_is_believed(near_end: NearEnd) -> None:
    """A voice is then as quick as without an echo, and judged like one."""
    assert not near_end.trusts_linear
    assert trusting(near_end).trusts_linear
    assert give(near_end, by_linear("s" * 60)) == [(1, "duck"), (2, "pause"), (11, "stop")]


def test_linear_canceller_that_leaves_much_is_not(near_end: NearEnd) -> None:
    """A loudspeaker at its limits, or clocks that drift."""
    give(near_end, by_linear("." * 400, linear_db=-40.0))
    assert not near_end.trusts_linear
    assert give(near_end, by_linear("s" * 60)) == []


def test_nor_one_that_has_not_shown_it_for_two_seconds(near_end: NearEnd) -> None:
    give(near_end, by_linear("." * 200))
    assert not near_end.trusts_linear


def test_what_the_far_end_looks_like_is_its_echo(near_end: NearEnd) -> None:
    """On a way that is new: it does not stop the reply, and the linear canceller must show again what it can."""
    assert give(trusting(near_end), by_linear("s" * 16, likeness=0.5)) == [(1, "duck"), (2, "pause"), (16, "duck")]
    assert not near_end.trusts_linear
    assert give(near_end, by_linear("s" * 60)) == [(31, "resume")]
    assert trusting(near_end).trusts_linear


def test_linear_canceller_is_not_believed_while_a_reply_begins(near_end: NearEnd) -> None:
    """For 300 ms: a card that begins anew is some milliseconds off, and the path has to be found again."""
    trusting(near_end).reset()
    assert give(near_end, by_linear("s" * 29)) == []
    assert not near_end.trusts_linear
    assert give(near_end, by_linear("s"))[0][1] == "duck"


def test_nor_after_the_far_end_was_set_right(near_end: NearEnd) -> None:
    trusting(near_end).moved()
    assert not near_end.trusts_linear
    give(near_end, by_linear("." * 30))
    assert near_end.trusts_linear


def test_a_person_looks_a_little_like_it(near_end: NearEnd) -> None:
    assert give(trusting(near_end), by_linear("s" * 16, likeness=0.3))[-1] == (11, "stop")


def test_likeness_is_asked_for_in_a_pause(near_end: NearEnd) -> None:
    feed(near_end, "s")
    assert not near_end.paused
    feed(near_end, "s")
    assert near_end.paused


def test_what_aec3_leaves_may_be_the_far_end_as_well(near_end: NearEnd) -> None:
    """An echo that has just appeared, before either knows it."""
    like = [replace(frame("s", NO_ECHO), likeness=0.5)] * 16
    assert give(near_end, like)[-1] == (16, "duck")
