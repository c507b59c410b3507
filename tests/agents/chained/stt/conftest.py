"""The contract's benches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.agents.chained.stt.bench import WORDS, Test
from tests.agents.chained.stt.benches import BENCHES
from tests.waiting import wait_until


@pytest.fixture(params=BENCHES, ids=lambda bench: bench.__name__)
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Run a test on each bench; nothing may be left of it, neither a task nor a connection."""

    async def on(test: Test) -> None:
        async with request.param() as bench:
            bench.script(*WORDS)
            before = asyncio.all_tasks()
            await test(bench)
            await wait_until(lambda: not any(_of_adapters(task) for task in asyncio.all_tasks() - before))
            await wait_until(lambda: all("closed" in log for log in bench.logs))

    return lambda test: asyncio.run(on(test))


def _of_adapters(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and ("/edge/" in code.co_filename or "websockets/asyncio/client" in code.co_filename)
