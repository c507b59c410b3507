"""Timers that are due: a tune until somebody taps, talks or has had time enough, with their names in words. Pure.

A ring is a turn of its own in its own state, so that whatever ends a reply (a tap, a voice, a word) ends it as well.
It never begins over a person who is talking: then it waits for the end of their turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core import effects as do
from edge.core import events as ev
from edge.core.effects import Tone
from edge.core.replying import Replying
from edge.core.stage import ConversationSettings
from edge.core.table import State
from edge.core.turn import Kind

TUNE_S = 3.0  # with the silence after it
LEAD_S = 0.1  # the next one is queued before that is over
TOLD_S = 20.0  # for the words about a timer that was due while the device was off
LAST_WORD_S = 0.5  # from the end of the sound, as it is reckoned, until it has left the loudspeaker


@dataclass(slots=True)
class Ring:
    """What rings. `late`: it was due long ago, and is only told. `said`: the engine has been given the words."""

    timers: tuple[ev.TimerDue, ...]
    until: float
    late: bool = False
    said: bool = False
    tunes: int = 0


class Ringing(Replying):
    """Actions of the table that concern timers. `rings` wait for their moment."""

    def __init__(self, settings: ConversationSettings | None = None) -> None:
        super().__init__(settings)
        self.rings: list[ev.TimerDue] = []
        self.ring: Ring | None = None

    # --- beginning ----------------------------------------------------------------------------------

    def _timer_due(self, event: ev.TimerDue, now: float) -> None:
        self.rings.append(event)
        turn = self.turn
        if turn is None:
            self._next(now)
        elif self.state is State.RINGING:
            self._join(event, now)
        elif turn.kind is Kind.FOLLOW_UP and not (turn.spoke or turn.ended or turn.closing):
            self._drop(now)
        elif turn.kind is Kind.SAY and self.state is State.CONNECTING:
            self._clear_turn()
            self._rest(now)
        elif self.state in {State.THINKING, State.SPEAKING} and not event.late:
            self._chime(Tone.TIMER, now)

    def _join(self, event: ev.TimerDue, now: float) -> None:
        """What rings already, or is being told, begins anew with it."""
        if not event.late:
            self._do(do.CancelReply(self._current().id))
            self.rings[:0] = self._current_ring().timers
            self.ring = self.turn = None
            self._next(now)

    def _next(self, now: float) -> None:
        due = [timer for timer in self.rings if not timer.late]
        late = [timer for timer in self.rings if timer.late] if self.ready and not due else []
        if due or late:
            self.rings = [timer for timer in self.rings if timer not in (due or late)]
            self._begin_ring(due or late, now, late=bool(late))
        else:
            super()._next(now)

    def _begin_ring(self, timers: Iterable[ev.TimerDue], now: float, *, late: bool) -> None:
        self._hush(now)
        ring = self.ring = Ring(tuple(timers), now + (TOLD_S if late else self.settings.ring_s), late)
        self._new_turn(Kind.RING, " ".join(timer.text for timer in ring.timers))
        self._enter(State.RINGING, now)
        self._do(do.SetEars(self._ears()))
        self._publish("ringing", timers=[{"id": one.id, "name": one.name} for one in ring.timers], late=late)
        self._tune(ring, now)
        self._name(ring)

    def _tune(self, ring: Ring, now: float) -> None:
        turn = self._current()
        ring.tunes += 1
        self._do(do.Ring(turn.id, ring.tunes))
        turn.queue(TUNE_S, now)
        self.deadline = turn.sounds_until - LEAD_S

    def _name(self, ring: Ring) -> None:
        if self.ready and not ring.said:
            ring.said = True
            turn = self._current()
            self._do(do.SendSay(turn.id, turn.text))

    def _note_ready(self, event: ev.AgentReady, now: float) -> None:
        super()._note_ready(event, now)
        if self.ring is not None:
            self._name(self.ring)
        elif self.turn is None:
            self._next(now)

    # --- going on -----------------------------------------------------------------------------------

    def _ring_words(self, event: ev.ReplyAudio, now: float) -> None:
        turn = self._current()
        if not (turn.outcome or self.speaker_problem):
            turn.queue(len(event.pcm) / 2 / event.rate, now)
            self._do(do.Play(turn.id, event.pcm, event.rate))
            self.deadline = turn.sounds_until - LEAD_S

    def _ring_named(self, event: ev.ReplyEnded, now: float) -> None:
        turn = self._current()
        turn.outcome = turn.outcome or event.outcome
        if self._current_ring().late:
            self.deadline = max(now, turn.sounds_until) + LAST_WORD_S

    def _ring_on(self, _event: ev.Event, now: float) -> None:
        ring, turn = self._current_ring(), self._current()
        if self.deadline is None or now < self.deadline:
            return
        if ring.late and not turn.outcome and now < ring.until:
            self.deadline = ring.until
        elif ring.late or now >= ring.until:
            told = "told" if turn.outcome == "done" and not self.speaker_problem else "failed"
            self._do(do.CancelReply(turn.id))
            self._ring_over(told if ring.late else "unheard")
            self._rest(now)
        else:
            self._tune(ring, now)

    # --- ending -------------------------------------------------------------------------------------

    def _ring_over(self, how: str) -> None:
        """`how`: stopped by somebody, unheard, told, failed."""
        self._publish("ringing_over", timers=[timer.id for timer in self._current_ring().timers], how=how)
        self.ring = None

    def _current_ring(self) -> Ring:
        assert self.ring is not None, f"nothing rings in state {self.state}"
        return self.ring

    def _ring_tapped(self, _event: ev.Event, now: float) -> None:
        self._cancel_reply()
        self._ring_over("stopped")
        self._rest(now)

    def _ring_barged(self, event: ev.BargedIn, now: float) -> None:
        self._ring_over("stopped")
        self._barged(event, now)

    def _ring_woken(self, event: ev.WakeWordHeard, now: float) -> None:
        self._ring_over("stopped")
        self._cut(event.until, now)

    def _clear_turn(self) -> None:
        if self.state is State.RINGING and self.turn is not None:
            self._cancel_reply()
            self._ring_over("stopped")
            self.turn = None
        super()._clear_turn()

    def _may_follow(self) -> bool:
        return not self.rings and super()._may_follow()
