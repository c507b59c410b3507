"""The worker process seen from the daemon: started, spoken to, restarted when it dies."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from edge.agents.local import wire
from edge.core.retry import Backoff

STEADY_S = 60.0  # a worker that lived this long was well: the next crash is a first one
STOP_S = 0.5
HANG_S = 20.0  # a worker that says nothing for so long in the middle of its work says nothing any more
COMMAND = (sys.executable, "-m", "edge.agents.local.worker")
PARTS = ("ears", "voice")  # without these no turn can be held; the language model may come later
ALL_PARTS = 3


class WorkerGone(Exception):
    """The process died under this job; another is on its way."""


class JobFailed(Exception):
    """The worker says why."""


class Child:
    """`changed(what, text)` tells `ready`, `gone` (restarting) or `broken` (cannot load; no restart)."""

    def __init__(
        self, load: dict[str, object], changed: Callable[[str, str], None], command: tuple[str, ...] = COMMAND
    ) -> None:
        self._load, self._command = load, command
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._jobs: dict[int, asyncio.Queue[wire.Message | None]] = {}
        self._job = 0
        self._stderr: deque[str] = deque(maxlen=12)
        self.ready = asyncio.Event()
        self.loaded: dict[str, bool] = {}
        self.reasons: dict[str, str] = {}
        self.restarts = 0
        self._heard_at = 0.0
        self._useful = False  # it has done a job
        self.rss_mb = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process else None

    # --- life ---------------------------------------------------------------------------------------

    async def supervise(self) -> None:
        """Keep a worker running until cancelled, or until it cannot load its models."""
        backoff = Backoff(0.2, 30.0)
        while True:
            began = time.monotonic()
            broken = await self._live()
            if broken:
                self._changed("broken", broken)
                return
            if self._useful or time.monotonic() - began > STEADY_S:
                backoff.reset()
            self.restarts += 1
            self._changed("gone", self._last_words())
            await asyncio.sleep(backoff.next())

    async def _live(self) -> str:
        """One process from start to end; returns why it must not be started again, or ""."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            return f"its worker process cannot be started ({error.strerror})"
        self._process, self._useful = process, False
        listener = asyncio.create_task(self._keep_stderr(process))
        for part in PARTS:
            self._send({"request": "load", "part": part, **self._load})
        try:
            return await self._pump(process)
        finally:
            self.ready.clear()
            self.loaded.clear()
            for jobs in self._jobs.values():
                jobs.put_nowait(None)
            listener.cancel()
            await _stop(process)

    async def _pump(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None
        with suppress(asyncio.IncompleteReadError, wire.WireError, ValueError, KeyError):  # all but the first: nonsense
            while True:
                head, body = wire.sizes(await process.stdout.readexactly(wire.PREFIX))
                message = wire.unpack(await process.stdout.readexactly(head), await process.stdout.readexactly(body))
                self._heard_at = time.monotonic()
                if broken := self._take(message):
                    return broken
        return ""

    def _take(self, message: wire.Message) -> str:
        head, _ = message
        job = int(str(head.get("job", 0)))
        if head["event"] == "loaded":
            self._note_loaded(head)
        elif job in self._jobs:
            self._jobs[job].put_nowait(message)
        elif head["event"] == "failed" and job == 0:
            return str(head["message"])
        return ""

    def _note_loaded(self, head: dict[str, Any]) -> None:
        self.loaded[head["part"]] = bool(head["ok"])
        self.reasons[head["part"]] = str(head["reason"])
        self.rss_mb = int(head["rss_mb"])
        if not self.ready.is_set() and all(self.loaded.get(part) for part in PARTS):
            self.ready.set()
            self._send({"request": "load", "part": "mind", **self._load})  # last: it is big, and not always needed
            self._changed("ready", "")

    async def _keep_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self._stderr.append(line.decode(errors="replace").rstrip()[:200])

    def _last_words(self) -> str:
        code = self._process.returncode if self._process else None
        last = next((line for line in reversed(self._stderr) if line), "")
        return f"the offline engine's worker ended (code {code}){': ' + last if last else ''}"

    # --- jobs ---------------------------------------------------------------------------------------

    async def stream(self, request: str, body: bytes = b"", **fields: object) -> AsyncIterator[wire.Message]:
        """Do a job and yield its messages; closing the iterator early cancels it."""
        self._job += 1
        job, messages = self._job, asyncio.Queue[wire.Message | None]()
        self._jobs[job] = messages
        done = False
        try:
            self._send({"request": request, "job": job, **fields}, body)
            while (message := await self._next(messages)) is not None:
                done = message[0]["event"] in {"done", "failed"}
                if message[0]["event"] == "failed":
                    raise JobFailed(str(message[0]["message"]))
                if done:
                    self._useful = True
                    return
                yield message
            raise WorkerGone
        finally:
            del self._jobs[job]
            if not done:
                with suppress(WorkerGone):
                    self._send({"request": "cancel", "job": job})

    async def _next(self, messages: asyncio.Queue[wire.Message | None]) -> wire.Message | None:
        """The next message of a job; None from a worker that has died, of itself or because it hangs."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HANG_S):
                    return await messages.get()
            loading = len(self.loaded) < ALL_PARTS  # the language model, which a small device takes its time for
            if not loading and time.monotonic() - self._heard_at >= HANG_S and self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.kill()

    async def once(self, request: str, body: bytes = b"", **fields: object) -> wire.Message:
        """Do a job that answers with one message."""
        answer: wire.Message | None = None
        async for message in self.stream(request, body, **fields):
            answer = message
        if answer is None:
            raise JobFailed(f"no answer to {request}")
        return answer

    def _send(self, head: dict[str, object], body: bytes = b"") -> None:
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None or process.stdin.is_closing():
            raise WorkerGone
        process.stdin.write(wire.pack(head, body))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End it: the closed pipe asks, the signal makes sure."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
