"""Several services as one stage: when one refuses, stalls or is away, the next one is given the same work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from edge.agents.chained.ranking import Ranking, Warn
from edge.agents.chained.tape import Stall, Tape, watched
from edge.core.chain import Call, Fault, Heard, Mark, Request, Sound, StageFailed, Standing, Used
from edge.ports import Clock, Fields, Mind, Transcriber, Voice

GO_ON_S = 6.0  # silence in the middle of a reply that has begun


class RankedTranscriber:
    """Whoever is asked next hears the whole turn from its first sample."""

    def __init__(self, stages: Sequence[Transcriber], stall_s: float, warn: Warn, clock: Clock) -> None:
        self._ranking = Ranking(stages, stall_s, warn, clock)
        self.ends_turns = stages[0].ends_turns
        self.prepare, self.close = self._ranking.prepare, self._ranking.close

    @property
    def name(self) -> str:
        """Of the one that was heard last."""
        return self._ranking.current.name

    def stats(self) -> Fields:
        """See Ranking."""
        return self._ranking.stats()

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber."""
        tape, last = Tape(audio), StageFailed("Nobody hears.", Fault.SERVICE)
        try:
            for stage, limit in self._ranking.candidates():
                try:
                    async with aclosing(_heard(stage, tape, limit)) as items:
                        async for item in items:
                            yield item
                except StageFailed as failure:
                    self._ranking.failed(stage, failure)
                    last = failure
                else:
                    self._ranking.worked(stage)
                    return
        finally:
            await tape.close()
        raise last


async def _heard(stage: Transcriber, tape: Tape[bytes | Mark], limit: float) -> AsyncGenerator[Heard | Used]:
    """One service's work: it owes an answer after a pause and at the end."""
    stall = Stall()

    def given(item: bytes | Mark | None) -> None:
        if item is None or (item is Mark.PAUSED and not stage.ends_turns):
            stall.expect(limit)
        elif item is Mark.RESUMED:
            stall.expect_nothing()

    tape.tell(given)
    async with aclosing(stage.hear(tape.play())) as items, aclosing(watched(items, stall, stage.name)) as timely:
        async for item in timely:
            if isinstance(item, Heard) and item.standing in {Standing.EAGER, Standing.OVER} and not tape.ended:
                stall.expect_nothing()
            yield item


class RankedMind:
    """Whoever is asked next is given the same request, unless the reply has begun: then it is the client's to end."""

    def __init__(self, stages: Sequence[Mind], stall_s: float, warn: Warn, clock: Clock) -> None:
        self._ranking = Ranking(stages, stall_s, warn, clock)
        self.prepare, self.close = self._ranking.prepare, self._ranking.close

    @property
    def name(self) -> str:
        """Of the one that has answered last."""
        return self._ranking.current.name

    def stats(self) -> Fields:
        """See Ranking."""
        return self._ranking.stats()

    async def think(self, request: Request) -> AsyncGenerator[str | Call | Used]:
        """See ports.Mind."""
        last = StageFailed("Nobody thinks.", Fault.SERVICE)
        for stage, limit in self._ranking.candidates():
            begun = False
            try:
                async with aclosing(_thought(stage, request, limit)) as items:
                    async for item in items:
                        begun = begun or not isinstance(item, Used)
                        yield item
            except StageFailed as failure:
                self._ranking.failed(stage, failure)
                if begun:
                    raise
                last = failure
            else:
                self._ranking.worked(stage)
                return
        raise last


async def _thought(stage: Mind, request: Request, limit: float) -> AsyncGenerator[str | Call | Used]:
    """One service's work: it owes a beginning, and then must not fall silent."""
    stall, begun = Stall(), False
    stall.expect(limit)
    async with aclosing(stage.think(request)) as items, aclosing(watched(items, stall, stage.name)) as timely:
        async for item in timely:
            begun = begun or not isinstance(item, Used)
            stall.expect(GO_ON_S if begun else limit)
            yield item
    if not begun:
        raise StageFailed(f"{stage.name} has said nothing.", Fault.SERVICE)


class RankedVoice:
    """Whoever is asked next begins with the clause that was not spoken to its end: better twice than half."""

    def __init__(self, stages: Sequence[Voice], stall_s: float, warn: Warn, clock: Clock) -> None:
        self._ranking = Ranking(stages, stall_s, warn, clock)
        self.prepare, self.close = self._ranking.prepare, self._ranking.close

    @property
    def name(self) -> str:
        """Of the one that has spoken last."""
        return self._ranking.current.name

    @property
    def rate(self) -> int:
        """Of the one that speaks now."""
        return self._ranking.current.rate

    def stats(self) -> Fields:
        """See Ranking."""
        return self._ranking.stats()

    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        """See ports.Voice."""
        script, done = Tape(text), 0
        last = StageFailed("Nobody speaks.", Fault.SERVICE)
        try:
            for stage, limit in self._ranking.candidates():
                said = _Said(script.items, done)
                try:
                    async with aclosing(_spoken(stage, script, done, limit)) as items:
                        async for item in items:
                            if isinstance(item, Sound):
                                self._ranking.worked(stage)  # before it is played: the rate is this one's
                                said.add(item)
                            yield item
                except StageFailed as failure:
                    self._ranking.failed(stage, failure)
                    last, done = failure, said.whole
                else:
                    return
        finally:
            await script.close()
        raise last


async def _spoken(stage: Voice, script: Tape[str], start: int, limit: float) -> AsyncGenerator[Sound | Used]:
    """One service's work: it owes the first sound, and at the end the rest."""
    stall, sounding = Stall(), False

    def given(item: str | None) -> None:
        if item is None or not sounding:
            stall.expect(max(limit, GO_ON_S) if sounding else limit)

    script.tell(given, start)
    async with (
        aclosing(stage.speak(script.play(start))) as items,
        aclosing(watched(items, stall, stage.name)) as timely,
    ):
        async for item in timely:
            sounding = sounding or isinstance(item, Sound)
            if sounding and not script.ended:
                stall.expect_nothing()
            elif sounding:
                stall.expect(max(limit, GO_ON_S))
            yield item


class _Said:
    """How many clauses have been spoken to their end, by what the sounds say that they are of."""

    def __init__(self, clauses: list[str], start: int) -> None:
        self._clauses, self.whole = clauses, start
        self._begun = 0  # letters of the clause at hand
        self._timed = False

    def add(self, sound: Sound) -> None:
        """The next sound. Without times a clause has ended when the next one begins."""
        if not sound.text:
            return
        if self._begun and not self._timed:
            self._close()
        self._timed = bool(sound.starts_ms)
        self._begun += _letters(sound.text)
        if self._timed:
            self._close()

    def _close(self) -> None:
        while self.whole < len(self._clauses) and self._begun >= _letters(self._clauses[self.whole]):
            self._begun -= _letters(self._clauses[self.whole])
            self.whole += 1


def _letters(text: str) -> int:
    return sum(not char.isspace() for char in text)
