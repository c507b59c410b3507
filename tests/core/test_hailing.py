"""The words that stand for the button."""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from edge.core.effects import Ears
from tests.core.driving import Driver, only, pcm, speaking, thinking


def waking() -> Driver:
    """A device with a wake word, at rest."""
    drive = Driver(ConversationSettings(wakes=True))
    drive(ev.MicFound())
    return drive


def ears(drive: Driver) -> do.SetEars:
    """What the front end was told last."""
    return only(drive.done, do.SetEars)[-1]


def interrupted(follow_up_s: float = 6.0) -> Driver:
    """A voice has cut the reply short, and goes on."""
    drive = Driver(ConversationSettings(follow_up_s=follow_up_s))
    drive.ask()
    drive.reply(2.0)
    drive(ev.PlayoutStarted(drive.turn, drive.now), ev.BargedIn(drive.now - 0.2))
    drive(ev.MicAudio(pcm(0.5)), ev.SpeechStarted(drive.now))
    return drive


def test_at_rest_it_waits_for_its_word_unless_it_must_not_hear() -> None:
    """Muted, or without a microphone, nothing reaches what listens for the word."""
    drive = waking()
    assert ears(drive).mode is Ears.AWAIT
    drive(ev.MuteSet(on=True))
    assert ears(drive).mode is Ears.OFF
    drive(ev.MuteSet(on=False))
    assert ears(drive).mode is Ears.AWAIT
    drive(ev.MicLost("unplugged"))
    assert ears(drive).mode is Ears.OFF


def test_without_a_word_it_rests() -> None:
    drive = Driver()
    drive(ev.MicFound())
    assert ears(drive).mode is Ears.OFF


def test_its_word_begins_a_turn_with_what_follows_it() -> None:
    drive = waking()
    assert drive(ev.WakeWordHeard(drive.now - 0.2)) == "listen"
    assert ears(drive) == do.SetEars(Ears.LISTEN, drive.now - 0.2)
    assert drive.state == "listening"
    assert drive.conv.turn is not None
    assert drive.conv.turn.asked


def test_a_word_from_before_the_microphone_was_lost_is_late() -> None:
    drive = waking()
    drive(ev.MicLost("unplugged"))
    assert drive(ev.WakeWordHeard(drive.now)) == ""


def test_over_a_reply_it_interrupts() -> None:
    drive = speaking()
    assert drive(ev.WakeWordHeard(drive.now - 0.2)) == "cancel !interrupted listen"
    assert ears(drive).since == drive.now - 0.2


def test_the_stop_word_silences_a_reply_and_keeps_what_follows() -> None:
    drive = speaking()
    assert drive(ev.StopWordHeard(drive.now - 0.2)) == "cancel !interrupted listen"
    assert ears(drive).since == drive.now - 0.2
    drive.wait(drive.conv.settings.follow_up_s)
    assert (drive.state, drive.conv.turn) == ("idle", None)


def test_without_follow_up_it_comes_to_rest_at_once() -> None:
    drive = Driver(ConversationSettings(follow_up_s=0.0))
    drive.ask()
    drive.reply()
    assert drive(ev.StopWordHeard(drive.now)) == "cancel !interrupted off"
    assert drive.state == "idle"


def test_it_ends_the_wait_for_a_reply_too() -> None:
    drive = thinking()
    assert drive(ev.StopWordHeard(drive.now)) == "cancel !interrupted listen"


def test_an_announcement_is_silenced_and_nobody_listened_to() -> None:
    drive = Driver()
    drive(ev.SayGiven("the tea is ready"))
    drive.reply()
    assert drive(ev.StopWordHeard(drive.now)) == "cancel !interrupted off"


def test_said_alone_it_is_no_question() -> None:
    """The voice has interrupted already; the pause shows that it says no more."""
    drive = interrupted()
    assert drive(ev.StopWordHeard(drive.now)) == ""
    drive.now += 0.2
    assert drive(ev.SpeechPaused()) == "drop listen"
    assert drive.conv.turn is not None
    assert drive.conv.turn.kind == "follow_up"


def test_said_alone_without_follow_up_it_leads_to_rest() -> None:
    drive = interrupted(follow_up_s=0.0)
    drive(ev.StopWordHeard(drive.now))
    assert drive(ev.SpeechPaused()) == "drop off"


def test_the_model_may_answer_after_the_pause() -> None:
    drive = interrupted()
    assert drive(ev.SpeechPaused()) == "eager"
    assert drive(ev.StopWordHeard(drive.now - 0.2)) == "drop listen"


def test_whoever_says_more_is_answered() -> None:
    """ "Stop, what time is it" in one breath."""
    drive = interrupted()
    drive(ev.StopWordHeard(drive.now))
    drive.now += 1.5
    assert drive(ev.SpeechPaused()) == "eager"


def test_in_a_sentence_it_is_a_word_like_others() -> None:
    """A turn that a press began, and the middle of one that interrupts."""
    drive = Driver()
    drive(ev.Pressed(), ev.MicAudio(pcm(0.5)), ev.SpeechStarted(drive.now))
    drive(ev.StopWordHeard(drive.now))
    assert drive(ev.SpeechPaused()) == "eager"
    drive = interrupted()
    drive(ev.MicAudio(pcm(2.0)), ev.StopWordHeard(drive.now))
    assert drive(ev.SpeechPaused()) == "eager"


def test_a_hand_that_ends_the_turn_counts_more() -> None:
    drive = interrupted()
    drive(ev.StopWordHeard(drive.now), ev.Pressed())
    assert drive(ev.SpeechPaused()) == "eager"
    drive = interrupted()
    drive(ev.Pressed(), ev.StopWordHeard(drive.now))
    assert drive(ev.SpeechPaused()) == "eager"
