"""Stages that do as they are told, at the interface of `ports`: for what is above the stages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from edge.core.chain import Call, Fault, Heard, Mark, Request, Sound, StageFailed, Standing, Used

RATE = 16_000
LETTER_S = 0.06


@dataclass
class Stage:
    """`fault`: what it does instead of its work; `after`: so many items are well first."""

    name: str
    fault: Fault | None = None
    after: int = 0
    ends_turns: bool = False
    rate: int = RATE
    timed: bool = False
    reply: tuple[str | Call, ...] = ("All is well.",)
    pace_s: float = 0.0
    got: list[object] = field(default_factory=list)
    stopped: int = 0
    prepared: int = 0
    closed: int = 0

    def prepare(self) -> None:
        self.prepared += 1

    async def close(self) -> None:
        self.closed += 1

    async def _may(self, item: int) -> None:
        await asyncio.sleep(self.pace_s)
        if self.fault is None or item < self.after:
            return
        if self.fault is Fault.STALLED:
            await asyncio.sleep(3600)
        raise StageFailed(f"{self.name} says {self.fault}.", self.fault)

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        pcm = b""
        try:
            if self.fault is not Fault.STALLED:
                await self._may(0)
            async for item in audio:
                self.got.append(item)
                if isinstance(item, bytes):
                    pcm += item
                    yield Heard(f"{len(pcm)} by {self.name}")
                elif item is Mark.PAUSED:
                    await self._may(0)
                    yield Heard(f"{len(pcm)} by {self.name}", Standing.EAGER)
            await self._may(0)
            yield Used(self.name, {"audio_seconds": 1.0})
            yield Heard(f"{len(pcm)} by {self.name}", Standing.OVER)
        finally:
            self.stopped += 1

    async def think(self, request: Request) -> AsyncGenerator[str | Call | Used]:
        self.got.append(request)
        try:
            for number, piece in enumerate(self.reply):
                await self._may(number)
                yield piece
            await self._may(len(self.reply))
            yield Used(self.name, {"text_in": 10.0, "text_out": 2.0})
        finally:
            self.stopped += 1

    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        number = 0
        try:
            async for clause in text:
                self.got.append(clause)
                starts = tuple(round(at * LETTER_S * 1000) for at in range(len(clause))) if self.timed else ()
                half = bytes(2 * round(len(clause) * LETTER_S * self.rate / 2))
                for sound in (Sound(half, clause, starts), Sound(half)):
                    await self._may(number)
                    number += 1
                    yield sound
            yield Used(self.name, {"characters": 5.0})
        finally:
            self.stopped += 1
