"""One process or several: who owns the socket, who starts whom again, and how they end.

Several share one bound socket, which the first process holds open: while a worker is replaced, nobody is refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.config import Config
from edge.relay import serving
from edge.relay.app import furnished
from edge.relay.house import House
from edge.relay.logs import event
from edge.relay.origins import origins
from edge.relay.serving import Line, Manager

KILL_S = 32.0  # after SIGTERM: a worker drains within 30
READY_S = 30.0  # for a worker to start
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0  # before one that has died is started again
WELL_S = 60.0  # a worker that has run for so long was well

_log = logging.getLogger("edge-voice")


def alone(config: Config, path: Path, bound: socket.socket, line: Line, manager: Manager) -> int:
    """One process, which is all of it."""
    house = furnished(config, path, origins(config.server, bound.getsockname()[1]))
    line.text = f"Serving at {house.origins.own}"
    return _run(house, bound, manager)


def one_of_many(config: Config, path: Path, descriptors: str, line: Line) -> int:
    """A worker: serves on its parent's socket, tells it when it is ready, and ends with it."""
    listener, told = (int(one) for one in descriptors.split(","))
    bound = socket.socket(fileno=listener)
    house = furnished(config, path, origins(config.server, bound.getsockname()[1]))
    line.text = "Serving"
    return _run(house, bound, _Parent(told))


def _run(house: House, bound: socket.socket, manager: Manager) -> int:
    serving.raise_file_limit()
    context = serving.tls(house.config)
    try:
        serving.run(lambda: serving.serve(house, bound, context, manager))
    finally:
        house.store.close()
    return 0


class _Parent:
    """The Manager of a worker: a line to the process that started it."""

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)
        self._line.setblocking(False)

    def ready(self) -> None:
        """See serving.Manager."""
        with suppress(OSError):
            self._line.send(b"R")

    def stopping(self) -> None:
        """See serving.Manager."""

    async def beat(self, moved: Callable[[], bool]) -> None:
        """Until the parent is gone, without which nobody would end this process."""
        del moved
        with suppress(OSError):
            await asyncio.get_running_loop().sock_recv(self._line, 1)
        os.kill(os.getpid(), signal.SIGTERM)


# --- the process that has workers ---------------------------------------------------------------------


def several(config: Config, given: Path | None, bound: socket.socket, line: Line, manager: Manager) -> int:
    """Until SIGTERM; SIGHUP replaces the workers one by one, each when its successor is ready."""
    words = [sys.executable, "-m", "edge", "relay", "--listen", config.server.listen]
    words += ["--config", str(given)] if given else []
    asyncio.run(_Workers(words, bound, config.server.workers, line, manager).run())
    return 0


@dataclass(slots=True, eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    line: socket.socket  # ends with this process, and the worker with it
    began: float
    ready: bool = False
    leaving: bool = False


class _Workers:
    def __init__(self, words: list[str], bound: socket.socket, wanted: int, line: Line, manager: Manager) -> None:
        self._words, self._bound, self._wanted, self._line, self._manager = words, bound, wanted, line, manager
        self._workers: set[_Worker] = set()
        self._stop, self._renew, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end_all)
        loop.add_signal_handler(signal.SIGHUP, self._renew.set)
        places = [asyncio.ensure_future(self._place()) for _ in range(self._wanted)]
        beating = asyncio.ensure_future(self._manager.beat(self._look))
        renewing = asyncio.ensure_future(self._renewals())
        await self._first_ready()
        self._manager.ready()
        await self._stop.wait()
        self._manager.stopping()
        renewing.cancel()
        await asyncio.gather(*(self._end(worker) for worker in list(self._workers)))
        for task in (*places, beating):
            task.cancel()

    def _look(self) -> bool:
        ready = sum(worker.ready for worker in self._workers)
        self._line.text = f"{ready} of {self._wanted} workers serve"
        return True

    def _end_all(self) -> None:
        self._stop.set()
        self._news.set()

    async def _first_ready(self) -> None:
        while not self._stop.is_set() and not any(worker.ready for worker in self._workers):
            self._news.clear()
            await self._news.wait()

    async def _place(self) -> None:
        """One worker after another; those that die at once make the pause longer."""
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            worker = await self._start()
            code = await worker.process.wait()
            self._workers.discard(worker)
            worker.line.close()
            if self._stop.is_set() or worker.leaving:
                return  # another has its place
            event(_log, logging.ERROR, "worker_died", pid=worker.process.pid, code=code)
            pause = FIRST_PAUSE_S if time.monotonic() - worker.began > WELL_S else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311  no secret

    async def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            passed = (self._bound.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *self._words, "--worker", f"{passed[0]},{passed[1]}", pass_fds=passed
            )
        worker = _Worker(process, ours, time.monotonic())
        self._workers.add(worker)
        asyncio.get_running_loop().add_reader(ours, self._heard, worker)
        return worker

    def _heard(self, worker: _Worker) -> None:
        asyncio.get_running_loop().remove_reader(worker.line)
        with suppress(OSError):
            worker.ready = worker.line.recv(1) == b"R"
        if worker.ready:
            event(_log, logging.INFO, "worker_ready", pid=worker.process.pid)
            self._news.set()

    async def _renewals(self) -> None:
        tasks = set()
        while True:
            await self._renew.wait()
            self._renew.clear()
            for old in list(self._workers):
                task = asyncio.ensure_future(self._place())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                await self._newer_ready(old)
                await self._end(old)

    async def _newer_ready(self, old: _Worker) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                while not any(one.began > old.began and one.ready for one in self._workers):
                    self._news.clear()
                    await self._news.wait()

    async def _end(self, worker: _Worker) -> None:
        worker.leaving = True
        with suppress(ProcessLookupError):
            worker.process.terminate()
        try:
            async with asyncio.timeout(KILL_S):
                await worker.process.wait()
        except TimeoutError:
            event(_log, logging.ERROR, "worker_killed", pid=worker.process.pid)
            with suppress(ProcessLookupError):
                worker.process.kill()
