"""What the server says, and what the device is told of it. Pure."""

from __future__ import annotations

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.buffer import TIDY
from edge.agents.realtime.exchange import Exchange, Hands, Out
from edge.agents.realtime.failures import ApiError, Kind, explained
from edge.agents.realtime.items import FunctionCall, Response
from edge.agents.realtime.pcm import RATE
from edge.agents.realtime.pricing import money, tokens
from edge.agents.realtime.requests import Asked
from edge.agents.realtime.turn import Called, Phase, Turn
from edge.agents.realtime.usage import HeardUsage, RateLimit, Usage
from edge.config import Price
from edge.core import events as core

MOST_OWNERS = 32  # items whose transcripts may still come; without a transcription model none ever does


class Receiving(Exchange):
    """The server's side of the dialogue. Whatever belongs to a cancelled reply is dropped here."""

    def __init__(self, hands: Hands | None = None, price: Price | None = None, heard: Price | None = None) -> None:
        super().__init__(hands)
        self.limits: tuple[RateLimit, ...] = ()
        self._prices = price, heard

    def received(self, event: ev.ServerEvent) -> Out:
        """The next event of the session."""
        match event:
            case ev.ResponseCreated():
                self._created(event.response)
            case ev.AudioDelta() if self._is_ours(event.response_id):
                self._sound(event)
            case ev.TextDelta() if self._is_ours(event.response_id):
                self._words(event)
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

    # --- the person ---------------------------------------------------------------------------------

    def _hearing(self, event: ev.ServerEvent) -> None:
        match event:
            case ev.SpeechStarted():
                if self._turn is not None and self._turn.phase is Phase.OPEN:
                    self._out.append(core.VoiceHeard(self._turn.id))
            case ev.SpeechStopped():
                self._buffer.stopped(event.item_id)
            case ev.AudioCommitted():
                self._committed(event.item_id)
            case ev.AudioCleared():
                self._buffer.cleared()
            case ev.HeardDelta() if event.item_id in self._owners:
                owner = self._owners[event.item_id]
                owner.heard.parts[event.item_id] += event.text
                self._tell_heard(owner, final=False)
            case ev.HeardDone():
                self._heard(self._owners.pop(event.item_id, None), event)
            case ev.HeardFailed() if event.item_id in self._owners:
                self._owners.pop(event.item_id).heard.open.discard(event.item_id)

    def _heard(self, owner: Turn | None, event: ev.HeardDone) -> None:
        self._spent(0 if owner is None else owner.id, event.usage)
        if owner is not None:
            owner.heard.end(event.item_id, event.text.strip())
            self._tell_heard(owner, final=owner.phase is not Phase.OPEN and not owner.heard.open)

    def _tell_heard(self, owner: Turn, *, final: bool) -> None:
        if owner is self._turn:  # transcripts of a turn that is over are late
            self._out.append(core.TranscriptHeard(owner.id, owner.question, final))

    def _committed(self, item: str) -> None:
        """Audio has become an item: because we said so, or because the server found the end of the turn."""
        made = self._buffer.made(item)
        if made is None:
            return
        if made.owner is not None:
            self._own(item, made.owner)
        if made.crossed:  # our own end of it is on its way: this is the answer, if one is still wanted
            owner = made.owner
            wanted = owner is not None and made.last and owner.phase is Phase.ASKED
            self._requests.expect(0 if owner is None else owner.id, wanted=wanted)
        elif made.by_server:
            self._ended_by_server(item)

    def _own(self, item: str, turn: Turn) -> None:
        turn.heard.begin(item)
        self._owners[item] = turn
        if len(self._owners) > MOST_OWNERS:
            del self._owners[next(iter(self._owners))]

    def _ended_by_server(self, item: str) -> None:
        """It begins an answer now; for nobody, when the turn is not open or the button is held."""
        current = self._turn
        if current is None or current.phase is not Phase.OPEN:
            self._requests.expect(0, wanted=False)
            return
        self._own(item, current)
        self._requests.expect(current.id, wanted=not current.held)
        if not current.held:  # else it had not learnt of the button in time
            current.phase = Phase.ASKED
            current.asks += 1
            self._out.append(core.TurnEnded(current.id))

    # --- the reply ----------------------------------------------------------------------------------

    def _is_ours(self, response_id: str) -> bool:
        current = self._turn
        return current is not None and current.phase is Phase.ASKED and response_id == current.response

    def _created(self, response: Response) -> None:
        asked = self._requests.created(response.id)
        current = self._turn
        if current is None or current.phase is not Phase.ASKED or not self._is_for(asked, current):
            self._out.append(do.CancelResponse(response.id, event_id=TIDY))
            return
        current.response = response.id
        if asked is None or asked.by_server:
            self._requests.give_up()  # that is the answer, whatever we have asked for
            current.tools.awaited.clear()

    def _is_for(self, asked: Asked | None, current: Turn) -> bool:
        if asked is None:
            return self._hands is not None or current.tools.remote
        return asked.wanted and asked.turn == current.id

    def _sound(self, event: ev.AudioDelta) -> None:
        current = self._current()
        pcm = current.reply.sound(event.item_id, event.content_index, event.pcm)
        if pcm:
            self._out.append(core.ReplyAudio(current.id, pcm, RATE))

    def _words(self, event: ev.TextDelta) -> None:
        current = self._current()
        current.reply.said += event.text
        self._out.append(core.ReplyText(current.id, event.text))

    def _done(self, response: Response) -> None:
        ours = self._is_ours(response.id)
        turn, next_ones = self._requests.done(response.id)
        self._spent(self._current().id if ours else turn, response.usage)
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

    # --- money and trouble --------------------------------------------------------------------------

    def _spent(self, turn: int, usage: Usage | HeardUsage) -> None:
        used = tokens(usage)
        if used:
            self._out.append(core.Spent(turn, used, money(usage, *self._prices)))

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
