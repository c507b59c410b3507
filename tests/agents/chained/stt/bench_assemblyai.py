"""AssemblyAI on the bench: told of the end by the device, and finding it itself."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import pytest

from edge.agents.chained import sockets
from edge.agents.chained.stt.assemblyai import AssemblyAI
from edge.config import Stt
from tests.agents.chained.stt.bench import Bench, Trouble
from tests.fakes.assemblyai import FakeAssemblyAI, Faults

_FAULTS: dict[Trouble, dict[str, Any]] = {
    Trouble.UNAUTHORISED: {"status": 401},
    Trouble.FORBIDDEN: {"status": 403},
    Trouble.QUOTA: {"status": 402},
    Trouble.BUSY: {"status": 429, "headers": {"Retry-After": "7"}},
    Trouble.BROKEN: {"status": 503},
    Trouble.MUTE: {"handshake_s": 60.0},
    Trouble.SLOW_HANDSHAKE: {"handshake_s": 0.3},
    Trouble.SILENT: {"silent": True},
    Trouble.HALF_OPEN: {"freeze_at_s": 0.5},
    Trouble.SLOW: {"drip_s": 0.05},
    Trouble.MALFORMED: {"malformed_at_s": 0.5},
    Trouble.DROP: {"drop_at_s": 0.5},
}


class AssemblyAIBench(Bench):
    """Its turns end when it is told."""

    goodbye = "Terminate"
    settings: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.server = FakeAssemblyAI()
        self.server.key = self.key

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    def adapter(self, **changes: Any) -> AssemblyAI:
        return AssemblyAI("assemblyai", Stt(**({"url": self.server.url} | self.settings | changes)), self.key)

    def fault(self, trouble: Trouble) -> None:
        self.server.faults = Faults(**_FAULTS[trouble])

    def mend(self) -> None:
        self.server.mend()

    def script(self, *words: tuple[float, str]) -> None:
        self.server.scripts = [words]

    @property
    def logs(self) -> list[list[str]]:
        return [session.log for session in self.server.sessions]

    @property
    def audio(self) -> list[bytes]:
        return [bytes(session.audio) for session in self.server.sessions]

    @property
    def attempts(self) -> int:
        return self.server.attempts

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "OPEN_S", 0.3)
        monkeypatch.setattr(sockets, "PING_S", 0.1)
        monkeypatch.setattr(sockets, "PONG_S", 0.1)
        monkeypatch.setattr(sockets, "KEEP_S", 0.1)


class AssemblyAIServiceBench(AssemblyAIBench):
    """It finds the end itself; the contract's audio is over before it is sure."""

    settings = {"turns": "service"}  # noqa: RUF012
