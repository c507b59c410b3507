"""Typed turns, announcements, forgetting."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.words import MOST_SAYS
from tests.core.driving import Driver, only


def says(drive: Driver) -> list[str]:
    """What was announced so far."""
    return [effect.text for effect in only(drive.done, do.SendSay)]


def finish(drive: Driver) -> None:
    """The current turn is answered and heard, and nobody follows up."""
    drive.reply()
    drive.reply_ends("closing")
    drive.played()


def test_typed_turn_is_answered_aloud_and_not_followed_up() -> None:
    """Nobody is known to be near the microphone."""
    drive = Driver()
    assert drive(ev.TextGiven("what time is it")) == "off text !user_transcript"
    assert drive.published("user_transcript") == [{"turn": 1, "text": "what time is it", "final": True}]
    assert drive.reply() == "guard play"
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.state == "idle"


def test_typed_turn_works_while_muted() -> None:
    """And opens no ear, however it ends."""
    drive = Driver()
    drive(ev.MuteSet(on=True), ev.TextGiven("hi"))
    assert drive.reply() == "off play"
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.state == "muted"


def test_text_while_speaking_takes_its_place() -> None:
    """The old reply is silenced first; nothing of it is played later."""
    drive = Driver()
    drive.ask()
    drive.reply()
    assert drive(ev.TextGiven("stop that")) == "cancel !interrupted off text !user_transcript"
    assert drive(ev.ReplyAudio(1, b"\0\0", 24_000)) == ""
    assert drive.reply() == "guard play"


def test_text_waits_for_the_engine() -> None:
    """And is not published as said before it is sent."""
    drive = Driver(ready=False)
    assert drive(ev.TextGiven("hi")) == "off conn"
    assert drive(ev.AgentReady()) == "text !user_transcript"


@pytest.mark.parametrize("event", [ev.TextGiven("hi"), ev.SayGiven("tea")])
def test_press_comes_before_words_that_wait_for_the_engine(event: ev.Event) -> None:
    """The person at the device is listened to at once, pre-roll and all."""
    drive = Driver(ready=False)
    drive(event)
    assert drive(ev.Pressed()) == "drop listen conn"
    assert drive.say() == "watch"
    assert drive(ev.AgentReady()) == "audio end watch"


def test_announcement_pushed_aside_by_a_press_comes_first_afterwards() -> None:
    """Nobody has heard it: it is not lost, and does not lose its place."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"), ev.SayGiven("two"))
    assert drive(ev.Pressed()) == "drop listen conn"
    drive(ev.SayGiven("three"))
    drive.say()
    drive(ev.AgentReady())
    assert says(drive) == []
    while not drive.turn_over():
        finish(drive)
    assert says(drive) == ["one", "two", "three"]


def test_announcement_pushed_aside_by_a_typed_turn() -> None:
    """The same, and as often as it happens."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"))
    for text in ("first", "second"):
        assert drive(ev.TextGiven(text)) == "drop off conn"
    drive(ev.AgentReady())
    assert [effect.text for effect in only(drive.done, do.SendText)] == ["second"]
    finish(drive)
    finish(drive)
    assert says(drive) == ["one"]
    assert drive.state == "idle"


def test_announcement_pushed_aside_by_a_press_for_nothing() -> None:
    """The second press ends the wait: what waited is next."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"), ev.Pressed())
    assert drive(ev.Pressed()) == "drop off off conn"
    assert drive(ev.AgentReady()) == "say"


def test_pushing_an_announcement_aside_when_the_queue_is_full() -> None:
    """It goes back to its place, and none is dropped for it."""
    drive = Driver(ready=False)
    wanted = [str(number) for number in range(MOST_SAYS + 1)]
    for text in wanted:
        assert "!error" not in drive(ev.SayGiven(text))
    drive(ev.Pressed())
    assert drive(ev.SayGiven("too much")) == "!error"
    drive(ev.AgentReady(), ev.Pressed())
    while not drive.turn_over():
        finish(drive)
    assert says(drive) == wanted


def test_announcement_that_was_begun_is_not_said_again() -> None:
    """Who interrupts it has heard enough of it; the engine has it already."""
    for event in (ev.Pressed(), ev.TextGiven("hi")):
        for begun in (False, True):
            drive = Driver()
            drive(ev.SayGiven("one"))
            if begun:
                drive.reply()
            drive(event)
            drive.wait(60.0)
            assert says(drive) == ["one"]


def test_forgetting_takes_the_announcement_that_waits_for_the_engine() -> None:
    """It does not come back from the queue."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"))
    assert drive(ev.ForgetAsked()) == "drop clear !forgotten off"
    drive(ev.AgentReady())
    assert (drive.state, says(drive)) == ("idle", [])


def test_typed_turn_pushed_aside_by_a_press_is_gone() -> None:
    """Whoever typed has come to the device, or somebody else is talking to it now."""
    drive = Driver(ready=False)
    drive(ev.TextGiven("hi"), ev.Pressed())
    drive.say()
    drive(ev.AgentReady())
    finish(drive)
    assert only(drive.done, do.SendText) == []
    assert drive.state == "idle"


@pytest.mark.parametrize("event", [ev.MuteSet(on=True), ev.MicLost("unplugged")])
def test_press_with_a_closed_ear_only_gives_up_waiting_words(event: ev.Event) -> None:
    """Nobody can be listened to."""
    drive = Driver(ready=False)
    drive(ev.TextGiven("hi"), event)
    assert drive(ev.Pressed()) == "drop off"


def test_press_with_a_closed_ear_gives_up_a_waiting_announcement() -> None:
    """Nobody takes its place, so it is it that the press does not want; it would only begin to wait again."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"), ev.MuteSet(on=True))
    assert drive(ev.Pressed()) == "drop off"
    assert drive.state == "muted"


def test_announcement_at_rest() -> None:
    """Spoken as it stands; no follow-up; and the guard is up."""
    drive = Driver()
    assert drive(ev.SayGiven("tea is ready")) == "off say"
    assert drive.reply() == "guard play"
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.published("user_transcript") == []


def test_announcements_wait_for_the_turn_to_end() -> None:
    """In order, one after the other, and before a follow-up."""
    drive = Driver()
    drive.ask()
    assert drive(ev.SayGiven("one"), ev.SayGiven("two")) == ""
    drive.reply()
    drive.reply_ends()
    assert drive.played() == "off off say"
    finish(drive)
    finish(drive)
    assert says(drive) == ["one", "two"]
    assert drive.state == "idle"


def test_announcement_waits_for_a_person_who_says_nothing() -> None:
    """A turn that is dropped is an end too."""
    drive = Driver()
    drive(ev.Pressed(), ev.SayGiven("one"))
    assert drive.wait(60.0).startswith("drop off off say")


def test_too_many_announcements_are_told() -> None:
    """Nobody wants to hear them an hour later."""
    drive = Driver()
    drive(ev.Pressed())
    for number in range(MOST_SAYS):
        assert drive(ev.SayGiven(str(number))) == ""
    assert drive(ev.SayGiven("too much")) == "!error"
    assert "8 announcements" in str(drive.published("error")[0]["message"])
    drive(ev.Pressed())
    while not drive.turn_over():
        finish(drive)
    assert says(drive) == [str(number) for number in range(MOST_SAYS)]


def test_announcement_without_an_engine_is_given_up_in_time() -> None:
    """Each waits its time and is told; then there is rest."""
    drive = Driver(ready=False)
    drive(ev.SayGiven("one"), ev.SayGiven("two"))
    drive.wait(130.0)
    assert drive.errors() == ["engine", "engine"]
    assert drive.state == "idle"


def test_forget_silences_clears_and_rests() -> None:
    """Waiting announcements go too."""
    drive = Driver()
    drive.ask()
    drive.reply()
    drive(ev.SayGiven("later"))
    assert drive(ev.ForgetAsked()) == "cancel !interrupted clear !forgotten off"
    assert drive.state == "idle"
    assert says(drive) == []


@pytest.mark.parametrize(("everything", "told"), [(False, {}), (True, {"everything": True})])
def test_forgetting_everything_is_told_to_those_who_keep_more(*, everything: bool, told: dict[str, object]) -> None:
    """Facts and recordings are not the core's."""
    drive = Driver()
    effects = drive.conv.handle(ev.ForgetAsked(everything=everything), drive.now)
    assert [one.fields for one in effects if isinstance(one, do.Publish) and one.event == "forgotten"] == [told]


def test_double_tap_at_rest() -> None:
    """Its first half started to listen; the second half takes that back."""
    drive = Driver()
    drive(ev.Pressed())
    assert drive(ev.ForgetAsked()) == "drop clear !forgotten off"


def test_forget_while_muted_stays_muted() -> None:
    """Forgetting opens nothing."""
    drive = Driver()
    drive(ev.MuteSet(on=True))
    assert drive(ev.ForgetAsked()) == "clear !forgotten off"
    assert drive.state == "muted"
