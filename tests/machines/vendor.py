"""The vendor's stand-in, in a machine's own network."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from tests.fakes.realtime.script import Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.machines.machine import Machine

ANSWER = "The marmalade is in the cupboard."


class Server:
    """The fake, in the machine's network."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.fake = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.fake.__aexit__(None, None, None), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        self._machine.enter_network()
        self._loop.run_forever()

    async def _open(self) -> FakeRealtime:
        return await FakeRealtime([Reply(ANSWER)] * 20).__aenter__()
