"""The offline engine's ears, mind and voice as stages of the chained engine, which falls back on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

from edge.agents.local.child import Child, JobFailed, WorkerGone
from edge.agents.local.engine import load_request
from edge.agents.local.hearing import WORKER_S, Hearing
from edge.agents.local.responder import RATE, Settings
from edge.core.chain import Call, Fault, Heard, Mark, Request, Role, Sound, StageFailed, Standing, Used

NAME = "local"
MOST_PAST = 6  # messages: the model reads 2,048 tokens
MOST_TEXT = 1200  # characters of one


class LocalStages:
    """One worker process for all of them, started when one is first needed. `check` as in LocalAgent."""

    def __init__(self, settings: Settings, check: Callable[[], str]) -> None:
        self._check, self.settings = check, settings
        self.child = Child(load_request(settings), self._changed, settings.worker)
        self._keeper: asyncio.Task[None] | None = None
        self._broken = ""
        self.transcriber, self.mind, self.voice = LocalTranscriber(self), LocalMind(self), LocalVoice(self)

    def start(self) -> None:
        """Have the worker running."""
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.ensure_future(self.child.supervise())

    async def ready(self) -> None:
        """Wait for it; raises StageFailed."""
        problem = self._check() or self._broken
        if problem:
            raise StageFailed(problem, Fault.REQUEST)
        self.start()
        try:
            await asyncio.wait_for(self.child.ready.wait(), WORKER_S)
        except TimeoutError:
            raise StageFailed("The offline engine does not start.", Fault.STALLED) from None

    async def close(self) -> None:
        """End the worker. Idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def _changed(self, what: str, text: str) -> None:
        if what == "broken":
            self._broken = f"The offline engine cannot start: {text}"


class _Stage:
    """See ports.Stage."""

    name = NAME

    def __init__(self, stages: LocalStages) -> None:
        self._stages = stages

    def prepare(self) -> None:
        """See ports.Stage."""
        self._stages.start()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._stages.close()


class LocalTranscriber(_Stage):
    """Whisper."""

    ends_turns = False

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber."""
        await self._stages.ready()
        hearing, out = Hearing(self._stages.child), asyncio.Queue[Heard | StageFailed]()
        feeding = asyncio.ensure_future(_feed(audio, hearing, out))
        try:
            while True:
                item = await out.get()
                if isinstance(item, StageFailed):
                    raise item
                yield item
                if item.standing is Standing.OVER:
                    return
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
            hearing.close()


async def _feed(audio: AsyncIterator[bytes | Mark], hearing: Hearing, out: asyncio.Queue[Heard | StageFailed]) -> None:
    """The audio goes in while it is being read: a reading in a pause is not waited for."""
    early: asyncio.Task[None] | None = None
    try:
        async for item in audio:
            if isinstance(item, bytes):
                hearing.add(item)
                continue
            if early is not None:
                early.cancel()
            if item is Mark.PAUSED:
                hearing.paused()
                early = asyncio.ensure_future(_read(hearing, out, Standing.EAGER))
            else:
                hearing.resumed()
        await _read(hearing, out, Standing.OVER)
    finally:
        if early is not None:
            early.cancel()


async def _read(hearing: Hearing, out: asyncio.Queue[Heard | StageFailed], standing: Standing) -> None:
    try:
        out.put_nowait(Heard(await hearing.read(), standing))
    except (WorkerGone, JobFailed, TimeoutError) as error:
        out.put_nowait(_failed(error))


class LocalMind(_Stage):
    """The small language model. It is not given tools: it gets them wrong."""

    async def think(self, request: Request) -> AsyncGenerator[str | Call | Used]:
        """See ports.Mind."""
        await self._stages.ready()
        child, most = self._stages.child, self._stages.settings.max_tokens
        if child.loaded.get("mind") is False:
            raise StageFailed(f"The offline language model cannot be used: {child.reasons['mind']}.", Fault.REQUEST)
        try:
            async for head, _ in child.stream("think", messages=_messages(request), most=most):
                yield str(head["text"])
        except (WorkerGone, JobFailed) as error:
            raise _failed(error) from None


def _messages(request: Request) -> list[dict[str, str]]:
    said = [m for m in request.messages if m.role in {Role.USER, Role.ASSISTANT} and m.text][-MOST_PAST:]
    system = {"role": "system", "content": request.instructions}
    return [system, *({"role": str(m.role), "content": m.text[-MOST_TEXT:]} for m in said)]


class LocalVoice(_Stage):
    """The voice of the offline engine, clause by clause."""

    rate = RATE

    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        """See ports.Voice."""
        await self._stages.ready()
        try:
            async for clause in text:
                begun = False
                async for _, pcm in self._stages.child.stream("speak", text=clause):
                    yield Sound(pcm, "" if begun else clause)
                    begun = True
        except (WorkerGone, JobFailed) as error:
            raise _failed(error) from None


def _failed(error: Exception) -> StageFailed:
    reason = str(error) or "its worker ended"
    return StageFailed(f"The offline engine could not do its part: {reason}.", Fault.SERVICE)
