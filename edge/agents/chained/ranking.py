"""The services of one stage in order of preference: who is asked next, and what became of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from edge.core.breaker import Breaker
from edge.core.chain import StageFailed
from edge.ports import Clock, Fields, Stage

LAST_S = 20.0  # how long the last one is waited for: there is nobody else to ask

S = TypeVar("S", bound=Stage)

Warn = Callable[[str], None]


class Ranking(Generic[S]):
    """`warn` is told, in a line, when another one has to do the work, and when the preferred one does it again."""

    def __init__(self, stages: Sequence[S], stall_s: float, warn: Warn, clock: Clock) -> None:
        self._stages = tuple(stages)
        self._breakers = {stage.name: Breaker() for stage in stages}
        self._stall_s, self._warn, self._clock = stall_s, warn, clock
        self.current = self._stages[0]

    def candidates(self) -> Iterator[tuple[S, float]]:
        """Whom to ask, in order, and how long to wait for each: those not known to be out of order, or else all."""
        now = self._clock()
        fit = [stage for stage in self._stages if self._breakers[stage.name].allows(now)]
        chosen = fit or sorted(self._stages, key=lambda stage: self._breakers[stage.name].until)
        for stage in chosen:
            yield stage, LAST_S if stage is chosen[-1] else self._stall_s

    def worked(self, stage: S) -> None:
        """It has answered."""
        self._breakers[stage.name].worked()
        if stage is not self.current:
            self.current = stage
            if stage is self._stages[0]:
                self._warn(f"{stage.name} works again.")

    def failed(self, stage: S, failure: StageFailed) -> None:
        """It has not."""
        self._breakers[stage.name].failed(self._clock(), failure.fault, str(failure), failure.retry_after)
        self._warn(str(failure))

    def stats(self) -> Fields:
        """Who does the work now, and why the others do not."""
        troubles = {name: breaker.problem for name, breaker in self._breakers.items() if breaker.problem}
        return {"now": self.current.name, **({"problems": troubles} if troubles else {})}

    def prepare(self) -> None:
        """See ports.Stage: who is asked first."""
        next(self.candidates())[0].prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await asyncio.gather(*(stage.close() for stage in self._stages), return_exceptions=True)
