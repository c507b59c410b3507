"""The adapters on their benches: one for every protocol that a voice is spoken to in."""

from __future__ import annotations

import asyncio
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.agents.chained import sockets
from edge.agents.chained.llm import line as http_line
from edge.agents.chained.tts import elevenlabs_http, elevenlabs_line, realtime, voice, warm, wire
from edge.config import Tts
from edge.core.chain import Sound, Used
from edge.ports import Voice
from tests.fakes import elevenlabs as eleven
from tests.fakes import openai_speech
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.openai_speech import FakeOpenAiSpeech
from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.faults import Refusal, json_refusal
from tests.fakes.realtime.script import QUOTA, Pace, Reply, Request, failing
from tests.fakes.realtime.server import FakeRealtime
from tests.fakes.speaking import TAG, Faults, spoken
from tests.waiting import wait_until

CLAUSES = ("Good morning, Ada.", "It is half past seven,", "and it will rain all day long.")
LONG = "This is a rather long sentence, which takes its time and is not over soon, so that it can be stopped."
MID = 3  # the piece at which things go wrong in mid-speech


@dataclass
class Heard:
    """What came of a reply."""

    sounds: list[Sound] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)

    def add(self, item: Sound | Used) -> None:
        if isinstance(item, Sound):
            self.sounds.append(item)
        else:
            self.used.append(item)

    @property
    def pcm(self) -> bytes:
        return b"".join(sound.pcm for sound in self.sounds)

    @property
    def words(self) -> str:
        """Without white space, about which there is no promise but that there is some between clauses."""
        return "".join("".join(sound.text for sound in self.sounds).split())

    @property
    def amounts(self) -> dict[str, float]:
        kinds = {kind for used in self.used for kind in used.amounts}
        return {kind: sum(used.amounts.get(kind, 0) for used in self.used) for kind in kinds}


class Bench(ABC):
    """An adapter's service, with the ways to break it, and what it has seen."""

    key = openai_speech.KEY
    timed = False
    after = ""  # what is sent behind each clause
    knows_voices = True  # the fake refuses those that it does not know
    skips_nonsense = False  # the vendor's client does, without a word

    def __init__(self) -> None:
        self.voices: list[Voice] = []

    @asynccontextmanager
    @abstractmethod
    async def up(self) -> AsyncIterator[None]:
        """The service runs."""
        yield

    @abstractmethod
    def make(self, key: str = "", url: str = "", **config: Any) -> Voice:
        """An adapter; the right key and address if not given."""

    @property
    @abstractmethod
    def faults(self) -> Faults: ...

    @abstractmethod
    def connections(self) -> int:
        """How often it has been connected to, or asked."""

    @abstractmethod
    def begun(self) -> int:
        """How many replies or clauses it has been asked to speak."""

    @abstractmethod
    def told(self) -> bool:
        """Whether it knows that what it was saying is not wanted any more."""

    @abstractmethod
    def quota(self) -> None:
        """The account is empty."""

    def expected(self, *clauses: str) -> bytes:
        return b"".join(spoken(clause + self.after) for clause in clauses)

    def refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.faults.status, self.faults.headers = status, headers or {}

    def hang(self) -> None:
        self.faults.stall_handshake = True

    def silent(self) -> None:
        self.faults.silent = True

    def freeze(self) -> None:
        self.faults.freeze_at = MID

    def drop(self) -> None:
        self.faults.drop_at = MID

    def garble(self) -> None:
        self.faults.malformed_at = MID

    def slow(self, seconds: float = 0.02) -> None:
        self.faults.drip_s = seconds

    def idle_limit(self, seconds: float) -> None:
        """The service hangs up after so much silence; not all do."""
        del seconds


class ElevenLabsBench(Bench):
    key = eleven.KEY
    timed = True
    after = " "
    model = "eleven_flash_v2_5"

    def __init__(self) -> None:
        super().__init__()
        self.server = FakeElevenLabs()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with self.server:
            yield

    def make(self, key: str = "", url: str = "", **config: Any) -> Voice:
        config = {"model": self.model, **config}
        made = voice("elevenlabs", Tts(url=url or self.server.url, **config), key or self.key)
        self.voices.append(made)
        return made

    @property
    def faults(self) -> Faults:
        return self.server.faults

    def connections(self) -> int:
        return len(self.server.handshakes) + len(self.server.exchanges)

    def begun(self) -> int:
        return sum(entry.startswith("say:") for socket in self.server.sockets for entry in socket.log)

    def told(self) -> bool:
        return any(entry.startswith("close:") for socket in self.server.sockets for entry in socket.log)

    def quota(self) -> None:
        self.faults.error = ("quota_exceeded", "This request exceeds your quota of 10000.")

    def idle_limit(self, seconds: float) -> None:
        self.server.inactivity_s = seconds


class DialogueBench(ElevenLabsBench):
    model = "eleven_v3"

    def expected(self, *clauses: str) -> bytes:
        return b"".join(spoken(TAG.sub("", clause + " ")) for clause in clauses)


class HttpBench(ElevenLabsBench):
    """Eleven v3 for an account that is not allowed its socket."""

    model = "eleven_v3"
    after = ""
    skips_nonsense = True

    def __init__(self) -> None:
        super().__init__()
        self.server.dialogue_allowed = False

    def begun(self) -> int:
        return sum("begin" in exchange.log for exchange in self.server.exchanges)

    def told(self) -> bool:
        return any("gone" in exchange.log for exchange in self.server.exchanges)


class SpeechBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self.server = FakeOpenAiSpeech()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with self.server:
            yield

    def make(self, key: str = "", url: str = "", **config: Any) -> Voice:
        made = voice("openai", Tts(url=url or self.server.url, **config), key or self.key)
        self.voices.append(made)
        return made

    @property
    def faults(self) -> Faults:
        return self.server.faults

    def connections(self) -> int:
        return len(self.server.exchanges)

    def begun(self) -> int:
        return len(self.server.asked)

    def told(self) -> bool:
        return any("gone" in exchange.log for exchange in self.server.asked)

    def quota(self) -> None:
        self.faults.error = ("insufficient_quota", "You exceeded your current quota, please check your plan.")


class RealtimeBench(Bench):
    knows_voices = False

    def __init__(self) -> None:
        super().__init__()
        self.server = FakeRealtime(self._reply, settings=Settings(api_keys={openai_speech.KEY}))
        self.pace = Pace()
        self._faults = Faults()
        self.says: Callable[[str], str] = lambda text: text

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with self.server:
            yield

    def _reply(self, request: Request) -> Reply:
        text = " ".join(part["text"] for item in request.items for part in item["content"])
        clause = re.findall(r"<read>(.*)</read>", text, re.DOTALL)[0]
        if self._faults.error:
            return failing(QUOTA)
        think = 1e9 if self._faults.silent else 0
        return Reply(self.says(clause), pcm=spoken(clause), pace=self.pace, think_ms=think)

    def make(self, key: str = "", url: str = "", **config: Any) -> Voice:
        made = voice("realtime", Tts(url=url or self.server.url, **config), key or self.key)
        self.voices.append(made)
        return made

    @property
    def faults(self) -> Faults:
        return self._faults

    def connections(self) -> int:
        return len(self.server.attempts)

    def begun(self) -> int:
        return len(self.server.events("response.create", "in"))

    def told(self) -> bool:
        return bool(self.server.events("response.cancel", "in"))

    def quota(self) -> None:
        self._faults.error = ("insufficient_quota", "")

    def refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
        refusal = json_refusal(status, "no", None)
        self.server.faults.refuse(Refusal(status, refusal.body, {**refusal.headers, **(headers or {})}))

    def hang(self) -> None:
        self.server.faults.connect_delay = 1e6

    def freeze(self) -> None:
        self.server.faults.cut_after(MID, "response.output_audio.delta", cut="freeze")

    def drop(self) -> None:
        self.server.faults.cut_after(MID, "response.output_audio.delta")

    def garble(self) -> None:
        count = itertools.count(1)

        def quirk(event: dict[str, Any]) -> dict[str, Any]:
            third = event["type"] == "response.output_audio.delta" and next(count) == MID
            return {**event, "delta": "no base64!"} if third else event

        self.server.faults.quirk = quirk

    def slow(self, seconds: float = 0.02) -> None:
        self.pace = Pace(delta_ms=100, speed=0.1 / seconds)


BENCHES: dict[str, Callable[[], Bench]] = {
    "elevenlabs": ElevenLabsBench,
    "elevenlabs-v3": DialogueBench,
    "elevenlabs-http": HttpBench,
    "openai": SpeechBench,
    "realtime": RealtimeBench,
}


def quicken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the real times, roughly."""
    for module, name, value in (
        (sockets, "OPEN_S", 1.5), (sockets, "PING_S", 0.2), (sockets, "PONG_S", 0.6), (sockets, "CLOSE_S", 0.1),
        (wire, "CLOSE_S", 0.1), (warm, "REST_S", 1.0), (elevenlabs_line, "KEEP_S", 0.1),
        (elevenlabs_line, "FINAL_S", 1.0), (elevenlabs_http, "QUIET_S", 1.5), (elevenlabs_http, "REST_S", 0.5),
        (http_line, "CONNECT_S", 1.5), (http_line, "READ_S", 1.5), (http_line, "REST_S", 0.5),
        (realtime, "QUIET_S", 1.0), (realtime, "KEEP_S", 1.0),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


def run(bench: Bench, test: Callable[[Bench], Awaitable[None]], limit: float = 20.0) -> None:
    """The test with the service up; afterwards nothing of the adapters may be left."""

    async def main() -> None:
        async with bench.up():
            await asyncio.wait_for(test(bench), limit)
            for made in bench.voices:
                await made.close()
            await wait_until(lambda: not ours(), 2)

    asyncio.run(main())


def ours() -> list[str]:
    """Tasks of the adapters."""
    found = []
    for task in asyncio.all_tasks():
        code = getattr(task.get_coro(), "cr_code", None) or getattr(task.get_coro(), "ag_code", None)
        if code is not None and "/edge/" in code.co_filename:
            found.append(repr(task))
    return found


async def text(clauses: Iterable[str]) -> AsyncIterator[str]:
    for clause in clauses:
        yield clause


async def hear(made: Voice, *clauses: str) -> Heard:
    """The whole of a reply."""
    heard = Heard()
    async with aclosing(made.speak(text(clauses))) as items:
        async for item in items:
            heard.add(item)
    return heard


class Dictated:
    """Clauses one by one, as the test gives them."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str | Exception | None] = asyncio.Queue()

    def give(self, clause: str | Exception | None) -> None:
        """None is the end."""
        self._queue.put_nowait(clause)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (clause := await self._queue.get()) is not None:
            if isinstance(clause, Exception):
                raise clause
            yield clause
