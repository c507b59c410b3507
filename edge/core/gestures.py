"""Tap, double tap, hold and long hold, from one button's edges. Pure.

Listening starts on the way down, not when it is clear that the press was a tap: waiting would
clip the first word. So a hold is a press that *becomes* push-to-talk after `hold_s`.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.events import ButtonDown, ButtonUp, Event, ForgetAsked, Held, LongHeld, Pressed, Released


@dataclass(frozen=True, slots=True)
class GestureSettings:
    """Times in seconds."""

    hold_s: float = 0.4
    long_s: float = 3.0
    double_s: float = 0.35


class Gestures:
    """`handle` button edges and deadlines; each call returns the conversation's events."""

    def __init__(self, settings: GestureSettings | None = None) -> None:
        self.settings = settings or GestureSettings()
        self.deadline: float | None = None
        self._down_at: float | None = None
        self._last_tap = float("-inf")
        self._phase = "up"  # up, down, held, long

    def handle(self, event: Event, now: float) -> list[Event]:
        """A ButtonDown or ButtonUp at `now`."""
        if isinstance(event, ButtonDown) and self._phase == "up":
            return self._down(now)
        if isinstance(event, ButtonUp) and self._phase != "up":
            return self._up(now)
        return []

    def due(self, now: float) -> list[Event]:
        """What the passing of time means; call when `deadline` is reached."""
        if self.deadline is None or now < self.deadline or self._down_at is None:
            return []
        if self._phase == "down":
            self._phase, self.deadline = "held", self._down_at + self.settings.long_s
            return [Held()]
        self._phase, self.deadline = "long", None
        return [LongHeld()]

    def _down(self, now: float) -> list[Event]:
        self._phase, self._down_at = "down", now
        self.deadline = now + self.settings.hold_s
        double = now - self._last_tap <= self.settings.double_s
        self._last_tap = float("-inf")
        return [ForgetAsked()] if double else [Pressed()]

    def _up(self, now: float) -> list[Event]:
        was, self._phase = self._phase, "up"
        self.deadline, self._down_at = None, None
        if was == "down":
            self._last_tap = now
        return [Released()] if was in {"held", "long"} else []
