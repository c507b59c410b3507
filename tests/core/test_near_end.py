"""Duck, pause, decide on drawn frames: `v` is a voice, `s` a voice that the neural detector knows, `.` the room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.judgement import Heard, Sound, score
from edge.core.near_end import Leak, NearEnd, NearEndSettings, NearFrame, Verdict
from edge.core.speech import FRAME_S

VOICE = Sound(periodicity=0.95, pitch_hz=120.0, high_db=-15.0)
HISS = Sound(periodicity=0.2, pitch_hz=500.0, high_db=10.0)
LOUD, QUIET, NO_ECHO = -25.0, -66.0, -96.0


def frame(letter: str, held_db: float = NO_ECHO, *, neural: bool = True, level_db: float = LOUD) -> NearFrame:
    voiced = letter != "."
    speech = {"s": 0.98, "v": 0.05, ".": 0.01}[letter] if neural else None
    return NearFrame(level_db if voiced else QUIET, held_db, voiced, speech, VOICE if letter == "s" else HISS)


def feed(near_end: NearEnd, letters: str, held_db: float = NO_ECHO, **how: object) -> list[tuple[int, str]]:
    """(number of frames until then, verdict) wherever there is something to do, up to a stop."""
    told = []
    for number, letter in enumerate(letters, start=1):
        verdict = near_end.process(frame(letter, held_db, **how), number * FRAME_S)  # type: ignore[arg-type]
        if verdict is not Verdict.NONE:
            told.append((number, str(verdict)))
        if verdict is Verdict.STOP:
            break
    return told


@pytest.fixture
def near_end() -> NearEnd:
    return NearEnd(NearEndSettings(mode="duck"))


def settled(near_end: NearEnd, frames: int = 1_000) -> NearEnd:
    """After ten seconds of a well cancelled reply at -20 dBFS."""
    feed(near_end, "." * frames, -20.0)
    return near_end


def test_speech_ducks_pauses_and_stops(near_end: NearEnd) -> None:
    """20 ms, 30 ms, and 150 ms of silence; nothing of what was said is before the onset."""
    assert feed(near_end, "." * 20 + "s" * 60) == [(22, "duck"), (23, "pause"), (38, "stop")]
    assert near_end.onset == pytest.approx(0.2)


def test_onset_is_the_first_of_three_frames(near_end: NearEnd) -> None:
    feed(near_end, "." * 20 + "s.s" + "s" * 60)
    assert near_end.onset == pytest.approx(0.2)


def test_one_click_does_nothing(near_end: NearEnd) -> None:
    assert feed(near_end, ".....v....v...v....." * 20) == []


def test_cough_ducks_and_comes_back(near_end: NearEnd) -> None:
    """70 ms that do not sound like speech: no pause, up again 300 ms after it."""
    assert feed(near_end, "v" * 7 + "." * 60) == [(2, "duck"), (38, "resume")]


def test_long_noise_pauses_once_and_is_given_up(near_end: NearEnd) -> None:
    """80 ms of it pause the reply, which goes on softly after 150 ms; and then the noise may go on as it likes."""
    told = feed(near_end, "v" * 300)
    assert told == [(2, "duck"), (8, "pause"), (23, "duck")]


def test_what_vanishes_with_the_reply_was_its_echo(near_end: NearEnd) -> None:
    """However much it sounded like speech."""
    assert feed(near_end, "s" * 14 + "." * 80) == [(2, "duck"), (3, "pause"), (18, "duck"), (45, "resume")]


def sounding(letters: str, near_end: NearEnd, until: int) -> list[tuple[int, str]]:
    """The reply goes on sounding for so many frames: what the card has is played out first."""
    told = []
    for number, letter in enumerate(letters, start=1):
        near = replace(frame(letter), far_db=-20.0 if number <= until else -96.0)
        verdict = near_end.process(near, number * FRAME_S)
        told += [(number, str(verdict))] if verdict is not Verdict.NONE else []
    return told


def test_the_pause_is_counted_from_the_silence_of_the_loudspeaker(near_end: NearEnd) -> None:
    """Its echo would otherwise still be in the room when it is looked for."""
    assert sounding("s" * 22 + "." * 80, near_end, until=10)[:3] == [(2, "duck"), (3, "pause"), (25, "duck")]


def test_a_loudspeaker_that_does_not_fall_silent_is_not_waited_for(near_end: NearEnd) -> None:
    """A far end that somebody else keeps busy."""
    assert sounding("s" * 60, near_end, until=99)[:3] == [(2, "duck"), (3, "pause"), (43, "stop")]


def test_what_is_no_longer_there_does_not_stop(near_end: NearEnd) -> None:
    """The neural detector, 32 ms behind and full of what it heard, is still sure; nothing stands out any more."""
    feed(near_end, "s" * 15)
    gone = NearFrame(QUIET, NO_ECHO, voiced=False, speech=0.99, sound=VOICE)
    assert Verdict.STOP not in [near_end.process(gone, number * FRAME_S) for number in range(8)]


def test_speech_after_a_noise_still_stops(near_end: NearEnd) -> None:
    """A second pause, for what went on as speech."""
    told = feed(near_end, "v" * 60 + "s" * 100)
    assert [verdict for _, verdict in told] == ["duck", "pause", "duck", "pause", "stop"]


def doubtful(near_end: NearEnd, erle_db: float) -> list[str]:
    """A noise, and then what scores between 0 and 2."""
    feed(near_end, "v" * 30)
    close = NearFrame(LOUD, NO_ECHO, voiced=True, speech=0.98, sound=Sound(0.95, 120.0, 20.0), erle_db=erle_db)
    assert 0 < score([Heard(LOUD, True, 0.98, Sound(0.95, 120.0, 20.0))] * 24) < NearEndSettings().retry_score
    return [str(v) for n in range(34) if (v := near_end.process(close, n * FRAME_S)) is not Verdict.NONE]


def test_second_try_must_be_clearer(near_end: NearEnd) -> None:
    """Coughs come in rows; under echo, though, the first try of a person is often in vain."""
    assert doubtful(near_end, 0.0)[:2] == ["pause", "duck"]
    near_end.reset()
    assert doubtful(near_end, 30.0)[:2] == ["pause", "stop"]


def test_without_a_neural_detector_it_takes_80_ms_to_pause(near_end: NearEnd) -> None:
    assert feed(near_end, "s" * 12, neural=False) == [(2, "duck"), (8, "pause")]


def test_without_a_neural_detector_a_second_pause_is_for_what_goes_on(near_end: NearEnd) -> None:
    told = feed(near_end, "v" * 8 + "." * 24 + "v" * 60, neural=False)
    assert [verdict for _, verdict in told][:4] == ["duck", "pause", "duck", "pause"]


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
    assert feed(near_end, "s" * 60) == [(2, "duck"), (3, "pause"), (18, "stop")]


# --- echo -------------------------------------------------------------------------------------------


def test_first_seconds_are_safe(near_end: NearEnd) -> None:
    """Nothing is known yet of the canceller: a reply that comes back at its own level is not a person."""
    assert feed(near_end, "s" * 300, -20.0) == []


def test_after_the_first_seconds_people_are_heard(near_end: NearEnd) -> None:
    assert feed(settled(near_end), "s" * 60, -20.0)[-1][1] == "stop"


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


# --- judgement ----------------------------------------------------------------------------------------


def heard(count: int = 24, sound: Sound = VOICE, speech: float | None = 0.98, level_db: float = LOUD) -> list[Heard]:
    return [Heard(level_db + 3 * (n % 5), True, speech, sound) for n in range(count)]


def test_speech_scores_above_noise() -> None:
    assert score(heard()) > 0 > score(heard(speech=0.2, sound=HISS))


def test_each_fact_counts() -> None:
    shrill, rough = Sound(0.9, 700.0, -15.0), Sound(0.5, 700.0, -15.0)
    hissing = Sound(0.95, 120.0, 15.0)
    assert score(heard(sound=shrill)) < score(heard(sound=rough))
    assert score(heard(sound=hissing)) < score(heard())
    assert score(heard(speech=0.6)) < score(heard())
    steady = [Heard(LOUD, True, None, VOICE) for _ in range(24)]
    assert score(steady) < score(heard(speech=None))


def test_jumping_pitch_is_a_rattle() -> None:
    jumping = [Heard(LOUD, True, 0.98, Sound(0.95, 100.0 + 150 * (n % 2), -15.0)) for n in range(24)]
    assert score(jumping) < score([Heard(LOUD, True, 0.98, VOICE)] * 24)


def test_silence_can_be_judged() -> None:
    """Nothing in it is active, and nothing of it is speech."""
    assert score([Heard(-80.0, False, None, Sound())] * 24) < 0
    assert score([Heard(-96.0, False, 0.0, Sound())]) < 0


def runs() -> st.SearchStrategy[str]:
    return st.lists(st.tuples(st.sampled_from("sv."), st.integers(1, 50)), max_size=25).map(
        lambda pairs: "".join(letter * count for letter, count in pairs)
    )


def allowed(before: str) -> Iterator[str]:
    """What may follow a verdict."""
    follow = {"": ["duck"], "duck": ["pause", "resume"], "pause": ["duck", "stop"], "resume": ["duck"]}
    yield from follow[before]


@given(runs())
def test_verdicts_follow_each_other(letters: str) -> None:
    """A pause lasts 200 ms and then is decided; a stop needs a pause, and a voice at its end."""
    before, since = "", 0
    for number, verdict in feed(NearEnd(NearEndSettings(mode="duck")), letters):
        assert verdict in allowed(before)
        if before == "pause":
            assert number - since == NearEndSettings().judge_frames
        if verdict == "stop":
            assert letters[number - 8 : number].count(".") <= 5
        before, since = verdict, number


@given(runs())
def test_no_voice_no_stop(letters: str) -> None:
    assert "stop" not in [
        verdict for _, verdict in feed(NearEnd(NearEndSettings(mode="duck")), letters.replace("s", "."))
    ]
