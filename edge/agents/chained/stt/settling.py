"""What is owed to the device within one turn: an EAGER for a pause, an OVER for the end, each in good time. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from edge.agents.chained import faults
from edge.core.chain import Heard, Mark, Standing

SETTLE_S = 0.5  # a pause is answered by then with what is known: a service with nothing left to say may say nothing
LAST_S = 5.0  # for the end: a healthy service takes a round trip


class Settling:
    """`asked_at_s`: how much audio had been sent when the pause or the end came; `due`: when patience ends."""

    def __init__(self, service: faults.Service) -> None:
        self.service = service
        self.text = ""
        self.ending = False
        self.asked_at_s = 0.0
        self.due: float | None = None
        self._paused = False
        self._told = ""
        self._mute = True  # it has said nothing in this turn, not even that it hears nothing

    def noted(self, mark: Mark | None, sent_s: float, now: float) -> None:
        """The device says this, None for the end, after so much audio."""
        self.asked_at_s = sent_s
        self._paused = mark is Mark.PAUSED
        self.ending = mark is None
        self.due = now + SETTLE_S if self._paused else now + LAST_S if self.ending else None

    def understood(self, text: str) -> None:
        """All of the turn so far."""
        self.text, self._mute = text, False

    def partial(self) -> Iterator[Heard]:
        """What is understood, if that is news."""
        if self.text != self._told:
            self._told = self.text
            yield Heard(self.text)

    def settled(self) -> Iterator[Heard]:
        """All that was said up to the pause or the end is known."""
        if self.ending:
            yield self.over()
        elif self._paused:
            self._paused, self.due = False, None
            self._told = self.text
            yield Heard(self.text, Standing.EAGER)
        else:  # the person has gone on
            yield from self.partial()

    def overdue(self) -> Iterator[Heard]:
        """Patience has ended; raises StageFailed when it was for the end.

        For a service that has not said a word nothing is answered: it may be dead, and whoever waits will see.
        """
        self.due = None
        if self.ending:
            raise faults.stalled(self.service)
        return iter(()) if self._mute else self.settled()

    def over(self) -> Heard:
        """All of the turn."""
        return Heard(self.text, Standing.OVER)
