"""What the contract of all transcribers needs of a vendor: its adapter, its fake, and how to break it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from enum import StrEnum
from random import Random
from types import TracebackType
from typing import Self

import pytest

from edge.core.chain import RATE, Heard, Mark, Standing, Used
from edge.ports import Transcriber
from tests.waiting import wait_until

WORDS = ((0.4, "turn on"), (0.8, "the light"))
WHOLE = "turn on the light"
PIECE_S = 0.02
LIMIT_S = 10.0


class Trouble(StrEnum):
    """What goes wrong, from the next connection or request on, until it is mended."""

    UNAUTHORISED = "unauthorised"  # the key is not known
    FORBIDDEN = "forbidden"  # it is, and may not do this
    QUOTA = "quota"  # no money left
    BUSY = "busy"  # too many requests, with Retry-After: 7 where the protocol has a place for it
    BROKEN = "broken"  # 5xx
    MUTE = "mute"  # accepts TCP, and never answers the handshake or request
    SLOW_HANDSHAKE = "slow handshake"  # 0.3 s
    SILENT = "silent"  # takes everything, says nothing
    HALF_OPEN = "half-open"  # neither reads nor writes any more, after 0.5 s of audio
    SLOW = "slow"  # every message takes its time
    MALFORMED = "malformed"  # a message that is none among the good ones, after 0.5 s of audio
    DROP = "drop"  # TCP ends without a word, after 0.5 s of audio


class Bench(ABC):
    """`async with NovaBench() as bench:` the vendor's fake is running; `adapter` makes its transcriber."""

    key = "k-3cr3t"
    goodbye: str  # what in `log` ends a session properly
    retry_after = 7.0  # seconds that BUSY asks for; 0 where the protocol has no place for it
    partials = True  # words come while the audio still does

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def adapter(self, **changes: object) -> Transcriber:
        """A transcriber that talks to the fake; `changes` are fields of config.Stt."""

    @abstractmethod
    def fault(self, trouble: Trouble) -> None: ...

    @abstractmethod
    def mend(self) -> None: ...

    @abstractmethod
    def script(self, *words: tuple[float, str]) -> None:
        """What every session from now on hears: (seconds of audio, the words complete by then)."""

    @property
    @abstractmethod
    def logs(self) -> list[list[str]]:
        """Of each session or request: "audio" and the controls in order, "closed" when it is over."""

    @property
    @abstractmethod
    def audio(self) -> list[bytes]:
        """What each session got."""

    def same(self, got: bytes, sent: bytes) -> bool:
        """Whether a session got this audio, and behind it nothing but silence."""
        return got[: len(sent)] == sent and not any(got[len(sent) :])

    @property
    @abstractmethod
    def attempts(self) -> int:
        """Connections or requests that were begun."""

    @abstractmethod
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the adapter's limits short: connecting, a dead line, an unused one."""


def pcm(seconds: float, seed: int = 1) -> bytes:
    """Audio of which no piece is like another."""
    return Random(seed).randbytes(int(seconds * RATE) * 2)


async def pieces(*parts: bytes | Mark | float, pace: float = 0.0) -> AsyncIterator[bytes | Mark]:
    """Audio in pieces of 20 ms, marks where they stand; a number is a pause in seconds. `pace` 1 is real time."""
    loop, size = asyncio.get_running_loop(), int(PIECE_S * RATE) * 2
    due = loop.time()
    for part in parts:
        if isinstance(part, float):
            await asyncio.sleep(part)
            due = loop.time()
        elif isinstance(part, Mark):
            yield part
        else:
            for start in range(0, len(part), size):
                due += PIECE_S * pace
                await asyncio.sleep(max(0.0, due - loop.time()))
                yield part[start : start + size]


async def all_of(adapter: Transcriber, audio: AsyncIterator[bytes | Mark]) -> list[Heard | Used]:
    """Everything that is said of a turn."""
    async with asyncio.timeout(LIMIT_S), aclosing(adapter.hear(audio)) as items:
        return [item async for item in items]


def heard(items: Iterable[Heard | Used]) -> list[Heard]:
    return [item for item in items if isinstance(item, Heard)]


def text(items: list[Heard | Used]) -> str:
    """Of OVER, which is the last thing heard and comes once."""
    assert [item.standing for item in heard(items)].count(Standing.OVER) == 1
    last = heard(items)[-1]
    assert last.standing is Standing.OVER
    return last.text


Test = Callable[[Bench], Awaitable[None]]
until = wait_until
