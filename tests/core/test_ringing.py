"""Timers ring until somebody has heard them or had time enough, never over a person who talks; none is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from edge.core.ringing import TOLD_S, TUNE_S
from edge.core.stage import SoundSettings
from tests.core.driving import RATE, Driver, listening, offline, only, pcm, speaking, thinking

TEA = ev.TimerDue(1, "tea", "Your tea timer is done.")
EGGS = ev.TimerDue(2, "eggs", "Your eggs timer is done.")
ALARM = ev.TimerDue(3, "", "Your alarm was due at 7:00 AM.", late=True)


def over(drive: Driver) -> list[object]:
    """How the rings so far have ended."""
    return [(fields["timers"], fields["how"]) for fields in drive.published("ringing_over")]


def test_it_rings_again_and_again_and_gives_up() -> None:
    drive = Driver(ConversationSettings(ring_s=10.0))
    assert drive(TEA) == "guard !ringing ring say"
    assert drive.wait(30.0).split() == ["ring", "ring", "ring", "cancel", "!ringing_over", "off"]
    assert [ring.number for ring in only(drive.done, do.Ring)] == [1, 2, 3, 4]
    assert over(drive) == [([1], "unheard")]
    assert drive.state == "idle"


def test_its_name_is_said_after_the_first_tune_and_the_next_one_follows() -> None:
    drive = Driver()
    drive(TEA)
    assert drive(ev.ReplyAudio(drive.turn, pcm(2.0), RATE)) == "play"
    assert drive.conv.deadline is not None
    assert drive.conv.deadline - drive.now > TUNE_S + 1
    assert drive(ev.ReplyEnded(drive.turn), ev.ReplyAudio(drive.turn, pcm(), RATE)) == ""
    assert "ring" in drive.wait(2 * TUNE_S)


def test_a_loudspeaker_that_is_gone_gets_no_words() -> None:
    drive = Driver()
    drive(ev.SpeakerLost("unplugged"), TEA)
    assert drive(ev.ReplyAudio(drive.turn, pcm(), RATE)) == ""
    assert "ring" in drive.wait(TUNE_S)  # it may be back


def test_a_tap_stops_it_and_listens_to_nobody() -> None:
    drive = Driver()
    drive(TEA)
    assert drive(ev.Pressed()) == "cancel !interrupted !ringing_over off"
    assert over(drive) == [([1], "stopped")]


def test_who_talks_over_it_is_listened_to() -> None:
    drive = Driver()
    drive(TEA)
    drive(ev.BargedIn(drive.now))
    assert drive.state == "listening"
    assert over(drive) == [([1], "stopped")]


def test_one_that_joins_is_told_with_the_first() -> None:
    drive = Driver()
    drive(TEA, EGGS)
    assert [say.text for say in only(drive.done, do.SendSay)][-1] == f"{TEA.text} {EGGS.text}"
    drive(ev.Pressed())
    assert over(drive) == [([1, 2], "stopped")]


def test_it_waits_for_a_person_who_talks() -> None:
    drive = listening()
    drive(ev.SpeechStarted(drive.now), ev.MicAudio(pcm()))
    assert drive(TEA) == ""
    drive(ev.SpeechEnded(drive.now))
    drive.reply()
    drive.reply_ends()
    assert drive.played() == "off guard !ringing ring say"  # and nobody is listened to in between


def test_a_wait_for_more_words_is_over() -> None:
    drive = speaking()
    drive.reply_ends()
    drive.played()
    assert drive.state == "listening"
    assert drive(TEA) == "drop off guard !ringing ring say"


@pytest.mark.parametrize("begin", [thinking, speaking])
def test_over_a_reply_there_is_a_chime(begin: Callable[[], Driver]) -> None:
    drive = begin()
    drive.conv.settings = ConversationSettings(sounds=SoundSettings(frozenset(do.Tone)))
    assert drive(TEA) == "chime"
    assert drive(ALARM) == ""


def test_what_was_due_long_ago_is_told_once() -> None:
    drive = Driver()
    assert drive(ALARM) == "guard !ringing ring say"
    drive(ev.ReplyAudio(drive.turn, pcm(1.0), RATE), ev.ReplyEnded(drive.turn))
    assert drive.wait(TOLD_S).split() == ["cancel", "!ringing_over", "off"]
    assert over(drive) == [([3], "told")]


def test_it_waits_for_the_engine_that_can_say_it() -> None:
    drive = offline()
    assert drive(ALARM) == ""
    assert drive(ev.AgentReady()) == "guard !ringing ring say"
    drive.wait(2 * TOLD_S)
    assert over(drive) == [([3], "failed")]
    assert drive.state == "idle"


def test_what_is_told_goes_on_with_what_rings() -> None:
    drive = Driver()
    drive(ALARM, TEA)
    assert [say.text for say in only(drive.done, do.SendSay)][-1] == TEA.text
    drive(ev.Pressed())
    assert over(drive) == [([1], "stopped")]
    assert [say.text for say in only(drive.done, do.SendSay)][-1] == ALARM.text


def test_one_that_is_late_waits_for_the_end_of_the_ring() -> None:
    drive = Driver()
    drive(TEA)
    assert drive(ALARM) == ""
    assert "!ringing" in drive(ev.Pressed())


def test_an_engine_that_comes_in_the_middle_says_the_name() -> None:
    drive = offline()
    assert drive(TEA) == "guard !ringing ring"
    assert drive(ev.AgentReady()) == "say"
    assert drive(ev.AgentReady()) == ""


def test_after_good_night_nobody_is_listened_to() -> None:
    drive = thinking()
    drive(ev.SleepAsked())
    drive.reply()
    drive.reply_ends()
    drive.played()
    assert drive.state == "idle"


def test_a_question_of_the_device_is_listened_to() -> None:
    drive = Driver()
    drive(ev.SayGiven("Shall I?", asks=True))
    drive.reply()
    drive.reply_ends()
    drive.played()
    assert drive.state == "listening"
