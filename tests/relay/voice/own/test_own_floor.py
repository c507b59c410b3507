"""Several conversations at one engine, a turn at a time; and the sounds in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.core.events import AgentLost, Event, ReplyEnded, Spent
from edge.core.history import Exchange
from edge.relay.voice.own import g711
from edge.relay.voice.own.floor import MOST_QUEUE, MOST_TURN, Seat
from edge.relay.voice.own.sound import Ears, Mouth
from edge.testing import Reply, ScriptedAgent
from tests.relay.voice.own.visiting import floor_of
from tests.signals import amplitude, pitch, tone


class Slow(ScriptedAgent):
    """Answers when it is told to."""

    def end_of_turn(self, turn: int) -> None:
        self.calls.append(("end_of_turn", turn))

    def finish(self, turn: int) -> None:
        self.post(ReplyEnded(turn))


def seats(count: int, agent: ScriptedAgent) -> tuple[list[Seat], list[list[Event]]]:
    floor = floor_of(agent)
    told: list[list[Event]] = [[] for _ in range(count)]
    return [floor.sit(events.append) for events in told], told


def test_turns_are_answered_in_the_order_of_their_ends() -> None:
    agent = Slow()
    (one, two, three), told = seats(3, agent)
    for seat, sound in ((one, b"11"), (two, b"22"), (three, b"33")):
        seat.listen(sound)
    two.answer()
    three.answer()
    one.answer()
    assert agent.calls == [("hold", 1), ("drop_turn", 1), ("forget", 0), ("hold", 2), ("end_of_turn", 2)]
    assert [seat.waiting for seat in (one, two, three)] == [True, False, True]
    agent.finish(2)
    agent.finish(3)
    agent.finish(4)
    assert [bytes(agent.heard[turn]) for turn in (2, 3, 4)] == [b"22", b"33", b"11"]
    assert all(isinstance(events[-1], ReplyEnded) for events in told)


def test_each_has_a_past_of_its_own() -> None:
    agent = Slow()
    (one, two), _ = seats(2, agent)
    shelf = one.floor._shelf
    one.listen(b"11")
    one.answer()
    shelf.asked_whole("my dog")
    shelf.answered("nice")
    agent.finish(1)
    two.listen(b"22")
    assert shelf.exchanges == ()
    assert ("forget", 0) in agent.calls
    two.answer()
    agent.finish(2)
    one.listen(b"11")
    assert list(shelf.exchanges) == [Exchange("my dog", "nice")]
    one.leave()
    two.listen(b"22")
    assert shelf.exchanges == ()


def test_who_leaves_or_interrupts_makes_room() -> None:
    agent = Slow()
    (one, two, three), _ = seats(3, agent)
    for seat in (one, two, three):
        seat.listen(b"xx")
        seat.answer()
    two.leave()
    one.interrupt(250)
    assert agent.interrupted == [(1, 250)]
    assert three.turn == 2
    assert ("end_of_turn", 2) in agent.calls


def test_an_answer_that_was_made_is_interrupted_only_by_the_last_to_talk() -> None:
    agent = ScriptedAgent([Reply("a"), Reply("b"), Reply("c")])
    (one, two), _ = seats(2, agent)
    one.listen(b"xx")
    one.answer()
    one.interrupt(300)
    assert agent.interrupted == [(1, 300)]
    one.listen(b"xx")
    one.answer()
    two.listen(b"xx")
    assert agent.interrupted[-1][0] == 2  # it is written down as heard before the other's past comes
    one.interrupt(100)
    assert len(agent.interrupted) == 2


def test_going_on_keeps_what_was_said_while_waiting() -> None:
    agent = Slow()
    (one, two), _ = seats(2, agent)
    one.listen(b"xx")
    one.answer()
    two.listen(b"ab")
    two.answer()
    two.interrupt(0, goes_on=True)
    two.listen(b"cd")
    agent.finish(1)
    two.answer()
    assert bytes(agent.heard[2]) == b"abcd"


def test_bounds() -> None:
    agent = Slow()
    (first, *others), told = seats(MOST_QUEUE + 2, agent)
    first.listen(bytes(MOST_TURN + 100))
    assert first.dropped_bytes == 100
    for seat in (first, *others):
        seat.answer()
    (refused,) = told[-1]
    assert isinstance(refused, ReplyEnded)
    assert refused.outcome == "failed"


def test_what_the_engine_says_goes_to_whom_it_concerns() -> None:
    agent = Slow()
    (one, two), told = seats(2, agent)
    one.listen(b"xx")
    one.answer()
    two.answer("text", "hello")
    agent.post(Spent(1, {"text": 3}))
    agent.post(ReplyEnded(99))
    assert [type(event) for event in told[0]] == [Spent]
    agent.post(AgentLost("gone", retryable=False))
    assert [type(events[-1]) for events in told] == [AgentLost, AgentLost]
    assert one.floor.problem == "gone"


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_telephone_codes(law: str) -> None:
    codes = bytes(range(256))
    back = g711.encode(g711.decode(codes, law), law)
    assert np.array_equal(g711.decode(back, law), g711.decode(codes, law))
    sound = tone(0.5, 440.0, 8_000)
    there = g711.decode(g711.encode(sound, law), law).astype(float)
    error = there - sound
    assert 10 * np.log10(np.mean(sound.astype(float) ** 2) / np.mean(error**2)) > 35


def test_the_known_values_of_g711() -> None:
    """From ITU-T G.711: silence, and the loudest of either sign."""
    assert g711.decode(b"\xff\x7f\x00\x80", "ulaw").tolist() == [0, 0, -32124, 32124]
    assert g711.decode(b"\xd5\x55\xaa\x2a", "alaw").tolist() == [8, -8, 32256, -32256]


@pytest.mark.parametrize("form", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_sound_comes_through_both_ways_at_its_pitch_and_loudness(form: str) -> None:
    mouth, ears = Mouth(form), Ears(form)
    sound = tone(1.0, 440.0, 22_050).tobytes()
    coded = b"".join(mouth(sound[at : at + 1000], 22_050) for at in range(0, len(sound), 1000)) + mouth.end()
    heard = b"".join(ears(coded[at : at + 333]) for at in range(0, len(coded), 333)) + ears.end()
    samples: Any = np.frombuffer(heard, np.int16)
    assert len(samples) == pytest.approx(16_000, abs=20)
    assert pitch(samples[2000:14_000], 16_000) == pytest.approx(440.0, abs=1.0)
    assert amplitude(samples[2000:14_000]) == pytest.approx(amplitude(tone(1.0, 440.0, 16_000)), rel=0.05)
