"""A dialogue driven by hand: what the device does and what the server says, each giving what comes of it."""

from __future__ import annotations

from typing import TypeVar

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.dialogue import Dialogue
from edge.agents.realtime.exchange import Hands, Out
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.items import FunctionCall, Item, Response
from edge.agents.realtime.pcm import BYTES_PER_MS
from edge.agents.realtime.usage import HeardUsage, Usage
from edge.config import Price
from edge.core import events as core
from edge.core.history import History

T = TypeVar("T")
HANDS = Hands(do.UpdateSession({"turns": "manual"}), do.UpdateSession({"turns": "auto"}))
COST = Usage(input_text=100, output_audio=10)
BUSY, EMPTY = "conversation_already_has_active_response", "input_audio_buffer_commit_empty"


def pcm(ms: float, value: int = 1) -> bytes:
    """Audio of that length."""
    return bytes([value, 0]) * (int(ms * BYTES_PER_MS) // 2)


def said(text: str = "Yes.", item: str = "said", status: str = "completed") -> Item:
    """A message of the model."""
    return Item(item, "message", "assistant", status, text)


def call(call_id: str, arguments: dict[str, object] | None = None, *, valid: bool = True, status: str = "") -> Item:
    """A function call of the model."""
    raw = "{}" if valid else "{oops"
    called = FunctionCall(call_id, "lamp", arguments or {}, raw, valid, f"i_{call_id}")
    return Item(f"i_{call_id}", "function_call", "", status or "completed", "", called)


def remote(item: str) -> Item:
    """A call that the server makes itself, of a remote MCP server."""
    return Item(item, "mcp_call", "", "completed")


def only(out: Out, kind: type[T]) -> list[T]:
    """What of it is of that kind."""
    return [one for one in out if isinstance(one, kind)]


def created(out: Out) -> list[dict[str, object]]:
    """The items put into the conversation."""
    return [one.item for one in only(out, do.CreateItem)]


def texts(out: Out) -> list[tuple[object, str]]:
    """The messages put into the conversation: role and text."""
    return [(one["role"], part["text"]) for one in created(out) if "role" in one for part in _content(one)]


def _content(item: dict[str, object]) -> list[dict[str, str]]:
    content = item["content"]
    assert isinstance(content, list)
    return content


def outputs(out: Out) -> dict[object, object]:
    """The outputs of function calls, by call."""
    return {one["call_id"]: one["output"] for one in created(out) if one["type"] == "function_call_output"}


def kinds(out: Out) -> list[str]:
    """The names of what is sent, and the classes of what is told."""
    return [one.kind if isinstance(one, do.Command) else type(one).__name__ for one in out]


def ends(out: Out) -> list[tuple[int, str]]:
    """Which turns are over, and how."""
    return [(end.turn, end.outcome) for end in only(out, core.ReplyEnded)]


class Talk:
    """The dialogue with everything that came out of it in `all`."""

    def __init__(
        self, *, hands: bool = False, online: bool = True, price: Price | None = None, heard: Price | None = None,
        history: History | None = None,
    ) -> None:  # fmt: skip
        self.dialogue = Dialogue(HANDS if hands else None, price, heard)
        self.dialogue.history = History(beside=history)
        self.all: Out = []
        if online:
            self.open()

    def _note(self, out: Out) -> Out:
        self.all += out
        return out

    # --- the device ---------------------------------------------------------------------------------

    def speak(self, turn: int, ms: float = 200, value: int = 1) -> Out:
        return self._note(self.dialogue.audio(turn, pcm(ms, value)))

    def end(self, turn: int) -> Out:
        return self._note(self.dialogue.end_of_turn(turn))

    def ask(self, turn: int, ms: float = 200) -> Out:
        return [*self.speak(turn, ms), *self.end(turn)]

    def hold(self, turn: int) -> Out:
        return self._note(self.dialogue.hold(turn))

    def drop(self, turn: int) -> Out:
        return self._note(self.dialogue.drop_turn(turn))

    def text(self, turn: int, words: str = "hello") -> Out:
        return self._note(self.dialogue.text(turn, words))

    def say(self, turn: int, words: str = "Tea is ready.") -> Out:
        return self._note(self.dialogue.say(turn, words))

    def interrupt(self, turn: int, heard_ms: int = 0, *, goes_on: bool = False) -> Out:
        return self._note(self.dialogue.interrupt(turn, heard_ms, goes_on=goes_on))

    def result(self, turn: int, call_id: str, **result: object) -> Out:
        return self._note(self.dialogue.tool_result(turn, call_id, result))

    # --- the session --------------------------------------------------------------------------------

    def open(self) -> Out:
        return self._note(self.dialogue.opened())

    def close(self) -> Out:
        return self._note(self.dialogue.closed())

    def again(self) -> Out:
        """A session is lost, and there is another one."""
        assert self.close() == []
        return self.open()

    # --- the server ---------------------------------------------------------------------------------

    def hear(self, event: ev.ServerEvent) -> Out:
        return self._note(self.dialogue.received(event))

    def begin(self, response: str) -> Out:
        return self.hear(ev.ResponseCreated(Response(response, "in_progress")))

    def sound(self, response: str, ms: float = 100, item: str = "said", index: int = 0) -> Out:
        return self.hear(ev.AudioDelta(response, item, index, pcm(ms)))

    def words(self, response: str, words: str) -> Out:
        return self.hear(ev.TextDelta(response, "said", 0, words, spoken=True))

    def done(
        self,
        response: str,
        *items: Item,
        status: str = "completed",
        reason: str = "",
        error: ApiError | None = None,
        usage: Usage | None = None,
    ) -> Out:
        return self.hear(ev.ResponseDone(Response(response, status, reason, error, items, usage or Usage())))

    def reply(self, response: str, words: str = "Yes.", ms: float = 100) -> Out:
        """A whole one."""
        out = [*self.begin(response), *self.words(response, words), *self.sound(response, ms)]
        return [*out, *self.done(response, said(words))]

    def calls(self, response: str, *items: Item) -> Out:
        """A reply that only calls tools."""
        return [*self.begin(response), *self.done(response, *items)]

    def committed(self, item: str) -> Out:
        return self.hear(ev.AudioCommitted(item, ""))

    def heard(self, item: str, words: str, usage: HeardUsage | None = None) -> Out:
        return self.hear(ev.HeardDone(item, 0, words, usage or HeardUsage()))

    def partly(self, item: str, words: str) -> Out:
        return self.hear(ev.HeardDelta(item, 0, words))

    def error(self, code: str = "", event_id: str = "", message: str = "", kind: str = "") -> Out:
        return self.hear(ev.ErrorHappened(ApiError(code, message, kind, "", event_id)))

    def remote_ended(self, item: str) -> Out:
        return self.hear(ev.McpCallEnded(item, ok=True))
