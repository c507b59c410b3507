"""The person's side of a turn: it starts, audio flows, it ends, it is dropped. Pure."""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.effects import Ears, Tone
from edge.core.reports import Problem
from edge.core.sounding import Sounding
from edge.core.table import State
from edge.core.turn import Kind

MIN_HOLD_S = 0.1  # a shorter push-to-talk is a slip of the finger (and vendors refuse < 100 ms)


class Listening(Sounding):
    """Actions of the table that concern what the person does and says."""

    # --- starting and ending the person's turn ------------------------------------------------------

    def _start(self, event: ev.Event, now: float) -> None:
        if self.mic_problem:
            self._problem("microphone", self.mic_problem)
            self._report(Problem.NO_MICROPHONE, now)
            return
        since = now - self._preroll(now)
        kind = Kind.TAP
        if isinstance(event, ev.Held):  # the press itself ended a wait: the words since then count
            kind, since = Kind.HOLD, since - self.settings.hold_s
        self._begin(kind, since, now)

    def _begin(self, kind: Kind, since: float, now: float) -> None:
        """Listen to whoever has pressed."""
        self._listen(kind, since, now)
        self._current().asked = True
        self._chime(Tone.START, now)

    def _preroll(self, now: float) -> float:
        return 0.0 if self._audible(now) else self.settings.preroll_s  # the ring holds the device's own sound

    def _listen(self, kind: Kind, since: float, now: float, empties: int = 0) -> None:
        turn = self._new_turn(kind)
        turn.empties = empties
        self._open_ears(since, now)
        if self.ready:
            self._enter(State.LISTENING, self._listen_until(now))
            self._tell_held()
        else:
            self._do(do.Connect())
            self._enter(State.CONNECTING, now + self.settings.connect_s)

    def _open_ears(self, since: float, now: float) -> None:
        self._hush(now)
        self.pauses.begin(self.settings.pauses, now)
        self._wait_for(self.pauses.usual_s)
        self._do(do.SetEars(Ears.LISTEN, since))

    def _tell_held(self) -> None:
        turn = self._current()
        if turn.kind is Kind.HOLD and self.state is State.LISTENING:
            self._do(do.HoldTurn(turn.id))

    def _listen_until(self, now: float) -> float:
        """How long the person may be listened to; nothing puts off the end of the tail."""
        turn = self._current()
        if turn.closing:
            return turn.times["speech_end"] + self.settings.tail_s
        if turn.spoke or turn.kind is Kind.HOLD:  # a finger on the button needs no detector's word
            return now + self.settings.max_turn_s
        return now + (self.settings.follow_up_s if turn.kind is Kind.FOLLOW_UP else self.settings.no_speech_s)

    def _press_again(self, event: ev.Event, now: float) -> None:
        turn = self._current()
        if turn.by_voice and turn.spoke and not turn.ended:
            self._end_soon(now)
        elif turn.kind is Kind.FOLLOW_UP and not (turn.ended or self._deaf()):  # a press to talk, as at rest
            self._do(do.DropTurn(turn.id))
            self._begin(Kind.TAP, now - self._preroll(now), now)
        elif turn.by_voice or self._deaf():  # nothing said, or ended and the engine is not there yet: give it up
            self._drop(now)
        else:  # typed words or an announcement wait for the engine: whoever presses now is about to speak
            self._clear_turn()
            self._start(event, now)

    def _hold(self, _event: ev.Event, now: float) -> None:
        turn = self._current()
        if turn.by_voice and not (turn.closing or turn.ended):
            turn.kind = Kind.HOLD
            self._tell_held()
            self._talking(now)

    def _talking(self, now: float) -> None:
        if self.state is State.LISTENING:  # while connecting, it is the engine that has a time limit
            self.deadline = self._listen_until(now)

    def _release(self, _event: ev.Event, now: float) -> None:
        turn = self._current()
        if turn.kind is not Kind.HOLD or turn.closing or turn.ended:
            return
        if turn.audio_s >= MIN_HOLD_S:
            self._end_soon(now)
        else:
            self._drop(now)

    def _end_soon(self, now: float) -> None:
        """The hand says that this is the end; it needs no detector's word that something was said."""
        turn = self._current()
        turn.closing = turn.spoke = True
        turn.mark("speech_end", now)
        self.deadline = self._listen_until(now)

    def _end_turn(self, now: float, speech_end: float) -> None:
        turn = self._current()
        self._over(now, speech_end)
        if self.ready:
            self._do(do.EndTurn(turn.id))
            self._enter(State.THINKING, now + self.settings.reply_s)
        else:
            self.deadline = now + self.settings.connect_s
        self._do(do.SetEars(self._ears()))
        self._chime(Tone.END, now)

    def _over(self, now: float, speech_end: float) -> None:
        turn = self._current()
        turn.ended = True
        turn.mark("speech_end", speech_end)
        turn.mark("turn_end", now)

    def _engine_end(self, _event: ev.TurnEnded, now: float) -> None:
        if self._current().kind is not Kind.HOLD:  # the engine may not have known of the button in time
            self._over(now, now)
            self._enter(State.THINKING, now + self.settings.reply_s)
            self._do(do.SetEars(self._ears()))
            self._chime(Tone.END, now)

    def _drop(self, now: float) -> None:
        self._do(do.DropTurn(self._current().id))
        self._rest(now)

    # --- the person's voice -------------------------------------------------------------------------

    def _send_audio(self, event: ev.MicAudio, now: float) -> None:
        self._do(do.SendAudio(self._count(event), event.pcm))
        self._limit(now)

    def _hold_audio(self, event: ev.MicAudio, now: float) -> None:
        turn = self._current()
        if turn.by_voice and not turn.ended:
            self._count(event)
            turn.held.append(event.pcm)
            self._limit(now)

    def _count(self, event: ev.MicAudio) -> int:
        turn = self._current()
        turn.audio_bytes += len(event.pcm)
        return turn.id

    def _limit(self, now: float) -> None:
        if self._current().audio_s >= self.settings.max_turn_s:
            self._problem("turn", f"A turn ends after {self.settings.max_turn_s:.0f} s; what was said is answered now.")
            self._end_turn(now, now)

    def _speech(self, event: ev.SpeechStarted, now: float) -> None:
        turn = self._current()
        if turn.ended:
            self._reopen(event, now)
        elif turn.by_voice:
            if turn.eager:  # a silence of any length is no end while the button is held
                self._resume(event, now)
            turn.spoke = True
            self._talking(now)

    def _reopen(self, event: ev.SpeechStarted, now: float) -> None:
        """The person goes on before the engine has got anything: it is still one turn, without a gap or a repeat."""
        turn = self._current()
        if not self._deaf() and self._new_speech(event):
            self.pauses.went_on(event.onset - turn.times["speech_end"])
            since = max(event.onset - self.settings.lead_in_s, turn.times["turn_end"])
            turn.closing, turn.ended, turn.spoke, turn.kind = False, False, True, Kind.TAP
            turn.pause_s = 0.0  # learnt from, with the end that was none
            turn.times.clear()
            self._open_ears(since, now)

    def _pause(self, _event: ev.Event, _now: float) -> None:
        turn = self._current()
        turn.eager = True
        self._do(do.EagerEnd(turn.id))
        if self.engine_judges and self._ends_by_silence():
            self._wait_for(self.pauses.for_words_s)

    def _resume(self, event: ev.Event, _now: float) -> None:
        turn = self._current()
        turn.eager = False
        if isinstance(event, ev.SpeechResumed):
            turn.pause_s = max(turn.pause_s, event.pause_s)
        self._wait_for(self.pauses.usual_s)  # the opinion was about the words before the pause
        self._do(do.TurnResumed(turn.id))

    def _seems(self, event: ev.TurnSeems, _now: float) -> None:
        if self._current().eager and self._ends_by_silence():
            self._wait_for(self.pauses.with_words(event.complete))

    def _ends_by_silence(self) -> bool:
        turn = self._current()
        return not (turn.closing or turn.kind is Kind.HOLD or self.engine_ends)

    def _voice_heard(self, _event: ev.Event, now: float) -> None:
        self._current().spoke = True
        self._talking(now)

    def _silence(self, event: ev.SpeechEnded, now: float) -> None:
        turn = self._current()
        if turn.kind is Kind.HOLD or turn.ended or not turn.by_voice:
            return
        if self.engine_ends and self.state is State.LISTENING and not turn.closing:
            turn.spoke = True
            self.deadline = now + self.settings.engine_end_s  # should the engine never say so
        else:
            if not turn.closing:
                self.pauses.note(turn.pause_s)
            self._end_turn(now, event.voiced_until)

    def _new_speech(self, event: ev.SpeechStarted) -> bool:
        """Whether it is not the speech of the turn itself, which ears that begin to watch tell once more."""
        return event.onset >= self._current().times["speech_end"]

    def _goes_on(self, event: ev.SpeechStarted, now: float) -> None:
        turn = self._current()
        if turn.by_voice and not self._deaf() and self._new_speech(event):
            self.pauses.went_on(event.onset - turn.times["speech_end"])
            self._cut(event.onset - self.settings.lead_in_s, now, goes_on=True)

    def _barged(self, event: ev.BargedIn, now: float) -> None:
        self._cut(event.onset - self.settings.lead_in_s, now)

    def _interrupt(self, _event: ev.Event, now: float) -> None:
        self._cut(now, now)  # no pre-roll: the ring holds the reply's own sound

    def _cut(self, since: float, now: float, *, goes_on: bool = False) -> None:
        self._cancel_reply(goes_on=goes_on)
        if self._deaf():
            self._rest(now)
        else:
            self._listen(Kind.TAP, since, now)
            self._current().interrupts = True
