"""What the light shows of a device, and that no two states look alike on any lamp."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.indicator import FRAME_S, TABLE, Lamp, Mode, Moment, Night, Sight, mode_of, picture, still_for
from edge.core.table import State

ONE, PLAIN, RING = Lamp(), Lamp(colours=False), Lamp(12)
LAMPS = pytest.mark.parametrize("lamp", [ONE, PLAIN, RING], ids=["rgb", "plain", "ring"])
WELL = Sight(ready=True, was_ready=True)


def film(mode: Mode, lamp: Lamp, seconds: float = 6.0, level_db: float = -96.0) -> list[bytes]:
    """Every picture of some seconds."""
    return [picture(mode, lamp, Moment(n * FRAME_S, level_db)) for n in range(round(seconds / FRAME_S))]


def brightest(rgb: bytes) -> int:
    return max(rgb)


# --- which mode ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["connecting", "listening", "thinking", "speaking"])
def test_a_turn_is_shown_as_it_goes(state: str) -> None:
    sight = Sight(State(state), muted=True, broken=True, lesser=True, updating=True)
    assert mode_of(sight) == state


@pytest.mark.parametrize(
    ("sight", "mode"),
    [
        (WELL, "idle"),
        (replace(WELL, wakes=True), "waiting"),
        (replace(WELL, wakes=True, lesser=True), "offline"),
        (replace(WELL, wakes=True, state=State.MUTED, muted=True), "muted"),
        (Sight(), "connecting"),
        (replace(WELL, ready=False), "offline"),
        (replace(WELL, lesser=True), "offline"),
        (Sight(State.ERROR), "offline"),
        (replace(WELL, state=State.ERROR), "offline"),
        (replace(WELL, state=State.ERROR, broken=True), "error"),
        (replace(WELL, broken=True), "error"),
        (Sight(broken=True), "error"),
        (replace(WELL, state=State.MUTED, muted=True, broken=True), "muted"),
        (replace(WELL, state=State.MUTED, muted=True, updating=True), "updating"),
    ],
)
def test_at_rest_the_worst_is_shown(sight: Sight, mode: str) -> None:
    assert mode_of(sight) == mode


# --- the table -----------------------------------------------------------------------------------------


def test_every_mode_has_a_pattern() -> None:
    assert set(TABLE) == set(Mode)


@LAMPS
@pytest.mark.parametrize("pair", list(combinations(Mode, 2)), ids="-".join)
def test_no_two_modes_look_alike(lamp: Lamp, pair: tuple[Mode, Mode]) -> None:
    """A lamp without colours has only time to tell them apart."""
    first, second = (film(mode, lamp, level_db=-20.0) for mode in pair)
    if not lamp.colours:
        assert [max(rgb) for rgb in first] != [max(rgb) for rgb in second]
    assert first != second


@LAMPS
@pytest.mark.parametrize("mode", Mode)
def test_pictures_have_the_right_size_and_change_only_when_said(lamp: Lamp, mode: Mode) -> None:
    """The light rests for as long as a picture is said to stay."""
    every = still_for(mode, lamp)
    pictures = film(mode, lamp)
    assert {len(rgb) for rgb in pictures} == {3 * lamp.pixels}
    if every == inf:
        assert len(set(pictures)) == 1
    for n, rgb in enumerate(pictures):
        start = (n * FRAME_S + 1e-9) // every * every if every != inf else 0.0
        assert rgb == picture(mode, lamp, Moment(start if every > FRAME_S else n * FRAME_S))


@LAMPS
@pytest.mark.parametrize("mode", sorted(set(Mode) - {Mode.MUTED, Mode.IDLE, Mode.WAITING, Mode.LISTENING}))
def test_what_is_not_at_rest_moves(lamp: Lamp, mode: Mode) -> None:
    assert len(set(film(mode, lamp))) > 1


def test_resting_costs_no_pictures() -> None:
    resting = [(Mode.IDLE, ONE), (Mode.IDLE, PLAIN), (Mode.WAITING, ONE), (Mode.WAITING, RING), (Mode.MUTED, RING)]
    assert {still_for(mode, lamp) for mode, lamp in resting} == {inf}
    assert still_for(Mode.WAITING, PLAIN) > FRAME_S
    assert still_for(Mode.MUTED, PLAIN) > FRAME_S


@LAMPS
@pytest.mark.parametrize("mode", Mode)
def test_no_mode_leaves_the_lamp_dark_for_long(lamp: Lamp, mode: Mode) -> None:
    """A dark device looks dead. Three seconds are the longest that a muted plain lamp takes to wink."""
    assert any(brightest(rgb) for rgb in film(mode, lamp, 3.0))


# --- colour, level, brightness ---------------------------------------------------------------------------


@pytest.mark.parametrize("lamp", [ONE, RING])
@pytest.mark.parametrize("mode", Mode)
def test_red_and_nothing_else_while_the_gate_is_shut(lamp: Lamp, mode: Mode) -> None:
    for n in range(100):
        rgb = picture(mode, lamp, Moment(n * FRAME_S, shut=True))
        assert not any(rgb[1::3]) and not any(rgb[2::3])  # noqa: PT018  one fact: no green, no blue


@pytest.mark.parametrize("lamp", [ONE, RING])
@pytest.mark.parametrize("mode", sorted(set(Mode) - {Mode.MUTED, Mode.ERROR}))
def test_an_open_microphone_is_not_shown_in_pure_red(lamp: Lamp, mode: Mode) -> None:
    lit = [rgb for rgb in film(mode, lamp) if any(rgb)]
    assert all(any(rgb[1::3]) or any(rgb[2::3]) for rgb in lit)


def test_listening_follows_the_voice() -> None:
    levels = [brightest(picture(Mode.LISTENING, ONE, Moment(level_db=db))) for db in (-96, -55, -40, -25, -15, 0)]
    assert levels[0] == levels[1] < levels[2] < levels[3] < levels[4] == levels[5] == 255


def test_the_runner_goes_around_the_ring() -> None:
    heads = [max(range(12), key=lambda p: rgb[3 * p]) for rgb in film(Mode.THINKING, RING, 1.6)]
    assert set(heads) == set(range(12))


@pytest.mark.parametrize("mode", Mode)
def test_the_faintest_light_is_still_a_light(mode: Mode) -> None:
    """At the least brightness that can be set, a lamp that is lit does not go out."""
    for n in range(50):
        full = picture(mode, ONE, Moment(n * FRAME_S))
        faint = picture(mode, ONE, Moment(n * FRAME_S, brightness=0.01))
        assert [value > 0 for value in faint] == [value > 0 for value in full]
        assert max(faint) <= 1


def test_brightness_nought_is_dark() -> None:
    assert not any(picture(Mode.ERROR, RING, Moment(brightness=0.0)))


@given(st.sampled_from(Mode), st.floats(0, 1e7), st.floats(-200, 20), st.floats(0, 1), st.integers(1, 144))
def test_any_time_and_level_makes_a_picture(mode: Mode, t: float, db: float, brightness: float, pixels: int) -> None:
    assert len(picture(mode, Lamp(pixels), Moment(t, db, brightness=brightness))) == 3 * pixels


# --- night ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("night", "dark", "light"),
    [
        (Night(22 * 60, 7 * 60), (1320, 1439, 0, 419), (420, 720, 1319)),
        (Night(60, 300), (60, 299), (59, 300, 0)),
        (Night(), (), (0, 1, 720, 1439)),
    ],
)
def test_night_hours(night: Night, dark: tuple[int, ...], light: tuple[int, ...]) -> None:
    assert all(map(night.covers, dark))
    assert not any(map(night.covers, light))


# --- recording -------------------------------------------------------------------------------------------


def recorded(mode: Mode, lamp: Lamp, tenth: int, brightness: float = 1.0) -> bytes:
    return picture(mode, lamp, Moment(tenth * 0.1, -20.0, brightness=brightness, recording=True))


@LAMPS
@pytest.mark.parametrize("mode", Mode)
def test_whatever_is_shown_a_recording_winks_red(lamp: Lamp, mode: Mode) -> None:
    """Dark, red, dark, at the beginning of each state and every two seconds; in between the state is shown."""
    dark, red = bytes(3 * lamp.pixels), bytes((255, 0, 0)) * lamp.pixels
    for start in (0, 20, 40):
        assert [recorded(mode, lamp, start + tenth) for tenth in range(4)] == [dark, red, red, dark]
        assert recorded(mode, lamp, start + 5) == picture(mode, lamp, Moment((start + 5) * 0.1, -20.0))


def test_a_wink_is_seen_at_night() -> None:
    assert brightest(recorded(Mode.IDLE, ONE, 1, brightness=0.0)) > 10
    assert not brightest(recorded(Mode.IDLE, ONE, 6, brightness=0.0))


@LAMPS
@pytest.mark.parametrize("mode", Mode)
def test_pictures_change_often_enough_for_a_wink(lamp: Lamp, mode: Mode) -> None:
    assert still_for(mode, lamp, recording=True) <= 0.1
