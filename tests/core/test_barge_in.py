"""Ducking and stopping: `v` is a voiced frame of 10 ms while the device speaks, `.` a silent one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.barge_in import BargeIn, BargeInSettings, Verdict
from edge.core.speech import FRAME_S

DUCK = BargeInSettings(mode="duck")


def feed(barge_in: BargeIn, frames: str) -> list[tuple[int, str]]:
    """(number of frames until then, verdict) wherever there is something to do, up to a stop."""
    told = []
    for number, letter in enumerate(frames, start=1):
        verdict = barge_in.process(letter == "v", number * FRAME_S)
        if verdict is not Verdict.NONE:
            told.append((number, str(verdict)))
        if verdict is Verdict.STOP:
            break
    return told


def test_ducks_at_once_and_stops_when_it_goes_on() -> None:
    """50 ms, 180 ms; and the words began where they began."""
    barge_in = BargeIn(DUCK)
    assert feed(barge_in, "." * 20 + "v" * 30) == [(25, "duck"), (38, "stop")]
    assert barge_in.onset == pytest.approx(0.2)


def test_cough_ducks_and_comes_back() -> None:
    """80 ms of something: up again 300 ms after it."""
    assert feed(BargeIn(DUCK), "v" * 8 + "." * 100) == [(5, "duck"), (38, "resume")]


def test_two_coughs_are_not_one_speech() -> None:
    """What is over is forgotten."""
    assert feed(BargeIn(DUCK), ("v" * 8 + "." * 100) * 3) == [
        (5, "duck"), (38, "resume"), (113, "duck"), (146, "resume"), (221, "duck"), (254, "resume"),
    ]  # fmt: skip


def test_words_with_holes_in_them_still_stop() -> None:
    """Two voiced frames in three."""
    told = feed(BargeIn(DUCK), "vv." * 20)
    assert [verdict for _, verdict in told] == ["duck", "stop"]


@pytest.mark.parametrize("frames", ["." * 500, "v.." * 500, "v........." * 100, "vvvv" + "." * 10])
def test_clicks_do_nothing(frames: str) -> None:
    """One voiced frame in three or fewer never adds up."""
    assert feed(BargeIn(DUCK), frames) == []


def test_clicking_room_does_not_keep_the_reply_ducked() -> None:
    """After a cough, one frame in ten is called speech: it comes back up all the same."""
    told = feed(BargeIn(DUCK), "v" * 8 + ".........v" * 20)
    assert [verdict for _, verdict in told] == ["duck", "resume"]
    assert told[-1][0] < 60


def test_short_silences_within_speech_keep_it_ducked() -> None:
    """A resume is for 300 ms of quiet."""
    assert feed(BargeIn(DUCK), "v" * 10 + "." * 12 + "v" * 4 + "." * 29) == [(5, "duck")]


def test_stop_mode_never_ducks() -> None:
    """One decision only."""
    assert feed(BargeIn(BargeInSettings(mode="stop")), "v" * 10 + "." * 100 + "v" * 20) == [(128, "stop")]


@pytest.mark.parametrize("mode", ["button", "off"])
def test_other_modes_leave_it_to_the_button(mode: str) -> None:
    """The voice never interrupts."""
    barge_in = BargeIn(BargeInSettings(mode=mode))
    assert not barge_in.by_voice
    assert feed(barge_in, "v" * 100) == []


def test_default_is_the_button() -> None:
    """Voice has to be known to be safe first (calibrate)."""
    assert not BargeIn().by_voice
    assert BargeIn(DUCK).by_voice


def test_reset_begins_a_new_reply() -> None:
    """Half a barge-in of the last one does not count."""
    barge_in = BargeIn(DUCK)
    feed(barge_in, "v" * 17)
    barge_in.reset()
    assert feed(barge_in, "v" * 30) == [(5, "duck"), (18, "stop")]


@given(st.lists(st.tuples(st.sampled_from("v."), st.integers(1, 40)), max_size=30))
def test_verdicts_alternate(runs: list[tuple[str, int]]) -> None:
    """Duck, resume, duck, ...; a resume only after 300 ms without speech; a stop only after 180 ms of it."""
    frames = "".join(letter * count for letter, count in runs)
    expected = "duck"
    for number, verdict in feed(BargeIn(DUCK), frames):
        if verdict == "stop":
            assert frames[:number].count("v") >= DUCK.stop_frames
        else:
            assert verdict == expected
            expected = "resume" if verdict == "duck" else "duck"
        if verdict == "resume":
            assert "vvv" not in frames[number - DUCK.quiet_frames : number]
