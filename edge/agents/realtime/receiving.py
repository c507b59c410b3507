"""What the server says, and what the device is told of it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.buffer import TIDY
from edge.agents.realtime.exchange import Hands, Out
from edge.agents.realtime.failures import ApiError, Kind, explained
from edge.agents.realtime.hearing import Hearing
from edge.agents.realtime.items import FunctionCall, Item, Response
from edge.agents.realtime.pcm import RATE
from edge.agents.realtime.requests import Asked, Requests
from edge.agents.realtime.turn import Called, Phase, Turn
from edge.agents.realtime.usage import RateLimit
from edge.config import Price
from edge.core import events as core


class Receiving(Hearing):
    """The server's side of the dialogue. Whatever belongs to a cancelled reply is dropped here.

    `aloud`: the answers are to be spoken, so that text alone is none.
    """

    def __init__(
        self,
        hands: Hands | None = None,
        price: Price | None = None,
        heard: Price | None = None,
        *,
        aloud: bool = False,
        trace: Callable[[int], str] = lambda _: "",
    ) -> None:
        super().__init__(hands, price, heard)
        self._requests = Requests(trace)
        self.limits: tuple[RateLimit, ...] = ()
        self._aloud = aloud
        self._items: dict[str, Item] = {}  # of the response being made, as far as they are complete

    def received(self, event: ev.ServerEvent) -> Out:
        """The next event of the session."""
        match event:
            case ev.ResponseCreated():
                if not (event.response.id and self._requests.being_made(event.response.id)):  # else it comes late
                    self._created(event.response.id)
            case ev.OfPart() | ev.OutputItemAdded() | ev.OutputItemDone():
                self._made(event)
            case ev.ResponseDone():
                self._done(event.response)
            case ev.McpToolsListed(ok=False):
                self._out.append(core.AgentWarned("A tool server (MCP) did not give its list of tools."))
            case ev.McpCallEnded():
                self._remote_ended(event.item_id)
            case ev.RateLimitsUpdated():
                self.limits = event.limits
            case ev.ErrorHappened():
                self._error(event.error)
            case _:
                self._hearing(event)
        return self._take()

    # --- the reply ----------------------------------------------------------------------------------

    def _is_ours(self, response_id: str) -> bool:
        current, named = self._turn, self._requests.named(response_id)
        return current is not None and current.phase is Phase.ASKED and bool(named) and named == current.response

    def _created(self, response_id: str) -> None:
        if not self._begins(response_id):
            self._out.append(do.CancelResponse(response_id, event_id=TIDY))

    def _begins(self, response_id: str) -> bool:
        """A response has begun; whether somebody waits for it."""
        self._items.clear()
        self._ended_unsaid()
        asked = self._requests.created(response_id)
        current = self._turn
        if current is None or current.phase is not Phase.ASKED or not self._is_for(asked, current):
            return False
        current.response = self._requests.active
        if asked is None or asked.by_server:
            self._requests.give_up()  # that is the answer, whatever we have asked for
            current.tools.awaited.clear()
        return True

    def _is_for(self, asked: Asked | None, current: Turn) -> bool:
        if asked is None:
            return self._hands is not None or current.tools.remote
        return asked.wanted and asked.turn == current.id

    def _made(self, event: ev.OfPart | ev.OutputItemAdded | ev.OutputItemDone) -> None:
        """Something of a response; also the first of it, where the server does not say that it has begun."""
        if self._requests.unannounced(event.response_id):
            self._created(event.response_id)
        match event:
            case ev.AudioDelta() if self._is_ours(event.response_id):
                self._sound(event)
            case ev.TextDelta() if self._is_ours(event.response_id):
                self._words(event)
            case ev.OutputItemDone(item=item) if self._requests.being_made(event.response_id):
                if item.call is None or item.call.name:
                    self._items[item.id if item.call is None else item.call.call_id] = item

    def _sound(self, event: ev.AudioDelta) -> None:
        current = self._current()
        pcm = current.reply.sound(event.item_id, event.content_index, event.pcm)
        if pcm:
            self._out.append(core.ReplyAudio(current.id, pcm, RATE))

    def _words(self, event: ev.TextDelta) -> None:
        current = self._current()
        current.reply.said += event.text
        self._out.append(core.ReplyText(current.id, event.text))

    # --- its end ------------------------------------------------------------------------------------

    def _done(self, response: Response) -> None:
        if self._requests.unannounced(response.id, over=True):
            self._begins(response.id)
        if self._requests.being_made(response.id) and not response.items:  # some servers leave them out here
            response = replace(response, items=tuple(self._items.values()))
        ours = self._is_ours(response.id)
        turn, next_ones = self._requests.done(response.id)
        self._spent(self._current().id if ours else turn, response.usage, response=response.id)
        wanted = response.calls if ours else ()
        # what was called in a reply that was cut short stays in the conversation, too
        self._cut_off([item.call for item in response.items if item.call is not None and item.call not in wanted])
        if ours:
            self._finish(self._current(), response)
        self._out += next_ones

    def _finish(self, current: Turn, response: Response) -> None:
        remote = [item.id for item in response.items if item.kind == "mcp_call"]
        if response.calls:
            self._call(current, response.calls)
        elif response.status in {"failed", "cancelled"} or response.reason == "content_filter":
            self._end(current, "failed", _why(response))
        elif remote and response.items[-1].id == remote[-1]:  # a remote tool was the last word: the reply goes on
            current.tools.awaited = set(remote) - current.tools.ended
            self._remote_done(current)
        elif not current.reply.begun:
            self._end(current, "failed", "The model gave no answer.")
        elif self._aloud and not current.reply.received:
            self._end(current, "failed", "The service answers in text only.")
        else:
            self._end(current, "done")

    def _remote_ended(self, item: str) -> None:
        """A remote tool has answered. Whether the server goes on by itself or not: a second request is refused."""
        current = self._turn
        if current is None or current.phase is not Phase.ASKED:
            return
        tools = current.tools
        tools.ended.add(item)
        if item in tools.awaited:
            tools.awaited.discard(item)
            self._remote_done(current)

    def _remote_done(self, current: Turn) -> None:
        if not current.tools.awaited:
            self._create(do.CreateResponse())

    def _call(self, current: Turn, calls: tuple[FunctionCall, ...]) -> None:
        for call in calls:
            current.tools.open[call.call_id] = Called(
                call, None if call.valid else {"error": "The arguments were no JSON object."}
            )
            if call.valid:
                self._out.append(core.ToolCalled(current.id, call.call_id, call.name, call.arguments))
        self._tools_done(current)

    # --- trouble ------------------------------------------------------------------------------------

    def _error(self, error: ApiError) -> None:
        if error.busy:
            active = self._requests.active
            self._requests.busy(error.event_id, answering=bool(active) and self._is_ours(active))
        elif error.nothing_to_commit:
            self._buffer.gone(error.event_id)  # the server had committed by itself
        elif error.kind is not Kind.RACE and not error.ends_session:  # at its end, all is asked again in the next one
            self._refused(error)

    def _refused(self, error: ApiError) -> None:
        asked, next_ones = self._requests.refused(error.event_id)
        current = self._turn
        if asked is not None and current is not None and current.phase is Phase.ASKED and self._is_for(asked, current):
            self._end(current, "failed", explained(error))
        self._out += next_ones


def _why(response: Response) -> str:
    if response.error is not None:
        return explained(response.error)
    if response.reason == "content_filter":
        return "The vendor's content filter held the answer back."
    return f"The answer was cut off ({response.reason or response.status})."
