"""One engine, shared by several conversations a turn at a time, none of which gets to know of the others.

A turn has the floor from its end to the end of its answer being made (not played). Who only listens has it while
nobody wants to be answered; what was said is kept here, and read again when the floor is theirs.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from edge.core.events import AgentLost, AgentReady, AgentWarned, Event, ReplyEnded, Spent
from edge.core.history import Exchange, History
from edge.ports import Agent, Fields, Post

MOST_QUEUE = 8  # turns that wait for the floor: a person waits some seconds for each
MOST_TURN = 120 * 32_000  # bytes of one turn's audio, 16 kHz int16: two minutes
ALL_MS = 3_600_000
MOST_TURNS = 64  # turns that are remembered for what they cost


class Shelf(History):
    """A history whose content is exchanged with the conversation."""

    def take(self) -> tuple[list[Exchange], str]:
        """What is in it, which is then empty."""
        found = (self._done, self._open)
        self._done, self._open = [], ""
        return found

    def put(self, what: tuple[list[Exchange], str]) -> None:
        """What `take` gave."""
        self._done, self._open = list(what[0]), what[1]


class Make(Protocol):
    """Makes the engine. `timers` tells how many run in the conversation that has the floor."""

    def __call__(self, post: Post, history: History, timers: Callable[[], int]) -> Agent:
        """Not opened yet."""


@dataclass(slots=True, eq=False)
class Seat:
    """A conversation's way to the engine. `post` gets what concerns its turn, and AgentLost."""

    floor: Floor
    post: Post
    timers: Callable[[], int] = lambda: 0
    turn: int = 0  # at the engine; 0 when it has none
    done_turn: int = 0  # the last one whose answer was made
    dropped_bytes: int = 0
    wants: tuple[str, str] | None = None  # to be answered: (audio | text | say, words)
    past: tuple[list[Exchange], str] = field(default_factory=lambda: ([], ""))
    _pcm: bytearray = field(default_factory=bytearray)
    _given: int = 0  # of it, to the engine

    @property
    def waiting(self) -> bool:
        """Whether others have the floor before it."""
        return self.wants is not None and self.floor.holder is not self

    def listen(self, pcm: bytes) -> None:
        """The next audio of the open turn."""
        room = MOST_TURN - len(self._pcm)
        self.dropped_bytes += max(0, len(pcm) - room)
        self._pcm += pcm[: max(0, room)]
        if self.floor.grant(self):
            self._give()

    def pause(self) -> None:
        """The turn may be over."""
        if self.turn and self.floor.holder is self:
            self.floor.agent.eager_end(self.turn)

    def resume(self) -> None:
        """It was not."""
        if self.turn and self.floor.holder is self:
            self.floor.agent.turn_resumed(self.turn)

    def drop(self) -> None:
        """Forget the open turn."""
        self._pcm.clear()
        self._given = 0
        if self.wants is None and self.turn and self.floor.holder is self:
            self.floor.agent.drop_turn(self.turn)
            self.turn = 0
            self.floor.release(self)

    def answer(self, how: str = "audio", words: str = "") -> None:
        """The turn is over: answer its audio or these words, or say the words. Later, when others are before it."""
        self.wants = (how, words)
        self.floor.ask(self)

    def begin(self) -> None:
        """The floor is ours."""
        assert self.wants is not None
        agent, (how, words) = self.floor.agent, self.wants
        if how == "audio":
            self._give()
            agent.end_of_turn(self.turn)
        elif how == "text":
            agent.text(self.turn, words)
        else:
            agent.say(self.turn, words)
        self._pcm.clear()
        self._given = 0

    def interrupt(self, heard_ms: int, *, goes_on: bool = False) -> None:
        """Stop the answer, which was heard so far; or the wait for it. A turn that is listened to goes on."""
        if self.wants is not None:
            if self.turn:
                self.floor.agent.interrupt(self.turn, heard_ms, goes_on=goes_on)
            if not goes_on:
                self._pcm.clear()
                self._given = 0
            self.turn, self.wants = 0, None
            self.floor.release(self)
        elif self.done_turn and self.floor.is_last(self):
            self.floor.agent.interrupt(self.done_turn, heard_ms, goes_on=False)
        self.done_turn = 0

    def tool_result(self, call: str, result: Fields) -> None:
        """What a tool gave."""
        if self.turn:
            self.floor.agent.tool_result(self.turn, call, result)

    def leave(self) -> None:
        """The conversation is over."""
        if self.turn and self.wants is None:
            self.drop()
        else:
            self.interrupt(ALL_MS)
        self.floor.seats.discard(self)
        self.floor.left(self)

    def lose_turn(self) -> None:
        """Somebody wants to be answered while we only listen: the audio is kept."""
        self.turn = self._given = 0

    def ended(self) -> None:
        """The answer has been made."""
        self.done_turn, self.turn, self.wants = self.turn, 0, None

    def _give(self) -> None:
        piece = bytes(self._pcm[self._given :])
        if piece:
            self.floor.agent.audio(self.turn, piece)
            self._given = len(self._pcm)


class Floor:
    """`open` before any seat listens; `close` ends the engine."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._agent: Agent | None = None
        self._shelf = Shelf()
        self._turns = 0
        self._last: Seat | None = None  # whose past is on the shelf
        self._queue: deque[Seat] = deque()
        self._of_turn: OrderedDict[int, Seat] = OrderedDict()
        self.holder: Seat | None = None
        self.seats: set[Seat] = set()
        self.problem = ""

    @property
    def agent(self) -> Agent:
        """The engine."""
        assert self._agent is not None, "not opened"
        return self._agent

    async def open(self) -> None:
        """Make the engine and let it get ready."""
        if self._agent is None:
            self.problem = ""
            self._agent = self._make(self._post, self._shelf, self._timers)
            await self._agent.open()
        else:
            self._agent.connect()

    async def renew(self) -> None:
        """With other instructions or tools: the engine is made again, the past stays."""
        await self.close()
        await self.open()

    async def close(self) -> None:
        """End the engine. Idempotent."""
        agent, self._agent = self._agent, None
        for seat in self.seats:
            seat.turn, seat.done_turn = 0, 0
        if self._last is not None:
            self._last.past, self._last = self._shelf.take(), None
        self._queue.clear()
        self.holder = None
        if agent is not None:
            await agent.close()

    def sit(self, post: Post, timers: Callable[[], int] = lambda: 0) -> Seat:
        """For a new conversation."""
        seat = Seat(self, post, timers)
        self.seats.add(seat)
        return seat

    # --- who has the floor ------------------------------------------------------------------------------

    def grant(self, seat: Seat) -> bool:
        """Whether it may listen: it has the floor, or nobody has or waits for it."""
        if self.holder is None and not self._queue:
            self._take(seat)
        return self.holder is seat

    def ask(self, seat: Seat) -> None:
        """It wants to be answered. One too many is told so."""
        holder = self.holder
        if holder is None or holder is seat or holder.wants is None:
            self._take(seat)
            seat.begin()
        elif len(self._queue) >= MOST_QUEUE:
            seat.wants = None
            seat.post(ReplyEnded(0, "failed", "Too many people are talking to this relay. Please try again later."))
        elif seat not in self._queue:
            self._queue.append(seat)

    def release(self, seat: Seat) -> None:
        """It needs the floor no longer: the next one's turn."""
        if seat in self._queue:
            self._queue.remove(seat)
        if self.holder is not seat:
            return
        self.holder = None
        if self._queue:
            following = self._queue.popleft()
            self._take(following)
            following.begin()

    def is_last(self, seat: Seat) -> bool:
        """Whether nobody has talked to the engine since."""
        return self._last is seat and self.holder in {None, seat}

    def left(self, seat: Seat) -> None:
        """Its past goes with it, and all that it holds."""
        for turn in [turn for turn, one in self._of_turn.items() if one is seat]:
            del self._of_turn[turn]
        if self._last is seat:
            self._clear(seat)
            self._last = None

    def _take(self, seat: Seat) -> None:
        holder = self.holder
        if holder is not None and holder is not seat:
            self.agent.drop_turn(holder.turn)
            holder.lose_turn()
        if self._last is not seat:
            if self._last is not None:
                self._clear(self._last)
            self._shelf.put(seat.past)
            self._last = seat
        self.holder = seat
        if seat.turn == 0:
            self._turns += 1
            seat.turn, seat.done_turn = self._turns, 0
            self._of_turn[seat.turn] = seat
            if len(self._of_turn) > MOST_TURNS:
                self._of_turn.popitem(last=False)
            self.agent.connect()
            self.agent.hold(seat.turn)  # only we find the ends of turns

    def _clear(self, seat: Seat) -> None:
        """The engine forgets a conversation, once it has written down what of its last answer was heard."""
        if self._agent is None:
            return
        if seat.done_turn:
            self._agent.interrupt(seat.done_turn, ALL_MS, goes_on=False)
            seat.done_turn = 0
        seat.past = self._shelf.take()
        self._agent.forget()

    def _timers(self) -> int:
        return self.holder.timers() if self.holder is not None else 0

    # --- what the engine says ---------------------------------------------------------------------------

    def _post(self, event: Event) -> None:
        if isinstance(event, AgentReady):
            self.problem = ""
        elif isinstance(event, AgentLost):
            self.problem = event.message
            for seat in list(self.seats):
                if seat.wants is not None:
                    seat.post(event)
        elif isinstance(event, Spent):
            if (payer := self._of_turn.get(event.of_turn)) is not None:
                payer.post(event)
        elif not isinstance(event, AgentWarned):
            self._of_turn_now(event)

    def _of_turn_now(self, event: Event) -> None:
        seat = self.holder
        if seat is None or getattr(event, "turn", None) != seat.turn or seat.wants is None:
            return
        if isinstance(event, ReplyEnded):
            seat.ended()
        seat.post(event)
        if isinstance(event, ReplyEnded):
            self.release(seat)
