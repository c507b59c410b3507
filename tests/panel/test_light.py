"""The light's thread: what it writes, when it sleeps, what it does about a lamp that is pulled out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from math import inf

import pytest

from edge.core.indicator import FRAME_S, Lamp, Mode, Moment, Night, picture
from edge.errors import PanelError
from edge.panel.light import NIGHT_LOOK_S, Light, Room

ONE, RING = Lamp(), Lamp(12)


class Seen:
    """Pixels that keep what they were shown; `fault` is raised by the next picture or opening."""

    def __init__(self, lamp: Lamp = ONE) -> None:
        self.lamp = lamp
        self.pictures: list[bytes] = []
        self.fault: Exception | None = None
        self.opened = self.closed = 0
        self.new = threading.Event()

    def open(self) -> None:
        if self.fault is not None:
            raise PanelError(str(self.fault))
        self.opened += 1

    def show(self, rgb: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.pictures.append(rgb)
        self.new.set()

    def close(self) -> None:
        self.closed += 1


class Around:
    """What the light follows."""

    def __init__(self) -> None:
        self.level, self.shut = -96.0, False
        self.now = datetime(2026, 11, 24, 12, 0)  # noqa: DTZ001  a local time is what is meant
        self.failed: list[str] = []

    def room(self, brightness: float = 1.0, night: Night | None = None, at_night: float = 0.1) -> Room:
        return Room(
            lambda: self.level, lambda: self.shut, lambda: self.now, brightness, night or Night(), at_night
        )  # fmt: skip


def stepped(pixels: Seen, around: Around, room: Room | None = None) -> Light:
    """A light whose thread is not started: the test makes the turns."""
    pixels.open()
    return Light(pixels, room or around.room(), around.failed.append)


@contextmanager
def lit(pixels: Seen, around: Around) -> Iterator[Light]:
    """A light that runs."""
    light = Light(pixels, around.room(), around.failed.append)
    light.open()
    try:
        yield light
    finally:
        light.close()


def wait_for(done: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.002)


def shown(pixels: Seen, rgb: bytes) -> bool:
    return pixels.pictures[-1:] == [rgb]


# --- when it looks -------------------------------------------------------------------------------------


def test_a_still_pattern_is_written_once_and_then_sleeps() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.IDLE, muted=False)
    assert [light._turn(100.0), light._turn(200.0)] == [inf, inf]
    assert pixels.pictures == [picture(Mode.IDLE, ONE, Moment())]


def test_a_moving_pattern_has_a_steady_rate() -> None:
    """Each picture is due at a multiple of 40 ms from the start of its mode, however late the last one was."""
    pixels, around = Seen(RING), Around()
    light = stepped(pixels, around)
    light.show(Mode.THINKING, muted=False)
    for n in range(50):
        late = (0.0, 0.003, 0.02, -0.001)[n % 4] if n else 0.0
        assert light._turn(100.0 + n * FRAME_S + late) == pytest.approx(FRAME_S - late)
    assert pixels.pictures == [picture(Mode.THINKING, RING, Moment(n * FRAME_S)) for n in range(50)]


def test_pictures_that_are_alike_are_not_written_again() -> None:
    """An error blinks: two pictures a second of the ten that are looked at."""
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.ERROR, muted=False)
    now = 100.0
    for _ in range(40):
        now += light._turn(now)
    assert now == pytest.approx(104.0)
    assert len(pixels.pictures) == 8


def test_a_new_mode_begins_its_pattern_at_the_beginning() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.ERROR, muted=False)
    light._turn(100.0)
    light.show(Mode.OFFLINE, muted=False)
    light._turn(100.7)
    assert pixels.pictures[-1] == picture(Mode.OFFLINE, ONE, Moment(0.0))


def test_the_same_again_wakes_nobody() -> None:
    """The panel looks at the device twice a second, whether or not anything is new."""
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.IDLE, muted=False)
    assert light._awake.acquire(blocking=False)
    light.show(Mode.IDLE, muted=False)
    assert light._awake.locked()
    light.show(Mode.IDLE, muted=True)
    assert not light._awake.locked()


def test_listening_follows_the_voice() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.LISTENING, muted=False)
    light._turn(100.0)
    around.level = -20.0
    light._turn(100.04)
    assert max(pixels.pictures[0]) < max(pixels.pictures[1])


# --- the gate ------------------------------------------------------------------------------------------


def test_red_as_long_as_the_gate_is_shut_whatever_the_mode() -> None:
    """Unmuted, the device takes a while to open; until then nobody is heard, and that is shown."""
    pixels, around = Seen(), Around()
    around.shut = True
    light = stepped(pixels, around)
    light.show(Mode.MUTED, muted=True)
    assert light._turn(100.0) == inf
    light.show(Mode.IDLE, muted=False)
    assert light._turn(110.0) == pytest.approx(FRAME_S)
    assert not any(pixels.pictures[-1][1:])
    around.shut = False
    assert light._turn(110.04) == inf
    assert pixels.pictures[-1] == picture(Mode.IDLE, ONE, Moment())


# --- night ---------------------------------------------------------------------------------------------


def test_at_night_it_is_dimmer_and_notices_that_the_clock_was_set() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around, around.room(night=Night(22 * 60, 7 * 60)))
    light.show(Mode.IDLE, muted=False)
    assert light._turn(100.0) == NIGHT_LOOK_S
    around.now = around.now.replace(hour=23)
    light._turn(130.0)
    by_day, by_night = pixels.pictures
    assert by_night == picture(Mode.IDLE, ONE, Moment(brightness=0.1))
    assert max(by_day) > max(by_night) > 0


# --- faults --------------------------------------------------------------------------------------------


def test_lamps_that_fail_are_told_once_and_tried_again() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    light.show(Mode.IDLE, muted=False)
    pixels.fault = OSError(19, "No such device.")
    waits = [light._turn(100.0 + n) for n in range(12)]
    assert all(0 < wait <= 30 for wait in waits)
    assert waits[-1] > 1
    assert len(around.failed) == 1
    assert around.failed[0].startswith("The light has failed: [Errno 19] No such device")
    assert light.failures == 12
    assert pixels.closed == 12
    pixels.fault = None
    assert light._turn(200.0) == inf
    assert around.failed[1:] == [""]
    assert pixels.opened == 2
    assert pixels.pictures == [picture(Mode.IDLE, ONE, Moment())]


def test_an_error_without_words_has_a_name() -> None:
    pixels, around = Seen(), Around()
    light = stepped(pixels, around)
    pixels.fault = TimeoutError()
    light._turn(100.0)
    assert "TimeoutError" in around.failed[0]


def test_no_lamps_at_the_start() -> None:
    pixels, around = Seen(), Around()
    pixels.fault = OSError("nothing there")
    light = Light(pixels, around.room(), around.failed.append)
    with pytest.raises(PanelError, match="nothing there"):
        light.open()
    light.close()


# --- the thread ----------------------------------------------------------------------------------------


def test_the_thread_shows_at_once_and_ends_dark() -> None:
    pixels, around = Seen(), Around()
    with lit(pixels, around) as light:
        for mode in (Mode.IDLE, Mode.MUTED, Mode.IDLE):
            light.show(mode, muted=False)
            wait_for(partial(shown, pixels, picture(mode, ONE, Moment())))
        assert "light" in {thread.name for thread in threading.enumerate()}
    light.close()
    assert pixels.closed == 1
    assert "light" not in {thread.name for thread in threading.enumerate()}


def test_the_thread_keeps_a_pattern_going() -> None:
    pixels, around = Seen(), Around()
    with lit(pixels, around) as light:
        light.show(Mode.SPEAKING, muted=False)
        wait_for(lambda: len(pixels.pictures) > 10)
