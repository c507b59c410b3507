"""Engines in order of preference behind one Agent port: when one cannot answer, the next is given the same turn.

A turn belongs to one engine. All that was said in it is kept until something of an answer is there, and given
again to the next engine when the first refuses, loses its line for good, or says nothing. A tool that has been
called has had its effect: from then on nobody else is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.agents.squad import Make, Member, Squad
from edge.core.events import (
    AgentLost,
    AgentReady,
    AgentWarned,
    Event,
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    Spent,
    ToolCalled,
)
from edge.ports import Agent, Clock, Fields, Post

GRACE_S = 1.0  # a line that drops in the middle of a turn is usually back at once, and the engine resends
WARM_S = 10.0  # after the start: loading models takes a core for some seconds
MOST_TAPE = 15 << 20  # bytes of a turn that can be given again: eight minutes

Said = Callable[[Agent], None]


@dataclass(slots=True)
class _Turn:
    """What was said in it, as calls that can be made again; `answered` when something of the answer is out."""

    id: int
    member: Member
    tape: list[Said] = field(default_factory=list)
    bytes: int = 0
    ended: bool = False
    answered: bool = False
    over: bool = False


class Failover:
    """See ports.Agent. `stall_s`: how long an engine may say nothing of a turn that has ended.

    `warm`: the others get ready soon after the start, and not only when they are needed.
    """

    def __init__(self, makers: Sequence[Make], post: Post, clock: Clock, stall_s: float, *, warm: bool = False) -> None:
        self._post, self._stall_s, self._warm = post, stall_s, warm
        self._squad = Squad(makers, self._heard, post, clock)
        self._turn: _Turn | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """Of the engine that has the turn, or would have it."""
        return self._at_work.agent.name

    @property
    def _at_work(self) -> Member:
        return self._turn.member if self._turn is not None else self._squad.best or self._squad.members[0]

    @property
    def _open_turn(self) -> _Turn | None:
        return self._turn if self._turn is not None and not self._turn.over else None

    # --- what the engines say -----------------------------------------------------------------------

    def _heard(self, member: Member, event: Event) -> None:
        turn = self._open_turn
        mine = turn if turn is not None and turn.member is member else None
        match event:
            case AgentReady():
                self._squad.came(member, event)
                self._came(mine, event)
            case AgentLost():
                self._squad.went(member, event)
                self._went(mine, event)
            case Spent() | AgentWarned():
                self._post(event)
            case _ if mine is not None and getattr(event, "turn", 0) == mine.id:
                self._of_turn(mine, event)

    def _came(self, mine: _Turn | None, event: AgentReady) -> None:
        if mine is not None:
            self._squad.announced = mine.member
            self._post(event)
            self._watch(mine)
        elif self._open_turn is None:
            self._squad.announce(self._squad.best)

    def _went(self, mine: _Turn | None, event: AgentLost) -> None:
        if mine is None:
            if self._open_turn is None:
                self._squad.announce(self._squad.best)
        elif mine.answered:
            self._fail(mine, event.message)
        elif event.retryable and self._squad.next_to(mine.member) is not None:
            self._start_timer(GRACE_S, event.message)
        elif event.retryable:
            self._post(event)  # it comes back, and there is nobody else
        else:
            self._pass_on(mine, event.message)

    def _of_turn(self, turn: _Turn, event: Event) -> None:
        if isinstance(event, ReplyEnded):
            if event.outcome == "failed" and not turn.answered:
                self._pass_on(turn, event.message)
                return
            self._over(turn)
            if event.outcome != "failed":
                turn.member.breaker.worked()
        elif isinstance(event, ReplyText | ReplyAudio | ToolCalled):
            turn.answered = True
            turn.tape.clear()
        self._watch(turn)
        self._post(event)

    # --- time ---------------------------------------------------------------------------------------

    def _watch(self, turn: _Turn) -> None:
        """Whoever has the turn must say something, as long as somebody else could answer."""
        waiting = turn.ended and not (turn.answered or turn.over)
        if waiting and self._squad.next_to(turn.member) is not None:
            self._start_timer(self._stall_s, f"The engine {turn.member.agent.name} does not answer.")
        else:
            self._stop_timer()

    def _start_timer(self, seconds: float, message: str) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._too_late, message)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self, message: str) -> None:
        self._timer = None
        if self._open_turn is not None and not self._open_turn.answered:
            self._pass_on(self._open_turn, message)

    # --- the next one -------------------------------------------------------------------------------

    def _pass_on(self, turn: _Turn, message: str) -> None:
        """Give the turn to the next engine; with none left, tell that it has failed."""
        self._stop_timer()
        was, member = turn.member, self._squad.next_to(turn.member)
        self._squad.failed(was, message)
        if member is None or turn.bytes > MOST_TAPE:
            self._fail(turn, message)
            return
        turn.member = member  # first: what `was` says of it now is late
        _give_up(was.agent, turn)
        if member.ready is not None:
            self._squad.announce(member)
        else:
            self._post(AgentWarned(message))
        for say in list(turn.tape):
            say(member.agent)
        self._watch(turn)

    def _fail(self, turn: _Turn, message: str) -> None:
        self._over(turn)
        self._post(ReplyEnded(turn.id, "failed", message))
        self._squad.announce(self._squad.best)

    def _over(self, turn: _Turn) -> None:
        turn.over = True
        self._stop_timer()

    # --- the Agent port -----------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent: the preferred one; the others when it cannot be had."""
        await self._squad.open()
        if self._warm:
            self._squad.warm_up(WARM_S)

    async def close(self) -> None:
        """See ports.Agent."""
        self._stop_timer()
        await self._squad.close()

    def connect(self) -> None:
        """See ports.Agent."""
        for member in self._squad.opened:
            member.agent.connect()

    def _say(self, turn_id: int, call: Said, size: int = 0) -> None:
        """Something of a turn, kept until it is answered."""
        turn = self._begin(turn_id)
        if not turn.answered:
            turn.bytes += size
            if turn.bytes <= MOST_TAPE:
                turn.tape.append(call)
        call(turn.member.agent)

    def _begin(self, turn_id: int) -> _Turn:
        if self._turn is None or self._turn.id != turn_id:
            self._stop_timer()
            self._turn = None
            self._squad.announce(self._squad.best)
            self._turn = _Turn(turn_id, self._at_work)
        return self._turn

    def _end(self, turn_id: int, call: Said) -> None:
        turn = self._begin(turn_id)
        turn.ended = True
        self._watch(turn)
        self._say(turn_id, call)

    def _tell(self, turn_id: int, call: Said, *, over: bool = False) -> None:
        """Something about a turn that there is."""
        turn = self._turn if self._turn is not None and self._turn.id == turn_id else None
        if turn is not None and over:
            self._over(turn)
        call(turn.member.agent if turn is not None else self._at_work.agent)

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        self._say(turn, lambda agent: agent.audio(turn, pcm), len(pcm))

    def hold(self, turn: int) -> None:
        """See ports.Agent."""
        self._say(turn, lambda agent: agent.hold(turn))

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        self._say(turn, lambda agent: agent.eager_end(turn))

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        self._say(turn, lambda agent: agent.turn_resumed(turn))

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._end(turn, lambda agent: agent.end_of_turn(turn))

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._end(turn, lambda agent: agent.text(turn, text))

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._end(turn, lambda agent: agent.say(turn, text))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._tell(turn, lambda agent: agent.drop_turn(turn), over=True)

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        self._tell(turn, lambda agent: agent.interrupt(turn, heard_ms, goes_on=goes_on), over=True)

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._tell(turn, lambda agent: agent.tool_result(turn, call, result))

    def forget(self) -> None:
        """See ports.Agent: all of them."""
        for member in self._squad.opened:
            member.agent.forget()

    def stats(self) -> Fields:
        """See ports.Agent: of the one at work, and what is wrong with the others."""
        return {**self._at_work.agent.stats(), **self._squad.stats()}


def _give_up(agent: Agent, turn: _Turn) -> None:
    if turn.ended:
        agent.interrupt(turn.id, 0, goes_on=False)
    else:
        agent.drop_turn(turn.id)
