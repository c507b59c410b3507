"""Two relays of one database and one Redis: the calls of one that is killed are ended by the other."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.fakes.realtime_calls import FakeVendor
from tests.relay.redis_rig import needs_redis, redis_server
from tests.relay.test_relay_serving import Process, process, set_up, until
from tests.relay.voice.talking import OFFER, in_loop

pytestmark = [needs_redis, pytest.mark.long]  # a lease has to run out, and a dead process' count

GONE_S = 90.0  # that the other may need on a busy machine: 15 s of lease, 20 s of the count


@contextmanager
def two(folder: Path, vendor: str) -> Iterator[tuple[Process, Process]]:
    """Each person and program may have one call at a time."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(folder))
        config = (
            f'[server]\nredis = "{redis.url}"\ndatabase = "{folder}/shared.sqlite"\nsessions_each = 1\n'
            f'[realtime]\nurl = "{vendor}"\n[prices."gpt-realtime-2.1"]\naudio_out = 10000.0\n'
        )
        found = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            found.append(stack.enter_context(process(folder / name, config=config)))
            found[-1].ready()
        yield found[0], found[1]


def new_token(one: Process) -> str:
    with set_up(one) as owner:
        return str(owner.post("/api/tokens", json={"name": "robot"}).json()["token"])


def call(one: Process, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    return httpx.post(f"{one.url}/v1/realtime/calls", content=OFFER, headers=headers, timeout=30)


def begins(one: Process, token: str) -> bool:
    """A moment between tries: beginning is limited, too."""
    time.sleep(1)
    return call(one, token).status_code == 201


def spent(one: Process, token: str) -> float:
    """Money, as the store of both has it."""
    text = httpx.get(f"{one.url}/metrics", headers={"authorization": f"Bearer {token}"}, timeout=30).text
    lines = [line for line in text.splitlines() if "voice_cost_total{" in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_the_calls_of_one_that_is_killed_are_hung_up_by_the_other(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor:
            around = two(tmp_path, vendor.url)
            first, second = await asyncio.to_thread(around.__enter__)
            try:
                token = await asyncio.to_thread(new_token, second)  # whose link is the newest
                assert (await asyncio.to_thread(call, first, token)).status_code == 201
                lost = vendor.last
                await vendor.until(lambda: lost.from_sideband, 30)
                lost.spent(audio_tokens=50)
                await asyncio.to_thread(until, lambda: spent(first, token) >= 0.5, GONE_S)
                assert (await asyncio.to_thread(call, second, token)).status_code == 429  # counted by both
                written = "SELECT cost FROM usage"
                await asyncio.to_thread(until, lambda: kept(tmp_path / "shared.sqlite", written) == [(0.5,)], GONE_S)
                first.process.kill()
                await vendor.until(lambda: vendor.hang_ups == [lost.id], GONE_S)
                # the count of the dead goes with its last sign of life
                await asyncio.to_thread(until, lambda: begins(second, token), GONE_S)
                assert vendor.hang_ups == [lost.id]
            finally:
                await asyncio.to_thread(around.__exit__, None, None, None)
        rows = kept(tmp_path / "shared.sqlite", "SELECT sum(cost) FROM usage")
        assert rows == [(0.5,)]
        assert kept(tmp_path / "shared.sqlite", "SELECT call_id FROM calls") == []

    in_loop(work, 240)


def kept(path: Path, question: str) -> list[tuple[object, ...]]:
    """What is written down."""
    with sqlite3.connect(path) as db:
        return db.execute(question).fetchall()
