"""The light: a thread that shows the pattern of the mode at a steady rate, and sleeps while nothing moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from edge.core.indicator import FRAME_S, Mode, Moment, Night, number_of, picture, still_for
from edge.core.retry import Backoff
from edge.panel.pixels import Pixels

NIGHT_LOOK_S = 30.0  # where there are night hours: a clock that was set is noticed
JOIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Room:
    """What the light follows beside the mode. `brightness` and `at_night` are 0 to 1."""

    level: Callable[[], float]  # of the microphone, in dBFS
    shut: Callable[[], bool]  # whether the microphone's gate is shut
    clock: Callable[[], datetime] = datetime.now  # local
    brightness: float = 1.0
    night: Night = field(default_factory=Night)
    at_night: float = 0.0


class Light:
    """`show` a mode, from one thread. `failed(message)` is called by the light's own, once an outage; "" is its end."""

    def __init__(self, pixels: Pixels, room: Room, failed: Callable[[str], object]) -> None:
        self._pixels, self._room, self._failed = pixels, room, failed
        self._lamp, self._has_nights = pixels.lamp, room.night != Night()
        self._wanted = (Mode.CONNECTING, False, False)
        self._mode, self._since = Mode.CONNECTING, 0.0
        self._shown = b""
        self._outage = ""
        self._backoff = Backoff(0.5, 30.0)
        self._awake = threading.Lock()  # released to wake it: an Event makes a new lock for every wait
        self._awake.acquire()
        self._end = False
        self._thread = threading.Thread(target=self._run, name="light", daemon=True)
        self.pictures = self.failures = 0

    def open(self) -> None:
        """Take the lamps; raises PanelError, and is then of no use."""
        self._pixels.open()
        self._thread.start()

    def show(self, mode: Mode, *, muted: bool, recording: bool = False) -> None:
        """From now on this; `muted` is whether the gate has been told to stay shut."""
        if (mode, muted, recording) != self._wanted:
            self._wanted = (mode, muted, recording)
            self._wake()

    def close(self) -> None:
        """Dark. Idempotent."""
        self._end = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # it has been woken already
            self._awake.release()

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._end:
            wait = self._turn(time.monotonic())
            self._awake.acquire(timeout=-1 if wait == inf else wait)
        self._pixels.close()

    def _turn(self, now: float) -> float:
        """One look; returns in how many seconds the next is due."""
        mode, muted, recording = self._wanted
        if mode is not self._mode:
            self._mode, self._since = mode, now
        shut, elapsed = self._room.shut(), now - self._since
        if not self._write(picture(mode, self._lamp, self._moment(elapsed, shut, recording))):
            return self._backoff.next()
        # A gate that is about to open is waited for: it tells nobody.
        every = FRAME_S if shut and not muted else still_for(mode, self._lamp, recording=recording)
        if every == inf:
            return NIGHT_LOOK_S if self._has_nights else inf
        return (number_of(elapsed, every) + 1) * every - elapsed

    def _moment(self, elapsed: float, shut: bool, recording: bool) -> Moment:
        room = self._room
        brightness = room.brightness
        if self._has_nights:
            local = room.clock()
            brightness = room.at_night if room.night.covers(local.hour * 60 + local.minute) else brightness
        return Moment(elapsed, room.level(), shut, brightness, recording)

    def _write(self, rgb: bytes) -> bool:
        if rgb == self._shown and not self._outage:
            return True
        try:
            if self._outage:
                self._pixels.open()
            self._pixels.show(rgb)
        except Exception as error:  # noqa: BLE001  every library for lamps has its own
            self._lost(str(error) or type(error).__name__)
            return False
        self._shown = rgb
        self.pictures += 1
        if self._outage:
            self._outage = ""
            self._backoff.reset()
            self._failed("")
        return True

    def _lost(self, why: str) -> None:
        self.failures += 1
        with suppress(Exception):
            self._pixels.close()
        if not self._outage:
            self._outage = why
            self._failed(f"The light has failed: {why.rstrip('.')}. It is tried again.")
