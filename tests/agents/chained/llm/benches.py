"""Every language model with the fake of its vendor, for tests that hold for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from edge.agents.chained.llm import mind
from edge.agents.chained.llm.remote import Piece, RemoteMind
from edge.config import Llm
from edge.core.chain import Call, Message, Request, Role, StageFailed, ToolSpec, Used
from tests.fakes.minds.anthropic import FakeClaude
from tests.fakes.minds.gemini import FakeGemini
from tests.fakes.minds.openai import FakeChat, FakeResponses
from tests.fakes.minds.sse import KEY, Reply, Script, Service

WEATHER = ToolSpec(
    "weather",
    "Tell the weather.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "day": {"type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
TIME = ToolSpec("time", "Tell the time.", {"type": "object", "properties": {}, "additionalProperties": False})

Test = Callable[[RemoteMind[Any], Any], Awaitable[None]]
NONE = Llm()


@dataclass(frozen=True)
class Bench:
    """One adapter: `name` is its kind, and `model` one that thinks, where the default does not."""

    name: str
    fake: type[Service]
    vendor: str
    thinker: str
    writes_json: bool = True  # the model's arguments come as text, which may be no JSON

    def run(
        self,
        test: Test,
        *replies: Reply,
        script: Script | None = None,
        config: Llm = NONE,
        refused: bool = False,
    ) -> None:
        """One test with a service and its mind; afterwards no connection and no task is left."""

        async def main() -> None:
            before = asyncio.all_tasks()
            async with self.fake(script or replies) as service:
                one = self.mind(replace(config, url=config.url or service.url))
                try:
                    await test(one, service)
                finally:
                    await one.close()
                await service.until(lambda: service.open == 0)
                await service.until(lambda: asyncio.all_tasks() <= before)
                assert bool(service.refused) is refused, service.refused

        asyncio.run(asyncio.wait_for(main(), 60))

    def mind(self, config: Llm, key: str = KEY) -> RemoteMind[Any]:
        made = mind(self.name, replace(config, kind=self.name), key)
        assert isinstance(made, RemoteMind)
        return made


OPENAI = Bench("openai", FakeResponses, "OpenAI", "gpt-6-astra")
CHAT = Bench("chat", FakeChat, "The chat service", "gpt-6-luna")
CLAUDE = Bench("claude", FakeClaude, "Anthropic", "claude-opus-5-5")
GEMINI = Bench("gemini", FakeGemini, "Gemini", "gemini-3.8-flash", writes_json=False)
BENCHES = (OPENAI, CHAT, CLAUDE, GEMINI)

writers = pytest.mark.parametrize("bench", [one for one in BENCHES if one.writes_json], ids=lambda bench: bench.name)
each = pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.name)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str, *calls: Call) -> Message:
    return Message(Role.ASSISTANT, text, calls)


def result(call: Call, text: str) -> Message:
    return Message(Role.TOOL, text, call=call.id, name=call.name)


def ask(*messages: Message | str, instructions: str = "Be brief.", tools: tuple[ToolSpec, ...] = ()) -> Request:
    whole = tuple(user(one) if isinstance(one, str) else one for one in messages)
    return Request(whole, instructions, tools)


HELLO = ask("Hello")


async def all_of(one: RemoteMind[Any], request: Request = HELLO) -> list[Piece]:
    return [piece async for piece in one.think(request)]


def text(pieces: list[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def calls(pieces: list[Piece]) -> list[Call]:
    return [piece for piece in pieces if isinstance(piece, Call)]


def used(pieces: list[Piece]) -> list[Used]:
    return [piece for piece in pieces if isinstance(piece, Used)]


async def failure(one: RemoteMind[Any], request: Request = HELLO) -> StageFailed:
    with pytest.raises(StageFailed) as caught:
        await all_of(one, request)
    return caught.value
