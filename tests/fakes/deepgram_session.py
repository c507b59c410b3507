"""One connection to the fake Deepgram: what is common to v1 and v2."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.fakes.deepgram_sdk import BaseModel

Script = Sequence[tuple[float, str]]  # (seconds of audio, words complete by then)


@dataclass
class Faults:
    """What goes wrong from now on, until it is set back."""

    status: int = 0  # of the handshake
    retry_after: str = ""
    handshake_s: float = 0.0
    silent: bool = False
    message_s: float = 0.0  # before every message that it sends, one after the other
    update_s: float = 0.25  # of audio between two interim results
    latency_s: float = 0.0  # from what it hears to what it says of it
    freeze_at_s: float | None = None  # of audio: neither reads nor writes, until `thaw`
    thaw: asyncio.Event = field(default_factory=asyncio.Event)
    drop_at_s: float | None = None
    drop_at_end: bool = False  # TCP ends instead of an answer to CloseStream
    say_at_s: float | None = None  # of audio: `say` goes out as it stands
    say: tuple[str, ...] = ("{",)
    shut_at_s: float | None = None  # of audio: closes with `shut`
    shut: tuple[int, str] = (1011, "NET-0000")
    deaf_to_finalize: bool = False  # it may have nothing left to say
    quiet_s: float = 10.0  # without audio or KeepAlive it hangs up


@dataclass
class Seen:
    """What a connection was like, for tests to look at."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    audio: bytearray = field(default_factory=bytearray)
    log: list[str] = field(default_factory=list)  # "audio" and the controls in order, "closed" at the end
    sent: list[str] = field(default_factory=list)  # the types, or events, of what went out


class Session(ABC):
    """Reads, keeps the record, and lets the protocol at hand answer."""

    controls: ClassVar[dict[str, type[BaseModel]]]

    def __init__(self, connection: ServerConnection, script: Callable[[], Script], faults: Faults, seen: Seen) -> None:
        self._connection, self._script, self.faults, self.seen = connection, script, faults, seen
        self.script: list[tuple[float, str]] = []
        self.query = dict(seen.query)
        self._rate = int(self.query.get("sample_rate", 8000))
        self._leaving: asyncio.Queue[str | None] = asyncio.Queue()
        self._said_at: deque[float] = deque()  # when each of those was put there
        self._frozen = asyncio.Event()
        self._said = False

    @property
    def heard_s(self) -> float:
        return len(self.seen.audio) / 2 / self._rate

    async def run(self) -> None:
        """Until the connection is gone; a mistake in the fake is raised."""
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- what the protocol says ---------------------------------------------------------------------

    @abstractmethod
    def opened(self) -> None: ...

    @abstractmethod
    def listened(self) -> None:
        """There is more audio."""

    @abstractmethod
    def controlled(self, message: dict[str, Any]) -> None: ...

    @abstractmethod
    def misunderstood(self, text: str) -> None: ...

    @abstractmethod
    async def end(self) -> None:
        """Close the connection as this protocol does."""

    def send(self, model: type[BaseModel], **fields: Any) -> None:
        """Send a message that the vendor's type has no objection to."""
        read = model.model_validate(fields)
        assert not read.model_extra, f"{model.__name__} has no {read.model_extra}"
        self.seen.sent.append(fields.get("event") or fields["type"])
        if not self.faults.silent:
            self._put(json.dumps(fields))

    def finish(self) -> None:
        """Close after what is on its way."""
        if not self.faults.silent:
            self._put(None)

    def _put(self, text: str | None) -> None:
        self._said_at.append(asyncio.get_running_loop().time())
        self._leaving.put_nowait(text)

    # --- the socket ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        self.opened()
        with suppress(ConnectionClosed):
            while True:
                try:
                    async with asyncio.timeout(self.faults.quiet_s):
                        frame = await self._connection.recv()
                except TimeoutError:
                    await self._connection.close(1011, "NET-0001: no audio or message for ten seconds")
                    return
                if isinstance(frame, str):
                    self._take(frame)
                elif frame:
                    await self._hear(frame)
                else:  # an empty frame ends the stream
                    self.seen.log.append("empty")
                    await self._connection.close(1000, "empty frame")
                    return

    async def _hear(self, pcm: bytes) -> None:
        if not self.seen.audio:
            self.script = list(self._script())
        self.seen.audio += pcm
        if self.seen.log[-1:] != ["audio"]:
            self.seen.log.append("audio")
        faults, now = self.faults, self.heard_s
        if faults.freeze_at_s is not None and now >= faults.freeze_at_s:
            self._connection.transport.pause_reading()
            self._frozen.set()
            await faults.thaw.wait()
            self._connection.transport.resume_reading()
        if faults.drop_at_s is not None and now >= faults.drop_at_s:
            self._connection.transport.abort()
        if faults.shut_at_s is not None and now >= faults.shut_at_s:
            await self._connection.close(*faults.shut)
        if faults.say_at_s is not None and now >= faults.say_at_s and not self._said:
            self._said = True
            for text in faults.say:
                self._put(text)
        self.listened()

    def _take(self, text: str) -> None:
        try:
            message = json.loads(text)
            read = self.controls[message["type"]].model_validate(message)
            assert not read.model_extra
        except (ValueError, KeyError, TypeError, AssertionError):
            self.seen.log.append("misunderstood")
            self.misunderstood(text)
            return
        self.seen.log.append(message["type"])
        if self.faults.drop_at_end and message["type"] == "CloseStream":
            self._connection.transport.abort()
        else:
            self.controlled(message)

    async def _write(self) -> None:
        with suppress(ConnectionClosed):
            while (text := await self._leaving.get()) is not None:
                due = self._said_at.popleft() + self.faults.latency_s
                await asyncio.sleep(max(self.faults.message_s, due - asyncio.get_running_loop().time()))
                if self._frozen.is_set():
                    await self.faults.thaw.wait()
                await self._connection.send(text)
            await self.end()
