"""Several engines in order of preference: who is there, who answers best, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from edge.core.breaker import Breaker
from edge.core.chain import Fault
from edge.core.events import AgentLost, AgentReady, AgentWarned, Event
from edge.ports import Agent, Clock, Fields, Post

Make = Callable[[Post], Agent]


@dataclass(slots=True)
class Member:
    """One engine and what it has said of itself last."""

    agent: Agent
    breaker: Breaker = field(default_factory=Breaker)
    ready: AgentReady | None = None
    lost: AgentLost | None = None
    opened: bool = False

    @property
    def hopeless(self) -> bool:
        """Whether it says that it will not come by itself."""
        return self.lost is not None and not self.lost.retryable

    @property
    def problem(self) -> str:
        """Why it does not answer, if that is known."""
        return self.breaker.problem or (self.lost.message if self.lost else "")


class Squad:
    """`heard(member, event)` gets what the engines post; one that is not needed is not even opened."""

    def __init__(
        self, makers: Sequence[Make], heard: Callable[[Member, Event], None], post: Post, clock: Clock
    ) -> None:
        self._post, self._clock = post, clock
        self.members = [_member(make, heard) for make in makers]
        self.announced: Member | None = None  # whose AgentReady was posted last
        self._opening: set[asyncio.Task[None]] = set()

    # --- life ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """The preferred one."""
        self.members[0].opened = True
        await self.members[0].agent.open()

    async def close(self) -> None:
        """All of them."""
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*(member.agent.close() for member in self.opened))

    @property
    def opened(self) -> list[Member]:
        """Those that have been needed."""
        return [member for member in self.members if member.opened]

    def need_another(self, after: Member) -> None:
        """Have the next one get ready, and those behind it as far as it says that it cannot."""
        for member in self.behind(after):
            self._have_opened(member)
            if not member.hopeless:
                return

    def warm_up(self, after_s: float) -> None:
        """Have all of them ready before they are needed, in a while: the first one shall not wait for that."""

        async def later() -> None:
            await asyncio.sleep(after_s)
            for member in self.members:
                self._have_opened(member)

        self._begin(later())

    def _have_opened(self, member: Member) -> None:
        if not member.opened:
            member.opened = True
            self._begin(member.agent.open())

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    # --- who is there -------------------------------------------------------------------------------

    def came(self, member: Member, ready: AgentReady) -> None:
        """It can take a turn; if it was away, nothing is held against it."""
        if member.lost is not None:
            member.breaker.worked()
        member.ready, member.lost = ready, None

    def went(self, member: Member, lost: AgentLost) -> None:
        """It cannot."""
        member.ready, member.lost = None, lost
        self.need_another(member)

    def failed(self, member: Member, message: str) -> None:
        """It has not answered."""
        member.breaker.failed(self._clock(), Fault.STALLED, message)
        self.need_another(member)

    def behind(self, member: Member) -> list[Member]:
        """Those that come after it."""
        return self.members[self.members.index(member) + 1 :]

    def next_to(self, member: Member) -> Member | None:
        """Who could answer instead."""
        return next((other for other in self.behind(member) if not other.hopeless), None)

    @property
    def best(self) -> Member | None:
        """Who should have the next turn: the first that is there and has not failed of late."""
        ready = [member for member in self.members if member.ready is not None]
        fit = [member for member in ready if member.breaker.allows(self._clock())]
        return next(iter(fit or ready), None)

    # --- what is told -------------------------------------------------------------------------------

    def announce(self, member: Member | None) -> None:
        """Tell who answers from now on, if it is another one than before."""
        if member is None or member.ready is None:
            self._announce_nobody()
        elif member is not self.announced:
            first = self.announced is None and member is self.members[0]
            self.announced = member
            if not first:
                self._post(AgentWarned(self._why(member)))
            self._post(member.ready)

    def _why(self, member: Member) -> str:
        before = self.members[: self.members.index(member)]
        reasons = [other.problem for other in before if other.problem]
        return " ".join([*reasons, f"The engine {member.agent.name} answers now."])

    def _announce_nobody(self) -> None:
        losses = [member.lost for member in self.opened if member.lost is not None]
        if losses and len(losses) == len(self.opened):  # else one of them has not said yet
            self.announced = None
            hope = any(not member.hopeless for member in self.members)
            self._post(AgentLost(losses[0].message, retryable=hope))

    def stats(self) -> Fields:
        """The order, and what is wrong with whom."""
        problems = {member.agent.name: member.problem for member in self.members if member.problem}
        return {"order": [member.agent.name for member in self.members], **({"problems": problems} if problems else {})}


def _member(make: Make, heard: Callable[[Member, Event], None]) -> Member:
    """What an engine posts while it is being made is lost: nobody knows it yet."""
    made: list[Member] = []

    def hear(event: Event) -> None:
        if made:
            heard(made[0], event)

    made.append(Member(make(hear)))
    return made[0]
