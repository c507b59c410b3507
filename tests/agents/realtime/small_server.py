"""A Realtime server for property tests: pure, one response at a time, driven step by step, with the vendor's errors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.items import Item, Response
from edge.agents.realtime.pcm import BYTES_PER_MS
from edge.agents.realtime.usage import HeardUsage
from tests.agents.realtime.exchanges import BUSY, EMPTY, call, pcm, said

LEAST = 100 * BYTES_PER_MS
Bend = Callable[[ev.ServerEvent], list[ev.ServerEvent]]


def as_it_is(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """The vendor's way."""
    return [event]


def unannounced(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """No response.created."""
    return [] if isinstance(event, ev.ResponseCreated) else [event]


def nameless(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """No ids of responses."""
    if isinstance(event, (ev.ResponseCreated, ev.ResponseDone)):
        return [replace(event, response=replace(event.response, id=""))]
    return [replace(event, response_id="") if isinstance(event, ev.OfPart) else event]


def half_named(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """Only the deltas have ids of responses."""
    return [event] if isinstance(event, ev.OfPart) else nameless(event)


def empty(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """No items in response.done, only before it."""
    if not isinstance(event, ev.ResponseDone):
        return [event]
    items = [ev.OutputItemDone(event.response.id, 0, item) for item in event.response.items]
    return [*items, replace(event, response=replace(event.response, items=()))]


def silent(event: ev.ServerEvent) -> list[ev.ServerEvent]:
    """No word of what is committed."""
    return [] if isinstance(event, ev.AudioCommitted) else [event]


@dataclass
class Running:
    """A response being made; `cause` is the request's event id, `turn` whose audio it answers if there was none."""

    id: str
    cause: str = ""
    turn: int = 0
    aside: bool = False
    announced: bool = False
    items: list[Item] = field(default_factory=list)


class SmallServer:
    """One session. Commands wait in `inbox` until `step`, events in `outbox` until they are taken.

    Ids carry the number of the session. `auto`: it ends turns itself, when told to by `find_end`.
    """

    def __init__(self, number: int, *, auto: bool) -> None:
        self.inbox: deque[do.Command] = deque()
        self.outbox: deque[ev.ServerEvent] = deque()
        self.active: Running | None = None
        self.calls: dict[str, bool] = {}  # whether they have an output
        self.running: dict[str, Running] = {}
        self._number, self._auto, self._count = number, auto, 0
        self._buffer = 0
        self._turn = 0
        self._sounds: dict[str, int] = {}

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._number}_{self._count}"

    # --- commands -----------------------------------------------------------------------------------

    def put(self, command: do.Command, turn: int) -> None:
        """What the client sends; `turn` is the one that it is busy with."""
        self._turn = turn
        self.inbox.append(command)

    def step(self, odd: int) -> None:
        """Do the next command; an `odd` one in ten requests is refused."""
        if not self.inbox:
            return
        command = self.inbox.popleft()
        match command:
            case do.AppendAudio():
                self._buffer += len(command.pcm)
            case do.ClearAudio():
                self._buffer = 0
                self.outbox.append(ev.AudioCleared())
            case do.CommitAudio():
                self._commit(command)
            case do.CreateItem():
                self._item(command)
            case do.CreateResponse():
                self._create(command, odd)
            case do.CancelResponse():
                self._cancel(command, odd)
            case do.TruncateItem():
                assert command.audio_end_ms * BYTES_PER_MS <= self._sounds[command.item_id], "a cut beyond the end"
            case do.UpdateSession():
                self._auto = command.session["turns"] == "auto"

    def _error(self, code: str, event_id: str) -> None:
        self.outbox.append(ev.ErrorHappened(ApiError(code, event_id=event_id)))

    def _commit(self, command: do.Command) -> None:
        if self._buffer < LEAST:
            self._error(EMPTY, command.event_id)
            return
        self._buffer = 0
        item = self._id("item")
        self.outbox += [ev.AudioCommitted(item, ""), ev.HeardDone(item, 0, f"words of {item}", HeardUsage())]

    def _item(self, command: do.CreateItem) -> None:
        item = command.item
        if item["type"] == "function_call":
            self.calls[item["call_id"]] = False
        if item["type"] == "function_call_output":
            assert item["call_id"] in self.calls, "an output without a call"
            self.calls[item["call_id"]] = True

    def _create(self, command: do.CreateResponse, odd: int) -> None:
        if self.active is not None:
            self._error(BUSY, command.event_id)
        elif odd % 10 == 9:
            self._error("rate_limit_exceeded", command.event_id)
        else:
            self._begin(Running(self._id("resp"), command.event_id, aside=command.aside), announce=odd % 2 == 0)

    def _begin(self, running: Running, *, announce: bool) -> None:
        self.active = self.running[running.id] = running
        if announce:
            self._announce(running)

    def _announce(self, running: Running) -> None:
        running.announced = True
        self.outbox.append(ev.ResponseCreated(Response(running.id, "in_progress")))

    def _cancel(self, command: do.CancelResponse, odd: int) -> None:
        running = self.active
        if running is None or not running.announced or command.response_id not in {"", running.id}:
            self._error("response_cancel_not_active", command.event_id)
            return
        if odd % 3 == 0 and not running.aside:
            self._call(running, "incomplete")
        self._finish("cancelled")

    # --- by itself ----------------------------------------------------------------------------------

    def find_end(self) -> None:
        """The voice detector finds the end of a turn, and an answer is begun, or cannot be."""
        if not self._auto or self._buffer < LEAST:
            return
        self._buffer = 0
        item = self._id("item")
        self.outbox += [ev.SpeechStopped(item, 0), ev.AudioCommitted(item, "")]
        if self.active is not None:
            self._error(BUSY, "")
        else:
            self._begin(Running(self._id("resp"), turn=self._turn), announce=True)

    def progress(self, odd: int) -> None:
        """The response goes on, or ends."""
        running = self.active
        if running is None:
            return
        if not running.announced:
            self._announce(running)
        elif odd % 4 < 2:
            self._speak(running, 20 * (1 + odd % 5))
        elif odd % 8 == 2 and not running.aside:
            self._call(running, "completed")
        elif odd % 20 == 3:
            self._finish("failed")
        else:
            self._finish("completed")

    def _speak(self, running: Running, ms: int) -> None:
        item = f"{running.id}_said"
        if item not in self._sounds:
            running.items.append(said("", item))
        self._sounds[item] = self._sounds.get(item, 0) + ms * BYTES_PER_MS
        self.outbox.append(ev.TextDelta(running.id, item, 0, f"{running.id} ", spoken=True))
        self.outbox.append(ev.AudioDelta(running.id, item, 0, pcm(ms)))

    def _call(self, running: Running, status: str) -> None:
        call_id = self._id("call")
        running.items.append(call(call_id, status=status, valid=self._count % 5 > 0))
        self.calls[call_id] = False

    def _finish(self, status: str) -> None:
        running = self.active
        assert running is not None
        self.active = None
        self.outbox.append(ev.ResponseDone(Response(running.id, status, items=tuple(running.items))))
