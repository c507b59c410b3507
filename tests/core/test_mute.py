"""Muting by switch, command and long hold: nobody is heard, and what was asked before is answered."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from tests.core.driving import START, Driver, listening, offline, only, pcm, speaking, thinking

# --- mute --------------------------------------------------------------------------------------------


def test_mute_at_rest_and_back() -> None:
    """The microphone is closed before anything else happens, and opened again."""
    drive = Driver()
    assert drive(ev.MuteSet(on=True)) == "close !mute off"
    assert drive.state == "muted"
    assert drive(ev.MuteSet(on=False)) == "open !mute off"
    assert drive.state == "idle"
    assert [fields["on"] for fields in drive.published("mute")] == [True, False]


@pytest.mark.parametrize("on", [True, False])
def test_mute_that_is_set_already_changes_nothing(on: bool) -> None:
    """A switch may be read twice."""
    drive = Driver()
    drive(ev.MuteSet(on=on))
    assert drive(ev.MuteSet(on=on)) == ""


@pytest.mark.parametrize("event", [ev.MuteSet(on=False), ev.MuteSet(None), ev.LongHeld()])
def test_the_switch_wins_over_whatever_unmutes(event: ev.Event) -> None:
    """The microphone is not opened for a moment, and why is said."""
    drive = Driver()
    assert drive(ev.SwitchMoved(muted=True)) == "close !mute off"
    assert drive(event) == "!error"
    assert "move the switch" in str(drive.published("error")[0]["message"])
    assert drive.state == "muted"
    assert drive(ev.SwitchMoved(muted=False)) == "open !mute off"


def test_the_switch_wins_over_a_mute_by_software_too() -> None:
    """What the switch shows is so; a mute from before there was a switch ends with it."""
    drive = Driver()
    drive(ev.MuteSet(on=True))
    assert drive(ev.SwitchMoved(muted=False)) == "open !mute off"
    assert drive(ev.MuteSet(on=True)) == "!error"
    assert "move the switch to mute" in str(drive.published("error")[0]["message"])
    assert drive(ev.MuteSet(on=False)) == ""
    assert drive.state == "idle"


def test_a_press_against_the_switch_is_told_of_the_switch() -> None:
    """`edge-voice unmute` would be no help."""
    drive = Driver()
    drive(ev.SwitchMoved(muted=True))
    assert drive(ev.Pressed()) == "!error"
    assert "by the switch" in str(drive.published("error")[0]["message"])


def test_mute_while_listening_forgets_what_was_said() -> None:
    """What a person wants private stays private."""
    drive = listening()
    drive(ev.SpeechStarted(drive.now), ev.MicAudio(pcm()))
    assert drive(ev.MuteSet(on=True)) == "close !mute drop off"
    assert (drive.state, drive.turn_over()) == ("muted", True)
    assert drive(ev.MicAudio(pcm()), ev.SpeechEnded(drive.now)) == ""


def test_mute_while_connecting_sends_nothing_later() -> None:
    """The audio kept for the engine is forgotten with the turn."""
    drive = offline()
    drive(ev.Pressed(), ev.MicAudio(pcm()), ev.MuteSet(on=True))
    assert drive(ev.AgentReady()) == ""
    assert only(drive.done, do.SendAudio) == []


@pytest.mark.parametrize("state", ["thinking", "speaking"])
def test_mute_does_not_stop_the_answer(state: str) -> None:
    """What was asked before is still answered; nobody is listened to afterwards."""
    drive = thinking() if state == "thinking" else speaking()
    assert drive(ev.MuteSet(on=True)) == "close !mute off"
    assert drive.state == state
    drive.reply()
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.state == "muted"


def test_unmute_while_speaking_puts_the_guard_back() -> None:
    """The reply can be interrupted by voice again."""
    drive = speaking()
    drive(ev.MuteSet(on=True))
    assert drive(ev.MuteSet(on=False)) == "open !mute guard"
    assert drive.state == "speaking"


def test_unmute_while_thinking_watches_again() -> None:
    """The person may go on talking."""
    drive = thinking()
    drive(ev.MuteSet(on=True))
    assert drive(ev.MuteSet(on=False)) == "open !mute watch"


def test_press_while_muted_says_so_and_opens_nothing() -> None:
    """A person who forgot about the mute is told, and not listened to."""
    drive = Driver()
    drive(ev.MuteSet(on=True))
    assert drive(ev.Pressed(), ev.Held(), ev.Released()) == "!error"
    assert "muted" in str(drive.published("error")[0]["message"])
    assert drive.state == "muted"


def test_press_while_a_muted_device_speaks_only_stops_it() -> None:
    """The button interrupts, and the microphone stays closed."""
    drive = speaking()
    drive(ev.MuteSet(on=True))
    assert drive(ev.Pressed()) == "cancel !interrupted off"
    assert drive.state == "muted"


def test_barge_in_that_crossed_the_mute_does_not_listen() -> None:
    """The speaker is silent already, so the reply is over; nobody is listened to."""
    drive = speaking()
    drive(ev.MuteSet(on=True))
    assert drive(ev.BargedIn(drive.now)) == "cancel !interrupted off"
    assert drive.state == "muted"


def test_speech_that_crossed_the_mute_does_not_cut_the_thinking() -> None:
    """What was asked before is answered."""
    drive = thinking()
    drive(ev.MuteSet(on=True))
    assert drive(ev.SpeechStarted(drive.now)) == ""


# --- a long hold -------------------------------------------------------------------------------------


def held(*events: ev.Event) -> Driver:
    """A device whose button has been down for three seconds, with this having come in meanwhile."""
    drive = Driver()
    drive(ev.Pressed(), ev.Held(), *events)
    drive.now += 3.0
    return drive


def test_long_hold_without_a_word_mutes() -> None:
    """The turn that the press began is dropped, and the release after it means nothing."""
    drive = held(ev.MicAudio(pcm(3.0)))
    assert drive(ev.LongHeld()) == "close !mute drop off"
    assert drive.state == "muted"
    assert drive(ev.Released()) == ""
    assert only(drive.done, do.EndTurn) == []


def test_long_hold_unmutes() -> None:
    """The press says that it is muted; the long hold is what it asks for; nobody is listened to yet."""
    drive = Driver()
    drive(ev.MuteSet(on=True))
    assert drive(ev.Pressed(), ev.Held()) == "!error"
    assert drive(ev.LongHeld()) == "open !mute off"
    assert drive(ev.Released()) == ""
    assert drive.state == "idle"


def test_long_question_with_the_button_held_is_no_mute() -> None:
    """It goes on until the release, and is answered whole."""
    drive = held(ev.SpeechStarted(START), ev.MicAudio(pcm(3.0)))
    assert drive(ev.LongHeld()) == ""
    assert (drive.state, drive.conv.muted) == ("listening", False)
    assert drive(ev.MicAudio(pcm(2.0))) == "audio"
    assert drive(ev.Released()) == ""
    assert drive.tail() == "end watch"


def test_long_question_with_the_button_held_while_connecting() -> None:
    """The engine is late, the person is not to be muted for it."""
    drive = offline()
    drive(ev.Pressed(), ev.Held(), ev.SpeechStarted(drive.now), ev.MicAudio(pcm(3.0)))
    assert drive(ev.LongHeld()) == ""
    drive(ev.Released())
    assert drive.tail() == "watch"
    assert drive(ev.AgentReady()) == "audio end watch"


def test_long_hold_while_connecting_without_a_word_mutes() -> None:
    """No engine is needed for a mute."""
    drive = offline()
    drive(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(3.0)))
    assert drive(ev.LongHeld()) == "close !mute drop off"
    assert drive(ev.Released(), ev.AgentReady()) == ""


def test_long_hold_that_interrupts_a_reply_mutes() -> None:
    """The press silenced it; what was said before the reply does not count as talking now."""
    drive = speaking()
    drive(ev.Pressed(), ev.Held())
    assert drive(ev.LongHeld()) == "close !mute drop off"


@pytest.mark.parametrize("state", ["thinking", "speaking"])
def test_long_hold_whose_press_ended_the_question_mutes_and_the_answer_comes(state: str) -> None:
    """The press was a tap's; the answer goes on as with any other mute."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now), ev.MicAudio(pcm(1.0)), ev.Pressed())
    drive.tail()
    if state == "speaking":
        drive.reply()
    drive(ev.Held())
    assert drive(ev.LongHeld()) == "close !mute off"
    assert drive(ev.Released()) == ""
    assert drive.state == state
