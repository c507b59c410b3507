"""OpenAI's live transcription: a Realtime session of the type "transcription", whose turns we end by `commit`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from edge.agents.chained import faults
from edge.agents.chained.llm.failing import Told, by_told, told
from edge.agents.chained.sockets import Json, Line, Lines
from edge.agents.chained.stt import openai_models as models
from edge.agents.chained.stt import openai_wire as wire
from edge.agents.chained.stt.outlet import Outlet
from edge.config import Stt
from edge.core.chain import RATE, Heard, Mark, Standing, Used

LEAST_COMMIT = RATE * 2 // 10  # bytes: 100 ms, or the service has nothing to commit
_EMPTY = "input_audio_buffer_commit_empty"


@dataclass(slots=True)
class _Hearing:
    """One turn. `paused`: nothing but silence has come since the last commit; `last`: no more audio comes."""

    line: Line
    resampler: wire.Resampler
    outlet: Outlet = field(default_factory=Outlet)
    items: wire.Items = field(default_factory=wire.Items)
    uncommitted: int = 0  # bytes
    paused: bool = False
    last: bool = False
    waited_for: bool = False  # an EAGER or the OVER


class OpenAILive:
    """See ports.Transcriber."""

    ends_turns = False

    def __init__(self, name: str, config: Stt, key: str) -> None:
        self.name = name
        self._config, self._key, self._model = config, key, models.model_of(config)
        self._service = faults.Service(models.vendor(name, config), f"stt.{name}", f"{name}_api_key", key)
        self._lines: Lines[Line] = Lines(self._open)

    def prepare(self) -> None:
        """See ports.Stage."""
        self._lines.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._lines.close()

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber."""
        first = await anext(audio, None)
        if first is None:
            yield Heard("", Standing.OVER)
            return
        hearing = _Hearing(await self._lines.take(), wire.Resampler())
        try:
            works = (self._send(hearing, first, audio), self._receive(hearing))
            async with aclosing(hearing.outlet.stream(*works)) as said:
                async for item in said:
                    yield item
        finally:
            self._lines.end(hearing.line)

    async def _open(self) -> Line:
        """The session's settings are on their way then; what is wrong with them is told while it is used."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        line = await Line.open(self._service, wire.address(self._config), headers)
        await line.send({"type": "session.update", "session": wire.session(self._config)})
        return line

    # --- what is sent -------------------------------------------------------------------------------

    async def _send(self, hearing: _Hearing, first: bytes | Mark, audio: AsyncIterator[bytes | Mark]) -> None:
        await self._send_piece(hearing, first)
        async for piece in audio:
            await self._send_piece(hearing, piece)
        hearing.last = True
        if not hearing.paused:
            await self._commit(hearing)
        hearing.waited_for = True
        self._settle(hearing)

    async def _send_piece(self, hearing: _Hearing, piece: bytes | Mark) -> None:
        if isinstance(piece, bytes):
            hearing.uncommitted += len(piece)
            await self._append(hearing, hearing.resampler.add(piece))
        elif piece is Mark.PAUSED:
            await self._commit(hearing)
            hearing.paused = hearing.waited_for = True
            self._settle(hearing)
        else:
            hearing.paused = hearing.waited_for = False

    async def _append(self, hearing: _Hearing, pcm: bytes) -> None:
        if pcm:
            await hearing.line.send(wire.append(pcm))

    async def _commit(self, hearing: _Hearing) -> None:
        if hearing.uncommitted < LEAST_COMMIT:
            return
        hearing.uncommitted = 0
        hearing.items.commits += 1
        await self._append(hearing, hearing.resampler.rest())
        await hearing.line.send({"type": "input_audio_buffer.commit"})

    def _settle(self, hearing: _Hearing) -> None:
        if hearing.waited_for and hearing.items.settled:
            hearing.waited_for = False
            hearing.outlet.say(Heard(hearing.items.text, Standing.OVER if hearing.last else Standing.EAGER))

    # --- what comes back ----------------------------------------------------------------------------

    async def _receive(self, hearing: _Hearing) -> None:
        async for message in hearing.line.messages():
            self._take(hearing, message)
        raise faults.by_words(self._service, "", "it ended the session")

    def _take(self, hearing: _Hearing, message: Json) -> None:
        match message.get("type"):
            case "input_audio_buffer.committed":
                hearing.items.begun(self._text(message, "item_id"))
            case "conversation.item.input_audio_transcription.delta":
                hearing.items.more(self._text(message, "item_id"), str(message.get("delta") or ""))
                hearing.outlet.say(Heard(hearing.items.text))
            case "conversation.item.input_audio_transcription.completed":
                self._completed(hearing, message)
            case "conversation.item.input_audio_transcription.failed":
                raise by_told(self._service, told(message))
            case "error":
                self._wrong(hearing, told(message))

    def _completed(self, hearing: _Hearing, message: Json) -> None:
        item, text = self._text(message, "item_id"), self._text(message, "transcript")
        before = hearing.items.text
        hearing.items.whole(item, text)
        used = models.amounts(message.get("usage"))
        if used:
            hearing.outlet.say(Used(self._model, used))
        if hearing.waited_for and hearing.items.settled:
            self._settle(hearing)
        elif hearing.items.text != before:
            hearing.outlet.say(Heard(hearing.items.text))

    def _wrong(self, hearing: _Hearing, said: Told) -> None:
        """A commit of next to nothing is refused: it held no words."""
        if _EMPTY not in said.names:
            raise by_told(self._service, said)
        hearing.items.commits -= 1
        self._settle(hearing)

    def _text(self, message: Json, key: str) -> str:
        value = message.get(key)
        if isinstance(value, str):
            return value
        raise faults.unreadable(self._service, f"{message['type']} without {key}")
