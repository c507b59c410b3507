"""The person's side: pressing, holding, talking, going on, interrupting; and an engine that comes late."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from edge.core.effects import Ears
from tests.core.driving import Driver, only, pcm

LIMITS = ConversationSettings()


# --- pressing and holding ----------------------------------------------------------------------------


def test_second_press_ends_the_wait() -> None:
    """Nothing was said: back to rest at once."""
    drive = Driver()
    drive(ev.Pressed())
    assert drive(ev.Pressed()) == "drop off"
    assert drive.state == "idle"


def test_second_press_after_words_sends_them() -> None:
    """Whoever does not want to wait for the silence presses."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    assert drive(ev.Pressed()) == ""
    assert drive.tail() == "end watch"


def test_push_to_talk() -> None:
    """The release sends, silence does not; the engine may begin in a pause all the same."""
    drive = Driver()
    drive(ev.Pressed())
    drive.now += LIMITS.hold_s
    assert drive(ev.Held()) == "hold"
    assert drive.say() == "audio"
    assert drive.wait(20.0) == ""
    assert drive(ev.SpeechPaused(), ev.SpeechResumed()) == "eager resume"
    assert drive(ev.SpeechPaused(), ev.SpeechEnded(drive.now), ev.SpeechStarted(drive.now)) == "eager resume"
    assert drive(ev.Released()) == ""
    assert drive.tail() == "end watch"


def test_push_to_talk_does_not_need_the_detector() -> None:
    """A whisper that no detector finds is sent all the same."""
    drive = Driver()
    drive(ev.Pressed(), ev.Held())
    assert drive.wait(LIMITS.no_speech_s + 1) == ""
    drive(ev.MicAudio(pcm(3.0)))
    assert drive(ev.Released()) == ""
    assert drive.tail() == "end watch"


def test_hold_that_begins_at_rest_goes_back_to_the_press() -> None:
    """The press ended a wait; what was said since it went down belongs to the new turn."""
    drive = Driver()
    drive(ev.Pressed(), ev.Pressed())
    assert drive(ev.Held()) == "listen hold"
    since = drive.now - LIMITS.preroll_s - LIMITS.hold_s
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, since)
    assert drive.wait(LIMITS.no_speech_s + 1) == ""
    drive(ev.MicAudio(pcm(1.0)))
    assert drive(ev.Released()) == ""
    assert drive.tail() == "end watch"


@pytest.mark.parametrize(("seconds", "done"), [(0.0, "drop off"), (0.09, "drop off"), (0.1, "")])
def test_slip_of_the_finger(seconds: float, done: str) -> None:
    """Less than 100 ms of sound is no question (and vendors refuse it)."""
    drive = Driver()
    drive(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(seconds)))
    assert drive(ev.Released()) == done
    assert drive.tail() == ("" if done else "end watch")


def test_release_without_a_hold_is_harmless() -> None:
    """A tap's way up, or a stray command."""
    drive = Driver()
    assert drive(ev.Released()) == ""
    drive(ev.Pressed())
    assert drive(ev.Released()) == ""
    assert drive.state == "listening"


def test_holding_while_the_engine_is_not_there_has_the_engines_limit() -> None:
    """A turn may last minutes; waiting for a connection may not."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.Held())
    assert drive.wait(LIMITS.connect_s + 0.1) == "!error drop off"


def test_a_turn_has_a_greatest_length() -> None:
    """By the sound itself too; it is told, answered, and the release later means nothing."""
    drive = Driver(ConversationSettings(max_turn_s=2.0))
    drive(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(1.9)))
    assert drive(ev.MicAudio(pcm(0.1))) == "audio !error end watch"
    assert drive.errors() == ["turn"]
    assert drive(ev.MicAudio(pcm(0.1)), ev.Released()) == ""


def test_greatest_length_while_connecting() -> None:
    """What is kept is bounded; no release or press is needed, and it is sent when the engine comes."""
    drive = Driver(ConversationSettings(max_turn_s=2.0), ready=False)
    drive(ev.Pressed(), ev.Held())
    assert drive(ev.MicAudio(pcm(2.0))) == "!error watch"
    assert drive(ev.Released()) == ""
    assert drive(ev.AgentReady()) == "audio end watch"


# --- pauses ------------------------------------------------------------------------------------------


def test_pause_lets_the_engine_begin_and_going_on_takes_it_back() -> None:
    """An eager end is no end: sound goes on being sent."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    assert drive.hear(1) == "audio"
    assert drive(ev.SpeechPaused()) == "eager"
    assert drive.hear(2) == "audio"
    assert drive(ev.SpeechResumed()) == "resume"
    assert drive.hear(3) == "audio"
    assert drive.sent() == [1, 2, 3]


def test_going_on_while_the_device_thinks_is_a_turn_of_its_own() -> None:
    """The reply is cancelled, and the new turn begins before the detected onset."""
    drive = Driver()
    drive.ask()
    assert drive(ev.SpeechStarted(onset=drive.now - 0.1)) == "cancel !interrupted listen"
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, drive.now - 0.1 - LIMITS.lead_in_s)
    assert drive.turn == 2


def test_only_going_on_with_the_question_still_wants_its_answer() -> None:
    """Whoever goes on talking before the reply; not who presses, talks over the reply, types, or wants it forgotten."""
    drive = Driver()
    drive.ask()
    drive(ev.SpeechStarted(drive.now))
    drive.say()
    drive(ev.Pressed())
    drive.say()
    drive.reply()
    drive(ev.BargedIn(drive.now))
    drive.say()
    drive.reply()
    drive(ev.Pressed())
    drive.say()
    drive(ev.TextGiven("hi"))
    drive(ev.ForgetAsked())
    cancelled = [(effect.turn, effect.goes_on) for effect in only(drive.done, do.CancelReply)]
    assert cancelled == [(1, True), (2, False), (3, False), (4, False), (5, False), (6, False)]


def test_a_reply_that_never_comes_is_not_gone_on_with() -> None:
    """A time limit is not the person."""
    drive = Driver()
    drive.ask()
    drive.wait(LIMITS.reply_s)
    assert only(drive.done, do.CancelReply) == [do.CancelReply(1, goes_on=False)]


@pytest.mark.parametrize("ready", [True, False])
def test_the_speech_that_the_hand_has_ended_is_not_taken_for_going_on(ready: bool) -> None:
    """Ears that begin to watch amid a trailing silence tell once more of the speech that they are still in."""
    drive = Driver(ready=ready)
    onset = drive.now
    drive(ev.Pressed(), ev.Held(), ev.SpeechStarted(onset))
    drive.now += 1.0
    drive(ev.MicAudio(pcm(1.0)), ev.Released())
    released = drive.now
    assert drive.tail() == ("end watch" if ready else "watch")
    assert drive(ev.SpeechStarted(onset)) == ""
    assert drive.wait(1.0) == ""
    assert drive(ev.SpeechStarted(released)).endswith("listen")


def test_a_turn_at_its_greatest_length_is_answered_while_the_person_still_talks() -> None:
    """The same speech does not cancel the answer that was promised."""
    drive = Driver(ConversationSettings(max_turn_s=2.0))
    onset = drive.now
    drive(ev.Pressed(), ev.SpeechStarted(onset))
    drive.now += 2.0
    assert drive(ev.MicAudio(pcm(2.0))) == "audio !error end watch"
    assert drive(ev.SpeechStarted(onset)) == ""
    assert drive.state == "thinking"


# --- interrupting ------------------------------------------------------------------------------------


def test_press_while_speaking_cancels_and_late_audio_is_never_played() -> None:
    """Not even once: the network delivers what was on the way."""
    drive = Driver()
    drive.ask()
    drive.reply()
    assert drive(ev.Pressed()) == "cancel !interrupted listen"
    assert drive(ev.ReplyAudio(1, pcm(), 24_000), ev.ReplyEnded(1), ev.PlayoutEnded(1)) == ""
    assert (drive.state, drive.turn) == ("listening", 2)


def test_press_while_speaking_hears_nothing_of_the_reply() -> None:
    """No pre-roll: what the ring holds is the device's own voice."""
    drive = Driver()
    drive.ask()
    drive.reply()
    drive(ev.Pressed())
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, drive.now)


def test_barge_in_keeps_the_words_that_interrupted() -> None:
    """They are in the ring already."""
    drive = Driver()
    drive.ask()
    drive.reply()
    assert drive(ev.BargedIn(onset=drive.now - 0.2)) == "cancel !interrupted listen"
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, drive.now - 0.2 - LIMITS.lead_in_s)
    assert drive.say() == "audio end watch"


# --- the engine is slow or goes ----------------------------------------------------------------------


def test_slow_connect_costs_latency_and_no_word() -> None:
    """All sound since the press, in order, once; then live sound after it."""
    drive = Driver(ready=False)
    assert drive(ev.Pressed()) == "listen conn"
    assert drive.hear(1, 2, 3) == ""
    assert drive(ev.AgentReady()) == "audio audio audio"
    assert drive.state == "listening"
    assert drive.hear(4) == "audio"
    assert drive(ev.AgentReady()) == ""
    assert drive.sent() == [1, 2, 3, 4]


def test_slow_connect_when_the_turn_is_over_before() -> None:
    """The sound, then its end."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive.hear(1, 2)
    assert drive(ev.SpeechEnded(drive.now)) == "watch"
    assert drive(ev.AgentReady()) == "audio audio end watch"
    assert drive.state == "thinking"


@pytest.mark.parametrize("end", [ev.Pressed(), ev.Released(), ev.SpeechEnded(0.0)])
def test_each_way_to_end_a_turn_works_while_connecting(end: ev.Event) -> None:
    """Press again, release, silence."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.SpeechStarted(drive.now), ev.MicAudio(pcm(1.0)))
    if isinstance(end, ev.Released):
        drive(ev.Held())
    assert drive(end) == ("watch" if isinstance(end, ev.SpeechEnded) else "")
    assert drive.tail() == ("" if isinstance(end, ev.SpeechEnded) else "watch")
    assert drive(ev.AgentReady()) == "audio end watch"


def test_slow_connect_and_a_person_who_goes_on_after_a_pause() -> None:
    """`Turn on the light ... in the kitchen`: one turn, nothing twice, nothing missing."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive.hear(1, 2)
    drive(ev.SpeechEnded(drive.now))
    ended = drive.now
    drive.now += 0.2
    assert drive(ev.SpeechStarted(onset=drive.now - 0.1)) == "listen"
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, ended)
    drive.hear(3)
    drive.now += 1.0
    drive(ev.SpeechEnded(drive.now))
    assert drive(ev.AgentReady()) == "audio audio audio end watch"
    assert drive.sent() == [1, 2, 3]
    drive.reply()
    drive(ev.PlayoutStarted(1, drive.now))
    assert drive.published("turn")[0]["latency_ms"] == dict.fromkeys(
        ("speech_end", "turn_end", "first_audio", "first_sound"), 0
    )


def test_going_on_after_a_release_while_connecting_ends_by_silence() -> None:
    """The finger is off the button: nobody will release it again."""
    drive = Driver(ready=False)
    drive(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(1.0)), ev.Released())
    drive.tail()
    assert drive(ev.SpeechStarted(drive.now)) == "listen"
    assert drive(ev.AgentReady()) == "audio"
    assert drive.wait(LIMITS.no_speech_s + 1) == ""
    assert drive(ev.SpeechEnded(drive.now)) == "end watch"


@pytest.mark.parametrize("event", [ev.MuteSet(on=True), ev.MicLost("unplugged")])
def test_a_closed_ear_does_not_open_a_turn_again(event: ev.Event) -> None:
    """Speech that crossed the mute, or the loss of the microphone."""
    drive = Driver(ready=False)
    drive.ask()
    drive(event)
    assert drive(ev.SpeechStarted(drive.now)) == ""
    assert drive(ev.AgentReady()) == "audio end off"


def test_unmute_while_connecting_watches_again() -> None:
    """The turn that waits for the engine can still be gone on with."""
    drive = Driver(ready=False)
    drive.ask()
    drive(ev.MuteSet(on=True))
    assert drive(ev.MuteSet(on=False)) == "open !mute watch"


def test_press_gives_up_a_question_that_waits_for_the_engine() -> None:
    """It was over, and the person does not want to wait."""
    drive = Driver(ready=False)
    drive.ask()
    assert drive(ev.Pressed()) == "drop off"


def test_engine_lost_mid_utterance_and_back() -> None:
    """It comes back by itself: what is said meanwhile is kept and sent."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive.hear(1)
    assert drive(ev.AgentLost("gone", retryable=True)) == "!error conn"
    assert drive.state == "connecting"
    drive.hear(2, 3)
    assert drive(ev.AgentReady()) == "audio audio"
    assert drive.wait(LIMITS.max_turn_s - 1) == ""
    assert drive.hear(4) == "audio"
    assert drive.sent() == [1, 2, 3, 4]


def test_engine_lost_mid_utterance_for_good() -> None:
    """The light shows that something has to be mended."""
    drive = Driver()
    drive(ev.Pressed(), ev.SpeechStarted(drive.now))
    drive.hear(1)
    assert drive(ev.AgentLost("no credit", retryable=False)) == "!error drop off"
    assert drive.state == "error"
    assert drive(ev.AgentReady()) == "off"
    assert drive.state == "idle"


def test_engine_that_keeps_failing_does_not_put_off_the_time_limit() -> None:
    """A loss every few seconds must not keep the person waiting for ever."""
    drive = Driver(ready=False)
    drive(ev.Pressed())
    for _ in range(11):
        drive.wait(5.0)
        assert drive(ev.AgentLost("refused", retryable=True)) == "!error conn"
    assert drive.wait(5.0) == "!error drop off"


def test_silence_after_the_engine_came_is_measured_from_then() -> None:
    """The wait for the engine was no time to speak in."""
    drive = Driver(ready=False)
    drive(ev.Pressed())
    drive.wait(30.0)
    drive(ev.AgentReady())
    assert drive.wait(LIMITS.no_speech_s - 0.01) == ""
    assert drive.wait(0.02) == "drop off"


def test_a_press_while_a_follow_up_is_waited_for_is_a_press_to_talk() -> None:
    """Whoever presses after a reply wants to speak: it starts anew, with its own pre-roll and the long wait."""
    drive = Driver()
    drive(ev.Pressed())
    drive.say()
    drive.reply()
    drive.reply_ends()
    drive.played()
    assert drive.state == "listening"
    assert drive(ev.Pressed()) == "drop listen"
    assert drive.wait(LIMITS.follow_up_s + 0.1) == ""
    assert drive.say() == "audio end watch"
