"""Whole exchanges and time limits."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from edge.core.effects import Ears
from tests.core.driving import START, Driver, listening, offline, only, pcm, speaking, thinking

LIMITS = ConversationSettings()

# --- a conversation ----------------------------------------------------------------------------------


def test_tap_talk_silence_reply_follow_up_rest() -> None:
    """The way it goes when nothing is wrong."""
    drive = Driver()
    assert drive(ev.Pressed()) == "listen"
    assert drive.say() == "audio end watch"
    assert drive.reply() == "guard play"
    assert drive(ev.PlayoutStarted(1, drive.now)) == "!turn"
    assert drive.reply_ends() == "fin"
    assert drive.played() == "listen"
    assert (drive.state, drive.turn) == ("listening", 2)
    assert drive.wait(LIMITS.follow_up_s) == "drop off"
    shown = [fields["state"] for fields in drive.published("state")]
    assert shown == ["listening", "thinking", "speaking", "listening", "idle"]


def test_listening_begins_with_the_pre_roll() -> None:
    """What was said just before the press is heard too."""
    assert only(listening().done, do.SetEars) == [do.SetEars(Ears.LISTEN, START - LIMITS.preroll_s)]


def test_a_follow_up_is_answered_without_a_press() -> None:
    """The person just goes on talking."""
    drive = speaking()
    drive.reply_ends()
    drive.played()
    assert drive.say() == "audio end watch"
    assert only(drive.done, do.EndTurn) == [do.EndTurn(1), do.EndTurn(2)]


def test_no_follow_up_when_it_is_turned_off() -> None:
    """follow_up_s = 0: every turn needs a press."""
    drive = Driver(ConversationSettings(follow_up_s=0.0))
    drive.ask()
    drive.reply()
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.state == "idle"


def test_stages_of_a_turn_are_told_in_milliseconds() -> None:
    """From the end of speech; 550 ms of silence were needed to be sure of it."""
    drive = thinking()
    drive.now += 0.1
    drive(ev.TranscriptHeard(1, "hello", final=True))
    drive.now += 0.2
    drive(ev.ReplyText(1, "Hi."))
    drive.now += 0.05
    drive.reply()
    drive(ev.PlayoutStarted(1, drive.now + 0.02), ev.PlayoutStarted(1, drive.now + 1))
    told = drive.published("turn")
    stages = {"speech_end": 0, "turn_end": 550, "transcript": 650, "first_token": 850, "first_audio": 900}
    assert told == [{"turn": 1, "kind": "tap", "latency_ms": stages | {"first_sound": 920}, "said_s": 1.0}]


def test_what_was_understood_and_answered_is_published() -> None:
    """For the terminal and the companion page."""
    drive = thinking()
    drive(ev.TranscriptHeard(1, "hel", final=False), ev.TranscriptHeard(1, "hello", final=True), ev.ReplyText(1, "Hi."))
    assert drive.published("user_transcript") == [
        {"turn": 1, "text": "hel", "final": False},
        {"turn": 1, "text": "hello", "final": True},
    ]
    assert drive.published("reply_transcript") == [{"turn": 1, "text": "Hi."}]


# --- time limits -------------------------------------------------------------------------------------


def test_engine_that_does_not_come_is_told() -> None:
    """The words are given up in so many words."""
    drive = offline()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now), ev.MicAudio(pcm()))
    assert drive.wait(LIMITS.connect_s - 0.01) == ""
    assert drive.wait(0.02) == "!error drop off"
    assert "in time" in str(drive.published("error")[0]["message"])
    assert drive.state == "idle"


def test_engine_that_cannot_come_is_told_with_its_reason() -> None:
    """A wrong key is a wrong key also a minute later."""
    drive = offline()
    drive(ev.AgentLost("wrong key", retryable=False))
    assert drive.state == "error"
    assert drive(ev.Pressed()) == "listen conn"
    drive.wait(LIMITS.connect_s)
    assert [fields["message"] for fields in drive.published("error")] == ["wrong key", "wrong key"]
    assert drive.state == "error"


def test_nothing_said() -> None:
    """A press by mistake ends by itself, and costs nothing."""
    drive = listening()
    assert drive.wait(LIMITS.no_speech_s - 0.01) == ""
    assert drive.wait(0.02) == "drop off"


@pytest.mark.parametrize("held", [False, True])
def test_a_turn_without_an_end_is_answered(held: bool) -> None:
    """A radio in the room must not keep the turn open for ever."""
    drive = listening()
    if held:
        drive(ev.Held())
    drive(ev.SpeechStarted(drive.now), ev.MicAudio(pcm()))
    assert drive.wait(LIMITS.max_turn_s - 0.01) == ""
    assert drive.wait(0.02) == "end watch"


def test_reply_that_does_not_come() -> None:
    """The person is told and can try again."""
    drive = thinking()
    assert drive.wait(LIMITS.reply_s - 0.01) == ""
    assert drive.wait(0.02) == "!error cancel !interrupted off"
    assert drive.state == "idle"


def test_slow_tools_and_words_keep_the_reply_alive() -> None:
    """Each sign of life starts the wait again."""
    drive = thinking()
    for event in (ev.ToolCalled(1, "c", "clock"), ev.ToolFinished(1, "c"), ev.ReplyText(1, "Well,")):
        drive(event)
        assert "cancel" not in drive.wait(LIMITS.reply_s - 0.01)
    assert drive.state == "thinking"


def test_long_queued_reply_is_played_to_its_end() -> None:
    """Engines send a minute of speech in a second; the wait is for the speaker then."""
    drive = thinking()
    drive.reply(60.0)
    drive(ev.PlayoutStarted(1, drive.now))
    drive.reply_ends()
    assert drive.wait(60.0 + LIMITS.stall_s - 0.01) == ""
    assert drive.wait(0.02) == "!error cancel !interrupted off"


def test_queued_reply_before_its_end_is_known() -> None:
    """As long, when the engine forgets to say that it was all."""
    drive = thinking()
    drive.reply(60.0)
    assert drive.wait(60.0 + LIMITS.reply_s - 0.01) == ""
    assert drive.wait(0.02) == "!error cancel !interrupted off"


def test_gap_in_the_reply_is_not_taken_for_playing() -> None:
    """5 s of reply, a pause of 15 s, 20 s of reply at once: the last word is heard."""
    drive = thinking()
    drive.reply(5.0)
    drive(ev.PlayoutStarted(1, drive.now))
    drive.wait(20.0)
    drive.reply(20.0)
    drive.reply_ends()
    assert drive.wait(20.0 + LIMITS.stall_s - 0.01) == ""


def test_speaker_that_begins_late_is_waited_for() -> None:
    """A device that takes seconds to open plays everything later."""
    drive = thinking()
    drive.reply(10.0)
    drive.wait(8.0)
    drive(ev.PlayoutStarted(1, drive.now))
    drive.reply_ends()
    assert drive.wait(10.0 + LIMITS.stall_s - 0.01) == ""


def test_settings_have_defaults_of_their_own() -> None:
    """Two conversations share nothing."""
    one, two = Driver(), Driver()
    one(ev.SayGiven("a"), ev.SayGiven("b"))
    assert two.state == "idle"
    assert two.conv.settings == ConversationSettings()
