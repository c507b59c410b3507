"""When a chime, the sound of thinking or a sentence is heard, when it ends, and that it changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import Conversation, ConversationSettings
from edge.core.effects import Ears, Tone
from edge.core.reports import Problem
from edge.core.sounding import AGAIN_S, CHIME_S
from edge.core.stage import SoundSettings
from tests.core.driving import START, Driver, only, pcm
from tests.core.promises import Step
from tests.core.test_properties import take, walks
from tests.core.world import SETTINGS, World

SOUNDS = SoundSettings(frozenset(Tone), dict.fromkeys(Problem, 1.2))
ALL = ConversationSettings(sounds=SOUNDS)
SENTENCES_ONLY = ConversationSettings(sounds=replace(SOUNDS, tones=frozenset()))
CHIMES_ONLY = ConversationSettings(sounds=replace(SOUNDS, clips={}))
MADE = (do.Chime, do.Report, do.Hush)


def device(settings: ConversationSettings = ALL, *, ready: bool = True) -> Driver:
    return Driver(settings, ready=ready)


def made(drive: Driver) -> list[str]:
    """Every sound so far, in order."""
    names = []
    for effect in drive.done:
        match effect:
            case do.Chime(tone):
                names.append(str(tone))
            case do.Report(problem):
                names.append(str(problem))
            case do.Hush():
                names.append("hush")
    return names


def thinking() -> Driver:
    drive = device()
    drive.ask()
    drive.done.clear()
    return drive


# --- chimes ------------------------------------------------------------------------------------------


def test_a_turn_begins_and_ends_with_a_chime() -> None:
    drive = device()
    assert drive(ev.Pressed()) == "listen chime"
    assert drive.say() == "audio end watch chime"
    assert made(drive) == ["start", "end"]


def test_an_engine_that_ends_the_turn_has_the_same_chime() -> None:
    drive = Driver(ALL, ready=False)
    drive(ev.AgentReady(ends_turns=True), ev.Pressed(), ev.MicAudio(pcm()), ev.TurnEnded(1))
    assert made(drive) == ["start", "end"]


def test_a_follow_up_begins_without_one() -> None:
    """Nobody has pressed: the reply's end says that it is the person's turn."""
    drive = device()
    drive.ask()
    drive.reply()
    drive.reply_ends()
    drive.wait(2.0)
    drive.done.clear()
    assert drive.played() == "listen"
    assert drive(ev.Pressed()) == "drop listen chime"


def test_only_the_chimes_that_are_wanted_are_made() -> None:
    drive = device(ConversationSettings(sounds=SoundSettings(frozenset({Tone.END}))))
    drive.ask()
    assert made(drive) == ["end"]


def test_muting_and_unmuting_are_heard_once_done() -> None:
    drive = device()
    assert drive(ev.MuteSet(on=True)) == "close !mute off chime"
    assert drive(ev.LongHeld()) == "open !mute off chime"
    assert made(drive) == ["mute", "unmute"]


def test_a_switch_that_only_stands_so_at_the_start_is_not_heard() -> None:
    drive = device()
    drive(ev.SwitchMoved(muted=True))
    assert made(drive) == []
    drive(ev.SwitchMoved(muted=False), ev.SwitchMoved(muted=True))
    assert made(drive) == ["unmute", "mute"]


def test_the_pre_roll_has_nothing_of_the_device_itself() -> None:
    """What it sounded a moment ago is in the ring."""
    drive = device()
    drive(ev.MuteSet(on=True), ev.MuteSet(on=False))
    drive.now += CHIME_S - 0.01
    drive(ev.Pressed())
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, drive.now)
    drive(ev.Pressed())
    drive.now += CHIME_S
    drive(ev.Pressed())
    assert only(drive.done, do.SetEars)[-1] == do.SetEars(Ears.LISTEN, drive.now - ALL.preroll_s)


# --- the sound of thinking ---------------------------------------------------------------------------


def test_thinking_is_heard_after_a_while_and_again() -> None:
    drive = thinking()
    assert drive.wait(1.49) == ""
    assert drive.wait(0.02) == "chime"
    drive.wait(4.0)
    assert made(drive) == ["thinking"] * 3


CHECKS = replace(ALL, sounds=replace(SOUNDS, check_s=1.2))


def test_a_long_wait_is_told_in_words_once_and_then_by_the_sound() -> None:
    drive = device(CHECKS)
    for _ in range(2):
        drive.ask()
        drive.done.clear()
        assert drive.wait(1.19) == ""
        assert drive.wait(0.02) == "report"
        drive.wait(3.4)
        assert made(drive) == ["wait"]
        drive.wait(0.4)
        assert made(drive) == ["wait", "thinking"]
        drive(ev.ReplyEnded(drive.conv.turn.id if drive.conv.turn else 0, "failed"))
        drive(ev.Pressed())
        drive.wait(60.0)
        drive(ev.AgentReady())


def test_who_goes_on_talking_is_not_talked_over() -> None:
    drive = device(CHECKS)
    drive.ask()
    drive.wait(1.25)
    drive.done.clear()
    drive(ev.Pressed())
    assert made(drive)[0] == "hush"


def test_without_the_recording_there_is_the_sound() -> None:
    drive = device(replace(CHECKS, sounds=replace(CHECKS.sounds, clips={})))
    drive.ask()
    drive.done.clear()
    drive.wait(1.6)
    assert made(drive) == ["thinking"]


def test_it_ends_at_once_when_the_reply_begins() -> None:
    drive = thinking()
    drive.wait(1.6)
    assert drive.reply() == "hush guard play"
    assert drive.wait(20.0) == ""


@pytest.mark.parametrize("event", [ev.Pressed(), ev.SpeechStarted(START + 60)])
def test_it_ends_at_once_when_the_person_interrupts_or_goes_on(event: ev.Event) -> None:
    drive = thinking()
    drive.wait(1.6)
    done = drive(event).split()
    assert done[:4] == ["cancel", "!interrupted", "hush", "listen"]


def test_it_ends_with_the_wait_however_that_ends() -> None:
    drive = thinking()
    drive(ev.MuteSet(on=True))
    drive.wait(1.6)
    assert drive(ev.ForgetAsked()).endswith("hush")
    assert drive.wait(60.0) == ""


def test_a_reply_that_comes_soon_is_not_preceded_by_it() -> None:
    drive = thinking()
    drive.wait(1.4)
    drive.reply()
    drive.wait(10.0)
    assert made(drive) == []


def test_typed_words_wait_in_silence() -> None:
    """Whoever types may be elsewhere, and the device beside a sleeper."""
    drive = device()
    drive(ev.TextGiven("hello"))
    drive.wait(20.0)
    assert made(drive) == []


# --- sentences -----------------------------------------------------------------------------------------


def test_a_press_is_told_that_the_microphone_is_missing() -> None:
    drive = device()
    drive(ev.MicLost("unplugged"))
    assert made(drive) == []  # nobody has asked
    assert drive(ev.Pressed()) == "!error report"
    assert made(drive) == ["no_microphone"]


def test_the_same_sentence_comes_at_most_once_a_minute() -> None:
    drive = device()
    drive(ev.MuteSet(on=True))
    drive.done.clear()
    drive(ev.Pressed())
    drive.now += AGAIN_S - 1
    drive(ev.Pressed())
    drive.now += 1
    drive(ev.Pressed())
    assert made(drive) == ["muted", "error", "muted"]


def test_the_engine_that_cannot_be_had_is_told_of_at_the_press() -> None:
    drive = device(ready=False)
    drive(ev.AgentLost("OpenAI refuses the key: set a valid one.", retryable=False))
    drive(ev.Pressed())
    assert drive(ev.AgentLost("OpenAI refuses the key: set a valid one.", retryable=False)) == "!error drop off report"
    assert made(drive) == ["start", "key"]


def test_it_is_never_said_over_the_person() -> None:
    """Only a chime while they speak, or hold the button to."""
    for way in (ev.SpeechStarted(START), ev.Held()):
        drive = device(ready=False)
        drive(ev.Pressed(), way, ev.AgentLost("There is no network.", retryable=False))
        assert made(drive) == ["start", "error"]


def test_without_a_network_the_question_is_kept_and_the_person_told_why() -> None:
    drive = device(ready=False)
    drive(ev.AgentLost("There is no network.", retryable=True), ev.Pressed())
    drive.say()
    assert drive.wait(1.6) == "report"
    assert drive.wait(30.0) == ""  # all is said
    assert drive(ev.AgentReady()) == "audio end watch"
    assert made(drive) == ["start", "end", "no_internet"]


def test_the_sentence_ends_when_the_line_is_back_or_the_person_goes_on() -> None:
    drive = device(ready=False)
    drive(ev.AgentLost("There is no network.", retryable=True), ev.Pressed())
    drive.say()
    drive.wait(1.6)
    assert drive(ev.SpeechStarted(drive.now)) == "hush listen"


def test_a_line_that_is_only_slow_is_waited_for_with_the_sound_of_thinking() -> None:
    drive = device(ready=False)
    drive(ev.Pressed())
    drive.say()
    drive.wait(1.6)
    assert made(drive) == ["start", "end", "thinking"]


def test_no_engine_in_time() -> None:
    drive = device(ready=False)
    drive(ev.Pressed())
    drive.wait(ALL.connect_s)
    assert made(drive) == ["start", "no_service"]
    drive.now += 5.0
    drive(ev.AgentLost("The voice service's name is not found: is there a network?", retryable=True), ev.Pressed())
    drive.wait(ALL.connect_s)
    assert made(drive) == ["start", "no_service", "start", "no_internet"]


def test_chimes_in_place_of_words() -> None:
    drive = device(CHIMES_ONLY, ready=False)
    drive(ev.AgentLost("There is no network.", retryable=True), ev.Pressed())
    drive.say()
    drive.wait(1.6)
    assert made(drive) == ["start", "end", "offline"]


def test_a_reply_that_fails_is_told() -> None:
    drive = thinking()
    assert drive.reply_ends("failed") == "!error off report"
    assert made(drive) == ["failed"]


def test_a_reply_that_breaks_off_is_told_at_its_end() -> None:
    drive = thinking()
    drive.reply(1.0)
    drive(ev.PlayoutStarted(1, drive.now), ev.AgentLost("The voice service hung up.", retryable=True))
    drive.wait(1.0)
    assert drive.played() == "off report"
    assert made(drive)[-1] == "no_service"


def test_a_reply_that_stops_coming_is_told() -> None:
    drive = thinking()
    drive.wait(ALL.reply_s)
    assert made(drive)[-1] == "failed"


def test_nothing_heard_is_told_to_whoever_has_pressed() -> None:
    drive = device(SENTENCES_ONLY)
    drive(ev.Pressed())
    assert drive.wait(ALL.no_speech_s) == "drop off report"
    drive = device(SENTENCES_ONLY)
    drive.ask()
    drive.reply_ends("nothing_heard")
    drive.say()
    drive.reply_ends("nothing_heard")
    assert made(drive) == ["nothing_heard"]


def test_nothing_heard_is_not_told_after_a_cough_or_a_reply() -> None:
    """It was no question."""
    drive = device(SENTENCES_ONLY)
    drive.ask()
    drive.reply()
    drive(ev.BargedIn(drive.now))
    drive.wait(ALL.no_speech_s)
    drive.ask()
    drive.reply()
    drive.reply_ends()
    drive.played()
    drive.wait(ALL.follow_up_s)
    assert made(drive) == []


def test_an_announcement_that_fails_is_not_told() -> None:
    """A timer at night, say: nobody has asked."""
    drive = device()
    drive(ev.SayGiven("Your timer is done."))
    drive(ev.ReplyEnded(drive.turn, "failed", "There is no network."))
    assert made(drive) == []


def test_nor_is_a_question_after_which_an_announcement_waits() -> None:
    """It is said instead."""
    drive = device()
    drive.ask()
    drive(ev.SayGiven("Your timer is done."))
    drive.done.clear()
    drive.reply_ends("failed")
    assert made(drive) == []


# --- nothing else changes ------------------------------------------------------------------------------


class Twins(World):
    """A silent conversation, and one with all sounds that is told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.loud = Conversation(replace(SETTINGS, sounds=SOUNDS))
        self.quiet: list[do.Effect] = []

    def feed(self, event: ev.Event) -> None:
        loud = self.loud
        while loud.sounds_at is not None and loud.sounds_at <= self.now and loud.wake_at != loud.deadline:
            effects = loud.handle(ev.TimePassed(), loud.sounds_at)
            assert effects
            assert all(isinstance(effect, MADE) for effect in effects)
        effects, self.quiet = loud.handle(event, self.now), []
        super().feed(event)
        assert [self._plain(e) for e in effects if not isinstance(e, MADE)] == [self._plain(e) for e in self.quiet]
        assert (loud.state, loud.deadline, loud.muted) == (self.conv.state, self.conv.deadline, self.conv.muted)
        assert loud.sounds_at is None or loud.turn is not None

    def _carry_out(self, effect: do.Effect, step: Step) -> None:
        self.quiet.append(effect)
        super()._carry_out(effect, step)

    @staticmethod
    def _plain(effect: do.Effect) -> do.Effect:
        """Without the beginning of listening, which leaves out the device's own sound."""
        return replace(effect, since=0.0) if isinstance(effect, do.SetEars) else effect


@settings(max_examples=150, deadline=None)
@given(walk=walks)
def test_sounds_change_nothing_else(walk: list[tuple[str, int, int, float]]) -> None:
    twins = Twins()
    for how, which, pick, gap in walk:
        take(twins, how, which, pick, gap)
