"""The conversation: a pure function of (event, time). What happens in which state is in `table`.

`handle(event, now)` returns effects and never reads a clock; `wake_at` says when the caller has to
come back with TimePassed. Invariants (property-tested): the microphone is never listened to while
muted, every byte of a turn's audio reaches the engine once and in order, nothing of a cancelled
reply is played.
"""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.effects import Ears, Tone
from edge.core.hailing import Hailing
from edge.core.reports import Problem, problem_of
from edge.core.stage import ConversationSettings
from edge.core.table import TABLE, State
from edge.core.turn import Kind

__all__ = ["Conversation", "ConversationSettings", "State"]

MUTED = "The microphone is muted: unmute it to talk (long press, or edge-voice unmute)."
SWITCHED = "The microphone is muted by the switch on the device: move the switch to talk."
NOT_SWITCHED = "The mute switch on the device is not set, and it alone decides: move the switch to mute."
SILENT = "The microphone delivers nothing but silence: is it switched off, or muted by a switch of its own?"


class Conversation(Hailing):
    """One person and one device. Not thread-safe: one loop owns it."""

    def handle(self, event: ev.Event, now: float) -> list[do.Effect]:
        """Everything that is to be done about this event."""
        number = getattr(event, "turn", None)
        late = number is not None and (self.turn is None or number != self.turn.id)
        action = "" if late else TABLE[self.state][type(event)]
        if action:
            getattr(self, f"_{action}")(event, now)
            self._mind_waiting(now)
        out, self._out = self._out, []
        return out

    # --- mute, faults, time -------------------------------------------------------------------------

    def _switch(self, event: ev.SwitchMoved, now: float) -> None:
        first, self.switch = self.switch is None, event.muted
        if event.muted is not self.muted:
            self._close(event.muted, now)
            if not first:  # it has moved, and does not only stand so at the start
                self._chime(Tone.MUTE if event.muted else Tone.UNMUTE, now)

    def _mute(self, event: ev.MuteSet, now: float) -> None:
        on = (not self.muted) if event.on is None else event.on
        if self.switch is not None and on is not self.switch:
            self._problem("muted", SWITCHED if self.switch else NOT_SWITCHED)
            return
        if on != self.muted:
            self._close(on, now)
            self._chime(Tone.MUTE if on else Tone.UNMUTE, now)

    def _close(self, on: bool, now: float) -> None:
        self.muted = on
        self._do(do.CloseMic(on))
        self._publish("mute", on=on)
        if self.turn is None:
            self._rest(now)
        elif not (on and self._hearing()):
            self._do(do.SetEars(self._ears()))
        elif self._current().closing:  # it was asked before the mute, so it is answered
            self._end_turn(now, now)
        else:
            self._drop(now)

    def _long_hold(self, _event: ev.Event, now: float) -> None:
        turn = self.turn
        if turn is None or turn.kind is not Kind.HOLD or not turn.spoke:  # else it is a long question, button held
            self._mute(ev.MuteSet(None), now)

    def _hearing(self) -> bool:
        """Whether the person's turn is open now."""
        turn = self._current()
        return self.state in {State.LISTENING, State.CONNECTING} and turn.by_voice and not turn.ended

    def _tell_muted(self, _event: ev.Event, now: float) -> None:
        self._problem("muted", SWITCHED if self.switch else MUTED)
        self._report(Problem.MUTED, now)

    def _mic_lost(self, event: ev.MicLost, now: float) -> None:
        self.mic_problem = event.message
        self._problem("microphone", event.message)
        if self.turn is None:
            self._rest(now)
        elif not self._hearing():
            self._do(do.SetEars(Ears.OFF))
        elif self._current().spoke:
            self._end_turn(now, now)
        else:
            self._drop(now)

    def _mic_found(self, _event: ev.Event, now: float) -> None:
        self.mic_problem = ""
        self._publish("microphone", ok=True)
        if self.turn is None:
            self._rest(now)
        elif not self._hearing():
            self._do(do.SetEars(self._ears()))

    def _silent(self, event: ev.MicSilent, _now: float) -> None:
        """No fault by itself: arrays and sound servers that suppress noise deliver this in a quiet room."""
        self.mic_silent = event.silent

    def _speaker_off(self, event: ev.SpeakerLost, now: float) -> None:
        if event.message != self.speaker_problem:
            self.speaker_problem = event.message
            self._problem("speaker", event.message)
        if self.state is State.SPEAKING:
            self._cancel_reply()
            self._rest(now)

    def _speaker_on(self, _event: ev.Event, _now: float) -> None:
        self.speaker_problem = ""
        self._publish("speaker", ok=True)

    def _timeout(self, _event: ev.Event, now: float) -> None:
        if self.deadline is None or now < self.deadline:
            self._fill(now)
            return
        turn = self._current()
        if (turn.closing and not turn.ended) or (self.state is State.LISTENING and turn.spoke):
            self._end_turn(now, now)
        elif self.state is State.LISTENING:
            self._drop(now)
            if turn.asked:
                if self.mic_silent:
                    self._problem("microphone", SILENT)
                self._unanswered(turn, Problem.NOTHING_HEARD, now)
        elif self.state is State.CONNECTING:
            self._problem("engine", self.agent_problem or "The engine did not become ready in time.")
            self._drop(now)
            self._unanswered(turn, problem_of(self.agent_away) if self.agent_away else Problem.NO_SERVICE, now)
        else:
            self._problem("engine", "The reply stopped coming; try again.")
            self._cancel_reply()
            self._rest(now)
            self._unanswered(turn, Problem.FAILED, now)
