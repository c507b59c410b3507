"""Patience: learnt from pauses, moved by words, within bounds; and how a conversation uses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import ConversationSettings
from edge.core.pauses import COMPLETE_SHARE, DOWN_S, FADE_S, LONGEST_S, MARGIN_S, TURNS, UP_S, Pauses, PauseSettings
from tests.core.driving import Driver, only

LIMITS = PauseSettings()
START = LIMITS.start_s
seconds = st.floats(0.0, 5.0)


def after(*longest: float, every: float = 0.0, settings: PauseSettings = LIMITS) -> Pauses:
    """Turns with these longest pauses, and the next one begun."""
    pauses = Pauses(settings)
    pauses.begin(settings, 0.0)
    for number, pause_s in enumerate(longest, start=1):
        pauses.note(pause_s)
        pauses.begin(settings, number * every)
    return pauses


# --- learning ----------------------------------------------------------------------------------------


def test_nothing_is_learnt_from_one_odd_turn() -> None:
    """Somebody at the door; neither at the beginning nor among turns without a pause."""
    assert after(1.1).usual_s == START
    assert after(1.1, *[0.3] * TURNS).usual_s <= START
    quick = [0.0] * 20
    assert after(*quick, 1.1).usual_s <= after(*quick).usual_s


def test_two_turns_with_long_pauses_are_a_habit() -> None:
    """It rises in steps, to just above them."""
    assert after(0.8, 0.8).usual_s == pytest.approx(START + UP_S)
    assert after(*[0.8] * 5).usual_s == pytest.approx(0.8 + MARGIN_S)


def test_a_habit_beyond_all_bounds() -> None:
    """As patient as it may be, and no more."""
    assert after(*[1.9] * 20).usual_s == LIMITS.most_s


def test_a_quick_speaker_waits_less_and_less() -> None:
    """Slowly, and not before as many turns as are looked back at."""
    assert after(*[0.0] * (TURNS - 1)).usual_s == START
    assert after(*[0.0] * TURNS).usual_s == pytest.approx(START - DOWN_S)
    assert after(*[0.0] * 40).usual_s == LIMITS.least_s


def test_a_pause_that_is_survived_well_changes_nothing() -> None:
    """Neither up nor down."""
    assert after(*[START - MARGIN_S] * 20).usual_s == pytest.approx(START)


def test_who_was_cut_off_paused() -> None:
    """Going on after the end counts as the pause that it was, if it was one."""
    pauses = Pauses()
    for _ in range(2):
        pauses.begin(LIMITS, 0.0)
        pauses.note(0.25)
        pauses.went_on(0.8)
    pauses.begin(LIMITS, 0.0)
    assert pauses.usual_s > START
    other = after(0.0)
    other.went_on(0.8)  # after an end that was none of silence's
    assert other == after(0.0)


def test_an_afterthought_is_no_pause() -> None:
    pauses = Pauses()
    for _ in range(3):
        pauses.note(0.25)
        pauses.went_on(LONGEST_S + 0.1)
        pauses.begin(LIMITS, 0.0)
    assert pauses.usual_s == START


def test_noises_teach_nothing() -> None:
    """A dog barks twice, and again."""
    pauses = Pauses()
    for _ in range(TURNS):
        pauses.note(0.9)
        pauses.unnote()
        pauses.begin(LIMITS, 0.0)
    assert pauses.usual_s == START


def test_what_was_learnt_fades() -> None:
    """By half, and then all but altogether; the habit too."""
    pauses = after(*[1.0] * 8)
    learnt = pauses.usual_s - START
    pauses.begin(LIMITS, FADE_S)
    assert pauses.usual_s == pytest.approx(START + learnt / 2)
    pauses.begin(LIMITS, 100 * FADE_S)
    assert pauses.usual_s == pytest.approx(START)
    pauses.note(1.0)
    pauses.begin(LIMITS, 100 * FADE_S)
    assert pauses.usual_s == pytest.approx(START)


def test_forgetting_and_new_settings_begin_anew() -> None:
    """The one by the person, the other by a new configuration."""
    pauses = after(*[1.0] * 8)
    pauses.reset()
    assert pauses == Pauses()
    pauses = after(*[1.0] * 8)
    pauses.begin(PauseSettings(start_s=0.7), 1.0)
    assert pauses.usual_s == 0.7


@pytest.mark.parametrize("start", [0.2, 3.0])
def test_a_start_outside_the_bounds_widens_them(start: float) -> None:
    """Who sets only `end_silence_ms` gets it."""
    settings = PauseSettings(start_s=start)
    low, high = min(start, LIMITS.least_s), max(start, LIMITS.most_s)
    assert after(settings=settings).usual_s == start
    for habit in (0.0, 1.9):
        assert low <= after(*[habit] * 50, settings=settings).usual_s <= high
        assert after(*[habit] * 50, settings=settings).with_words(0.0) <= max(high, LIMITS.unfinished_s)


def test_equal_bounds_are_no_learning() -> None:
    """How it is turned off."""
    settings = PauseSettings(START, START, START, START)
    pauses = after(*[1.0] * 8, *[0.0] * 30, settings=settings)
    assert {pauses.usual_s, pauses.for_words_s, pauses.with_words(0.0), pauses.with_words(1.0)} == {START}


@given(st.lists(st.tuples(seconds, seconds, st.floats(0, 1e6), st.sampled_from(["", "went", "un"])), max_size=40),
       st.floats(-1, 2))  # fmt: skip
def test_bounds_hold_and_steps_are_small(turns: list[tuple[float, float, float, str]], complete: float) -> None:
    """Whatever happens in a conversation, and whatever an engine believes."""
    pauses, now = Pauses(), 0.0
    for number, (pause_s, gap_s, wait_s, how) in enumerate(turns):
        pauses.note(pause_s)
        if how == "went":
            pauses.went_on(gap_s)
        elif how == "un":
            pauses.unnote()
        now += wait_s
        faded = START + (pauses.usual_s - START) * 0.5 ** (wait_s / FADE_S) if number else START
        pauses.begin(LIMITS, now)
        assert LIMITS.least_s <= pauses.usual_s <= LIMITS.most_s
        assert -DOWN_S - 1e-9 <= pauses.usual_s - faded <= UP_S + 1e-9
        assert LIMITS.least_s <= pauses.with_words(complete) <= LIMITS.unfinished_s


# --- words -------------------------------------------------------------------------------------------


def test_words_move_patience_both_ways() -> None:
    """Certainly all, certainly not all, and nothing said."""
    pauses = Pauses()
    assert pauses.with_words(1.0) == pytest.approx(START * COMPLETE_SHARE)
    assert pauses.with_words(0.5) == START
    assert pauses.with_words(0.0) == LIMITS.unfinished_s
    assert pauses.with_words(0.25) == pytest.approx((START + LIMITS.unfinished_s) / 2)


@given(st.lists(seconds, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_the_more_complete_the_shorter(longest: list[float], one: float, other: float) -> None:
    pauses = after(*longest)
    less, more = sorted((one, other))
    assert pauses.with_words(less) >= pauses.with_words(more) - 1e-9


# --- in a conversation -------------------------------------------------------------------------------


def judged() -> Driver:
    """The person pauses, and the engine is one that tells what it makes of the words."""
    drive = Driver(ready=False)
    drive(ev.AgentReady(judges=True), ev.Pressed(), ev.SpeechStarted(drive.now))
    return drive


def patience(drive: Driver) -> list[float]:
    """All that the front end was told."""
    return [effect.silence_s for effect in only(drive.done, do.SetPatience)]


def test_the_words_are_waited_for() -> None:
    """The engine could not answer them before it has read them; its opinion, whatever it is, ends that wait."""
    drive = judged()
    assert drive(ev.SpeechPaused()) == "eager patience"
    assert drive(ev.TurnSeems(drive.turn, 0.5)) == "patience"
    assert patience(drive) == [LIMITS.unfinished_s, START]


def test_an_opinion_is_about_one_pause() -> None:
    """Who goes on is listened to as usual; a late opinion is none."""
    drive = judged()
    drive(ev.SpeechPaused(), ev.TurnSeems(drive.turn, 1.0))
    assert drive(ev.SpeechResumed(0.3)) == "patience resume"
    assert drive(ev.TurnSeems(drive.turn, 0.0)) == ""
    assert patience(drive) == [LIMITS.unfinished_s, round(START * COMPLETE_SHARE, 2), START]


def test_the_next_turn_begins_as_usual() -> None:
    drive = judged()
    drive(ev.SpeechPaused(), ev.TurnSeems(drive.turn, 0.0), ev.SpeechEnded(drive.now))
    assert drive(ev.Pressed()) == "cancel !interrupted patience listen"
    assert patience(drive)[-1] == START


@pytest.mark.parametrize("event", [ev.SpeechPaused(), ev.TurnSeems(1, 0.0)])
def test_whose_turn_ends_by_other_means_is_not_meddled_with(event: ev.Event) -> None:
    """The button is held, or the engine finds ends itself."""
    held = judged()
    held(ev.Held(), ev.SpeechPaused())
    assert "patience" not in held(event)
    server = Driver(ready=False)
    server(ev.AgentReady(ends_turns=True, judges=True), ev.Pressed(), ev.SpeechStarted(server.now), ev.SpeechPaused())
    assert "patience" not in server(event)


def say(drive: Driver, pause_s: float) -> None:
    """A turn with a pause in it, and a reply without sound: the next turn is a follow-up."""
    drive(ev.SpeechStarted(drive.now), ev.SpeechPaused(), ev.SpeechResumed(pause_s), ev.SpeechEnded(drive.now))
    drive(ev.ReplyEnded(drive.turn))


def test_pauses_inside_turns_are_learnt_from() -> None:
    """Told to the front end with the next turn, before its ears open."""
    drive = Driver()
    drive(ev.Pressed())
    say(drive, 0.5)
    assert patience(drive) == []
    say(drive, 0.5)
    assert patience(drive) == [pytest.approx(0.5 + MARGIN_S)]
    assert drive.state == "listening"


def test_turns_that_went_on_are_learnt_from() -> None:
    """Each time half a second after the end, and a little more."""
    drive = Driver()
    drive(ev.Pressed())
    for _ in range(2):
        drive(ev.SpeechStarted(drive.now), ev.SpeechEnded(drive.now))
        drive.wait(0.8)
        drive(ev.SpeechStarted(onset=drive.now))
    assert patience(drive) == [pytest.approx(START + UP_S)]


def test_going_on_before_the_engine_is_there_is_learnt_from() -> None:
    """It is one turn still, of two parts."""
    drive = Driver(ready=False)
    drive(ev.Pressed())
    for _ in range(2):
        drive(ev.SpeechStarted(drive.now), ev.SpeechEnded(drive.now))
        drive.wait(0.8)
        drive(ev.SpeechStarted(onset=drive.now))
    assert patience(drive) == [pytest.approx(START + UP_S)]
    assert drive.turn == 1


def test_the_hand_teaches_nothing() -> None:
    """A press ends the turn before any silence does; who goes on then has thought of something else."""
    drive = Driver()
    drive(ev.Pressed())
    for _ in range(4):
        drive(ev.SpeechStarted(drive.now), ev.SpeechPaused(), ev.SpeechResumed(0.9), ev.Pressed())
        drive(ev.SpeechEnded(drive.now))
        drive.wait(0.8)
        drive(ev.SpeechStarted(onset=drive.now))
    assert patience(drive) == []


def test_a_turn_without_words_teaches_nothing() -> None:
    """Noises that pause."""
    drive = Driver()
    for _ in range(4):
        if drive.state == "idle":
            drive(ev.Pressed())
        drive(ev.SpeechStarted(drive.now), ev.SpeechPaused(), ev.SpeechResumed(0.9), ev.SpeechEnded(drive.now))
        drive.reply_ends("nothing_heard")
    assert patience(drive) == []


def test_a_forgotten_conversation_is_forgotten() -> None:
    drive = Driver()
    drive(ev.Pressed())
    say(drive, 0.5)
    say(drive, 0.5)
    drive(ev.ForgetAsked(), ev.Pressed())
    assert patience(drive)[-1] == START


def test_new_settings_are_told_with_the_next_turn() -> None:
    """The configuration was read again."""
    drive = Driver()
    drive.conv.settings = replace(ConversationSettings(), pauses=PauseSettings(start_s=0.8))
    assert drive(ev.Pressed()) == "patience listen"
    assert patience(drive) == [0.8]
