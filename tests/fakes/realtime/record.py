"""Everything that was on the wire, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Direction = Literal["in", "out"]
T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """One frame at the socket: `kind` is its type, "" for what is no event; "in" is from the client."""

    at: float
    direction: Direction
    session: int
    kind: str
    event: dict[str, Any]
    size: int


@dataclass(frozen=True)
class Chunk:
    """Audio of one `input_audio_buffer.append`, at its arrival."""

    at: float
    session: int
    pcm: bytes


@dataclass(frozen=True)
class Attempt:
    """One handshake; `status` is 101 when it was accepted and 0 when it got no HTTP answer."""

    at: float
    path: str
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class Violation:
    """A client event which the vendor would refuse as malformed."""

    session: int
    event: dict[str, Any]
    message: str


class Record:
    """Grows only; tests query it and wait for it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.chunks: list[Chunk] = []
        self.attempts: list[Attempt] = []
        self.violations: list[Violation] = []
        self.committed: dict[str, bytes] = {}
        self._changed = asyncio.Event()

    def add(self, direction: Direction, session: int, event: dict[str, Any], size: int) -> Seen:
        """Note a frame that is passing the socket now."""
        seen = Seen(time.monotonic(), direction, session, str(event.get("type", "")), event, size)
        self.seen.append(seen)
        self.touch()
        return seen

    def attempt(self, path: str, headers: dict[str, str], status: int) -> None:
        """Note a handshake."""
        self.attempts.append(Attempt(time.monotonic(), path, headers, status))
        self.touch()

    def touch(self) -> None:
        """Something changed: look again."""
        self._changed.set()

    def events(
        self, kind: str | None = None, direction: Direction | None = None, session: int | None = None
    ) -> list[Seen]:
        """Frames in order, of this type, direction and session."""
        wanted = (kind, direction, session)
        return [
            seen
            for seen in self.seen
            if all(
                want in (None, have)
                for want, have in zip(wanted, (seen.kind, seen.direction, seen.session), strict=True)
            )
        ]

    def audio(self, session: int | None = None, item: str | None = None) -> bytes:
        """Audio of one committed item, or all that arrived."""
        if item is not None:
            return self.committed[item]
        return b"".join(chunk.pcm for chunk in self.chunks if session in (None, chunk.session))

    async def wait_for(self, predicate: Callable[[], T], timeout: float) -> T:  # noqa: ASYNC109  tests give one number
        """The first true answer of the predicate; TimeoutError when it stays false."""
        async with asyncio.timeout(timeout):
            while not (answer := predicate()):
                self._changed.clear()
                # The predicate may also look at the client, which does not tell us when it changes.
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.01)
                except TimeoutError:
                    continue
            return answer
