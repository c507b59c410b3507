"""Waiting for another process or task, for which there is no clock that could be stepped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def wait_until(done: Callable[[], object], limit: float = 20.0) -> None:
    """Come back as soon as something is so; TimeoutError when it never is."""
    async with asyncio.timeout(limit):
        while not done():  # noqa: ASYNC110  what is waited for knows nothing of this loop's events
            await asyncio.sleep(0.002)
