"""A front end and an engine around a conversation that check everything it has done, at every step."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from dataclasses import replace

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import Conversation, ConversationSettings, State
from edge.core.effects import Ears
from edge.core.listening import MIN_HOLD_S
from edge.core.turn import PCM_BYTES_PER_S
from tests.core.promises import AWAY, MUTES, Step, in_the_tail, problems, promises

REST = {State.IDLE, State.MUTED, State.ERROR}
SETTINGS = ConversationSettings(max_turn_s=12.0, wakes=True)
STEPS_TO_REST = 120  # a timer's tune is a step


def chunk(number: int, seconds: float) -> bytes:
    """Sound that can be told from all other sound."""
    return number.to_bytes(4, "big") * max(1, round(seconds * PCM_BYTES_PER_S / 4))


def snapshot(conv: Conversation) -> dict[str, object]:
    """All that a conversation knows."""
    return copy.deepcopy(vars(conv))


def is_ahead(deadline: float | None, now: float) -> bool:
    """Whether a loop that sleeps until then really sleeps."""
    return deadline is None or deadline > now


class World:
    """What was said, sent, ended, dropped, cancelled and finished, by turn; and where the ears are."""

    def __init__(self) -> None:
        self.conv = Conversation(SETTINGS)
        self.now = 1000.0
        self.ears = Ears.AWAIT
        self.closed = False
        self.shown = State.IDLE
        self.said: dict[int, list[bytes]] = defaultdict(list)
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        self.spoke: set[int] = set()
        self.over: dict[str, set[int]] = defaultdict(set)  # ended, dropped, cancelled, finished
        self.promises = promises()
        self.chunks = 0

    def feed(self, event: ev.Event) -> None:
        """One event, and all the checks."""
        conv, turn = self.conv, self.conv.turn
        turn = replace(turn, times=dict(turn.times)) if turn else None
        number = turn.id if turn else 0
        self._note(event, number)
        step = Step(conv, event, self.now, turn, conv.muted, deaf=conv.muted or bool(conv.mic_problem))
        step.effects.extend(conv.handle(event, self.now))
        assert not step.effects or getattr(event, "turn", number) == number, "something late has an effect"
        if isinstance(event, ev.TurnEnded) and step.effects:
            assert self.sent[number] == self.said[number], "the engine was kept from hearing something"
            self._once("ended", number)
        for effect in step.effects:
            self._carry_out(effect, step)
        self._check_state()
        for check in self.promises:
            check(step)
        if turn and (conv.turn is None or conv.turn.id != number):
            self._check_over(number, event, by_voice=turn.by_voice)

    # --- what the conversation is told --------------------------------------------------------------

    def _note(self, event: ev.Event, turn: int) -> None:
        if isinstance(event, ev.MicAudio) and self.ears is Ears.LISTEN:
            self.said[turn].append(event.pcm)
        if isinstance(event, ev.SpeechStarted) and self.ears is Ears.LISTEN:
            self.spoke.add(turn)
        if isinstance(event, ev.VoiceHeard) and event.turn == turn and self.conv.state is State.LISTENING:
            self.spoke.add(turn)

    def _said_s(self, turn: int) -> float:
        return sum(map(len, self.said[turn])) / PCM_BYTES_PER_S

    # --- what it has done ---------------------------------------------------------------------------

    def _carry_out(self, effect: do.Effect, step: Step) -> None:
        if isinstance(effect, do.SetEars):
            assert effect.mode is Ears.OFF or not self.closed, "an ear is opened while muted"
            self.ears = effect.mode
        elif isinstance(effect, do.CloseMic):
            self.closed = effect.closed
        elif isinstance(effect, do.SendAudio):
            assert effect.turn not in self.over["ended"] | self.over["dropped"], "sound after the end of its turn"
            self.sent[effect.turn].append(effect.pcm)
        elif isinstance(effect, do.Publish):
            self.shown = State(str(effect.fields["state"])) if effect.event == "state" else self.shown
        else:
            self._end_something(effect, step)

    def _end_something(self, effect: do.Effect, step: Step) -> None:
        if isinstance(effect, do.EndTurn):
            assert self.sent[effect.turn] == self.said[effect.turn], "what was said is not what was sent"
            self._once("ended", effect.turn)
        elif isinstance(effect, do.SendText | do.SendSay):
            self._once("ended", effect.turn)
        elif isinstance(effect, do.DropTurn):
            assert self._may_drop(effect.turn, step), f"words dropped by {step.event}"
            self._once("dropped", effect.turn)
        elif isinstance(effect, do.CancelReply):
            self._once("cancelled", effect.turn)
        elif isinstance(effect, do.FinishPlay):
            self._once("finished", effect.turn)
        elif isinstance(effect, do.Play):
            assert self.conv.turn is not None
            assert effect.turn == self.conv.turn.id, "a reply that is over is played"
            assert effect.turn not in self.over["cancelled"] | self.over["finished"], "played after its end"

    def _once(self, what: str, turn: int) -> None:
        assert turn not in self.over[what], f"{what} twice"
        self.over[what].add(turn)

    def _may_drop(self, turn: int, step: Step) -> bool:
        event = step.event
        if turn in self.over["ended"]:  # it is the reply's to end now, except where there is none
            return isinstance(event, ev.ReplyEnded) and event.outcome == "nothing_heard"
        if isinstance(event, ev.AgentLost):
            return bool(problems(step.effects)) and not event.retryable
        return isinstance(event, AWAY) or (not in_the_tail(step.turn) and self._may_give_up(turn, step))

    def _may_give_up(self, turn: int, step: Step) -> bool:
        event, before = step.event, step.turn
        assert before is not None
        assert before.id == turn
        if isinstance(event, ev.Released):
            return self._said_s(turn) < MIN_HOLD_S
        if isinstance(event, ev.Pressed):
            return turn not in self.spoke or before.ended
        if before.stop_at is not None or isinstance(event, ev.StopWordHeard):
            assert before.interrupts
            return isinstance(event, (ev.StopWordHeard, ev.SpeechPaused, *MUTES)) or turn not in self.spoke
        told = isinstance(event, ev.TimePassed) and bool(problems(step.effects))
        return turn not in self.spoke or isinstance(event, MUTES) or told

    def _check_over(self, turn: int, event: ev.Event, *, by_voice: bool) -> None:
        """A turn is gone: what was said went to the engine or was dropped, and its reply came to an end."""
        ended, dropped = turn in self.over["ended"], turn in self.over["dropped"]
        assert not by_voice or ended or dropped, "words vanished"
        come = isinstance(event, ev.ReplyEnded | ev.PlayoutEnded | ev.AgentLost)
        assert come or dropped or turn in self.over["cancelled"], "the engine still replies to a turn that is over"

    # --- what it is now -----------------------------------------------------------------------------

    def _check_state(self) -> None:
        conv = self.conv
        resting = conv.state in REST
        assert (conv.turn is None) == (conv.deadline is None) == resting
        assert (conv.state is State.MUTED) == (conv.muted and resting)
        if resting and not conv.muted:
            assert (conv.state is State.ERROR) == bool(conv.mic_problem or conv.agent_problem)
        if conv.state in {State.LISTENING, State.THINKING}:
            assert conv.ready
        assert self.closed == conv.muted
        assert self.shown is conv.state
        assert self.ears is self._ears_wanted()

    def _ears_wanted(self) -> Ears:
        """From the design: who may be listened to, and how, in this state."""
        conv = self.conv
        if conv.muted or conv.mic_problem:
            return Ears.OFF
        if conv.turn is None:
            return Ears.AWAIT
        if conv.state in {State.SPEAKING, State.RINGING}:
            return Ears.GUARD
        if not conv.turn.by_voice:
            return Ears.OFF
        return Ears.WATCH if conv.turn.ended else Ears.LISTEN

    # --- time ----------------------------------------------------------------------------------------

    def check_deadline(self) -> None:
        """Too early changes nothing; in time always leads on, and not to the same moment again."""
        conv = copy.deepcopy(self.conv)
        before = snapshot(conv)
        early = self.now if conv.deadline is None else math.nextafter(conv.deadline, -math.inf)
        assert conv.handle(ev.TimePassed(), early) == []
        assert snapshot(conv) == before
        if conv.deadline is not None:
            due = max(conv.deadline, self.now)
            conv.handle(ev.TimePassed(), due)
            assert is_ahead(conv.deadline, due), "a loop would spin"

    def check_rest(self) -> None:
        """By time alone, everything comes to rest."""
        conv = copy.deepcopy(self.conv)
        now = self.now
        for _ in range(STEPS_TO_REST):
            if conv.deadline is None:
                break
            now = max(now, conv.deadline)
            conv.handle(ev.TimePassed(), now)
        assert conv.state in REST
