"""Duck, pause, decide on drawn frames.

`v` is a noise that is taken for a voice, `n` one with a pitch, `s` a voice that the neural detector knows, `.` the
room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.judgement import Sound
from edge.core.near_end import Leak, NearEnd, NearEndSettings, NearFrame, Verdict
from edge.core.speech import FRAME_S

VOICE = Sound(periodicity=0.95, pitch_hz=120.0, high_db=-15.0)
HISS = Sound(periodicity=0.2, pitch_hz=500.0, high_db=10.0)
LOUD, QUIET, NO_ECHO = -25.0, -66.0, -96.0


def frame(letter: str, held_db: float = NO_ECHO, *, neural: bool = True, level_db: float = LOUD) -> NearFrame:
    voiced = letter != "."
    speech = {"s": 0.98, "n": 0.05, "v": 0.05, ".": 0.01}[letter] if neural else None
    return NearFrame(level_db if voiced else QUIET, held_db, voiced, speech, VOICE if letter in "sn" else HISS)


Told = list[tuple[int, str]]


def give(near_end: NearEnd, frames: Iterable[NearFrame]) -> Told:
    """(number of frames until then, verdict) wherever there is something to do, up to a stop."""
    told = []
    for number, near in enumerate(frames, start=1):
        verdict = near_end.process(near, number * FRAME_S)
        if verdict is not Verdict.NONE:
            told.append((number, str(verdict)))
        if verdict is Verdict.STOP:
            break
    return told


def feed(near_end: NearEnd, letters: str, held_db: float = NO_ECHO, **how: object) -> Told:
    return give(near_end, [frame(letter, held_db, **how) for letter in letters])  # type: ignore[arg-type]


def over_echo(near_end: NearEnd, letters: str, **how: object) -> Told:
    """While the canceller takes 30 dB off something."""
    frames = [replace(frame(letter), erle_db=30.0, **how) for letter in letters]  # type: ignore[arg-type]
    return give(near_end, frames)


@pytest.fixture
def near_end() -> NearEnd:
    return NearEnd(NearEndSettings(mode="duck"))


def settled(near_end: NearEnd, frames: int = 1_000) -> NearEnd:
    """After ten seconds of a well cancelled reply at -20 dBFS."""
    feed(near_end, "." * frames, -20.0)
    return near_end


def test_speech_ducks_pauses_and_stops(near_end: NearEnd) -> None:
    """10 ms, 20 ms, and 90 ms of silence; nothing of what was said is before the onset."""
    assert feed(near_end, "." * 20 + "s" * 60) == [(21, "duck"), (22, "pause"), (31, "stop")]
    assert near_end.onset == pytest.approx(0.2)


def test_softer_speech_takes_two_frames_to_duck(near_end: NearEnd) -> None:
    assert feed(near_end, "." * 20 + "s" * 2, level_db=-45.0) == [(22, "duck")]
    assert near_end.onset == pytest.approx(0.2)


def test_over_echo_one_frame_is_not_enough_however_loud(near_end: NearEnd) -> None:
    assert over_echo(settled(near_end), "s.....") == []
    assert over_echo(near_end, "ss")[0] == (2, "duck")


def test_onset_is_the_first_of_three_frames(near_end: NearEnd) -> None:
    feed(near_end, "." * 20 + "s.s" + "s" * 60, level_db=-45.0)
    assert near_end.onset == pytest.approx(0.2)


def test_one_soft_click_does_nothing(near_end: NearEnd) -> None:
    assert feed(near_end, ".....v....v...v....." * 20, level_db=-45.0) == []


def test_cough_ducks_and_comes_back(near_end: NearEnd) -> None:
    """70 ms that do not sound like speech: no pause, up again 300 ms after it."""
    assert feed(near_end, "v" * 7 + "." * 60) == [(1, "duck"), (38, "resume")]


def test_what_is_clearly_no_speech_is_not_paused_for(near_end: NearEnd) -> None:
    """However long it lasts. Over echo a voice may sound so, too."""
    assert feed(near_end, "v" * 300) == [(1, "duck")]
    near_end.reset()
    assert over_echo(settled(near_end), "v" * 20)[1] == (5, "pause")


def test_long_noise_pauses_once_and_is_given_up(near_end: NearEnd) -> None:
    """80 ms of it pause the reply, which goes on softly after 140 ms; and then the noise may go on as it likes."""
    assert feed(near_end, "n" * 300) == [(1, "duck"), (8, "pause"), (22, "duck")]


def test_over_echo_the_pause_comes_sooner(near_end: NearEnd) -> None:
    """A voice is garbled there, and only the pause can tell."""
    assert over_echo(settled(near_end), "v" * 8) == [(2, "duck"), (5, "pause")]


def test_over_echo_less_speech_is_enough_for_a_pause(near_end: NearEnd) -> None:
    assert over_echo(settled(near_end), "v" * 3, speech=0.4) == [(2, "duck"), (3, "pause")]
    near_end.reset()
    assert give(near_end, [replace(frame("v"), speech=0.4)] * 3) == [(1, "duck")]


def test_what_vanishes_with_the_reply_was_its_echo(near_end: NearEnd) -> None:
    """However much it sounded like speech: judged from 90 to 140 ms of silence, of which nothing is left after 60."""
    assert feed(near_end, "s" * 7 + "." * 80) == [(1, "duck"), (2, "pause"), (16, "duck"), (38, "resume")]


def test_what_was_there_after_the_echo_may_end(near_end: NearEnd) -> None:
    """A word is short: three frames of it, with the loudspeaker silent, are enough."""
    assert feed(near_end, "s" * 10 + "." * 80)[-1] == (11, "stop")


def test_the_room_itself_is_not_there(near_end: NearEnd) -> None:
    """Whatever the detector makes of it."""
    feed(near_end, "ss")
    room = NearFrame(-55.0, NO_ECHO, voiced=False, speech=0.98, sound=VOICE)
    assert give(near_end, [room] * 16) == [(14, "duck")]


def test_a_pause_is_for_a_voice_that_is_heard_now(near_end: NearEnd) -> None:
    """The detector is still sure 50 ms after a word too short to be paused for."""
    feed(near_end, "v")
    gone = NearFrame(QUIET, NO_ECHO, voiced=False, speech=0.01)
    assert give(near_end, [gone] * 3 + [replace(gone, speech=0.98)] * 5) == []


def test_unvoiced_sounds_of_a_word_are_there_too(near_end: NearEnd) -> None:
    feed(near_end, "ss")
    hiss = NearFrame(-40.0, NO_ECHO, voiced=False, speech=0.98, sound=VOICE)
    assert give(near_end, [hiss] * 20) == [(9, "stop")]


def test_the_end_of_a_pause_is_judged_again(near_end: NearEnd) -> None:
    """The neural detector is late by up to 100 ms."""
    feed(near_end, "ss")
    late = [replace(frame("s"), speech=0.0)] * 11 + [frame("s")]
    assert give(near_end, late) == [(12, "stop")]


def sounding(letters: str, near_end: NearEnd, until: int, delay: int = 0) -> Told:
    """The reply goes on sounding for so many frames: what the card has is played out first."""
    frames = [frame(letter) for letter in letters]
    sound = [replace(near, far_db=-20.0 if n <= until else -96.0) for n, near in enumerate(frames, start=1)]
    return give(near_end, [replace(near, delay=delay) for near in sound])


def test_the_pause_is_counted_from_the_silence_of_the_loudspeaker(near_end: NearEnd) -> None:
    """Its echo would otherwise still be in the room when it is looked for."""
    assert sounding("s" * 15 + "." * 80, near_end, until=10)[:3] == [(1, "duck"), (2, "pause"), (24, "duck")]


def test_and_from_the_end_of_its_echo(near_end: NearEnd) -> None:
    """150 ms later, where there is so much delay."""
    assert sounding("s" * 22 + "." * 80, near_end, until=2, delay=15)[:3] == [(1, "duck"), (2, "pause"), (31, "duck")]
    near_end.reset()
    assert sounding("s" * 60, near_end, until=2, delay=15)[-1] == (26, "stop")


def test_a_loudspeaker_that_does_not_fall_silent_is_not_waited_for(near_end: NearEnd) -> None:
    """A far end that somebody else keeps busy."""
    assert sounding("s" * 60, near_end, until=99)[:3] == [(1, "duck"), (2, "pause"), (42, "stop")]


def test_and_then_only_a_voice_that_is_still_there_stops(near_end: NearEnd) -> None:
    assert sounding("s" * 39 + "." * 60, near_end, until=99)[:3] == [(1, "duck"), (2, "pause"), (42, "duck")]


def test_speech_after_a_noise_still_stops(near_end: NearEnd) -> None:
    """A second pause, for what went on as speech."""
    told = feed(near_end, "n" * 60 + "s" * 100)
    assert [verdict for _, verdict in told] == ["duck", "pause", "duck", "pause", "stop"]


def test_over_echo_a_second_try_comes_sooner(near_end: NearEnd) -> None:
    """After 60 ms of speech, not 90."""
    settled(near_end)
    assert over_echo(near_end, "v" * 40 + "s" * 6)[-1] == (46, "pause")
    near_end.reset()
    assert feed(near_end, "n" * 40 + "s" * 8)[-1] == (22, "duck")


def test_between_two_pauses_the_reply_is_heard(near_end: NearEnd) -> None:
    """For 150 ms: two in a row would be a hole of 400 ms."""
    told = feed(near_end, "n" * 22 + "s" * 60)
    assert told[2:4] == [(22, "duck"), (37, "pause")]


def test_without_a_neural_detector_it_takes_80_ms_to_pause(near_end: NearEnd) -> None:
    assert feed(near_end, "s" * 12, neural=False) == [(1, "duck"), (8, "pause")]


def test_without_a_neural_detector_a_second_pause_is_for_what_goes_on(near_end: NearEnd) -> None:
    told = feed(near_end, "v" * 8 + "." * 24 + "v" * 60, neural=False)
    assert [verdict for _, verdict in told][:4] == ["duck", "pause", "duck", "pause"]
    assert told[3][0] - told[2][0] >= NearEndSettings().retry_blind_frames


def test_stop_mode_does_nothing_else() -> None:
    assert [v for _, v in feed(NearEnd(NearEndSettings(mode="stop")), "." * 5 + "s" * 60)] == ["stop"]


@pytest.mark.parametrize("mode", ["button", "off"])
def test_other_modes_leave_it_to_the_button(mode: str) -> None:
    near_end = NearEnd(NearEndSettings(mode=mode))
    assert not near_end.by_voice
    assert feed(near_end, "s" * 200) == []


def test_default_is_the_button() -> None:
    """Voice has to be known to be safe first (calibrate)."""
    assert not NearEnd().by_voice


def test_suspicion_asks_for_more_facts(near_end: NearEnd) -> None:
    """The costly ones are needed only then, and their lack is no error."""
    assert not near_end.suspicious
    feed(near_end, "ss")
    assert near_end.suspicious
    for number in range(30):
        near_end.process(NearFrame(LOUD, NO_ECHO, True), number * FRAME_S)
    near_end.reset()
    assert not near_end.suspicious


def test_reset_keeps_what_is_known_of_the_room(near_end: NearEnd) -> None:
    settled(near_end)
    leak, floor = near_end.leak.db, near_end.floor.db
    feed(near_end, "s" * 10)
    near_end.reset()
    assert (near_end.leak.db, near_end.floor.db) == (leak, floor)
    assert feed(near_end, "s" * 60) == [(1, "duck"), (2, "pause"), (11, "stop")]


# --- echo -------------------------------------------------------------------------------------------


def test_first_seconds_are_safe(near_end: NearEnd) -> None:
    """Nothing is known yet of the canceller: a reply that comes back at its own level is not a person."""
    assert feed(near_end, "s" * 300, -20.0) == []


def test_after_the_first_seconds_people_are_heard(near_end: NearEnd) -> None:
    assert feed(settled(near_end), "s" * 60, -20.0)[-1][1] == "stop"


def test_over_echo_of_unknown_delay_nobody_is_let_in(near_end: NearEnd) -> None:
    """The first two seconds: what is there after 100 ms may be the reply's echo after 150."""
    feed(near_end, "." * 200, -20.0)
    assert not near_end.leak.settled
    assert over_echo(near_end, "s" * 17) == [(2, "duck"), (3, "pause"), (16, "duck")]
    near_end.reset()
    feed(near_end, "." * 30, -20.0)
    assert near_end.leak.settled
    assert over_echo(near_end, "s" * 20)[-1] == (12, "stop")


def dying_away(by_db: float) -> list[NearFrame]:
    """An echo in the pause that gets weaker by so much in each frame, from what hardly stands out."""
    loud = [NearFrame(-16.0, -20.0, True, 0.98, VOICE, 30.0, -20.0)] * 3
    return loud + [NearFrame(-16.0 - by_db * n, -20.0, True, 0.98, VOICE, 30.0, -96.0) for n in range(1, 16)]


def test_over_echo_it_is_judged_as_over_echo(near_end: NearEnd) -> None:
    """What a canceller leaves is rough, and without a hole: without an echo that may be a voice."""
    rough = [replace(frame("s"), sound=replace(VOICE, periodicity=0.3))] * 30
    assert "stop" not in [v for _, v in give(settled(near_end), [replace(near, erle_db=30.0) for near in rough])]
    near_end.reset()
    assert give(near_end, rough)[-1][1] == "stop"


def test_an_echo_that_dies_away_is_no_voice(near_end: NearEnd) -> None:
    """Where the canceller leaves much, what is left after 60 ms must be more than an echo can be by then."""
    for _ in range(600):
        near_end.process(NearFrame(-25.0, -20.0, False), 0.0)
    assert near_end.leak.db == pytest.approx(-5.0, abs=1.0)
    assert give(near_end, dying_away(2.0)) == [(2, "duck"), (3, "pause"), (16, "duck")]
    near_end.reset()
    assert give(near_end, dying_away(0.0))[-1] == (12, "stop")
    near_end.reset()
    assert give(near_end, dying_away(0.6))[-1] == (12, "stop")  # slower than any room


def test_louder_residual_is_learned(near_end: NearEnd) -> None:
    """A worse canceller: what it leaves, and what is less than 6 dB above, is echo."""
    settled(near_end)
    for _ in range(300):
        near_end.process(NearFrame(-40.0, -20.0, False), 0.0)
    assert not near_end.stands_out(-36.0, -20.0)
    assert near_end.stands_out(-31.0, -20.0)
    assert near_end.stands_out(-36.0, NO_ECHO)


def test_voice_does_not_raise_what_it_is_measured_against(near_end: NearEnd) -> None:
    """The unvoiced 100 ms before a voice are not taken for echo."""
    settled(near_end)
    before = near_end.leak.db
    for _ in range(10):
        near_end.process(NearFrame(-30.0, -20.0, False), 0.0)
    feed(near_end, "s" * 3 + "." * 90, -20.0)
    assert not near_end.suspicious
    assert near_end.leak.db <= before + 1.0  # and not by 10 frames of 0.4 dB


def test_silent_far_end_teaches_nothing() -> None:
    leak = Leak()
    for _ in range(1_000):
        leak.update(-70.0, -60.0)
    assert leak.db == Leak.START_DB


def test_leak_is_bounded() -> None:
    leak = Leak()
    for _ in range(20_000):
        leak.update(-96.0, 0.0)
    assert leak.db == Leak.LEAST_DB


def test_leak_is_exceeded_by_one_frame_in_twenty() -> None:
    leak = Leak()
    ratios = [-40.0 + (n * 7919 % 100) / 5 for n in range(20_000)]  # evenly over 20 dB
    for ratio in ratios:
        leak.update(-20.0 + ratio, -20.0)
    assert leak.db == pytest.approx(-21.0, abs=1.5)


def runs() -> st.SearchStrategy[str]:
    return st.lists(st.tuples(st.sampled_from("snv."), st.integers(1, 50)), max_size=25).map(
        lambda pairs: "".join(letter * count for letter, count in pairs)
    )


def allowed(before: str) -> Iterator[str]:
    """What may follow a verdict."""
    follow = {"": ["duck"], "duck": ["pause", "resume"], "pause": ["duck", "stop"], "resume": ["duck"]}
    yield from follow[before]


@given(runs())
def test_verdicts_follow_each_other(letters: str) -> None:
    """A pause is decided after 90 to 140 ms; a stop needs a pause, and something there in its last 90 ms."""
    settings = NearEndSettings(mode="duck")
    before, since = "", 0
    for number, verdict in feed(NearEnd(settings), letters):
        assert verdict in allowed(before)
        if before == "pause":
            assert settings.judge_frames <= number - since <= settings.judge_frames + settings.judge_for
        if verdict == "stop":
            there = letters[since + settings.clear_frames - 1 : number]
            assert len(there) - there.count(".") >= settings.still_needed
        before, since = verdict, number


@given(runs())
def test_no_voice_no_stop(letters: str) -> None:
    assert "stop" not in [
        verdict for _, verdict in feed(NearEnd(NearEndSettings(mode="duck")), letters.replace("s", "."))
    ]
