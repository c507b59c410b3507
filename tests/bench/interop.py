"""The Realtime engine against any server: `INTEROP_URL=ws://HOST:PORT/v1/realtime python -m tests.bench interop`.

It goes through a relay in this process, which can be cut: that is the server's restart. The server should answer
"hello" and "a long story" with words, and "weather" with a call of the tool `weather`, then words. Variables:
OPENAI_API_KEY, INTEROP_TURNS=server (it ends the spoken turns), INTEROP_TEXT=1 (it has no voice), INTEROP_WAIT_S.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from edge.agents.realtime import session
from edge.agents.realtime.client import RealtimeAgent
from edge.agents.realtime.setup import address
from edge.config import Realtime
from edge.core import events as core
from tests.agents.realtime.bench import SPEECH, WEATHER
from tests.bench.table import show
from tests.fakes.realtime.relay import Relay
from tests.signals import recording

WAIT_S = float(os.environ.get("INTEROP_WAIT_S", "6"))
BY_SERVER, TEXT = os.environ.get("INTEROP_TURNS") == "server", bool(os.environ.get("INTEROP_TEXT"))
E = TypeVar("E", bound=core.Event)


class Visit:
    """An engine at the server, and what its device was told. Each step raises AssertionError or TimeoutError."""

    def __init__(self, relay: Relay, query: str) -> None:
        self.relay, self.turn = relay, 0
        self.events: list[core.Event] = []
        turns = session.ServerVad(silence_duration_ms=2000, interrupt_response=False) if BY_SERVER else None
        settings = session.Settings(
            "Be brief.", tools=(WEATHER,), transcription=session.Transcription(), turns=turns,
            modality="text" if TEXT else "audio",
        )  # fmt: skip
        where = address(Realtime(url=f"{relay.url}?{query}"), os.environ.get("OPENAI_API_KEY", ""))
        self.agent = RealtimeAgent(where, settings, self.events.append)
        self.steps = (
            self.connects, self.spoken, self.typed, self.says, self.calls, self.cut_during, self.cut_early,
            self.cut_after, self.dropped, self.typed_over, self.forgets, self.restarts, self.cut_line, self.spoken,
        )  # fmt: skip

    def of(self, kind: type[E], turn: int) -> list[E]:
        return [event for event in self.events if isinstance(event, kind) and getattr(event, "turn", 0) == turn]

    async def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + WAIT_S
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} in {WAIT_S:.0f} s")
            await asyncio.sleep(0.005)

    async def answer(self, turn: int) -> str:
        await self.until(lambda: self.of(core.ReplyEnded, turn), "end of the answer")
        await asyncio.sleep(0.3)  # what is late
        [end] = self.of(core.ReplyEnded, turn)
        assert end.outcome == "done", f"{end.outcome}: {end.message}"
        size = sum(len(event.pcm) / event.rate / 2 for event in self.of(core.ReplyAudio, turn))
        said = "".join(event.text for event in self.of(core.ReplyText, turn))
        heard = "".join(f" to {event.text!r}" for event in self.of(core.TranscriptHeard, turn)[-1:])
        return f"{size:.1f} s, {said[:40]!r}{heard}"

    def speak(self, seconds: float = 60.0) -> int:
        self.turn += 1
        pcm = recording(SPEECH / "livingroom_lamp.flac").tobytes()[: int(seconds * 32_000)]
        for at in range(0, len(pcm), 640):
            self.agent.audio(self.turn, pcm[at : at + 640])
        return self.turn

    def type(self, text: str) -> int:
        self.turn += 1
        self.agent.text(self.turn, text)
        return self.turn

    async def connects(self) -> str:
        await self.agent.open()
        await self.until(lambda: any(isinstance(event, core.AgentReady) for event in self.events), "session")
        return ""

    async def spoken(self) -> str:
        turn = self.speak()
        if BY_SERVER:
            self.agent.audio(turn, bytes(3 * 32_000))  # the silence in which it finds the end
        else:
            self.agent.end_of_turn(turn)
        return await self.answer(turn)

    async def typed(self) -> str:
        return await self.answer(self.type("hello"))

    async def says(self) -> str:
        self.turn += 1
        self.agent.say(self.turn, "Dinner is ready.")
        return await self.answer(self.turn)

    async def calls(self) -> str:
        turn = self.type("what is the weather")
        await self.until(lambda: self.of(core.ToolCalled, turn), "call")
        for call in self.of(core.ToolCalled, turn):
            self.agent.tool_result(turn, call.call, {"sun": True})
        return await self.answer(turn)

    async def cut_during(self) -> str:
        turn = self.type("tell me a long story")
        await self.until(lambda: [*self.of(core.ReplyAudio, turn), *self.of(core.ReplyText, turn)], "answer")
        return await self.cut(turn, 50)

    async def cut_early(self) -> str:
        return await self.cut(self.type("tell me a long story"), 0)

    async def cut_after(self) -> str:
        await self.answer(turn := self.type("hello"))
        return await self.cut(turn, 20)

    async def cut(self, turn: int, heard_ms: int) -> str:
        self.agent.interrupt(turn, heard_ms, goes_on=False)
        before = len(self.events)
        told = await self.typed()
        assert not [event for event in self.events[before:] if getattr(event, "turn", 0) == turn], "something late"
        assert "Once upon" not in told, f"the answer to the turn before: {told}"
        return told

    async def dropped(self) -> str:
        self.agent.drop_turn(self.speak(1.0))
        return await self.typed()

    async def typed_over(self) -> str:
        self.speak(1.0)
        return await self.typed()

    async def forgets(self) -> str:
        sessions = self.relay.sessions
        self.agent.forget()
        await self.until(lambda: self.relay.sessions > sessions, "new session")
        return await self.typed()

    async def restarts(self) -> str:
        await self.answer(self.type("hello, my name is Ada"))
        sent = len(self.relay.sent)
        await self.relay.restart(1.0)
        told = await self.typed()
        assert "Ada" in "".join(self.relay.sent[sent:]), "nothing was put back"
        return told

    async def cut_line(self) -> str:
        turn = self.type("tell me a long story")
        await self.relay.restart(0.3)
        await self.until(lambda: self.of(core.ReplyEnded, turn), "end of the answer")
        return f"{self.of(core.ReplyEnded, turn)[0].outcome}; then {await self.typed()}"


async def _visit(url: str) -> list[tuple[str, float, str, str]]:
    relay, rows = Relay(url), list[tuple[str, float, str, str]]()
    await relay.open()
    visit = Visit(relay, urlsplit(url).query)
    for step in visit.steps:
        began, errors, told = time.monotonic(), len(relay.errors), len(visit.events)
        try:
            outcome = f"ok  {await step()}"
        except (AssertionError, TimeoutError) as wrong:
            outcome = f"FAILED  {wrong}"
        lost = [event.message for event in visit.events[told:] if isinstance(event, core.AgentLost)]
        rows.append((step.__name__, time.monotonic() - began, outcome, " / ".join(relay.errors[errors:] + lost)))
    await visit.agent.close()
    return rows


def run() -> None:
    """All steps in order, each after whatever the one before has left."""
    url = os.environ.get("INTEROP_URL", "")
    if not url:
        raise SystemExit("interop needs a server: INTEROP_URL=ws://HOST:PORT/v1/realtime")
    show(f"Interoperation with {url}", ("step", "s", "outcome", "errors and trouble"), asyncio.run(_visit(url)))
