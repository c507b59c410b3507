"""What the light shows: one table of patterns for every kind of lamp. Pure.

The colour tells whether the microphone is open, and the movement what the device does: while the gate of the
microphone is shut everything is red, whatever else goes on. A picture is the red, green and blue of each pixel; a
single lamp is one pixel, and one without colours shows the brightest of its three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import cos, floor, inf, pi

from edge.core.table import State

FRAME_S = 0.04  # 25 pictures a second: below that a fade is seen in steps
BLINK_S = 0.1  # blinking needs no more: all its times are multiples of this
QUIET_DB, LOUD_DB = -55.0, -15.0  # of a voice at the microphone: what it makes the light do lies between

LOUD_STEPS = 32  # as finely as that is followed
WINK_S, WINK_LEAST = 2.0, 0.3  # that something is recorded is seen at night as well
EARLY = 0.05  # of a picture's time: whoever comes back so much too soon gets the next one

Colour = tuple[float, float, float]
Level = Callable[[float, float, float], float]  # (seconds, place on the ring, loudness), each from 0, -> 0 to 1
RED: Colour = (1.0, 0.0, 0.0)


class Mode(StrEnum):
    """What can be told by the light."""

    IDLE = "idle"
    WAITING = "waiting"  # idle, and its word wakes it
    CONNECTING = "connecting"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    RINGING = "ringing"  # a timer is due
    MUTED = "muted"
    OFFLINE = "offline"  # no engine, or only the one that needs no network in place of a better one
    ERROR = "error"
    UPDATING = "updating"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of the device. `ready`: an engine can take a turn; `lesser`: it is not the preferred one."""

    state: State = State.IDLE
    muted: bool = False
    broken: bool = False  # microphone or loudspeaker
    ready: bool = False
    was_ready: bool = False
    lesser: bool = False
    updating: bool = False
    wakes: bool = False  # by a word
    recording: bool = False


def mode_of(sight: Sight) -> Mode:
    """The one thing to show. A turn is shown as it goes; at rest, what keeps the next one from going well."""
    if sight.state in {State.CONNECTING, State.LISTENING, State.THINKING, State.SPEAKING, State.RINGING}:
        return Mode(sight.state)
    if sight.updating:
        return Mode.UPDATING
    if sight.muted:
        return Mode.MUTED
    if sight.broken:
        return Mode.ERROR
    if not (sight.ready or sight.was_ready or sight.state is State.ERROR):
        return Mode.CONNECTING  # it has just been switched on
    return Mode.OFFLINE if sight.lesser or not sight.ready or sight.state is State.ERROR else _idle(sight)


def _idle(sight: Sight) -> Mode:
    return Mode.WAITING if sight.wakes else Mode.IDLE


# --- shapes ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """How the level moves: a picture stays for `every_s`, and after `period_s` they begin again."""

    level: Level
    every_s: float = FRAME_S
    period_s: float = FRAME_S
    follows: bool = False  # the voice


def _steady(level: float) -> Shape:
    return Shape(lambda _t, _place, _loud: level, inf)


def _breathing(period_s: float, least: float) -> Shape:
    return Shape(
        lambda t, _place, _loud: least + (1 - least) * (0.5 - 0.5 * cos(2 * pi * t / period_s)), period_s=period_s
    )


def _running(period_s: float) -> Shape:
    """A light with a tail, around the ring."""
    return Shape(lambda t, place, _loud: max(0.0, 1.0 - 2.0 * ((t / period_s - place) % 1.0)), period_s=period_s)


def _waving(period_s: float) -> Shape:
    """Two crests around the ring."""
    return Shape(lambda t, place, _loud: 0.55 + 0.45 * cos(2 * pi * (t / period_s - 2 * place)), period_s=period_s)


def _following(least: float) -> Shape:
    return Shape(lambda _t, _place, loud: least + (1 - least) * loud, follows=True)


def _blinking(period_s: float, *lit: tuple[float, float], least: float = 0.0) -> Shape:
    """On between these times of each period."""
    return Shape(lambda t, _place, _loud: 1.0 if any(a <= t + 1e-9 < b for a, b in lit) else least, BLINK_S, period_s)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the table. `ring` is for more than one pixel, `plain` for a lamp without colours."""

    colour: Colour
    shape: Shape
    ring: Shape | None = None
    plain: Shape | None = None


_GREEN, _BLUE, _WHITE = (0.0, 1.0, 0.15), (0.0, 0.35, 1.0), (1.0, 0.8, 0.55)
_AMBER, _VIOLET = (1.0, 0.45, 0.0), (0.55, 0.1, 1.0)

TABLE: dict[Mode, Pattern] = {
    Mode.IDLE: Pattern(_WHITE, _steady(0.15)),
    Mode.WAITING: Pattern(_BLUE, _steady(0.2), plain=_blinking(3.0, (0.0, 0.1), least=0.2)),
    Mode.CONNECTING: Pattern(_WHITE, _breathing(0.8, 0.2), ring=_running(0.8)),
    Mode.LISTENING: Pattern(_BLUE, _following(0.6)),
    Mode.THINKING: Pattern(_VIOLET, _breathing(1.6, 0.15), ring=_running(1.6)),
    Mode.SPEAKING: Pattern(_GREEN, _breathing(0.48, 0.45), ring=_waving(1.2)),
    Mode.RINGING: Pattern(_WHITE, _blinking(1.0, (0.0, 0.2), (0.3, 0.5), least=0.1)),
    Mode.MUTED: Pattern(RED, _steady(0.6), plain=_blinking(3.0, (0.0, 0.1))),
    Mode.OFFLINE: Pattern(_AMBER, _blinking(3.0, (0.0, 0.1), (0.3, 0.4), least=0.15)),
    Mode.ERROR: Pattern(RED, _blinking(1.0, (0.0, 0.5))),
    Mode.UPDATING: Pattern(_WHITE, _breathing(4.0, 0.1), ring=_running(4.0)),
}


# --- pictures ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lamp:
    """What there is to show things with."""

    pixels: int = 1
    colours: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how: `t` seconds into the mode, the voice at `level_db`, in red if `shut`, `brightness` of 0 to 1.

    `recording`: whatever is shown, it winks.
    """

    t: float = 0.0
    level_db: float = -96.0
    shut: bool = False
    brightness: float = 1.0
    recording: bool = False


def still_for(mode: Mode, lamp: Lamp, *, recording: bool = False) -> float:
    """How many seconds a picture stays as it is: for ever if nothing moves."""
    every = _shape(mode, lamp).every_s
    return min(every, BLINK_S) if recording else every


def number_of(t: float, every_s: float) -> int:
    """Which picture it is at `t` seconds into the mode, counted from 0."""
    return 0 if every_s == inf else floor(t / every_s + EARLY)


def picture(mode: Mode, lamp: Lamp, now: Moment) -> bytes:
    """Red, green and blue of each pixel, 0 to 255."""
    if now.recording and (wink := _wink(now.t)) is not None:
        return _pixel(RED, wink * max(now.brightness, WINK_LEAST)) * lamp.pixels
    shape = _shape(mode, lamp)
    number, loud = 0, 0
    if shape.follows:
        loud = round(LOUD_STEPS * min(1.0, max(0.0, (now.level_db - QUIET_DB) / (LOUD_DB - QUIET_DB))))
    elif shape.every_s != inf:
        number = number_of(now.t, shape.every_s) % round(shape.period_s / shape.every_s)
    return _drawn(mode, lamp, number, loud, (now.shut, now.brightness))


def _wink(t: float) -> float | None:
    """The level of a red wink between two moments of dark, at the beginning of every state and every two seconds."""
    step = floor(t / BLINK_S + EARLY) % round(WINK_S / BLINK_S)
    return (0.0, 1.0, 1.0, 0.0)[step] if step < 4 else None  # noqa: PLR2004  as many as there are


def _shape(mode: Mode, lamp: Lamp) -> Shape:
    pattern = TABLE[mode]
    if not lamp.colours:
        return pattern.plain or pattern.shape
    return (pattern.ring if lamp.pixels > 1 else None) or pattern.shape


@lru_cache(1024)  # a ring of twelve costs ten times as much to draw as to remember
def _drawn(mode: Mode, lamp: Lamp, number: int, loud: int, how: tuple[bool, float]) -> bytes:
    shape, (shut, brightness) = _shape(mode, lamp), how
    colour = RED if shut else TABLE[mode].colour
    t = number * shape.every_s if number else 0.0
    places = (place / lamp.pixels for place in range(lamp.pixels))
    return b"".join(_pixel(colour, brightness * shape.level(t, place, loud / LOUD_STEPS)) for place in places)


def _pixel(colour: Colour, level: float) -> bytes:
    """The eye sees ratios: the square makes equal steps of level look equal. What is lit stays lit."""
    return bytes(max(1, round(255 * part * level * level)) if part * level else 0 for part in colour)


# --- night -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Night:
    """From one minute of the day to another, perhaps across midnight; the same twice is no night."""

    begins: int = 0
    ends: int = 0

    def covers(self, minute: int) -> bool:
        """Whether it is night at this minute of the local day."""
        return (minute - self.begins) % 1440 < (self.ends - self.begins) % 1440
