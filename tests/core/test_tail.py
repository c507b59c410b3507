"""A hand has ended the turn: its last syllable, and what is still on its way in, are waited for a moment longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from tests.core.driving import Driver, only, pcm

LIMITS = ConversationSettings()
TAIL = LIMITS.tail_s


def pressed(*, ready: bool = True) -> Driver:
    """A device whose person has said something and pressed."""
    drive = Driver(ready=ready)
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive.hear(1)
    drive.now += 1.0
    assert drive(ev.Pressed()) == ""
    return drive


def released(*, ready: bool = True) -> Driver:
    """A device whose person has whispered, unfound by any detector, and let go of the button."""
    drive = Driver(ready=ready)
    drive(ev.Pressed(), ev.Held())
    drive(ev.MicAudio(pcm(0.2, 1)))
    drive.now += 1.0
    assert drive(ev.Released()) == ""
    return drive


both = pytest.mark.parametrize("ended", [pressed, released])
Ended = Callable[..., Driver]


# --- the sound of the tail ---------------------------------------------------------------------------


@both
def test_what_comes_in_during_the_tail_is_sent_before_the_end(ended: Ended) -> None:
    """And nothing after it."""
    drive = ended()
    assert drive.hear(2) == "audio"
    assert drive.wait(TAIL - 0.001) == ""
    assert drive.hear(3) == "audio"
    assert drive.wait(0.001) == "end watch"
    assert drive.hear(4) == ""
    assert drive.sent() == [1, 2, 3]
    assert drive.state == "thinking"


@both
def test_what_comes_in_during_the_tail_waits_for_the_engine(ended: Ended) -> None:
    """The ears close in time all the same; the engine gets everything, once and in order."""
    drive = ended(ready=False)
    assert drive.hear(2) == ""
    assert drive.tail() == "watch"
    assert drive.hear(3) == ""
    assert drive(ev.AgentReady()) == "audio audio end watch"
    assert drive.sent() == [1, 2]


@both
def test_speech_has_ended_when_the_hand_said_so(ended: Ended) -> None:
    """The tail is a part of what the person waits."""
    drive = ended()
    drive.tail()
    drive.reply()
    drive(ev.PlayoutStarted(1, drive.now))
    stages = drive.published("turn")[0]["latency_ms"]
    assert stages == {"speech_end": 0, "turn_end": 150, "first_audio": 150, "first_sound": 150}


def test_settings_without_a_tail_end_at_once() -> None:
    """At the very next look at the clock."""
    drive = Driver(ConversationSettings(tail_s=0.0))
    drive(ev.Pressed(), ev.SpeechStarted(drive.now), ev.Pressed())
    assert drive.wait(0.0) == "end watch"


@both
def test_the_time_limit_for_the_engine_is_counted_from_the_end(ended: Ended) -> None:
    """As when silence ends the turn."""
    drive = ended(ready=False)
    drive.tail()
    assert drive.wait(LIMITS.connect_s - 0.01) == ""
    assert drive.wait(0.02) == "!error drop off"


# --- the engine comes and goes -------------------------------------------------------------------------


@both
def test_engine_that_comes_during_the_tail(ended: Ended) -> None:
    """It gets what there is and then the rest; the end is not put off."""
    drive = ended(ready=False)
    drive.wait(TAIL / 2)
    assert drive(ev.AgentReady()).removeprefix("hold ") == "audio"
    assert drive.state == "listening"
    assert drive.hear(2) == "audio"
    assert drive.wait(TAIL / 2) == "end watch"


@both
def test_engine_that_comes_when_the_tail_is_over_but_the_loop_was_busy(ended: Ended) -> None:
    """The deadline is in the past, so the end comes at once."""
    drive = ended(ready=False)
    drive.now += 1.0
    drive(ev.AgentReady())
    assert drive(ev.TimePassed()) == "end watch"


@both
def test_engine_that_goes_during_the_tail(ended: Ended) -> None:
    """The room is not listened to for as long as the engine takes to come back."""
    drive = ended()
    drive.wait(TAIL / 2)
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error conn"
    assert drive.hear(2) == ""
    assert drive.wait(TAIL / 2) == "watch"
    assert drive.state == "connecting"
    assert drive(ev.AgentReady()) == "audio end watch"
    assert drive.sent() == [1, 2]


@both
def test_engine_that_goes_and_comes_during_the_tail(ended: Ended) -> None:
    """However often: the end is where it was."""
    drive = ended()
    for _ in range(4):
        drive.wait(TAIL / 8)
        drive(ev.AgentLost("gone", retryable=True))
        drive.wait(TAIL / 16)
        drive(ev.AgentReady())
    assert drive.wait(TAIL / 4) == "end watch"


@both
def test_engine_that_goes_for_good_during_the_tail(ended: Ended) -> None:
    """There is nobody to answer, and it is told."""
    drive = ended()
    assert drive(ev.AgentLost("no credit", retryable=False)) == "!error drop off"
    assert drive.wait(1.0) == ""
    assert drive.state == "error"


# --- the hand again ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("event", [ev.Pressed(), ev.Held(), ev.Released(), ev.AgentReady()])
def test_more_of_the_hand_during_the_tail_changes_nothing(ended: Ended, event: ev.Event) -> None:
    """The turn ends where it was going to, with all that was said."""
    drive = ended()
    drive.wait(TAIL / 2)
    assert drive(event) == ""
    assert drive.wait(TAIL / 2) == "end watch"


@both
def test_more_of_the_hand_during_the_tail_while_connecting(ended: Ended) -> None:
    """The same."""
    drive = ended(ready=False)
    assert drive(ev.Pressed(), ev.Held(), ev.Released()) == ""
    assert drive.tail() == "watch"


def test_press_that_ends_a_short_push_to_talk_is_not_undone_by_the_release() -> None:
    """A detector has found words in less than a tenth of a second of sound."""
    drive = Driver()
    drive(ev.Pressed(), ev.Held(), ev.SpeechStarted(drive.now))
    drive.hear(1)
    assert drive(ev.Pressed(), ev.Released()) == ""
    assert drive.tail() == "end watch"


@both
def test_press_after_the_tail_interrupts(ended: Ended) -> None:
    """The device thinks then."""
    drive = ended()
    drive.tail()
    assert drive(ev.Pressed()) == "cancel !interrupted listen"


@both
@pytest.mark.parametrize("event", [ev.MuteSet(on=True), ev.MuteSet(None)])
def test_mute_during_the_tail_ends_the_turn_and_the_answer_comes(ended: Ended, event: ev.Event) -> None:
    """It was given to the device before; nothing of what is said from now on is."""
    drive = ended()
    assert drive(event) == "close !mute end off"
    assert drive.hear(2) == ""
    assert (drive.state, drive.sent()) == ("thinking", [1])
    assert drive.wait(1.0) == ""


@both
def test_mute_during_the_tail_while_connecting(ended: Ended) -> None:
    """The question waits for the engine; the microphone is closed."""
    drive = ended(ready=False)
    assert drive(ev.MuteSet(on=True)) == "close !mute off"
    assert drive.hear(2) == ""
    assert drive.wait(1.0) == ""
    assert drive(ev.AgentReady()) == "audio end off"


def test_mute_that_is_set_already_does_not_cut_the_tail() -> None:
    """A switch may be read twice."""
    drive = pressed()
    assert drive(ev.MuteSet(on=False)) == ""
    assert drive.tail() == "end watch"


@both
def test_forgetting_and_typing_during_the_tail_take_the_turn_away(ended: Ended) -> None:
    """As they do with any turn; its tail is gone with it."""
    drive = ended()
    assert drive(ev.ForgetAsked()) == "drop clear !forgotten off"
    assert drive.wait(1.0) == ""
    drive = ended()
    assert drive(ev.TextGiven("hi")) == "drop off text !user_transcript"
    assert drive.wait(1.0) == ""


@both
def test_announcement_during_the_tail_waits(ended: Ended) -> None:
    """For the answer to be over."""
    drive = ended()
    assert drive(ev.SayGiven("tea")) == ""
    assert drive.tail() == "end watch"


# --- the microphone and the voice ----------------------------------------------------------------------


@both
def test_microphone_lost_during_the_tail(ended: Ended) -> None:
    """Nothing more can come: it ends now, with what came; also what no detector had found."""
    drive = ended()
    assert drive(ev.MicLost("unplugged")) == "!error end off"
    assert drive.wait(1.0) == ""
    assert drive.state == "thinking"


@both
def test_microphone_lost_during_the_tail_while_connecting(ended: Ended) -> None:
    """The same, and the engine gets it when it comes."""
    drive = ended(ready=False)
    assert drive(ev.MicLost("unplugged")) == "!error off"
    assert drive(ev.AgentReady()) == "audio end off"


@both
def test_microphone_that_is_back_during_the_tail(ended: Ended) -> None:
    """The ears are open already."""
    drive = ended()
    assert drive(ev.MicFound()) == "!microphone"
    assert drive.tail() == "end watch"


@both
def test_speech_that_is_found_during_the_tail_does_not_put_off_the_end(ended: Ended) -> None:
    """The detector is late; the hand has said when."""
    drive = ended()
    drive.wait(TAIL / 2)
    assert drive(ev.SpeechStarted(drive.now - 0.1)) == ""
    assert drive.wait(TAIL / 2) == "end watch"


def test_silence_during_the_tail_ends_a_tap_at_once() -> None:
    """There is no syllable to wait for; and the wait still counts from the press."""
    drive = pressed()
    drive.now += TAIL / 2
    assert drive(ev.SpeechEnded(drive.now - 0.55)) == "end watch"
    assert drive.wait(1.0) == ""
    drive.reply()
    drive(ev.PlayoutStarted(1, drive.now))
    assert drive.conv.turn is not None
    assert drive.conv.turn.latencies()["turn_end"] == 75


def test_silence_during_the_tail_ends_a_tap_at_once_while_connecting() -> None:
    """The engine gets it when it comes."""
    drive = pressed(ready=False)
    assert drive(ev.SpeechEnded(drive.now)) == "watch"
    assert drive.wait(1.0) == ""
    assert drive(ev.AgentReady()) == "audio end watch"


def test_silence_during_the_tail_does_not_end_push_to_talk() -> None:
    """Nobody guesses an end there."""
    drive = released()
    assert drive(ev.SpeechEnded(drive.now)) == ""
    assert drive.tail() == "end watch"


def test_pause_during_the_tail_still_lets_the_engine_begin() -> None:
    assert pressed()(ev.SpeechPaused(), ev.SpeechResumed()) == "eager resume"
    assert released()(ev.SpeechPaused(), ev.SpeechResumed()) == "eager resume"


@both
def test_going_on_after_the_tail_while_connecting_is_one_turn(ended: Ended) -> None:
    """Its new part follows the tail without a gap, and has a tail of its own."""
    drive = ended(ready=False)
    drive.hear(2)
    drive.tail()
    over = drive.now
    drive.now += 0.1
    assert drive(ev.SpeechStarted(drive.now)) == "listen"
    assert only(drive.done, do.SetEars)[-1].since == over
    drive.hear(3)
    assert drive.wait(1.0) == ""
    assert drive(ev.Pressed()) == ""
    drive.hear(4)
    assert drive.tail() == "watch"
    assert drive(ev.AgentReady()) == "audio audio audio audio end watch"
    assert drive.sent() == [1, 2, 3, 4]


# --- limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ready", [True, False])
def test_greatest_length_reached_during_the_tail(ready: bool) -> None:
    """It ends now, and once."""
    drive = Driver(ConversationSettings(max_turn_s=2.0), ready=ready)
    drive(ev.Pressed(), ev.SpeechStarted(drive.now), ev.MicAudio(pcm(1.9)), ev.Pressed())
    assert drive(ev.MicAudio(pcm(0.1))) == ("audio !error end watch" if ready else "!error watch")
    assert drive.wait(1.0) == ""
    assert drive.state == ("thinking" if ready else "connecting")


@both
@pytest.mark.parametrize("event", [ev.SpeakerLost("unplugged"), ev.SpeakerFound()])
def test_loudspeaker_during_the_tail(ended: Ended, event: ev.Event) -> None:
    """It is not its turn."""
    drive = ended()
    drive(event)
    assert drive.tail() == "end watch"


@both
def test_partial_transcript_during_the_tail_does_not_put_off_the_end(ended: Ended) -> None:
    """The engine hears words while they are sent."""
    drive = ended()
    drive.wait(TAIL / 2)
    assert drive(ev.TranscriptHeard(1, "hello", final=False)) == "!user_transcript"
    assert drive.wait(TAIL / 2) == "end watch"
