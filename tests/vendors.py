"""Vendors' services of the chained engine, faked with the latencies of a good day, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from tests.fakes.deepgram import KEY as DEEPGRAM_KEY
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.elevenlabs import KEY as ELEVENLABS_KEY
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.minds.openai import FakeResponses
from tests.fakes.minds.sse import KEY as OPENAI_KEY
from tests.fakes.minds.sse import Reply

T = TypeVar("T")
KEYS = (DEEPGRAM_KEY, OPENAI_KEY, ELEVENLABS_KEY)
TOKEN_MS = 8  # 125 tokens a second
STT_S, LLM_S, TTS_S = 0.1, 0.3, 0.1  # transcript, first token, first sound
REPLY = ("It is", " a quarter", " past nine", " on a fine", " morning.", " What else", " can I do", " for you?")


class Vendors:
    """Deepgram, OpenAI's Responses and ElevenLabs; `do` runs something in their thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.ears, self.mind, self.voice = self.do(self._open())
        self.spares = self.do(self._open())

    async def _open(self) -> tuple[FakeDeepgram, FakeResponses, FakeElevenLabs]:
        ears, mind, voice = FakeDeepgram(), FakeResponses([Reply(REPLY)] * 1000), FakeElevenLabs()
        for fake in (ears, mind, voice):
            await self._stack.enter_async_context(fake)
        ears.faults.latency_s, ears.faults.update_s = STT_S, 0.05
        mind.faults.first_ms, mind.faults.token_ms = LLM_S * 1000, TOKEN_MS
        voice.faults.first_s = TTS_S
        return ears, mind, voice

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """In the servers' own thread."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def env(self, **more: str) -> dict[str, str]:
        """The daemon's variables."""
        return {
            "EDGE_VOICE_ENGINE__USE": "chained",
            "EDGE_VOICE_CHAINED__STT": "deepgram",
            "EDGE_VOICE_CHAINED__LLM": "openai",
            "EDGE_VOICE_CHAINED__TTS": "elevenlabs",
            "EDGE_VOICE_STT__DEEPGRAM__URL": self.ears.url,
            "EDGE_VOICE_LLM__OPENAI__URL": f"{self.mind.url}",
            "EDGE_VOICE_TTS__ELEVENLABS__URL": self.voice.url,
            "DEEPGRAM_API_KEY": DEEPGRAM_KEY,
            "OPENAI_API_KEY": OPENAI_KEY,
            "ELEVENLABS_API_KEY": ELEVENLABS_KEY,
            "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0",
            **more,
        }

    def with_spares(self) -> dict[str, str]:
        """More variables: each stage has a second service of the same kind."""
        kinds = {
            "stt": ("deepgram", DEEPGRAM_KEY),
            "llm": ("openai", OPENAI_KEY),
            "tts": ("elevenlabs", ELEVENLABS_KEY),
        }
        found: dict[str, str] = {}
        for (stage, (kind, key)), spare in zip(kinds.items(), list[Any](self.spares), strict=True):
            found |= {
                f"EDGE_VOICE_CHAINED__{stage.upper()}": f"{kind},spare_{stage}",
                f"EDGE_VOICE_{stage.upper()}__SPARE_{stage.upper()}__KIND": kind,
                f"EDGE_VOICE_{stage.upper()}__SPARE_{stage.upper()}__URL": spare.url,
                f"SPARE_{stage.upper()}_API_KEY": key,
            }
        return found

    def close(self) -> None:
        """End all of them."""
        self.do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
