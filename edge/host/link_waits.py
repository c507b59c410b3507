"""When a device dials its relay again. Pure: the time is passed in, and chance is a generator.

Full jitter under a growing ceiling, so that a fleet does not come back as one; a press does not wait for it, only for
what the relay has asked for. A relay that restarts is back within a second, and so is the device.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from edge.core.retry import Backoff

FIRST_S, CEILING_S = 0.5, 60.0
APART_S = 1.0  # two tries, also when somebody presses all the time
PROVEN_S = 5.0  # a link that lasted so long was a success; a relay that drops us at once is left in peace
RESTART_S = 1.0  # over which the devices of a relay that restarts come back
RESTARTING_S = 20.0  # for so long after that, tries are close together: it was there a moment ago
LOCAL_S = 2.0  # ceiling while nothing leaves this device: nobody else is bothered


@dataclass(slots=True)
class Waits:
    """`due` is when to dial next; `pressed` brings it forward."""

    rng: random.Random = field(default_factory=random.Random)
    due: float = 0.0
    _not_before: float = 0.0
    _dialled: float = -1e9
    _restarts_until: float = -1e9
    _backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_S, CEILING_S))

    def __post_init__(self) -> None:
        self._backoff.rng = self.rng

    def dialled(self, now: float) -> None:
        """A try begins."""
        self._dialled = now

    def lost(self, now: float, lasted_s: float, *, restart: bool) -> None:
        """A link is over; `restart`: the relay has said that it will be back."""
        if lasted_s > PROVEN_S:
            self._backoff.reset()
        self._not_before = 0.0
        if restart:
            self._restarts_until = now + RESTARTING_S
            self.due = now + self.rng.uniform(0, RESTART_S)
        else:
            self.due = now + self._backoff.next()

    def refused(self, now: float, least_s: float, *, local: bool = False) -> None:
        """There was none to be had. What the relay asks for is kept, and spread: it asks many at once."""
        delay = self._backoff.next()
        if local:
            delay = min(delay, self.rng.uniform(LOCAL_S / 10, LOCAL_S))
        elif now < self._restarts_until:
            delay = min(delay, self.rng.uniform(RESTART_S / 4, RESTART_S))
        if least_s:
            delay = max(delay, least_s * self.rng.uniform(1, 1.2))
            self._not_before = now + least_s
        self.due = now + delay

    def pressed(self) -> None:
        """Somebody is waiting."""
        self.due = min(self.due, max(self._not_before, self._dialled + APART_S))

    def begin(self) -> None:
        """Forget all that: somebody has changed something."""
        self._backoff.reset()
        self.due = self._not_before = 0.0
