"""A reply for a service that is given its text whole: a request for each clause, the next one in good time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing

from edge.core.chain import Sound, Used

MOST_PIECES = 256  # of one clause that nobody has taken yet; then its connection waits

Clause = Callable[[str], AsyncGenerator[Sound | Used]]


async def in_turn(text: AsyncIterator[str], speak: Clause, most: int) -> AsyncGenerator[Sound | Used]:
    """What `speak` makes of each clause, in order; none is longer than `most` characters.

    While one is coming in, the next one is asked for, and no other: what would be asked for further ahead is
    paid for, and thrown away when the person interrupts. An error of `text` is raised in its place.
    """
    clauses = clauses_of(text, most)
    running: set[_Running] = set()

    async def begin() -> _Running | None:
        clause = await anext(clauses, "")
        if not clause:
            return None
        running.add(part := _Running(speak(clause)))
        return part

    coming = asyncio.ensure_future(begin())
    try:
        while (part := await coming) is not None:
            coming = asyncio.ensure_future(begin())
            while (item := await part.next()) is not None:
                yield item
            running.discard(part)
    finally:
        coming.cancel()
        tasks = [coming, *(part.stop() for part in running)]
        await asyncio.gather(*tasks, return_exceptions=True)


class _Running:
    """One clause being spoken."""

    def __init__(self, source: AsyncGenerator[Sound | Used]) -> None:
        self._items: asyncio.Queue[Sound | Used | Exception | None] = asyncio.Queue(MOST_PIECES)
        self._task = asyncio.ensure_future(self._run(source))

    async def next(self) -> Sound | Used | None:
        """What comes next; None at the end."""
        item = await self._items.get()
        if isinstance(item, Exception):
            raise item
        return item

    def stop(self) -> asyncio.Task[None]:
        """Tell the service, without waiting for it."""
        self._task.cancel()
        return self._task

    async def _run(self, source: AsyncGenerator[Sound | Used]) -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    await self._items.put(item)
        except Exception as error:  # noqa: BLE001  raised again where it is waited for
            await self._items.put(error)
        else:
            await self._items.put(None)


async def clauses_of(text: AsyncIterator[str], most: int) -> AsyncGenerator[str]:
    """What there is to say, without what is empty, and without what is too long."""
    async for given in text:
        for piece in pieces(given.strip(), most):
            yield piece


def pieces(text: str, most: int) -> Iterator[str]:
    """The text in pieces that are not too long, cut between words where there are any."""
    while len(text) > most:
        at = text.rfind(" ", 1, most + 1)
        at = at if at > 0 else most
        yield text[:at].rstrip()
        text = text[at:].lstrip()
    if text:
        yield text


def whole_samples() -> Callable[[bytes], bytes]:
    """Cuts a stream of bytes between its samples, wherever the network has cut it."""
    held = b""

    def take(data: bytes) -> bytes:
        nonlocal held
        data = held + data
        even = len(data) & ~1
        held = data[even:]
        return data[:even]

    return take
