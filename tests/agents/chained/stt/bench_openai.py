"""OpenAI on the bench: live over a WebSocket, and files over HTTP with and without a stream for the answer."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
import soxr

from edge.agents.chained import sockets
from edge.agents.chained.llm import line
from edge.agents.chained.stt import transcriber
from edge.config import Stt
from edge.ports import Transcriber
from tests.agents.chained.stt.bench import Bench, Trouble
from tests.fakes.openai_audio import FakeOpenAIAudio
from tests.fakes.openai_audio import Faults as FileFaults
from tests.fakes.openai_live import FakeOpenAILive, Faults

_MONEY = {"code": "insufficient_quota", "message": "You exceeded your current quota, please check your plan."}
_LIVE: dict[Trouble, dict[str, Any]] = {
    Trouble.UNAUTHORISED: {"status": 401},
    Trouble.FORBIDDEN: {"status": 403},
    Trouble.QUOTA: {"status": 429, "body": json.dumps({"error": _MONEY})},
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
_FILES: dict[Trouble, dict[str, Any]] = {
    Trouble.UNAUTHORISED: {"status": 401},
    Trouble.FORBIDDEN: {"status": 403},
    Trouble.QUOTA: {"status": 429, "error": _MONEY},
    Trouble.BUSY: {"status": 429, "headers": {"Retry-After": "7"}},
    Trouble.BROKEN: {"status": 503},
    Trouble.MUTE: {"greet_s": 60.0},
    Trouble.SLOW_HANDSHAKE: {"greet_s": 0.3},
    Trouble.SILENT: {"silent": True},
    Trouble.HALF_OPEN: {"silent": True},
    Trouble.SLOW: {},
    Trouble.MALFORMED: {"malformed": True},
    Trouble.DROP: {"drop": True},
}


class OpenAILiveBench(Bench):
    """Realtime transcription."""

    goodbye = "bye"

    def __init__(self) -> None:
        self.server = FakeOpenAILive()
        self.server.key = self.key

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    def adapter(self, **changes: Any) -> Transcriber:
        settings = {"url": self.server.url, "model": "gpt-live-transcribe"} | changes
        return transcriber("openai", Stt(**settings), self.key)

    def fault(self, trouble: Trouble) -> None:
        self.server.faults = Faults(**_LIVE[trouble])

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

    def same(self, got: bytes, sent: bytes) -> bool:
        """At the protocol's 24 kHz; resampled in pieces it is the same but for rounding."""
        there = np.frombuffer(got, np.int16).astype(float)
        here = soxr.resample(np.frombuffer(sent, np.int16), 16_000, 24_000).astype(float)
        return abs(len(there) - len(here)) <= 1 and np.corrcoef(there[: len(here)], here[: len(there)])[0, 1] > 0.99

    @property
    def attempts(self) -> int:
        return self.server.attempts

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "OPEN_S", 0.3)
        monkeypatch.setattr(sockets, "PING_S", 0.1)
        monkeypatch.setattr(sockets, "PONG_S", 0.1)
        monkeypatch.setattr(sockets, "KEEP_S", 0.1)


class OpenAIFilesBench(Bench):
    """`stream` for the answer."""

    goodbye = "gone"
    partials = False
    model = "gpt-transcribe"

    def __init__(self) -> None:
        self.server = FakeOpenAIAudio()
        self.server.key = self.key

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    def adapter(self, **changes: Any) -> Transcriber:
        return transcriber("openai", Stt(**({"url": self.server.url, "model": self.model} | changes)), self.key)

    def fault(self, trouble: Trouble) -> None:
        self.server.faults = FileFaults(**_FILES[trouble])
        self.server.drip_s = 0.05 if trouble is Trouble.SLOW else 0.0

    def mend(self) -> None:
        self.server.faults = FileFaults()

    def script(self, *words: tuple[float, str]) -> None:
        self.server.script = words

    @property
    def logs(self) -> list[list[str]]:
        """A request is over with its answer, or with the connection."""
        posts = [seen for seen in self.server.exchanges if seen.method == "POST"]
        return [[*seen.log, *["closed"] * ("end" in seen.log or seen.writer.is_closing())] for seen in posts]

    @property
    def audio(self) -> list[bytes]:
        return [request.pcm for request in self.server.requests]

    @property
    def attempts(self) -> int:
        return len(self.logs)

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "CONNECT_S", 0.3)
        monkeypatch.setattr(line, "READ_S", 0.3)


class OpenAIWholeFilesBench(OpenAIFilesBench):
    """Whisper, and what servers of others take."""

    model = "whisper-1"
