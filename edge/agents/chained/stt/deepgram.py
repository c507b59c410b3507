"""Deepgram: nova-3 where the device finds the end of a turn, Flux where the service does; billed by the audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from edge.agents.chained import faults
from edge.agents.chained.sockets import Lines
from edge.agents.chained.stt import flux, nova
from edge.agents.chained.stt.deepgram_line import DeepgramLine, client
from edge.agents.chained.stt.outlet import Outlet
from edge.config import Stt
from edge.core.chain import RATE, Fault, Heard, Mark, StageFailed, Standing, Used

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient

KEEP_S = 8.0  # an unused connection; the service ends it after ten seconds (NET-0001), and bills nothing

_log = logging.getLogger(__name__)


def model_of(config: Stt) -> str:
    """Which model hears."""
    if config.model:
        return config.model
    if config.turns != "service":
        return nova.MODEL
    return flux.ENGLISH if config.language in {"", "en"} else flux.MULTILINGUAL


class Deepgram:
    """See ports.Transcriber. A model of v1 finds no ends: with it they are the device's, whatever `turns` says."""

    def __init__(self, name: str, config: Stt, key: str) -> None:
        self.name, self._config, self._key = name, config, key
        self._model = model_of(config)
        self._is_flux = self._model.startswith(flux.FAMILY)
        self.ends_turns = self._is_flux and config.turns == "service"
        self._service = faults.Service("Deepgram", f"stt.{name}", f"{name}_api_key", key)
        self._client: AsyncDeepgramClient | None = None
        self._lines: Lines[DeepgramLine] = Lines(self._open, DeepgramLine.leave, KEEP_S)

    def prepare(self) -> None:
        """See ports.Stage."""
        self._lines.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._lines.close()

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber. Used comes before each EAGER and OVER, and tells what is new since the last."""
        first = await anext(audio, None)
        if first is None:  # nothing to hear, nothing to open
            yield Heard("", Standing.OVER)
            return
        hearing = _Hearing(self._turn(), await self._lines.take(), self._model)
        try:
            async with aclosing(hearing.heard(first, audio)) as heard:
                async for item in heard:
                    yield item
        except StageFailed:
            for used in hearing.used():
                yield used
            raise
        finally:
            self._lines.end(hearing.line)

    def _turn(self) -> nova.NovaTurn | flux.FluxTurn:
        return flux.FluxTurn(self._service, ends=self.ends_turns) if self._is_flux else nova.NovaTurn(self._service)

    async def _open(self) -> DeepgramLine:
        if self._client is None:
            self._client = await self._made()
        connecting = flux.connecting if self._is_flux else nova.connecting
        return await DeepgramLine.through(self._service, connecting(self._client, self._model, self._config))

    async def _made(self) -> AsyncDeepgramClient:
        """In a thread: on a small device the import takes a second."""
        try:
            return await asyncio.to_thread(client, self._key, self._config.url)
        except ImportError as error:
            why = f"Deepgram needs the package {error.name}: install edge-voice[cloud]."
            raise StageFailed(why, Fault.REQUEST) from None
        except ValueError as error:
            raise StageFailed(f"stt.{self.name}.url is no address: {error}.", Fault.REQUEST) from None


class _Hearing:
    """One turn on one line."""

    def __init__(self, turn: nova.NovaTurn | flux.FluxTurn, line: DeepgramLine, model: str) -> None:
        self.line, self._turn, self._model = line, turn, model
        self._outlet = Outlet()
        self._clock = asyncio.get_running_loop().time
        self._sent_at = self._clock()
        self._sent = self._billed = 0  # bytes
        self._noted = asyncio.Event()
        self._unread = 0

    def heard(self, first: bytes | Mark, rest: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """Send the audio and give what is understood, up to OVER."""
        return self._outlet.stream(self._send(first, rest), self._receive(), self._mind())

    def used(self) -> Iterable[Used]:
        """What nobody was told of yet."""
        new, self._billed = self._sent - self._billed, self._sent
        return [Used(self._model, {"audio_seconds": new / 2 / RATE})] if new else []

    # --- what is sent -------------------------------------------------------------------------------

    async def _send(self, first: bytes | Mark, rest: AsyncIterator[bytes | Mark]) -> None:
        with suppress(ConnectionClosed):  # which `_receive` is told, too
            await self._send_piece(first)
            async for piece in rest:
                await self._send_piece(piece)
            await self._ask(None)
            await self.line.close_stream()

    async def _send_piece(self, piece: bytes | Mark) -> None:
        if isinstance(piece, Mark):
            await self._ask(piece)
        elif piece:  # an empty frame would end the stream
            self._sent += len(piece)
            await self.line.api.send_media(piece)
            self._sent_at = self._clock()

    async def _ask(self, mark: Mark | None) -> None:
        self._turn.noted(mark, self._sent / 2 / RATE, self._clock())
        self._noted.set()
        await self._turn.ask(self.line.api, mark)  # type: ignore[arg-type]  # a turn's line is of its own protocol

    # --- what comes back ----------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            try:
                self._say(self._turn.read(await self.line.api.recv()))
            except ConnectionClosed as closed:
                if not (self._turn.ending and isinstance(closed, ConnectionClosedOK)):
                    raise faults.hung_up(self._turn.service, closed) from None
                self._say([self._turn.over()])
                return
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as wrong:
                self._unread += 1  # one message that cannot be read is no reason to lose the others
                if self._unread == 1:
                    _log.warning("deepgram_unreadable %s", type(wrong).__name__)

    def _say(self, items: Iterable[Heard]) -> None:
        for heard in items:
            if heard.standing in {Standing.EAGER, Standing.OVER}:  # with either, the listener may leave
                for used in self.used():
                    self._outlet.say(used)
            self._outlet.say(heard)

    # --- what is due --------------------------------------------------------------------------------

    async def _mind(self) -> None:
        """Answer a pause that the service does not; keep a line alive while no audio comes."""
        while True:
            now = self._clock()
            if self._turn.due is not None and now >= self._turn.due:
                self._say(self._turn.overdue())
            if self._turn.keep_alive_s is not None and now >= self._sent_at + self._turn.keep_alive_s:
                self._sent_at = now
                with suppress(ConnectionClosed):
                    await self.line.api.send_keep_alive()  # type: ignore[union-attr]  # only v1 has an interval
            await self._wait(now)

    async def _wait(self, now: float) -> None:
        times = [self._sent_at + self._turn.keep_alive_s] if self._turn.keep_alive_s is not None else []
        times += [self._turn.due] if self._turn.due is not None else []
        self._noted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(times) - now if times else None):
                await self._noted.wait()
