"""The worker process seen from the daemon: which one is given up, and how soon there is another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from edge.agents.local import child as module
from edge.agents.local.child import Child, JobFailed, WorkerGone
from edge.core.retry import Backoff
from tests.agents.local.benches import WORKER
from tests.waiting import wait_until

HANG_S = 0.3
SOUND = bytes(32_000)

Test = Callable[[Child], Awaitable[None]]


def with_child(folder: Path, test: Test, **plan: object) -> None:
    """Run a test against a worker that follows the plan."""

    async def main() -> None:
        command = (sys.executable, str(WORKER), str(folder), json.dumps(plan))
        child = Child({}, lambda _what, _text: None, command)
        supervising = asyncio.create_task(child.supervise())
        try:
            await test(child)
        finally:
            supervising.cancel()
            with suppress(asyncio.CancelledError):
                await supervising

    asyncio.run(asyncio.wait_for(main(), 60))


async def ready(child: Child, parts: int = module.ALL_PARTS) -> None:
    """Until it has loaded so many parts."""
    await wait_until(lambda: child.ready.is_set() and len(child.loaded) == parts)


async def kill(child: Child) -> None:
    """Until the next one is there."""
    before = child.restarts
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    await wait_until(lambda: child.restarts > before)


# --- a worker that hangs -------------------------------------------------------------------------------


def test_one_that_hangs_in_a_job_is_killed_and_the_next_one_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_S", HANG_S)

    async def test(child: Child) -> None:
        await ready(child)
        old = child.pid
        with pytest.raises(WorkerGone):
            await child.once("read", SOUND)
        await wait_until(lambda: child.restarts == 1)
        await ready(child)
        assert child.pid != old
        head, _ = await child.once("read", SOUND)
        assert head["text"] == "tell me about 1.0 dogs"

    with_child(tmp_path, test, hold={"read": [1]})


def test_one_that_is_stopped_is_killed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else than SIGKILL ends it then."""
    monkeypatch.setattr(module, "HANG_S", HANG_S)

    async def test(child: Child) -> None:
        await ready(child)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(WorkerGone):
            await child.once("read", SOUND)
        await wait_until(lambda: child.restarts == 1)

    with_child(tmp_path, test)


def test_one_that_still_loads_the_language_model_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small device takes longer over that than any job may."""
    monkeypatch.setattr(module, "HANG_S", 0.05)

    async def test(child: Child) -> None:
        await ready(child, parts=2)
        old, job = child.pid, asyncio.create_task(child.once("read", SOUND))
        await asyncio.sleep(10 * module.HANG_S)
        assert not job.done()
        (tmp_path / "go").touch()
        await job
        assert (child.pid, child.restarts) == (old, 0)

    with_child(tmp_path, test, hold={"read": [1]}, unsaid="mind", mind=[])


def test_one_that_has_said_something_of_another_job_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_S", HANG_S)

    async def test(child: Child) -> None:
        await ready(child)
        job = asyncio.create_task(child.once("read", SOUND))
        end = time.monotonic() + 4 * HANG_S
        while time.monotonic() < end:
            child._heard_at = time.monotonic()
            await asyncio.sleep(0.01)
        assert not job.done()
        (tmp_path / "go").touch()
        await job
        assert child.restarts == 0

    with_child(tmp_path, test, hold={"read": [1]})


def test_one_that_has_nothing_to_do_may_be_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANG_S", 0.05)

    async def test(child: Child) -> None:
        await ready(child)
        await asyncio.sleep(10 * module.HANG_S)
        assert child.restarts == 0

    with_child(tmp_path, test)


# --- how soon there is another -------------------------------------------------------------------------


@pytest.fixture
def resets(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times at which the pauses began to be short again."""
    noted: list[float] = []

    class Noted(Backoff):
        def reset(self) -> None:
            noted.append(time.monotonic())
            super().reset()

    monkeypatch.setattr(module, "Backoff", Noted)
    return noted


def test_after_one_that_was_of_use_the_next_comes_soon(tmp_path: Path, resets: list[float]) -> None:
    async def test(child: Child) -> None:
        for count in (1, 2, 3):
            await ready(child)
            await child.once("read", SOUND)
            await kill(child)
            assert len(resets) == count

    with_child(tmp_path, test)


def test_after_one_that_was_of_no_use_it_takes_longer_each_time(tmp_path: Path, resets: list[float]) -> None:
    """Also if it was loaded: what kills it may be the first job that it gets."""

    async def test(child: Child) -> None:
        for _ in range(2):
            await ready(child)
            await kill(child)
        await ready(child)
        with pytest.raises(WorkerGone):
            await child.once("read", SOUND)
        await wait_until(lambda: child.restarts == 3)
        assert resets == []

    with_child(tmp_path, test, crash={"read": "*"})


def test_one_that_dies_at_its_start_is_tried_again_more_and_more_rarely(tmp_path: Path, resets: list[float]) -> None:
    async def test(child: Child) -> None:
        await wait_until(lambda: child.restarts >= 3)
        assert resets == []

    with_child(tmp_path, test, dead=True)


def test_one_that_lived_long_was_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resets: list[float]) -> None:
    monkeypatch.setattr(module, "STEADY_S", 0.0)

    async def test(child: Child) -> None:
        await ready(child)
        await kill(child)
        assert len(resets) == 1

    with_child(tmp_path, test)


# --- jobs ----------------------------------------------------------------------------------------------


def test_without_a_worker_a_job_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(WorkerGone):
            await Child({}, lambda _what, _text: None).once("read")

    asyncio.run(main())


def test_a_job_without_an_answer_has_failed(tmp_path: Path) -> None:
    async def test(child: Child) -> None:
        await ready(child)
        with pytest.raises(JobFailed, match="no answer to think"):
            await child.once("think")

    with_child(tmp_path, test, mind=[])
