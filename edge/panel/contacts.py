"""Contacts at pins: buttons, the mute switch, a rotary encoder. gpiozero calls in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from edge.config import Panel
from edge.core.debounce import Debounce


class Contact:
    """`told(closed)` is called in the loop at every change that is no bouncing; `closed` is where it stands now.

    Made inside the running loop. gpiozero's own debouncing is left off: with lgpio and pigpio it makes each press late.
    """

    def __init__(self, factory: Any, pin: int, panel: Panel, told: Callable[[bool], object]) -> None:
        from gpiozero import DigitalInputDevice

        self._told, self._loop = told, asyncio.get_running_loop()
        pull = {"up": True, "down": False, "none": None}[panel.pull]
        state = panel.active_high if pull is None else None
        self._device = DigitalInputDevice(pin, pull_up=pull, active_state=state, pin_factory=factory)
        self._level = self._device.is_active
        self._debounce = Debounce(panel.debounce_ms / 1000, closed=self._level)
        self._looking = False  # a look is on its way, or waits for the end of the bouncing
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._device.when_activated, self._device.when_deactivated = self._close, self._open

    @property
    def closed(self) -> bool:
        """Where it stands, bouncing aside."""
        return self._debounce.closed

    def close(self) -> None:
        """Free the pin. Idempotent."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._device.close()

    # --- in gpiozero's thread -------------------------------------------------------------------------

    def _close(self) -> None:
        self._edge(closed=True)

    def _open(self) -> None:
        self._edge(closed=False)

    def _edge(self, *, closed: bool) -> None:
        self._level = closed
        if not self._looking:  # however wildly it bounces, the loop is woken once
            self._looking = True
            self._loop.call_soon_threadsafe(self._look)

    # --- in the loop ----------------------------------------------------------------------------------

    def _look(self) -> None:
        self._looking, self._timer = False, None  # first: an edge from here on is looked at anew
        if self._ended:  # it was on its way
            return
        now = time.monotonic()
        if self._debounce.moved(self._level, now):
            self._told(self._debounce.closed)
        if self._debounce.deadline is not None and self._debounce.deadline > now:
            self._looking = True
            self._timer = self._loop.call_at(self._loop.time() + self._debounce.deadline - now, self._look)


class Encoder:
    """`turned(way)` is called in the loop at each click: 1 is clockwise, -1 the other way.

    Its common contact is at ground, and A and B are pulled up.
    """

    def __init__(self, factory: Any, pins: tuple[int, int], turned: Callable[[int], object]) -> None:
        from gpiozero import RotaryEncoder

        later = asyncio.get_running_loop().call_soon_threadsafe
        self._device = RotaryEncoder(*pins, max_steps=0, pin_factory=factory)
        self._device.when_rotated_clockwise = lambda: later(turned, 1)
        self._device.when_rotated_counter_clockwise = lambda: later(turned, -1)

    def close(self) -> None:
        """Free the pins. Idempotent."""
        self._device.close()
