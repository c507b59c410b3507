"""Words that stand for the button: the wake word at rest or over a reply, the stop word over a reply. Pure."""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.ringing import Ringing
from edge.core.turn import Kind, Turn

FIRST_S = 2.0  # of a turn that interrupts: where a stop word is the first thing said, with the time to interrupt
ALONE_S = 0.7  # from the stop word to the pause after it: whoever says more pauses later


class Hailing(Ringing):
    """Actions of the table that concern such words. Whoever is hailed listens from the word's end on."""

    def _woken(self, event: ev.WakeWordHeard, now: float) -> None:
        if not self._deaf():  # else it comes late
            self._begin(Kind.TAP, event.until, now)

    def _woken_over(self, event: ev.WakeWordHeard, now: float) -> None:
        self._cut(event.until, now)

    def _stopped(self, event: ev.StopWordHeard, now: float) -> None:
        turn = self._current()
        self._cancel_reply()
        self._be_quiet(turn, event.until, now)

    def _stop_said(self, event: ev.StopWordHeard, now: float) -> None:
        """The voice has interrupted the reply already: if that was all it says, there is nothing to answer."""
        turn = self._current()
        if turn.interrupts and not turn.closing and turn.kind is Kind.TAP and turn.audio_s < FIRST_S:
            turn.stop_at = event.until
            if turn.eager:
                self._quieten(turn, now)

    def _pause(self, event: ev.Event, now: float) -> None:
        turn = self._current()
        if turn.stop_at is not None and now - turn.stop_at < ALONE_S and not turn.closing:
            self._quieten(turn, now)
        else:
            super()._pause(event, now)

    def _quieten(self, turn: Turn, now: float) -> None:
        since = now if turn.stop_at is None else turn.stop_at
        self._do(do.DropTurn(turn.id))
        self._be_quiet(turn, since, now)

    def _be_quiet(self, turn: Turn, since: float, now: float) -> None:
        """Listen as after a reply, so that "stop, what time is it" is not lost; say nothing."""
        if turn.by_voice and self._may_follow():
            self._listen(Kind.FOLLOW_UP, since, now)
        else:
            self._rest(now)
