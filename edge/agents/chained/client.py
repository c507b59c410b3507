"""The chained engine behind the Agent port: carries out the pipeline's orders with the stages' generators."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from edge.agents.chained import orders as do
from edge.agents.chained.pipeline import Pipeline
from edge.agents.chained.pricing import amounts, cost
from edge.agents.chained.reach import Reach
from edge.config import Price
from edge.core.chain import Mark, Request, StageFailed, Used
from edge.core.events import AgentLost, AgentReady, Spent
from edge.ports import Fields, Mind, Post, Stage, Transcriber, Voice

AHEAD_S = 8.0  # of speech made before it is heard: a reply that is cut costs no more than this
AGAIN_BYTES = 12_800  # 0.4 s: what came while a service was telling that a held turn is over, for it, is heard again
MOST_AUDIO = 30 << 20  # bytes of one turn that wait for a transcriber: a quarter of an hour
STOP_S = 1.0
UNREACHABLE = "The services of the chained engine cannot be reached: is there a network?"

_log = logging.getLogger(__name__)

Input = bytes | Mark | None  # None is the end


@dataclass(frozen=True, slots=True)
class Stages:
    """Who hears, who thinks, who speaks."""

    transcriber: Transcriber
    mind: Mind
    voice: Voice


@dataclass(slots=True)
class _Hearing:
    queue: asyncio.Queue[Input]
    task: asyncio.Task[None] | None = None
    waiting: int = 0  # bytes in the queue


@dataclass(slots=True)
class _Answer:
    """The work on one attempt."""

    turn: int
    thinking: asyncio.Task[None] | None = None
    speaking: asyncio.Task[None] | None = None
    clauses: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    made_s: float = 0.0
    began: float | None = None  # loop time of its first sound


class ChainedAgent:
    """See ports.Agent."""

    name = "chained"

    def __init__(
        self, stages: Stages, pipeline: Pipeline, post: Post, reach: Reach, prices: Mapping[str, Price] | None = None
    ) -> None:
        self._stages, self._pipeline, self._post, self._reach = stages, pipeline, post, reach
        self._prices = prices or {}
        pipeline.service_ends_turns = stages.transcriber.ends_turns
        reach.changed = self._reached
        self._hearings: dict[int, _Hearing] = {}
        self._recent = b""  # the last audio
        self._answers: dict[int, _Answer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.dropped_bytes = self.faults = 0

    # --- life ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent. The vendors' clients are loaded now: the first turn must not wait for that."""
        for stage in self._all:
            stage.prepare()
        self._reach.open()

    def connect(self) -> None:
        """See ports.Agent."""
        self._reach.hurry()

    async def close(self) -> None:
        """See ports.Agent."""
        await self._reach.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_S)
        await asyncio.gather(*(stage.close() for stage in self._all), return_exceptions=True)

    @property
    def _all(self) -> tuple[Stage, ...]:
        return (self._stages.transcriber, self._stages.mind, self._stages.voice)

    def _reached(self, there: bool) -> None:
        if there:
            ends = self._stages.transcriber.ends_turns
            self._post(AgentReady(ends_turns=ends, judges=self._pipeline.judges and not ends))
        else:
            self._post(AgentLost(UNREACHABLE, retryable=True))

    # --- the turn -----------------------------------------------------------------------------------

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        self._pipeline.listen(turn)
        self._perform()
        hearing = self._hearings.get(turn)
        if hearing is None:
            return
        if hearing.waiting > MOST_AUDIO:
            self.dropped_bytes += len(pcm)
            return
        self._recent = (self._recent + pcm)[-AGAIN_BYTES:]
        hearing.waiting += len(pcm)
        hearing.queue.put_nowait(pcm)

    def hold(self, turn: int) -> None:
        """See ports.Agent."""
        self._pipeline.hold(turn)
        self._perform()

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        self._pipeline.paused(turn)
        self._perform()

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        self._pipeline.resumed(turn)
        self._perform()

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._pipeline.end(turn)
        self._perform()

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._pipeline.drop(turn)
        self._perform()

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._stages.voice.prepare()
        self._pipeline.text(turn, text)
        self._perform()

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._pipeline.say(turn, text)
        self._perform()

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        self._pipeline.interrupt(turn, heard_ms, goes_on=goes_on)
        self._perform()

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._pipeline.tool_result(turn, call, result)
        self._perform()

    def forget(self) -> None:
        """See ports.Agent."""
        self._pipeline.forget()

    def stats(self) -> Fields:
        """See ports.Agent."""
        stages = self._stages
        return {
            "engine": self.name, "ready": self._reach.there, "stt": stages.transcriber.name, "llm": stages.mind.name,
            "tts": stages.voice.name, "dropped_bytes": self.dropped_bytes, "faults": self.faults,
        }  # fmt: skip

    # --- orders -------------------------------------------------------------------------------------

    def _perform(self) -> None:
        for order in self._pipeline.take():
            match order:
                case do.Tell(event):
                    self._post(event)
                case do.Hear(turn, on):
                    self._recent = self._recent if on else b""
                    self._start_hearing(turn, self._recent)
                case do.Note(turn, mark):
                    self._put(turn, mark)
                    self._stages.voice.prepare()  # in a long turn it may have been let go
                case do.EndHearing(turn):
                    self._put(turn, None)
                case do.StopHearing(turn):
                    _cancel(self._hearings.pop(turn).task if turn in self._hearings else None)
                case _:
                    self._answer(order)

    def _answer(self, order: do.Order) -> None:
        match order:
            case do.Think(attempt, request):
                self._work_on(attempt).thinking = self._spawn(self._think(attempt, request))
            case do.Speak(attempt, clause):
                self._speech(attempt).clauses.put_nowait(clause)
            case do.EndSpeaking(attempt):
                self._speech(attempt).clauses.put_nowait(None)
            case do.StopAnswering(attempt):
                answer = self._answers.pop(attempt, None)
                if answer is not None:
                    _cancel(answer.speaking)
                    _cancel(answer.thinking)
            case _:
                raise TypeError(f"no way to perform {order}")

    def _put(self, turn: int, what: Input) -> None:
        if turn in self._hearings:
            self._hearings[turn].queue.put_nowait(what)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- hearing ------------------------------------------------------------------------------------

    def _start_hearing(self, turn: int, first: bytes) -> None:
        hearing = self._hearings[turn] = _Hearing(asyncio.Queue(), waiting=len(first))
        if first:
            hearing.queue.put_nowait(first)
        hearing.task = self._spawn(self._hear(turn, hearing))
        self._stages.mind.prepare()
        self._stages.voice.prepare()

    async def _hear(self, turn: int, hearing: _Hearing) -> None:
        async def work() -> None:
            async with aclosing(self._stages.transcriber.hear(_inputs(hearing))) as items:
                async for item in items:
                    if isinstance(item, Used):
                        self._spent(turn, item)
                    else:
                        self._pipeline.heard(turn, item)
                        self._perform()

        try:
            await self._guarded(work(), lambda message: self._pipeline.hearing_failed(turn, message))
        finally:
            if self._hearings.get(turn) is hearing:
                del self._hearings[turn]

    # --- answering ----------------------------------------------------------------------------------

    def _work_on(self, attempt: int) -> _Answer:
        if attempt not in self._answers:
            current = self._pipeline.answering.current
            assert current is not None
            self._answers[attempt] = _Answer(current.turn)
        return self._answers[attempt]

    def _speech(self, attempt: int) -> _Answer:
        answer = self._work_on(attempt)
        if answer.speaking is None:
            answer.speaking = self._spawn(self._speak(attempt, answer))
        return answer

    async def _think(self, attempt: int, request: Request) -> None:
        answering, turn = self._pipeline.answering, self._answers[attempt].turn

        async def work() -> None:
            async with aclosing(self._stages.mind.think(request)) as items:
                async for item in items:
                    if isinstance(item, Used):
                        self._spent(turn, item)
                    else:
                        answering.thought(attempt, item)
                        self._perform()
            answering.thought_over(attempt)
            self._perform()

        await self._guarded(work(), lambda message: answering.thinking_failed(attempt, message))

    async def _speak(self, attempt: int, answer: _Answer) -> None:
        answering, voice = self._pipeline.answering, self._stages.voice

        async def work() -> None:
            async with aclosing(voice.speak(self._clauses(answer))) as items:
                async for item in items:
                    if isinstance(item, Used):
                        self._spent(answer.turn, item)
                        continue
                    answer.began = answer.began or self._loop.time()
                    answer.made_s += len(item.pcm) / 2 / voice.rate
                    answering.sounded(attempt, item, voice.rate)
                    self._perform()
            answering.spoken_over(attempt)
            self._perform()

        await self._guarded(work(), lambda message: answering.speaking_failed(attempt, message))

    async def _clauses(self, answer: _Answer) -> AsyncIterator[str]:
        """Not faster than they can be heard, but for a few seconds."""
        while (clause := await answer.clauses.get()) is not None:
            if answer.began is not None:
                await asyncio.sleep(answer.began + answer.made_s - AHEAD_S - self._loop.time())
            yield clause

    # --- boundaries ---------------------------------------------------------------------------------

    async def _guarded(self, work: Coroutine[None, None, None], failed: Callable[[str], None]) -> None:
        """A task's boundary: whatever goes wrong in a stage is told."""
        try:
            await work
        except StageFailed as failure:
            self._reach.doubt(failure.fault)
            failed(str(failure))
        except Exception as error:  # noqa: BLE001  as above
            self.faults += 1
            _log.exception("chained_fault")
            failed(f"The chained engine has a fault ({type(error).__name__}).")
        self._perform()

    def _spent(self, turn: int, used: Used) -> None:
        ids = {"response": used.id} if used.id else {}
        price = self._prices.get(used.model)
        self._post(Spent(turn, amounts(used), cost(used, price), model=used.model, ids=ids))


async def _inputs(hearing: _Hearing) -> AsyncIterator[bytes | Mark]:
    while (item := await hearing.queue.get()) is not None:
        if isinstance(item, bytes):
            hearing.waiting -= len(item)
        yield item


def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
