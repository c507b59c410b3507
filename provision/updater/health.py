"""Whether a new release is good: by looks at the service, each with its time. Pure.

Only what worked before the update is asked for: a device without a network or a microphone can be updated too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

# Since the switch: 30 s after it the old release must be ready again, and that takes some seconds too.
READY_S = 25.0
RELAY_S = 30.0  # more than the rest, for the link to the relay
# A device that is reopened, or a link that is dialled again, takes seconds; 10 s is what the daemon itself allows.
UNWELL_S = 10.0


@dataclass(frozen=True)
class Look:
    """The service at one moment. None is unknown: it does not answer, or an older release does not tell."""

    active: str = "inactive"
    pid: int = 0
    restarts: int = 0
    well: bool | None = None  # a turn can be held, or only the person's own mute is in the way
    busy: bool = False
    relay: bool | None = None

    @property
    def runs(self) -> bool:
        """The unit is ready in systemd's eyes."""
        return self.active in {"active", "reloading", "refreshing"}


@dataclass(frozen=True)
class Before:
    """What worked with the old release."""

    runs: bool = True
    well: bool = True
    relay: bool = False
    selftest: bool = False

    @property
    def worked(self) -> tuple[str, ...]:
        """The names of what did."""
        return tuple(name for name, did in asdict(self).items() if did)

    @classmethod
    def of(cls, worked: tuple[str, ...]) -> Before:
        """The other way round."""
        return cls(**{field.name: field.name in worked for field in fields(cls)})


GOOD = "good"
WAIT = ""


class Gate:
    """Watches one trial. `look` gives WAIT, GOOD, or a sentence that says what is wrong."""

    def __init__(self, before: Before, soak_s: float, ready_s: float = READY_S) -> None:
        self._before, self._soak_s, self._ready_s = before, soak_s, ready_s
        self._ready_at: float | None = None
        self._pid = 0
        self._unwell_since: float | None = None
        self._tested = not before.selftest

    @property
    def wants_selftest(self) -> bool:
        """It is ready, and a turn has not been tried yet."""
        return not self._tested and self._ready_at is not None and self._unwell_since is None

    def selftest(self, passed: bool | None) -> str:
        """What became of the turn; None where there is no such command."""
        self._tested = True
        return "The self-test turn failed." if passed is False else WAIT

    def look(self, seen: Look, now: float) -> str:
        """`now` is in seconds since the switch."""
        if not self._before.runs:
            return GOOD  # nothing worked before: it cannot be worse
        if seen.restarts or seen.active in {"failed", "inactive"}:
            return "The service ended by itself."
        if self._ready_at is None:
            return self._starting(seen, now)
        if seen.pid != self._pid or not seen.runs:
            return "The service was restarted."
        if trouble := self._unwell(seen, now):
            return trouble
        return GOOD if self._over(seen, now) else self._relay_late(seen, now)

    def _starting(self, seen: Look, now: float) -> str:
        if seen.runs:
            self._ready_at, self._pid = now, seen.pid
            self._unwell(seen, now)
            return WAIT
        return WAIT if now < self._ready_s else f"The service was not ready within {self._ready_s:.0f} s."

    def _unwell(self, seen: Look, now: float) -> str:
        if seen.well or not self._before.well:
            self._unwell_since = None
            return WAIT
        if self._unwell_since is None:
            self._unwell_since = now
        lasts = now - self._unwell_since
        return WAIT if lasts < UNWELL_S else f"For {lasts:.0f} s no turn could be held, as it could before."

    def _over(self, seen: Look, now: float) -> bool:
        """The time is over, and all that was asked for has been seen."""
        relay = seen.relay or not self._before.relay
        return self._soaked(now) and relay and self._tested and self._unwell_since is None

    def _relay_late(self, seen: Look, now: float) -> str:
        late = self._soaked(now - RELAY_S) and self._before.relay and not seen.relay
        return "The link to the relay did not come back." if late else WAIT

    def _soaked(self, now: float) -> bool:
        return self._ready_at is not None and now - self._ready_at >= self._soak_s
