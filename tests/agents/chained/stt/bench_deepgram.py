"""Deepgram on the bench: nova-3, Flux with ends of the device, Flux with its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import pytest

from edge.agents.chained import sockets
from edge.agents.chained.stt import deepgram
from edge.config import Stt
from edge.core.chain import Heard, Mark, Standing
from tests.agents.chained.stt.bench import WORDS, Bench, Trouble, all_of, heard, pieces
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.deepgram_session import Faults
from tests.waiting import wait_until

_FAULTS: dict[Trouble, dict[str, Any]] = {
    Trouble.UNAUTHORISED: {"status": 401},
    Trouble.FORBIDDEN: {"status": 403},
    Trouble.QUOTA: {"status": 402},
    Trouble.BUSY: {"status": 429, "retry_after": "7"},
    Trouble.BROKEN: {"status": 503},
    Trouble.MUTE: {"handshake_s": 60.0},
    Trouble.SLOW_HANDSHAKE: {"handshake_s": 0.3},
    Trouble.SILENT: {"silent": True},
    Trouble.HALF_OPEN: {"freeze_at_s": 0.5},
    Trouble.SLOW: {"message_s": 0.05},
    Trouble.MALFORMED: {"say_at_s": 0.5},
    Trouble.DROP: {"drop_at_s": 0.5},
}


class NovaBench(Bench):
    """v1, its default."""

    goodbye = "CloseStream"
    settings: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.server = FakeDeepgram(self.key)

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    def adapter(self, **changes: Any) -> deepgram.Deepgram:
        return deepgram.Deepgram("deepgram", Stt(**({"url": self.server.url} | self.settings | changes)), self.key)

    def fault(self, trouble: Trouble) -> None:
        self.server.faults = Faults(**_FAULTS[trouble])

    def mend(self) -> None:
        self.server.release()
        self.server.faults = Faults()

    def script(self, *words: tuple[float, str]) -> None:
        self.server.script = words

    @property
    def logs(self) -> list[list[str]]:
        return [seen.log for seen in self.server.seen]

    @property
    def audio(self) -> list[bytes]:
        return [bytes(seen.audio) for seen in self.server.seen]

    @property
    def attempts(self) -> int:
        return self.server.attempts

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "OPEN_S", 0.3)
        monkeypatch.setattr(sockets, "PING_S", 0.1)
        monkeypatch.setattr(sockets, "PONG_S", 0.1)
        monkeypatch.setattr(deepgram, "KEEP_S", 0.1)


class FluxBench(NovaBench):
    """v2, told of the end by the device."""

    settings = {"model": "flux-general-en"}  # noqa: RUF012


class FluxServiceBench(NovaBench):
    """v2, finding the end itself."""

    settings = {"turns": "service", "end_confidence": 1.0}  # noqa: RUF012  the contract's audio is over when it ends


def on(test: Callable[[NovaBench], Awaitable[None]], bench: type[NovaBench] = NovaBench) -> None:
    async def main() -> None:
        async with bench() as made:
            made.script(*WORDS)
            await test(made)

    asyncio.run(main())


async def turn(bench: NovaBench, *audio: bytes | Mark | float, **changes: object) -> list[Heard]:
    """All that is heard of a turn; the connection is closed by then."""
    adapter = bench.adapter(**changes)
    items = heard(await all_of(adapter, pieces(*audio)))
    await adapter.close()
    await wait_until(lambda: bench.logs[-1][-1] == "closed")
    return items


async def over(bench: NovaBench, *audio: bytes | Mark | float, **changes: object) -> str:
    """What a turn comes to."""
    last = (await turn(bench, *audio, **changes))[-1]
    assert last.standing is Standing.OVER
    return last.text
