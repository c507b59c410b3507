"""The Realtime engine on a bench: alone with the fake server, or in a whole simulated device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from edge.agents.realtime import session
from edge.agents.realtime.client import RealtimeAgent
from edge.agents.realtime.options import Options
from edge.agents.realtime.setup import address
from edge.config import Config, Realtime
from edge.core.events import AgentLost, AgentReady, AgentWarned, Event, ReplyAudio, ReplyEnded
from edge.testing import SimulatedDevice
from tests.fakes.realtime.script import Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.signals import tone

SPEECH = Path(__file__).parents[2] / "data/speech"
E = TypeVar("E", bound=Event)
WEATHER = session.FunctionTool("weather", "Tell the weather.", {"type": "object", "properties": {}})
SETTINGS = session.Settings(instructions="Be brief.", tools=(WEATHER,), transcription=session.Transcription())


class Bench:
    """An engine, a server, and everything the device was told."""

    def __init__(
        self, server: FakeRealtime, options: Options | None = None, settings: session.Settings = SETTINGS, url: str = ""
    ) -> None:
        self.server = server
        self.events: list[Event] = []
        where = address(Realtime(url=url or server.url), "key")
        self.agent = RealtimeAgent(where, settings, self.events.append, options)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, done: Callable[[], object], limit: float = 5.0) -> None:
        await self.server.wait_for(done, limit)

    async def ready(self, times: int = 1) -> None:
        await self.until(lambda: len(self.of(AgentReady)) >= times)

    async def lost(self) -> AgentLost:
        """The first time that the device was told so."""
        await self.until(lambda: self.of(AgentLost))
        return self.of(AgentLost)[0]

    async def ended(self, turn: int) -> ReplyEnded:
        await self.until(lambda: any(end.turn == turn for end in self.of(ReplyEnded)))
        return next(end for end in self.of(ReplyEnded) if end.turn == turn)

    async def asked(self, times: int) -> None:
        await self.until(lambda: len(self.sent("response.create")) == times)

    async def thinks(self) -> None:
        """The server is at a response."""
        await self.until(lambda: self.server.links and self.server.session.active)

    async def sessions(self, count: int) -> None:
        await self.until(lambda: len(self.server.events("session.updated", "out")) == count)

    def dialled(self) -> int:
        return len(self.server.attempts)

    def speak(self, turn: int, seconds: float = 0.5) -> None:
        pcm = tone(seconds, 300.0, 16_000).tobytes()
        for at in range(0, len(pcm), 640):
            self.agent.audio(turn, pcm[at : at + 640])

    def sound(self, turn: int) -> bytes:
        return b"".join(event.pcm for event in self.of(ReplyAudio) if event.turn == turn)

    def sent(self, kind: str) -> list[dict[str, object]]:
        return [seen.event for seen in self.server.events(kind, "in")]

    def heard_s(self, session: int | None = None) -> float:
        """How much audio the server got."""
        return len(self.server.audio_received(session)) / 2 / 24_000

    def troubles(self) -> list[str]:
        """What the device was told of trouble, in order."""
        return [event.message for event in self.events if isinstance(event, AgentLost | AgentWarned)]


def run(
    test: Callable[[Bench], Awaitable[None]],
    *replies: Reply,
    transcripts: tuple[str, ...] = (),
    options: Options | None = None,
    settings: session.Settings = SETTINGS,
    before: Callable[[FakeRealtime], None] = lambda _: None,
) -> None:
    """One test with an engine that has been opened; `before` prepares the server."""

    async def main() -> None:
        async with FakeRealtime(replies, transcripts) as server:
            before(server)
            bench = Bench(server, options, settings)
            await bench.agent.open()
            try:
                await test(bench)
            finally:
                await bench.agent.close()
            assert server.violations == []

    asyncio.run(asyncio.wait_for(main(), 60))


@asynccontextmanager
async def device_on(
    server: FakeRealtime,
    settings: session.Settings = SETTINGS,
    options: Options | None = None,
    config: Config | None = None,
) -> AsyncIterator[SimulatedDevice]:
    """A whole device on the real engine, ready for a turn."""
    device = SimulatedDevice(config=config)

    def post(event: Event) -> None:
        device.daemon.post(event)

    device.agent = RealtimeAgent(address(Realtime(url=server.url), "key"), settings, post, options)
    async with device:
        await device.run_until(lambda: device.daemon.conversation.ready)
        yield device


def on_device(
    test: Callable[[SimulatedDevice, FakeRealtime], Awaitable[None]],
    replies: Iterable[Reply] = (),
    *,
    transcripts: tuple[str, ...] = (),
    settings: session.Settings = SETTINGS,
    options: Options | None = None,
    config: Config | None = None,
) -> None:
    """One test with a whole device."""

    async def main() -> None:
        async with FakeRealtime(replies, transcripts) as server:
            async with device_on(server, settings, options, config) as device:
                await test(device, server)
            assert server.violations == []

    asyncio.run(asyncio.wait_for(main(), 60))
