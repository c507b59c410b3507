"""Turns whose end the engine finds itself, and what else it has to say beside its replies."""

from __future__ import annotations

from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from tests.core.driving import Driver

LIMITS = ConversationSettings()


def listening() -> Driver:
    """Pressed, with an engine that finds ends itself."""
    drive = Driver(ready=False)
    drive(ev.AgentReady(ends_turns=True), ev.Pressed())
    return drive


def speaking() -> Driver:
    """And the person has begun."""
    drive = listening()
    drive(ev.SpeechStarted(onset=drive.now))
    drive.hear(1, 2)
    return drive


def test_silence_is_no_end_until_the_engine_says_so() -> None:
    """Nothing is sent about the end: the engine knows it."""
    drive = speaking()
    assert drive(ev.SpeechEnded(voiced_until=drive.now)) == ""
    assert drive.state == "listening"
    assert drive.hear(3) == "audio"
    assert drive(ev.TurnEnded(drive.turn)) == "watch"
    assert drive.state == "thinking"


def test_an_engine_that_never_says_so_is_told() -> None:
    """Every wait has a limit."""
    drive = speaking()
    drive(ev.SpeechEnded(voiced_until=drive.now))
    assert drive.wait(LIMITS.engine_end_s - 0.1) == ""
    assert drive.wait(0.1) == "end watch"


def test_whoever_goes_on_has_all_the_time_again() -> None:
    """The limit counts silence, not speech."""
    drive = speaking()
    drive(ev.SpeechEnded(voiced_until=drive.now))
    drive.wait(LIMITS.engine_end_s / 2)
    drive(ev.SpeechStarted(onset=drive.now))
    assert drive.wait(LIMITS.engine_end_s + 1) == ""


def test_a_voice_that_only_the_engine_hears_keeps_the_turn_open() -> None:
    """A soft voice: the local detector would have given up."""
    drive = listening()
    drive.hear(1)
    drive.wait(LIMITS.no_speech_s / 2)
    assert drive(ev.VoiceHeard(drive.turn)) == ""
    assert drive.wait(LIMITS.no_speech_s + 1) == ""
    assert drive(ev.TurnEnded(drive.turn)) == "watch"


def test_the_hand_ends_the_turn_before_the_engine() -> None:
    """A press: the tail, then the end is told. The engine's own end comes too late and changes nothing."""
    drive = speaking()
    drive(ev.Pressed())
    assert drive.tail() == "end watch"
    assert drive(ev.TurnEnded(drive.turn)) == ""


def test_a_silence_in_the_tail_ends_the_turn_as_ever() -> None:
    """The hand has decided; nobody waits for the engine."""
    drive = speaking()
    drive(ev.Pressed())
    assert drive(ev.SpeechEnded(voiced_until=drive.now)) == "end watch"


def test_while_the_button_is_held_no_engine_ends_the_turn() -> None:
    """It is told of the button, and if it speaks of an end all the same, nobody listens."""
    drive = speaking()
    assert drive(ev.Held()) == "hold"
    assert drive(ev.TurnEnded(drive.turn)) == ""
    assert drive.hear(3) == "audio"
    drive.hear(*range(4, 20))
    drive(ev.Released())
    assert drive.tail() == "end watch"


def test_an_engine_that_comes_late_learns_of_the_button_first() -> None:
    """Before the audio, which it might find an end in."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.Held())
    drive.hear(1)
    assert drive(ev.AgentReady(ends_turns=True)) == "hold audio"


def test_an_engine_that_finds_no_ends_takes_its_place() -> None:
    """Each engine speaks for itself when it becomes ready."""
    drive = speaking()
    drive(ev.AgentLost("gone", retryable=True), ev.AgentReady())
    assert drive(ev.SpeechEnded(voiced_until=drive.now)) == "end watch"


def test_what_an_engine_costs_is_published_however_late() -> None:
    """Of a turn long gone, too; without money where no price is known."""
    drive = speaking()
    drive(ev.Spent(drive.turn + 5, {"output_audio": 40}, 0.0025, 1.5), ev.Spent(0, {"input_text": 3}))
    drive(ev.Spent(1, {"input_text": 3}, model="gpt-9", ids={"response": "resp_1"}))
    assert drive.published("usage") == [
        {"turn": drive.turn + 5, "tokens": {"output_audio": 40}, "cost": 0.0025, "today": 1.5},
        {"turn": 0, "tokens": {"input_text": 3}},
        {"turn": 1, "tokens": {"input_text": 3}, "model": "gpt-9", "ids": {"response": "resp_1"}},
    ]


def test_a_warning_is_shown_and_changes_nothing() -> None:
    """The engine goes on working."""
    drive = speaking()
    assert drive(ev.AgentWarned("the model ends soon")) == "!error"
    assert drive.state == "listening"
