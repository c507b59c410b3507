"""AssemblyAI, streaming v3. A turn of ours may be several of its turns. It bills by open time: `Terminate` always."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed

from edge.agents.chained import faults
from edge.agents.chained.sockets import Json, Line, Lines
from edge.agents.chained.stt import assemblyai_wire as wire
from edge.agents.chained.stt.outlet import Outlet
from edge.config import Stt
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used

VERSION = "2025-05-12"  # AssemblyAI-Version, as its SDK 1.8 sends it
SETTLE_S = 1.0  # for words in what was just sent; less than chained.stall_s, or silence would pass for a stall
TERMINATION_S = 2.0  # for the service to confirm the end; it answers at once when it is well

_log = logging.getLogger(__name__)


class _Line(Line):
    """`billed_to`: up to when the time that it was open has been accounted for."""

    billed_to = 0.0
    _terminated = False

    async def terminate(self) -> None:
        """End the session, once."""
        if not self._terminated:
            self._terminated = True
            await self.send({"type": "Terminate"})


@dataclass(slots=True)
class _Hearing:
    """One turn of ours. `asked`: the service was told to settle what it has heard; `last`: no more audio comes."""

    line: _Line
    outlet: Outlet = field(default_factory=Outlet)
    turns: wire.Turns = field(default_factory=wire.Turns)
    began: bool = False  # the service has said so
    asked: bool = False
    settled: bool = False
    last: bool = False
    waiting: asyncio.Task[None] | None = None

    def wait(self, work: Coroutine[Any, Any, None] | None) -> None:
        """Wait for this, and no longer for what was waited for before."""
        if self.waiting is not None:
            self.waiting.cancel()
        self.waiting = None if work is None else asyncio.create_task(work)


class AssemblyAI:
    """See ports.Transcriber."""

    def __init__(self, name: str, config: Stt, key: str) -> None:
        self.name, self.ends_turns = name, config.turns == "service"
        self._model, self._url, self._key = wire.model_of(config), wire.address(config), key
        self._service = faults.Service("AssemblyAI", f"stt.{name}", f"{name}_api_key", key)
        self._lines: Lines[_Line] = Lines(self._open, self._end)
        self._owed = 0.0  # seconds that lines were open, and nobody was told

    def prepare(self) -> None:
        """See ports.Stage."""
        self._lines.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._lines.close()

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber."""
        first = await anext(audio, None)
        if first is None:  # no audio at all: nothing to connect for
            yield Heard("", Standing.OVER)
            return
        hearing = _Hearing(await self._lines.take())
        try:
            works = (self._send(hearing, first, audio), self._receive(hearing))
            async with aclosing(hearing.outlet.stream(*works)) as said:
                async for item in said:
                    yield item
        finally:
            hearing.wait(None)
            self._lines.end(hearing.line)

    # --- the line -----------------------------------------------------------------------------------

    async def _open(self) -> _Line:
        began = asyncio.get_running_loop().time()
        headers = {"Authorization": self._key, "AssemblyAI-Version": VERSION}
        line = await _Line.open(self._service, self._url, headers)
        line.billed_to = began
        return line

    async def _end(self, line: _Line) -> None:
        try:
            async with asyncio.timeout(TERMINATION_S):
                await line.terminate()
                async for message in line.messages():
                    if message.get("type") == "Termination":
                        break
        except TimeoutError:
            _log.warning("assemblyai_end_not_confirmed within_s=%s", TERMINATION_S)
        finally:
            self._account(line)

    def _account(self, line: _Line) -> None:
        now = asyncio.get_running_loop().time()
        self._owed += now - line.billed_to
        line.billed_to = now

    # --- what is sent -------------------------------------------------------------------------------

    async def _send(self, hearing: _Hearing, first: bytes | Mark, audio: AsyncIterator[bytes | Mark]) -> None:
        frames = wire.Frames()
        await self._send_piece(hearing, frames, first)
        async for piece in audio:
            await self._send_piece(hearing, frames, piece)
        hearing.last = True
        if hearing.settled:  # since then there was only silence
            self._settle(hearing)
            return
        if not hearing.asked:
            await self._ask(hearing, frames)
        await hearing.line.terminate()

    async def _send_piece(self, hearing: _Hearing, frames: wire.Frames, piece: bytes | Mark) -> None:
        if isinstance(piece, bytes):
            for frame in frames.add(piece):
                await hearing.line.send(frame)
        elif self.ends_turns:
            pass
        elif piece is Mark.PAUSED:
            await self._ask(hearing, frames)
        else:
            hearing.asked = hearing.settled = False

    async def _ask(self, hearing: _Hearing, frames: wire.Frames) -> None:
        for frame in frames.rest():
            await hearing.line.send(frame)
        hearing.asked, hearing.settled = True, False
        await hearing.line.send({"type": "ForceEndpoint"})
        hearing.wait(self._settle_silence(hearing))

    async def _settle_silence(self, hearing: _Hearing) -> None:
        """A forced end with no words before it is not answered. A dead line is another matter: hence the pong."""
        with suppress(ConnectionClosed):
            await (await hearing.line.socket.ping())
            await asyncio.sleep(SETTLE_S)
            if hearing.began and hearing.asked and not hearing.turns.open and not hearing.last:
                self._settle(hearing)

    def _settle(self, hearing: _Hearing) -> None:
        hearing.asked, hearing.settled = False, True
        self._account(hearing.line)
        hearing.outlet.say(Used(self._model, {"audio_seconds": self._owed}))
        self._owed = 0.0
        over = hearing.last or self.ends_turns
        hearing.outlet.say(Heard(hearing.turns.text, Standing.OVER if over else Standing.EAGER))

    # --- what comes back ----------------------------------------------------------------------------

    async def _receive(self, hearing: _Hearing) -> None:
        try:
            async for message in hearing.line.messages():
                if message.get("type") == "Termination":
                    break
                self._take(hearing, message)
        except StageFailed:
            code, reason = hearing.line.ending
            means = wire.fault(code, reason)
            if means is None:
                raise
            raise faults.by_words(self._service, "", reason, means) from None
        if not (hearing.last and hearing.began):
            raise faults.by_words(self._service, "", "it ended the session")
        self._settle(hearing)

    def _take(self, hearing: _Hearing, message: Json) -> None:
        match message.get("type"):
            case "Begin":
                hearing.began = True
            case "Turn":
                self._take_turn(hearing, message)
            case "SpeakerRevision":
                self._take_revision(hearing, message)
            case "Warning":
                _log.warning("assemblyai_warning code=%s", message.get("warning_code"))
            case "Error":
                said = str(message.get("error") or "")
                means = wire.fault(message.get("error_code"), said) or Fault.SERVICE
                raise faults.by_words(self._service, "", said, means)

    def _take_turn(self, hearing: _Hearing, message: Json) -> None:
        order, text, end = message.get("turn_order"), message.get("transcript"), message.get("end_of_turn")
        if not (isinstance(order, int) and isinstance(text, str) and isinstance(end, bool)):
            raise faults.unreadable(self._service, "a Turn without turn_order, transcript or end_of_turn")
        before = hearing.turns.text
        ended = hearing.turns.take(order, text, end=end, speaker=str(message.get("speaker_label") or ""))
        new = hearing.turns.text != before
        late = new and hearing.settled
        if late or (ended and (hearing.asked or (self.ends_turns and hearing.turns.text))):
            self._settle(hearing)
        elif new:
            hearing.outlet.say(Heard(hearing.turns.text))

    def _take_revision(self, hearing: _Hearing, message: Json) -> None:
        """Speakers are found out late; of a revision that cannot be read the first guess stands."""
        revisions = message.get("revisions")
        for revision in revisions if isinstance(revisions, list) else ():
            order = revision.get("turn_order") if isinstance(revision, dict) else None
            if isinstance(order, int) and order in hearing.turns.texts:
                hearing.turns.speakers[order] = str(revision.get("speaker_label") or "")
