"""What each service's adapter costs of its own: memory, the first use, and time on top of its service's.

The service is a stand-in on this machine that answers at once; the adapter runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from tests.bench.stage_child import TIMES
from tests.bench.table import show
from tests.fakes import assemblyai, deepgram, elevenlabs, openai_live, openai_speech
from tests.fakes.minds import sse
from tests.fakes.minds.anthropic import FakeClaude
from tests.fakes.minds.gemini import FakeGemini
from tests.fakes.minds.openai import FakeChat, FakeResponses
from tests.fakes.realtime.script import Reply
from tests.fakes.realtime.server import FakeRealtime

T = TypeVar("T")
SAID = ((0.3, "hello there"),)


class _Served:
    """The stand-ins, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def up(self, fake: Any) -> str:
        """Start it; returns its address."""
        self._do(self._stack.enter_async_context(fake))
        return str(fake.url)

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    def down(self) -> None:
        """End them all."""
        self._do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)


def _services(served: _Served) -> list[tuple[str, str, dict[str, str], str, str]]:
    """(stage, kind, entry, address, key) of each."""
    ears = deepgram.FakeDeepgram()
    ears.script = SAID
    heard, live = assemblyai.FakeAssemblyAI(), openai_live.FakeOpenAILive()
    heard.scripts, live.scripts = [list(SAID)] * (TIMES + 5), [list(SAID)] * (TIMES + 5)
    minds = [sse.Reply()] * (TIMES + 5)
    spoken = FakeRealtime([Reply("Hello.")] * (TIMES + 5))
    return [
        ("stt", "deepgram", {}, served.up(ears), deepgram.KEY),
        ("stt", "deepgram", {"model": "flux-general-en"}, served.up(ears2(ears)), deepgram.KEY),
        ("stt", "assemblyai", {}, served.up(heard), assemblyai.KEY),
        ("stt", "openai", {}, served.up(live), openai_live.KEY),
        ("llm", "openai", {}, served.up(FakeResponses(minds)), sse.KEY),
        ("llm", "chat", {}, served.up(FakeChat(minds)), sse.KEY),
        ("llm", "claude", {}, served.up(FakeClaude(minds)), sse.KEY),
        ("llm", "gemini", {}, served.up(FakeGemini(minds)), sse.KEY),
        ("tts", "elevenlabs", {}, served.up(elevenlabs.FakeElevenLabs()), elevenlabs.KEY),
        ("tts", "openai", {}, served.up(openai_speech.FakeOpenAiSpeech()), openai_speech.KEY),
        ("tts", "realtime", {}, served.up(spoken), "k"),
    ]


def ears2(first: deepgram.FakeDeepgram) -> deepgram.FakeDeepgram:
    """Another of the same."""
    second = deepgram.FakeDeepgram()
    second.script = first.script
    return second


def run() -> None:
    """All of them, in two minutes."""
    served, rows = _Served(), []
    for stage, kind, entry, address, key in _services(served):
        words = json.dumps({"stage": stage, "kind": kind, "entry": {**entry, "url": address}, "key": key})
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.stage_child", words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            rows.append((stage, kind, entry.get("model", ""), done.stderr.strip().splitlines()[-1][:60], "-", "-", "-"))
            continue
        found = json.loads(done.stdout)
        rows.append((stage, kind, entry.get("model", ""), found["mb"], found["first_s"], found["median"], found["p95"]))
    served.down()
    show("Adapters of the chained engine, on services that answer at once",
         ("stage", "kind", "model", "memory (MB)", "first use (s)", "median (ms)", "p95 (ms)"), rows)  # fmt: skip
