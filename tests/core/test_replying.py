"""The engine's side: outcomes, tools, losses, what is played."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from tests.core.driving import Driver, only, pcm

LIMITS = ConversationSettings()


def asked() -> Driver:
    """A device that thinks about a question."""
    drive = Driver()
    drive.ask()
    return drive


@pytest.mark.parametrize("outcome", ["silenced", "closing", "failed", "nothing_heard"])
def test_only_a_reply_that_is_done_is_followed_up(outcome: str) -> None:
    """Who said `stop` or `goodbye` is left alone; a failure is told."""
    drive = asked()
    drive.reply()
    assert drive.reply_ends(outcome).split()[-1] == "fin"
    assert drive.played() == "off"
    assert drive.state == "idle"
    assert drive.errors() == (["engine"] if outcome == "failed" else [])


@pytest.mark.parametrize("outcome", ["silenced", "closing", "failed"])
def test_reply_without_a_sound(outcome: str) -> None:
    """Nothing to wait for."""
    drive = asked()
    assert drive.reply_ends(outcome).split()[-1] == "off"
    assert drive.state == "idle"


def test_reply_without_a_sound_that_is_done_is_followed_up() -> None:
    """The answer may have been an act."""
    drive = asked()
    assert drive.reply_ends() == "listen"
    assert only(drive.done, do.Play) == []


def test_nothing_heard_tries_again_and_then_rests() -> None:
    """A door that was taken for speech; not for ever."""
    drive = Driver()
    drive.ask()
    assert drive.reply_ends("nothing_heard") == "!nothing_heard drop listen"
    assert drive.state == "listening"
    drive.say()
    assert drive.reply_ends("nothing_heard") == "!nothing_heard off"
    assert drive.state == "idle"
    assert drive.ask() == "listen audio end watch"
    assert drive.reply_ends("nothing_heard") == "!nothing_heard drop listen"


def test_nothing_heard_in_a_follow_up_waits_as_long_as_a_follow_up() -> None:
    """It is not the person who started it."""
    drive = asked()
    drive.reply_ends()
    drive.say()
    drive.reply_ends("nothing_heard")
    assert drive.wait(LIMITS.follow_up_s + 0.01) == "drop off"


def test_nothing_heard_after_push_to_talk_rests() -> None:
    """The finger is off the button: nobody is about to speak."""
    drive = Driver()
    drive(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(1.0)), ev.Released())
    drive.tail()
    assert drive.reply_ends("nothing_heard") == "!nothing_heard off"


def test_nothing_heard_while_muted_rests() -> None:
    """No ear is opened for a second try."""
    drive = asked()
    drive(ev.MuteSet(on=True))
    assert drive.reply_ends("nothing_heard") == "!nothing_heard off"
    assert drive.state == "muted"


def test_tool_is_run_and_its_result_sent() -> None:
    """While thinking and while speaking."""
    drive = asked()
    assert drive(ev.ToolCalled(1, "c1", "clock", {"zone": "UTC"})) == "!tool tool"
    assert only(drive.done, do.RunTool) == [do.RunTool(1, "c1", "clock", {"zone": "UTC"})]
    drive.reply()
    assert drive(ev.ToolFinished(1, "c1", {"time": "noon"})) == "result"
    assert only(drive.done, do.SendToolResult) == [do.SendToolResult(1, "c1", {"time": "noon"})]


def test_tool_that_ends_after_an_interruption_is_ignored() -> None:
    """Nobody waits for it any more."""
    drive = asked()
    drive(ev.ToolCalled(1, "c1", "clock"))
    drive(ev.Pressed())
    assert drive(ev.ToolFinished(1, "c1", {"time": "noon"}), ev.ToolCalled(1, "c2", "clock")) == ""


def test_engine_lost_while_thinking() -> None:
    """Told once; at rest; no follow-up to nothing."""
    drive = asked()
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error off"
    assert drive.state == "idle"


def test_engine_lost_for_good_while_thinking() -> None:
    """The light shows it."""
    drive = asked()
    drive(ev.AgentLost("no credit", retryable=False))
    assert drive.state == "error"


def test_engine_lost_while_speaking_lets_the_sentence_end() -> None:
    """What has come is played; then rest."""
    drive = asked()
    drive.reply()
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error fin"
    assert drive.state == "speaking"
    assert drive.played() == "off"


def test_engine_lost_after_the_reply_was_complete() -> None:
    """The reply is played; nobody is listened to without being asked while there is nobody to listen."""
    drive = asked()
    drive.reply()
    drive.reply_ends()
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error"
    assert drive.played() == "off"
    assert drive.state == "idle"
    assert drive(ev.Pressed()) == "listen conn"


def test_engine_lost_and_back_while_the_reply_is_played() -> None:
    """There is somebody to follow up with again."""
    drive = asked()
    drive.reply()
    drive.reply_ends()
    drive(ev.AgentLost("gone", retryable=True), ev.AgentReady())
    assert drive.played() == "listen"
    assert drive.state == "listening"


def test_engine_lost_for_good_after_the_reply_was_complete() -> None:
    """The reply is played; nobody is asked to speak to an engine that is not coming back."""
    drive = asked()
    drive.reply()
    drive.reply_ends()
    drive(ev.AgentLost("no credit", retryable=False))
    assert drive.played() == "off"
    assert drive.state == "error"


def test_engine_lost_at_rest_is_told_and_a_press_calls_it() -> None:
    """An engine that comes back by itself is no error on the light."""
    drive = Driver()
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error off"
    assert drive.state == "idle"
    assert drive(ev.Pressed()) == "listen conn"


def test_engine_lost_for_good_while_muted_shows_after_the_unmute() -> None:
    """Muted is the more important thing to know."""
    drive = Driver()
    drive(ev.MuteSet(on=True), ev.AgentLost("no credit", retryable=False))
    assert drive.state == "muted"
    drive(ev.MuteSet(on=False))
    assert drive.state == "error"


def test_partial_transcripts_do_not_shorten_the_persons_turn() -> None:
    """The engine's time limit is for the reply."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive(ev.TranscriptHeard(1, "once upon a", final=False))
    assert drive.wait(LIMITS.reply_s + 60) == ""
    assert drive.state == "listening"


def test_partial_transcripts_do_not_lengthen_a_wait_for_nothing() -> None:
    """An engine that hears words in the hum must not keep the microphone open."""
    drive = Driver()
    drive(ev.Pressed(), ev.TranscriptHeard(1, "you", final=False))
    assert drive.wait(LIMITS.no_speech_s + 0.01) == "drop off"


def test_nothing_is_played_after_the_reply_has_ended() -> None:
    """The speaker was told that no more comes."""
    drive = asked()
    drive.reply()
    drive.reply_ends()
    assert drive.reply() == ""


def test_speaker_that_says_too_early_that_all_was_heard() -> None:
    """More is coming: the turn is not over."""
    drive = asked()
    drive.reply()
    assert drive.played() == ""
    assert drive.reply() == "play"
