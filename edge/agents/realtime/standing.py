"""What the device has been told of the engine: once for each thing that happens, and again to who asks."""

from __future__ import annotations

from edge.core.events import AgentLost, AgentReady, AgentWarned
from edge.ports import Clock, Post

REMIND_S = 1.0  # a press right after the trouble was told needs no second word about it


class Standing:
    """`ready` is what the device believes. During one outage each trouble is told once, however often it recurs."""

    def __init__(self, post: Post, clock: Clock) -> None:
        self.ready = False
        self.problem = ""
        self._post, self._clock = post, clock
        self._told: set[str] = set()
        self._told_at = 0.0

    def came(self, *, ends_turns: bool) -> None:
        """There is a session."""
        self.problem = ""
        self._told.clear()
        if not self.ready:
            self.ready = True
            self._post(AgentReady(ends_turns))

    def lost(self, problem: str, *, retryable: bool, wait: float = 0.0) -> None:
        """There is none; the next try is in `wait` seconds. What only a person can help with is told at every try."""
        if self.ready or problem not in self._told or not retryable:
            self._told_at = self._clock()
            self._post(AgentLost(_timed(problem, wait), retryable))
        self.ready, self.problem = False, problem
        self._told.add(problem)

    def remind(self, wait: float) -> None:
        """Somebody is waiting while the trouble lasts. No AgentLost: nothing has changed."""
        if self.problem and not self.ready and self._clock() - self._told_at > REMIND_S:
            self._told_at = self._clock()
            self._post(AgentWarned(_timed(self.problem, wait)))


def _timed(problem: str, wait: float) -> str:
    return f"{problem} Trying again in {wait:.0f} s." if wait > 1 else problem
