"""The endpointer on drawn speech: `v` is a voiced frame of 10 ms, `.` a silent one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import events as ev
from edge.core.speech import FLOOR_MIN_DB, FRAME_S, Endpointer, NoiseFloor, SpeechSettings

LOUD, QUIET = -25.0, -60.0
SPEECH = SpeechSettings()
TALK = "v" * 40
LETTERS = {ev.SpeechStarted: "S", ev.SpeechPaused: "P", ev.SpeechResumed: "R", ev.SpeechEnded: "E"}
drawn = st.lists(st.tuples(st.sampled_from("v."), st.integers(1, 70)), max_size=30).map(
    lambda runs: "".join(letter * count for letter, count in runs)
)


def feed(endpointer: Endpointer, frames: str) -> list[tuple[int, ev.Event]]:
    """(number of frames until then, event) for each event."""
    told = []
    for number, letter in enumerate(frames, start=1):
        voiced = letter == "v"
        event = endpointer.process(voiced, LOUD if voiced else QUIET, number * FRAME_S)
        if event is not None:
            told.append((number, event))
    return told


def at(frames: int) -> float:
    """The end of so many frames, but for rounding."""
    return pytest.approx(frames * FRAME_S)  # type: ignore[return-value]


def letters(told: list[tuple[int, ev.Event]]) -> str:
    """The kinds of the events, one letter each."""
    return "".join(LETTERS[type(event)] for _, event in told)


# --- where speech begins -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 1, 30, 200])
def test_onset_is_the_first_voiced_frame(before: int) -> None:
    """Told 80 ms later, about then."""
    told = feed(Endpointer(), "." * before + TALK)
    [(number, event)] = told
    assert number == before + SPEECH.needed
    assert event == ev.SpeechStarted(onset=at(before))


def test_onset_with_a_hole_in_it() -> None:
    """A stop consonant: `v` of `b` and `p` is silent for 50 ms."""
    [(number, event)] = feed(Endpointer(), "." * 20 + "vvv.....vvvvv")
    assert (number, event) == (33, ev.SpeechStarted(onset=at(20)))


@pytest.mark.parametrize("frames", ["vvv", "vvvvvvv", "vvv" + "." * 12 + "vvv", "v........." * 30, "vvvv" + "." * 12])
def test_clicks_never_start(frames: str) -> None:
    """30 ms of a switch, a hum that fools the detector one frame in ten."""
    endpointer = Endpointer()
    assert feed(endpointer, frames * 5 if "." in frames else "." * 50 + frames + "." * 50) == []
    assert not endpointer.speaking


# --- where it pauses and ends ------------------------------------------------------------------------


def test_end_is_where_the_last_voiced_frame_was() -> None:
    """Told when the silence has lasted, about then."""
    endpointer = Endpointer()
    told = feed(endpointer, TALK + "." * 100)
    assert letters(told) == "SPE"
    assert [number for number, _ in told] == [8, 40 + SPEECH.eager_frames, 40 + SPEECH.end_frames]
    assert told[-1][1] == ev.SpeechEnded(voiced_until=at(40))
    assert not endpointer.speaking


@pytest.mark.parametrize("pause", [1, 19, 20, 40, 54])
def test_shorter_pauses_never_end(pause: int) -> None:
    """Not even when the person goes on in the last moment: the frames that show it are no silence."""
    told = feed(Endpointer(), (TALK + "." * pause) * 6)
    assert "E" not in letters(told)
    assert ("P" in letters(told)) == (pause >= SPEECH.eager_frames)


def test_pauses_and_resumes_alternate() -> None:
    """Each eager end is taken back once."""
    assert letters(feed(Endpointer(), (TALK + "." * 30) * 3 + "." * 30)) == "SPRPRPE"


def test_lone_voiced_frames_close_short_holes_only() -> None:
    """Up to four silent frames are part of a word; after that, one alone is a click."""
    assert letters(feed(Endpointer(), TALK + "....v" * 30)) == "S"
    assert letters(feed(Endpointer(), TALK + ".....v" * 30)) == "SPE"
    assert letters(feed(Endpointer(), TALK + ".....vv" * 30)) == "SPE"
    assert letters(feed(Endpointer(), TALK + ".....vvv" * 30)) == "S"


def test_click_in_the_silence_does_not_put_off_the_end() -> None:
    """A mouse, a cup: the turn ends when it would have."""
    told = feed(Endpointer(), TALK + "." * 30 + "vv" + "." * 40)
    assert told[-1] == (95, ev.SpeechEnded(voiced_until=at(40)))


def test_a_new_turn_after_the_end_and_after_a_reset() -> None:
    """Nothing is left of the one before."""
    endpointer = Endpointer()
    assert letters(feed(endpointer, TALK + "." * 60 + TALK)) == "SPES"
    assert endpointer.speaking
    endpointer.reset()
    assert not endpointer.speaking
    assert feed(endpointer, "." * 100 + "vvv") == []


@given(drawn)
def test_order_of_events(frames: str) -> None:
    """Started (Paused Resumed)* Paused Ended, again and again, the last one perhaps unfinished."""
    assert re.fullmatch("(S(PR)*PE)*(S(PR)*P?)?", letters(feed(Endpointer(), frames)))


@given(drawn)
def test_times_in_events(frames: str) -> None:
    """Onsets and ends are voiced frames, and nothing that counts as speech lies after an end."""
    for number, event in feed(Endpointer(), frames):
        if isinstance(event, ev.SpeechStarted):
            first = round(event.onset / FRAME_S)
            assert frames[first] == "v"
            assert SPEECH.needed <= number - first <= SPEECH.window
            assert frames[first:number].count("v") == SPEECH.needed
        if isinstance(event, ev.SpeechEnded):
            last = round(event.voiced_until / FRAME_S)
            assert 0 <= number - last - SPEECH.end_frames < SPEECH.resume_needed  # a click may come at the end
            assert frames[last - 1] == "v"
            assert "vvv" not in frames[last:number]


# --- what stands out of the room -----------------------------------------------------------------------


def levels(endpointer: Endpointer, *decibels: float) -> str:
    """A detector that calls everything speech, in a room of these levels."""
    told = [(n, endpointer.process(voiced=True, level_db=db, at=n * FRAME_S)) for n, db in enumerate(decibels, 1)]
    return letters([(n, event) for n, event in told if event])


def test_slowly_rising_noise_is_never_speech() -> None:
    """A kettle, 1.5 dB a second, that the detector takes for a voice."""
    assert levels(Endpointer(), *[-60 + 0.015 * frame for frame in range(3000)]) == ""


def test_noise_that_stays_stops_being_speech() -> None:
    """A fan switched on at -40 dB: the floor comes up to it within seconds."""
    assert levels(Endpointer(), *[-60.0] * 100, *[-40.0] * 1500) == "SPE"


def test_a_voice_over_the_fan_still_stands_out() -> None:
    """The floor is the fan's, not the voice's."""
    endpointer = Endpointer()
    levels(endpointer, *[-60.0] * 100, *[-40.0] * 1500)
    assert endpointer.floor.db == pytest.approx(-40.0, abs=0.1)
    assert not endpointer.stands_out(-35.0)
    assert levels(endpointer, *[-25.0] * 8) == "S"


def test_a_whisper_in_a_silent_room_must_reach_the_least_level() -> None:
    """9 dB above nothing is nothing."""
    endpointer = Endpointer()
    levels(endpointer, *[-90.0] * 300)
    assert endpointer.floor.db == FLOOR_MIN_DB
    assert not endpointer.stands_out(-55.1)
    assert endpointer.stands_out(-55.0)


def test_loud_frames_that_are_no_voice_do_not_count() -> None:
    """Both must agree."""
    endpointer = Endpointer()
    assert [endpointer.process(voiced=False, level_db=-10.0, at=n * FRAME_S) for n in range(50)] == [None] * 50


def test_floor_goes_down_fast_and_up_slowly() -> None:
    """Half a second after the fan stops, a low voice stands out again."""
    floor = NoiseFloor(-40.0)
    assert [floor.update(-60.0) for _ in range(50)][-1] == pytest.approx(-60.0, abs=0.1)
    assert [floor.update(-20.0) for _ in range(100)][-1] == pytest.approx(-58.0, abs=0.1)


def test_digital_silence_is_a_level_too() -> None:
    """A muted source measures minus infinity."""
    floor = NoiseFloor()
    assert floor.update(float("-inf")) == FLOOR_MIN_DB


@given(st.lists(st.floats(-120, 0), min_size=1))
def test_floor_stays_between_its_bounds(decibels: list[float]) -> None:
    """Never below its minimum, never above the loudest thing it has heard or where it began, but for one step."""
    floor = NoiseFloor()
    for level in decibels:
        assert FLOOR_MIN_DB <= floor.update(level) <= max(-60.0, *decibels, FLOOR_MIN_DB) + 0.02


# --- patience ----------------------------------------------------------------------------------------------


def test_a_resumed_pause_tells_its_length() -> None:
    """From the last voiced frame to the first of the next run."""
    told = feed(Endpointer(), TALK + "." * 30 + "v." + "." * 8 + TALK)
    assert [event for _, event in told if isinstance(event, ev.SpeechResumed)] == [ev.SpeechResumed(at(40))]


@pytest.mark.parametrize("frames", [30, 90])
def test_patience_holds_from_one_turn_to_the_next(frames: int) -> None:
    endpointer = Endpointer()
    endpointer.be_patient(frames * FRAME_S)
    for _ in range(2):
        [number] = [n for n, event in feed(endpointer, TALK + "." * 100) if isinstance(event, ev.SpeechEnded)]
        assert number == 40 + frames
        endpointer.reset()


def test_patience_may_change_within_a_silence() -> None:
    """Longer just before the end; shorter when it has lasted long enough already: the end is then."""
    endpointer = Endpointer()
    feed(endpointer, TALK + "." * 54)
    endpointer.be_patient(1.4)
    assert feed(endpointer, "." * 85) == []
    endpointer.be_patient(0.4)
    assert letters(feed(endpointer, ".")) == "E"


@given(drawn, st.floats(-1, 3))
def test_whatever_the_patience_an_end_follows_its_pause(frames: str, silence_s: float) -> None:
    endpointer = Endpointer()
    endpointer.be_patient(silence_s)
    assert re.fullmatch("(S(PR)*PE)*(S(PR)*P?)?", letters(feed(endpointer, frames)))


def test_a_new_one_takes_over_what_another_knows_of_the_room_and_its_patience() -> None:
    old, new = Endpointer(), Endpointer()
    for n in range(200):
        old.process(False, -70.0, n * 0.01)
    old.be_patient(0.8)
    new.take_over(old)
    assert new.floor.db == old.floor.db < Endpointer().floor.db
    assert new.end_frames == 80
