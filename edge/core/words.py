"""Words that do not come by voice, and the state of rest that they may be waiting for. Pure."""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.effects import Ears
from edge.core.stage import Stage
from edge.core.table import State
from edge.core.turn import Kind, Turn

MOST_SAYS = 8  # waiting announcements; more than that would be recited long after they meant anything


class Words(Stage):
    """Actions of the table for typed turns and announcements, and coming to rest."""

    def _text(self, event: ev.TextGiven, now: float) -> None:
        self._clear_turn()
        self._words(self._new_turn(Kind.TEXT, event.text), now)

    def _say(self, event: ev.SayGiven, now: float) -> None:
        if len(self._says) >= MOST_SAYS:
            self._problem("say", f"More than {MOST_SAYS} announcements are waiting; one was dropped.")
            return
        self._says.append(event)
        if self.turn is None:
            self._next_say(now)

    def _next_say(self, now: float) -> None:
        event = self._says.popleft()
        turn = self._new_turn(Kind.SAY, event.text)
        turn.asks = event.asks
        self._words(turn, now)

    def _words(self, turn: Turn, now: float) -> None:
        turn.mark("turn_end", now)
        self._do(do.SetEars(Ears.OFF))
        if self.ready:
            self._send_words(turn, now)
        else:
            self._do(do.Connect())
            self._enter(State.CONNECTING, now + self.settings.connect_s)

    def _send_words(self, turn: Turn, now: float) -> None:
        kind = do.SendText if turn.kind is Kind.TEXT else do.SendSay
        self._do(kind(turn.id, turn.text))
        if turn.kind is Kind.TEXT:
            self._publish("user_transcript", text=turn.text, final=True)
        self._enter(State.THINKING, now + self.settings.reply_s)

    def _forget(self, event: ev.ForgetAsked, now: float) -> None:
        self._clear_turn()
        self._says.clear()
        self.pauses.reset()
        self._do(do.ClearHistory())
        self._publish("forgotten", **({"everything": True} if event.everything else {}))
        self._rest(now)

    def _clear_turn(self) -> None:
        """Give up the turn; an announcement that has not begun waits for another moment."""
        if self.turn is not None and self.turn.kind is Kind.SAY and self.state is State.CONNECTING:
            self._says.appendleft(ev.SayGiven(self.turn.text, self.turn.asks))
        if self.state in {State.THINKING, State.SPEAKING}:
            self._cancel_reply()
        elif self.turn is not None:
            self._do(do.DropTurn(self.turn.id))
        self.turn = None

    def _rest(self, now: float) -> None:
        self.turn = None
        self._do(do.SetEars(self._resting_ears()))
        if self.muted:
            self._enter(State.MUTED, None)
        elif self.mic_problem or self.agent_problem:
            self._enter(State.ERROR, None)
        else:
            self._enter(State.IDLE, None)
        self._next(now)

    def _next(self, now: float) -> None:
        """Nobody has a turn: it is that of what waits for one."""
        if self._says:
            self._next_say(now)
