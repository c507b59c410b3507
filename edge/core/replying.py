"""The engine's side of a turn: transcript, reply, tools, what the speaker plays. Pure."""

from __future__ import annotations

from edge.core import effects as do
from edge.core import events as ev
from edge.core.listening import Listening
from edge.core.reports import Problem, problem_of
from edge.core.table import State
from edge.core.turn import Kind, Turn


class Replying(Listening):
    """Actions of the table that concern the engine and the speaker."""

    # --- the engine ---------------------------------------------------------------------------------

    def _note_ready(self, event: ev.AgentReady, now: float) -> None:
        self.ready, self.agent_problem, self.agent_away = True, "", ""
        self.engine_ends, self.engine_judges = event.ends_turns, event.judges
        if self.state is State.ERROR:
            self._rest(now)

    def _go(self, event: ev.AgentReady, now: float) -> None:
        self._note_ready(event, now)
        turn = self._current()
        if not turn.by_voice:
            self._send_words(turn, now)
            return
        if not turn.ended:
            self._enter(State.LISTENING, self._listen_until(now))
            self._tell_held()
        held, turn.held = turn.held, []
        for pcm in held:
            self._do(do.SendAudio(turn.id, pcm))
        if turn.ended:
            self._do(do.EndTurn(turn.id))
            self._enter(State.THINKING, now + self.settings.reply_s)
            self._do(do.SetEars(self._ears()))

    def _note_lost(self, event: ev.AgentLost, now: float) -> None:
        self.ready, self.agent_away = False, event.message
        if not event.retryable:
            self.agent_problem = event.message
        self._problem("engine", event.message)
        if self.state in {State.IDLE, State.ERROR}:
            self._rest(now)

    def _lost_listening(self, event: ev.AgentLost, now: float) -> None:
        turn = self._current()
        self._note_lost(event, now)
        if not event.retryable:
            self._drop(now)
            self._unanswered(turn, problem_of(event.message, retryable=False), now)
            return
        self._do(do.Connect())
        if self.state is State.LISTENING:  # failing again while connecting must not put off the time limit
            self._enter(State.CONNECTING, self.deadline if self._current().closing else now + self.settings.connect_s)

    def _lost_reply(self, event: ev.AgentLost, now: float) -> None:
        self._note_lost(event, now)
        self._failed(problem_of(event.message), now)

    def _failed(self, problem: Problem, now: float) -> None:
        turn = self._current()
        turn.failure = turn.failure or problem
        self._reply_over("failed", now)

    def _warned(self, event: ev.AgentWarned, _now: float) -> None:
        self._problem("engine", event.message)

    def _spent(self, event: ev.Spent, _now: float) -> None:
        money = {"cost": event.cost, "today": event.today}
        known = {name: round(sum_, 6) for name, sum_ in money.items() if sum_ is not None}
        whose = {name: what for name, what in (("model", event.model), ("ids", event.ids)) if what}
        self._do(do.Publish("usage", {"turn": event.of_turn, "tokens": event.tokens, **known, **whose}))

    def _transcript(self, event: ev.TranscriptHeard, now: float) -> None:
        if event.final:
            self._current().mark("transcript", now)
        self._publish("user_transcript", text=event.text, final=event.final)
        if self.state is not State.LISTENING:  # there, the person has the time limit
            self._patience(now)

    def _reply_text(self, event: ev.ReplyText, now: float) -> None:
        self._current().mark("first_token", now)
        self._publish("reply_transcript", text=event.text)
        self._patience(now)

    def _first_audio(self, event: ev.ReplyAudio, now: float) -> None:
        self._current().mark("first_audio", now)
        if self.speaker_problem:
            self._problem("speaker", self.speaker_problem)
            self._cancel_reply()
            self._rest(now)
            return
        self._hush(now)
        self._enter(State.SPEAKING, None)
        self._do(do.SetEars(self._ears()))
        self._more_audio(event, now)

    def _more_audio(self, event: ev.ReplyAudio, now: float) -> None:
        turn = self._current()
        if turn.outcome:  # the speaker has been told that no more comes
            return
        turn.queue(len(event.pcm) / 2 / event.rate, now)
        self._do(do.Play(turn.id, event.pcm, event.rate))
        self._patience(now)

    def _reply_ended(self, event: ev.ReplyEnded, now: float) -> None:
        if event.outcome == "failed":
            self._problem("engine", event.message)
            self._failed(problem_of(event.message), now)
        else:
            self._reply_over(event.outcome, now)

    def _reply_over(self, outcome: str, now: float) -> None:
        turn = self._current()
        if turn.outcome:
            return
        turn.outcome = outcome
        if outcome == "nothing_heard":
            self.pauses.unnote()
            self._publish("nothing_heard")
        if self.state is State.SPEAKING:
            self._do(do.FinishPlay(turn.id))
            self._patience(now)
        elif outcome == "nothing_heard" and self._may_try_again(turn):
            self._do(do.DropTurn(turn.id))
            self._listen(turn.kind, now, now, turn.empties + 1)
            self._current().asked = turn.asked
        else:
            self._after_reply(turn, now)

    def _may_try_again(self, turn: Turn) -> bool:
        again = turn.empties + 1 < self.settings.empty_tries
        return again and turn.kind in {Kind.TAP, Kind.FOLLOW_UP} and not self._deaf()

    def _patience(self, now: float) -> None:
        turn = self._current()
        wait = self.settings.stall_s if turn.outcome else self.settings.reply_s
        self.deadline = max(now, turn.sounds_until) + wait

    def _run_tool(self, event: ev.ToolCalled, now: float) -> None:
        self._publish("tool", name=event.name, arguments=event.arguments)
        self._do(do.RunTool(event.turn, event.call, event.name, event.arguments))
        self._patience(now)

    def _tool_result(self, event: ev.ToolFinished, now: float) -> None:
        self._do(do.SendToolResult(event.turn, event.call, event.result))
        self._patience(now)

    def _sleep(self, _event: ev.SleepAsked, _now: float) -> None:
        self._current().last = True

    # --- the speaker --------------------------------------------------------------------------------

    def _sounding(self, event: ev.PlayoutStarted, now: float) -> None:
        turn = self._current()
        if "first_sound" not in turn.times:
            turn.mark("first_sound", event.at)
            turn.sounds_until = max(turn.sounds_until, event.at + turn.reply_s)
            self._publish("turn", kind=str(turn.kind), latency_ms=turn.latencies(), said_s=round(turn.audio_s, 2))
        self._patience(now)

    def _played(self, _event: ev.Event, now: float) -> None:
        turn = self._current()
        if turn.outcome:
            self._after_reply(turn, now)

    def _may_follow(self) -> bool:
        """Whether to go on listening after a reply."""
        can = self.ready and not (self._deaf() or self.agent_problem or self._says)
        return can and self.settings.follow_up_s > 0

    def _after_reply(self, turn: Turn, now: float) -> None:
        wanted = (turn.by_voice or turn.asks) and turn.outcome == "done" and not turn.last
        if wanted and self._may_follow():
            self._listen(Kind.FOLLOW_UP, now, now)
            return
        self._rest(now)
        if turn.failure is not None:
            self._unanswered(turn, turn.failure, now)
        elif turn.outcome == "nothing_heard" and turn.asked:
            self._unanswered(turn, Problem.NOTHING_HEARD, now)
