"""The turn at hand and what is remembered: asking for its answer, in this session or in the next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.agents.realtime import commands as do
from edge.agents.realtime.buffer import TIDY, Buffer
from edge.agents.realtime.commands import UpdateSession
from edge.agents.realtime.items import FunctionCall
from edge.agents.realtime.requests import Requests, wire_id
from edge.agents.realtime.turn import Called, Phase, Turn
from edge.core import events as core
from edge.core.history import Exchange as Said
from edge.core.history import History
from edge.ports import Fields

APPEND_BYTES = 96_000  # 2 s of audio a frame when a kept turn is sent at once
UNHEARD = "(something said aloud)"  # put back for a turn whose transcript never came
CUT_OFF: Fields = {"error": "The person interrupted; the call was not finished."}
BROKE = (
    "The connection broke while you were answering. The person has heard what stands above as your last words. "
    "Go on from exactly there, without repeating it and without a word about the connection."
)
MOST_ASKS = 2  # an unanswered turn is sent again once, never twice

Out = list[do.Command | core.Event]


@dataclass(frozen=True, slots=True)
class Hands:
    """For a server that ends turns itself: how to take that out of its hands, and how to give it back."""

    manual: UpdateSession
    auto: UpdateSession


class Exchange:
    """Base of the dialogue: its state, and what both sides of it do. Effects collect in `_out`.

    `_carried` is a turn whose person goes on talking: the next turn is its continuation. `_owners` are the turns
    whose transcripts are to come, by item.
    """

    def __init__(self, hands: Hands | None = None) -> None:
        self.history = History()
        self.online = False
        self._hands = hands
        self._turn: Turn | None = None
        self._carried: Turn | None = None
        self._requests = Requests()
        self._buffer = Buffer(shared=hands is not None)
        self._owners: dict[str, Turn] = {}
        self._told: list[Said] = []  # of the history, what the session knows
        self._out: Out = []

    @property
    def waiting(self) -> bool:
        """Whether a complete turn of the person waits for its answer, and may be sent once more."""
        current = self._turn
        return current is not None and current.unanswered and current.asks < MOST_ASKS

    @property
    def idle(self) -> bool:
        """Whether nothing is said, asked or answered, so that a session may end without anybody noticing."""
        talking = self._turn is not None and self._turn.phase < Phase.OVER
        return not talking and (self._requests.quiet or not self.online)

    @property
    def blocked(self) -> bool:
        """Whether a turn waits for another response to be done: the session is stuck, if it lasts."""
        return self.online and self._requests.blocked

    def _take(self) -> Out:
        out, self._out = self._out, []
        return out

    # --- asking -------------------------------------------------------------------------------------

    def _begin(self, turn: Turn) -> None:
        before = self._turn
        if before is not None and before.phase < Phase.OVER:
            self._stop(before)
        for over in (before, self._carried):
            if over is not None:
                self._settle(over)
                over.close(Phase.CANCELLED)
        self._requests.give_up()
        self._turn, self._carried = turn, None
        if self.online:
            self._catch_up()

    def _send_voice(self, current: Turn) -> None:
        """What this session has not got yet."""
        voice = current.voice
        if self.online:
            for at in range(voice.sent, len(voice.pcm), APPEND_BYTES):
                self._out.append(do.AppendAudio(bytes(voice.pcm[at : at + APPEND_BYTES])))
            voice.sent = len(voice.pcm)

    def _ask(self) -> None:
        """Have the current turn answered, if there is anybody to answer it."""
        current = self._current()
        if not self.online:
            return
        current.phase = Phase.ASKED
        current.asks += 1
        if current.speech:
            exactly = f"Say exactly this and nothing else: {current.speech}"
            self._create(do.CreateResponse(aside=True, instructions=exactly, input=(), tools=()))
        else:
            self._put_question(current)
            self._create(do.CreateResponse())
            self._hand_back(current)

    def _put_question(self, current: Turn) -> None:
        if current.voice.pcm:
            self._out.append(self._buffer.commit(current))
        else:
            self._out.append(do.CreateItem(do.user_text(current.text)))

    def _create(self, command: do.CreateResponse) -> None:
        self._out += self._requests.ask(self._current().id, command)

    def _hand_over(self) -> None:
        if self._hands is not None and self.online:
            self._out.append(replace(self._hands.manual, event_id=TIDY))

    def _hand_back(self, current: Turn) -> None:
        if self._hands is not None and self.online and current.held:
            self._out.append(replace(self._hands.auto, event_id=TIDY))
        current.held = False

    # --- stopping -----------------------------------------------------------------------------------

    def _stop(self, current: Turn) -> None:
        """Nobody wants its answer any more: no more of it is made, and nothing of it is left half done."""
        self._requests.give_up()
        if not self.online:
            return
        if current.phase is Phase.OPEN:
            if current.voice.sent > current.voice.lead:
                self._out.append(self._buffer.clear())
            self._hand_back(current)
        if current.response and self._requests.active == current.response:
            self._out.append(do.CancelResponse(wire_id(current.response), event_id=TIDY))
        self._outputs(current)  # a call without an output would hang in the conversation for good

    def _cut(self, current: Turn, heard_ms: int) -> None:
        if self.online and not current.speech:  # what was spoken as it stands is no part of the conversation
            self._out += [do.TruncateItem(*cut, event_id=TIDY) for cut in current.reply.cuts(heard_ms)]

    # --- a new session ------------------------------------------------------------------------------

    def _again(self, current: Turn) -> None:
        """Bring a new session to where the old one was with this turn."""
        by_hand = self._hands is not None and current.phase is Phase.COMPLETE and current.voice.pcm
        if current.held or by_hand:
            current.held = True
            self._hand_over()
        self._send_voice(current)
        if current.phase is Phase.COMPLETE:
            self._go_on(current) if current.begun and not current.speech else self._ask()

    def _go_on(self, current: Turn) -> None:
        """A part of the answer has come: have it finished, with the results of its tools, which ran already."""
        current.phase = Phase.ASKED
        current.asks += 1
        self._put_question(current)
        self._hand_back(current)
        said = current.reply.said
        if said:
            self._out.append(do.CreateItem(do.assistant_text(said)))
        for called in (*current.tools.past, *current.tools.open.values()):
            call = called.call
            self._out.append(do.CreateItem(do.function_call(call.call_id, call.name, call.raw or "{}")))
        self._out += [_output(called) for called in current.tools.past]
        if said:
            self._out.append(do.CreateItem(do.system_text(BROKE)))
        if current.tools.open:
            self._tools_done(current)
        else:
            self._create(do.CreateResponse())

    def _tools_done(self, current: Turn) -> None:
        """When every call has its result: send them all, and ask the model once to go on."""
        ready = all(called.result is not None for called in current.tools.open.values())
        if self.online and ready:
            self._outputs(current)
            self._create(do.CreateResponse())

    def _outputs(self, current: Turn) -> None:
        tools = current.tools
        self._out += [_output(called) for called in tools.open.values()]
        tools.past += tools.open.values()
        tools.open.clear()

    def _cut_off(self, calls: list[FunctionCall]) -> None:
        """Calls that nobody is going to run."""
        self._out += [_output(Called(call), TIDY) for call in calls]

    def _catch_up(self) -> None:
        """Tell the session what was said that it does not know: before it began, or to another engine."""
        past, kept = self.history.exchanges, self._turn.kept if self._turn is not None else None
        for one in past:
            if one is not kept and not any(one is told for told in self._told):
                self._put_back(one.user, one.reply)
        self._told = [one for one in past if one is not kept]

    def _put_back(self, question: str, answer: str) -> None:
        if question:
            self._out.append(do.CreateItem(do.user_text(question)))
        if answer:
            self._out.append(do.CreateItem(do.assistant_text(answer)))

    # --- the end ------------------------------------------------------------------------------------

    def _end(self, current: Turn, outcome: str, message: str = "") -> None:
        self._out.append(core.ReplyEnded(current.id, outcome, message))
        current.close(Phase.OVER)
        if outcome == "done" and current.reply.said and not (current.speech or current.settled):
            question = self.history.joined(current.question or UNHEARD)
            current.kept = self.history.note(question, current.reply.said)  # until it is known what was heard of it

    def _settle(self, over: Turn, heard: str | None = None) -> None:
        """Remember the turn: what was heard of its reply, all of it when nobody cut it short."""
        if over.known and not (over.speech or over.settled):
            over.settled = True
            if over.kept is not None:
                self.history.take_back(over.kept)
                over.kept = None
            self.history.asked_whole(self.history.joined(over.question or UNHEARD))
            self.history.answered(over.reply.said if heard is None else heard)
            if self.online:
                self._told += self.history.exchanges[-1:]

    def _current(self) -> Turn:
        assert self._turn is not None, "no turn"
        return self._turn


def _output(called: Called, event_id: str = "") -> do.CreateItem:
    result = CUT_OFF if called.result is None else called.result
    return do.CreateItem(do.function_output(called.call.call_id, result), event_id=event_id)
