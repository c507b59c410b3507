"""Asking for responses one at a time: the vendor refuses a second one while the first is under way. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.agents.realtime.commands import CreateResponse

ID = "ask_"  # our event ids, by which an error names the request that it refuses
NAMELESS = "nameless_"  # what we call a response that the server gives no id
MOST_SEEN = 64


def wire_id(response: str) -> str:
    """The id of a response as the server knows it, "" if it gave none."""
    return "" if response.startswith(NAMELESS) else response


@dataclass(slots=True)
class Asked:
    """A request for a response; not `wanted` any more when its turn was interrupted."""

    turn: int
    command: CreateResponse
    wanted: bool = True

    @property
    def by_server(self) -> bool:
        """Whether the server began it by itself."""
        return not self.command.event_id


class Requests:
    """Which responses are asked for, for which turn, and which one is being made.

    A server that ends turns itself makes a response for each by itself: `expect` it. Others than the vendor's leave
    ids out, or response.created altogether. `trace` gives the trace id of a turn, or ""; it ends our event ids.
    """

    def __init__(self, trace: Callable[[int], str] = lambda _: "") -> None:
        self._trace = trace
        self.active = ""  # the response being made
        self._alias = ""  # its id, if that came after the response had begun without one
        self._seen: deque[str] = deque(maxlen=MOST_SEEN)  # those that have begun: what comes of old ones is late
        self._count = self._nameless = 0
        self._under_way: deque[Asked] = deque()  # no response.created for it yet
        self._waiting: Asked | None = None
        self._turns: dict[str, int] = {}  # of the responses being made

    @property
    def quiet(self) -> bool:
        """Nothing is asked for, waited for or being made."""
        return not (self.active or self._under_way or self._waiting)

    @property
    def blocked(self) -> bool:
        """A request waits for another response to be done: for long only where that never comes."""
        return self._waiting is not None

    def ask(self, turn: int, command: CreateResponse) -> list[CreateResponse]:
        """The command to send now; none when it has to wait for another response to be done."""
        self._waiting = Asked(turn, command)
        return self._next()

    def expect(self, turn: int, *, wanted: bool = True) -> None:
        """The server begins a response for this turn by itself, before all that we have asked it for."""
        self._under_way.appendleft(Asked(turn, CreateResponse(), wanted))

    def named(self, response: str) -> str:
        """The response that an event belongs to: without an id, the one being made."""
        return self.active if response in {"", self._alias} else response

    def being_made(self, response: str) -> bool:
        """Whether an event belongs to the response at hand."""
        return bool(self.active) and self.named(response) == self.active

    def unannounced(self, response: str, *, over: bool = False) -> bool:
        """Whether a response that we ask for begins with an event of it, or is `over` with it already."""
        if response in self._seen:
            return False
        if response and self.active.startswith(NAMELESS) and not self._alias:
            self._alias = response
            self._seen.append(response)
            return False
        return bool(self._under_way) and (bool(response) or (over and not self.active))

    def created(self, response: str) -> Asked | None:
        """A response has begun: what it answers, None if nobody asked for it."""
        self._nameless += not response
        self.active, self._alias = response or f"{NAMELESS}{self._nameless}", ""
        self._seen.append(self.active)
        asked = self._under_way.popleft() if self._under_way else None
        if asked is not None:
            self._turns[self.active] = asked.turn
        return asked

    def done(self, response: str) -> tuple[int, list[CreateResponse]]:
        """A response is over: its turn, 0 if it was for nobody, and what may be asked for now."""
        response = self.named(response)
        if response == self.active:
            self.active = self._alias = ""
        return self._turns.pop(response, 0), self._next()

    def refused(self, event_id: str) -> tuple[Asked | None, list[CreateResponse]]:
        """An error: the request that it refuses, None if it is about something else; what may be asked for now."""
        asked = self._take(event_id)
        return asked, self._next() if asked is not None else []

    def busy(self, event_id: str, *, answering: bool = False) -> None:
        """Refused for another response: asked again when that is done, unless it is the one that is wanted."""
        asked = self._take(event_id)
        if asked is not None and asked.wanted and not answering and self._waiting is None:
            self._waiting = asked

    def give_up(self) -> None:
        """Nothing of what was asked for is wanted any more."""
        self._waiting = None
        for asked in self._under_way:
            asked.wanted = False

    def reset(self) -> None:
        """The session is gone."""
        self.active, self._alias, self._waiting = "", "", None
        self._under_way.clear()
        self._turns.clear()

    def _next(self) -> list[CreateResponse]:
        asked = self._waiting
        if asked is None or self.active or self._under_way:
            return []
        self._count += 1
        name = "_".join(filter(None, [f"{ID}{self._count}", self._trace(asked.turn)]))
        asked.command, self._waiting = replace(asked.command, event_id=name), None
        self._under_way.append(asked)
        return [asked.command]

    def _take(self, event_id: str) -> Asked | None:
        """The request of that id; an error without one is about the first."""
        for asked in self._under_way:
            if event_id in {"", asked.command.event_id}:
                self._under_way.remove(asked)
                return asked
        return None
