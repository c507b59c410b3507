"""The data of one exchange."""

from __future__ import annotations

import pytest

from edge.core.turn import STAGES, Kind, Turn


@pytest.mark.parametrize(
    ("kind", "by_voice"),
    [(Kind.TAP, True), (Kind.HOLD, True), (Kind.FOLLOW_UP, True), (Kind.TEXT, False), (Kind.SAY, False)],
)
def test_who_speaks(kind: Kind, by_voice: bool) -> None:
    """Only voice turns have ears."""
    assert Turn(1, kind).by_voice is by_voice


def test_seconds_of_sound() -> None:
    """16 kHz mono int16."""
    assert Turn(1, Kind.TAP, audio_bytes=48_000).audio_s == 1.5


def test_a_stage_counts_when_it_is_first_reached() -> None:
    """Later marks of the same stage change nothing."""
    turn = Turn(1, Kind.TAP)
    turn.mark("first_audio", 2.0)
    turn.mark("first_audio", 3.0)
    assert turn.times == {"first_audio": 2.0}


def test_latencies_count_from_the_end_of_speech() -> None:
    """In milliseconds, in order, without what was not reached."""
    turn = Turn(1, Kind.TAP)
    turn.times.update(first_audio=11.2, turn_end=10.55, speech_end=10.0, first_sound=11.25)
    assert turn.latencies() == {"speech_end": 0, "turn_end": 550, "first_audio": 1200, "first_sound": 1250}
    assert list(turn.latencies()) == [stage for stage in STAGES if stage in turn.times]


def test_latencies_of_a_typed_turn_count_from_its_end() -> None:
    """Nobody spoke."""
    turn = Turn(1, Kind.TEXT)
    turn.times.update(turn_end=5.0, first_audio=5.4)
    assert turn.latencies() == {"turn_end": 0, "first_audio": 400}


def test_no_latencies_before_the_end_of_the_turn() -> None:
    """There is nothing to count from."""
    assert Turn(1, Kind.TAP).latencies() == {}


def test_queue_knows_length_and_end_of_the_reply() -> None:
    """What overlaps is added; a gap puts off the end."""
    turn = Turn(1, Kind.TAP)
    turn.queue(2.0, now=10.0)
    turn.queue(1.0, now=10.5)
    assert (turn.reply_s, turn.sounds_until) == (3.0, 13.0)
    turn.queue(1.0, now=20.0)
    assert (turn.reply_s, turn.sounds_until) == (4.0, 21.0)


def test_turns_share_nothing() -> None:
    """Lists and dicts of their own."""
    one, two = Turn(1, Kind.TAP), Turn(2, Kind.TAP)
    one.held.append(b"x")
    one.mark("turn_end", 1.0)
    assert (two.held, two.times) == ([], {})
