"""The offline engine with a stand-in worker, and what it has told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from edge.agents.local.engine import LocalAgent
from edge.agents.local.responder import Settings
from edge.core.events import AgentReady, Event, ReplyAudio, ReplyEnded, ReplyText, ToolCalled, TranscriptHeard
from tests.waiting import wait_until

WORKER = Path(__file__).parents[2] / "fakes/worker.py"
E = TypeVar("E", bound=Event)
LIMIT_S = 20.0


def speech(seconds: float, fill: int = 1) -> bytes:
    """So much of the person's sound."""
    return bytes([fill, 0]) * round(seconds * 16_000)


class Bench:
    """`asked` are the requests that the worker has got, whichever of its lives it was."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.problem = ""
        command = (sys.executable, str(WORKER), str(folder), json.dumps(plan))
        told: str | None = plan.get("told")
        settings = Settings(
            Path("ears"), Path("mind"), language=plan.get("language", "en"), worker=command,
            told=None if told is None else lambda most: told[:most],
        )  # fmt: skip
        self.agent = LocalAgent(settings, self.events.append, lambda: self.problem)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def asked(self, request: str) -> list[dict[str, Any]]:
        heads = [json.loads(path.read_text()) for path in sorted(self.folder.glob(f"{request}-*.json"))]
        return [head for head in heads if head.get("most") != 1]  # those only prime the language model

    def sounds(self, request: str = "read") -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob(f"{request}-*.pcm"))]

    def go(self) -> None:
        """Let the worker answer what it holds back."""
        (self.folder / "go").touch()

    async def wait(self, done: Callable[[], object]) -> None:
        """Until the worker has done something."""
        await wait_until(done, LIMIT_S)

    async def ready(self) -> None:
        await self.wait(lambda: self.of(AgentReady))
        await self.wait(lambda: "mind" in self.agent._child.loaded)

    async def ended(self, turn: int) -> ReplyEnded:
        await self.wait(lambda: [e for e in self.of(ReplyEnded) if e.turn == turn])
        return next(e for e in self.of(ReplyEnded) if e.turn == turn)

    async def ask(self, turn: int, text: str) -> ReplyEnded:
        self.agent.text(turn, text)
        return await self.ended(turn)

    def said(self, turn: int) -> str:
        return "".join(e.text for e in self.of(ReplyText) if e.turn == turn).strip()

    def seconds(self, turn: int) -> float:
        return sum(len(e.pcm) for e in self.of(ReplyAudio) if e.turn == turn) / 48_000

    def understood(self, turn: int) -> list[str]:
        return [e.text for e in self.of(TranscriptHeard) if e.turn == turn and e.final]

    def tools(self) -> list[tuple[str, dict[str, object]]]:
        return [(e.name, e.arguments) for e in self.of(ToolCalled)]

    def past(self) -> list[tuple[str, str]]:
        return [(e.user, e.reply) for e in self.agent._responder._history.exchanges]


def with_worker(folder: Path, test: Callable[[Bench], Awaitable[None]], **plan: Any) -> Bench:
    """Run a test against the engine; the worker follows the plan."""

    async def main() -> Bench:
        bench = Bench(folder, plan)
        await bench.agent.open()
        try:
            await asyncio.wait_for(test(bench), 3 * LIMIT_S)
        finally:
            await bench.agent.close()
        return bench

    return asyncio.run(main())
