"""One conversation over Realtime sessions: what to send and what to tell, for all that happens. Pure.

A session ends at any time; the conversation does not. So the turn's audio is kept until it is answered
and sent again once, what was said is put back as text, and only one response is ever under way: a second
`response.create` waits for the first one's `response.done`.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError, Kind
from edge.agents.realtime.items import FunctionCall, Response
from edge.agents.realtime.pcm import BYTES_PER_MS, RATE
from edge.agents.realtime.turn import Turn
from edge.core import events as core
from edge.core.history import History
from edge.ports import Fields

LEAST_MS = 100  # a shorter commit is refused by the vendor
APPEND_BYTES = 96_000  # 2 s of audio a frame when a kept turn is sent at once
UNHEARD = "(something said aloud)"  # put back for a turn whose transcript never came
CUT_OFF = {"error": "The person interrupted; the call was not finished."}

Out = list[do.Command | core.Event]


class Dialogue:
    """Every method returns commands for the server and events for the device, in order."""

    def __init__(self) -> None:
        self.history = History()
        self.online = False
        self._turn: Turn | None = None
        self._active = ""  # the response the server is making, ours or a cancelled one
        self._asked = False  # response.create is sent, response.created has not come
        self._wanted: do.CreateResponse | None = None  # waits for the active one to be done
        self._last: do.CreateResponse | None = None
        self._out: Out = []

    def _take(self) -> Out:
        out, self._out = self._out, []
        return out

    # --- the device ---------------------------------------------------------------------------------

    def audio(self, turn: int, pcm: bytes) -> Out:
        """The next 24 kHz audio of a turn."""
        if self._turn is None or self._turn.id != turn:
            self._begin(Turn(turn))
        current = self._current()
        current.pcm += pcm
        if self.online:
            self._out.append(do.AppendAudio(pcm))
            current.sent = len(current.pcm)
        return self._take()

    def end_of_turn(self, turn: int) -> Out:
        """The person has finished."""
        current = self._turn
        if current is None or current.id != turn or len(current.pcm) < LEAST_MS * BYTES_PER_MS:
            self._clear()
            return [*self._take(), core.ReplyEnded(turn, "nothing_heard")]
        current.ended = True
        if self.online:
            self._ask_by_voice()
        return self._take()

    def drop_turn(self, turn: int) -> Out:
        """Nobody spoke."""
        if self._turn is not None and self._turn.id == turn:
            self._clear()
        return self._take()

    def text(self, turn: int, text: str) -> Out:
        """A typed turn."""
        self._begin(Turn(turn, text=text, question=text, ended=True))
        if self.online:
            self._ask_by_text()
        return self._take()

    def say(self, turn: int, text: str) -> Out:
        """Speak a text as it stands, outside the conversation."""
        self._begin(Turn(turn, speech=text, ended=True))
        if self.online:
            self._ask_by_text()
        return self._take()

    def interrupt(self, turn: int, heard_ms: int) -> Out:
        """The speaker is silent already: cancel what is being made, and cut what was made to what was heard."""
        current = self._turn
        if current is None or current.id != turn:
            return []
        if current.response and self._active == current.response:
            self._out.append(do.CancelResponse(current.response))
        current.cancelled = True
        self._wanted = None
        self._out += [do.TruncateItem(*cut) for cut in current.cuts(heard_ms)] if self.online else []
        self._give_up_calls(current)
        self._settle(current.heard(heard_ms))
        self._turn = None if not self._asked else current  # response.created is on its way: it must be cancelled
        return self._take()

    def tool_result(self, turn: int, call: str, result: Fields) -> Out:
        """What a tool gave: sent when all calls of the reply have theirs, with one request to go on."""
        current = self._turn
        if current is None or current.id != turn or call not in current.calls:
            return []
        current.calls[call] = result
        if all(value is not None for value in current.calls.values()):
            self._outputs(current)
            self._create(do.CreateResponse())
        return self._take()

    def forget(self) -> None:
        """Clear what is remembered here; the caller opens a new session."""
        self.history.clear()

    @property
    def waiting(self) -> bool:
        """Whether a complete turn of the person waits for its answer, and may be sent once more."""
        current = self._turn
        return current is not None and current.ended and not (current.over or current.cancelled or current.repeated)

    # --- the session --------------------------------------------------------------------------------

    def opened(self) -> Out:
        """A session is ready: put back what was said, then the turn that is still unanswered."""
        self.online = True
        if self._turn is not None and self._turn.over:
            self._settle()
            self._turn = None
        for past in self.history.exchanges:
            self._out.append(do.CreateItem(do.user_text(past.user)))
            self._out.append(do.CreateItem(do.assistant_text(past.reply)))
        current = self._turn
        if current is not None and not current.cancelled:
            self._again(current)
        return self._take()

    def closed(self) -> Out:
        """The session is gone, for whatever reason."""
        self.online = self._asked = False
        self._active, self._wanted = "", None
        current = self._turn
        if current is not None and current.cancelled:
            self._turn = None
        elif current is not None:
            current.sent = 0
        return self._take()

    def _again(self, current: Turn) -> None:
        if current.answered or (current.ended and current.repeated):
            self._end(current, "failed", "The connection broke in the middle of the answer.")
            return
        current.repeated = current.ended and current.asked
        current.response, current.asked = "", False
        for at in range(0, len(current.pcm), APPEND_BYTES):
            self._out.append(do.AppendAudio(bytes(current.pcm[at : at + APPEND_BYTES])))
        current.sent = len(current.pcm)
        if current.ended:
            self._ask_by_voice() if current.pcm else self._ask_by_text()

    def received(self, event: ev.ServerEvent) -> Out:
        """What the server says. Whatever belongs to a cancelled reply is dropped here."""
        match event:
            case ev.ResponseCreated():
                self._created(event.response)
            case ev.AudioDelta() if self._is_ours(event.response_id):
                self._sound(event)
            case ev.TextDelta() if self._is_ours(event.response_id):
                self._words(event)
            case ev.ResponseDone():
                self._done(event.response)
            case ev.AudioCommitted() if self._turn is not None:
                self._turn.item = event.item_id
            case ev.HeardDone() if self._turn is not None and event.item_id == self._turn.item:
                self._turn.question = event.text
                self._out.append(core.TranscriptHeard(self._turn.id, event.text, final=True))
            case ev.ErrorHappened():
                self._error(event.error)
        return self._take()

    # --- asking -------------------------------------------------------------------------------------

    def _begin(self, turn: Turn) -> None:
        if self._turn is not None and self._turn.sent and not self._turn.ended:
            self._out.append(do.ClearAudio())
        self._settle()
        self._turn = turn

    def _clear(self) -> None:
        if self.online and self._turn is not None and self._turn.sent:
            self._out.append(do.ClearAudio())
        self._turn = None

    def _ask_by_voice(self) -> None:
        self._current().asked = True
        self._out.append(do.CommitAudio())
        self._create(do.CreateResponse())

    def _ask_by_text(self) -> None:
        current = self._current()
        current.asked = True
        if current.speech:
            exactly = f"Say exactly this and nothing else: {current.speech}"
            self._create(do.CreateResponse(aside=True, instructions=exactly, input=(), tools=()))
        else:
            self._out.append(do.CreateItem(do.user_text(current.text)))
            self._create(do.CreateResponse())

    def _create(self, command: do.CreateResponse) -> None:
        """One response at a time."""
        if self._active or self._asked:
            self._wanted = command
        elif self.online:
            self._asked, self._last = True, command
            self._out.append(command)

    # --- the reply ----------------------------------------------------------------------------------

    def _is_ours(self, response_id: str) -> bool:
        current = self._turn
        return current is not None and not current.cancelled and response_id == current.response

    def _created(self, response: Response) -> None:
        self._asked, self._active = False, response.id
        current = self._turn
        if current is None or current.cancelled:
            self._turn = None
            self._out.append(do.CancelResponse(response.id))
        else:
            current.response = response.id

    def _sound(self, event: ev.AudioDelta) -> None:
        current = self._current()
        pcm = current.joiner.feed(event.pcm)
        current.count(event.item_id, event.content_index, len(pcm))
        if pcm:
            self._out.append(core.ReplyAudio(current.id, pcm, RATE))

    def _words(self, event: ev.TextDelta) -> None:
        current = self._current()
        current.said += event.text
        self._out.append(core.ReplyText(current.id, event.text))

    def _done(self, response: Response) -> None:
        if response.id == self._active:
            self._active = ""
        current = self._turn
        if current is not None and self._is_ours(response.id):
            self._finish(current, response)
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._create(wanted)

    def _finish(self, current: Turn, response: Response) -> None:
        if response.calls:
            self._call(current, response.calls)
        elif response.status in {"failed", "cancelled"}:
            said = response.error.message if response.error else response.reason or response.status
            self._end(current, "failed", f"The answer failed: {said}")
        else:
            self._end(current, "done")

    def _call(self, current: Turn, calls: Iterable[FunctionCall]) -> None:
        for call in calls:
            current.calls[call.call_id] = None if call.valid else {"error": "The arguments were no JSON object."}
        for call in calls:
            if call.valid:
                self._out.append(core.ToolCalled(current.id, call.call_id, call.name, call.arguments))
        if all(value is not None for value in current.calls.values()):
            self._outputs(current)
            self._create(do.CreateResponse())

    def _outputs(self, current: Turn) -> None:
        for call, result in current.calls.items():
            self._out.append(do.CreateItem(do.function_output(call, result or CUT_OFF)))
        current.calls.clear()

    def _give_up_calls(self, current: Turn) -> None:
        """A call without an output would hang in the conversation for good."""
        if self.online:
            self._outputs(current)
        current.calls.clear()

    def _end(self, current: Turn, outcome: str, message: str = "") -> None:
        self._out.append(core.ReplyEnded(current.id, outcome, message))
        current.over = True

    def _settle(self, heard: str | None = None) -> None:
        """Remember the turn: what was heard of its reply, all of it when nobody cut it short."""
        current = self._turn
        if current is not None and current.asked and not (current.speech or current.settled):
            current.settled = True
            self.history.asked_whole(self.history.joined(current.question or UNHEARD))
            self.history.answered(current.said if heard is None else heard)

    def _error(self, error: ApiError) -> None:
        current = self._turn
        if error.code == "conversation_already_has_active_response":
            self._asked, self._wanted = False, self._last  # sent again when the other one is done
        elif error.kind is not Kind.RACE and current is not None and self._asked:
            self._asked = False
            self._end(current, "failed", f"The service refused: {error.message}")

    def _current(self) -> Turn:
        assert self._turn is not None, "no turn"
        return self._turn
