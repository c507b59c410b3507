"""ElevenLabs: speech while the text is still being written, with the time of every character.

`multi-stream-input`, not `stream-input`: a reply that is interrupted closes its context and not the connection,
so that the next one begins without a handshake, and several may be spoken at once. Without the right to it for a
model (HTTP 403), each clause is a request of its own from then on.

Directions in brackets ([whispers]), which Eleven v3 acts on, stay in `Sound.text` and begin with the word after
them: they are never taken for heard before it, and the history is in the words that the model has written.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator

from websockets.exceptions import InvalidStatus

from edge.agents.chained import sockets
from edge.agents.chained.tts import elevenlabs_frames as frames
from edge.agents.chained.tts.aligned import Aligned
from edge.agents.chained.tts.clauses import clauses_of, in_turn, whole_samples
from edge.agents.chained.tts.elevenlabs_http import MOST_CLAUSE, Http
from edge.agents.chained.tts.elevenlabs_line import Context, ElevenLabsLine
from edge.agents.chained.tts.vendor import service
from edge.agents.chained.tts.warm import Warm
from edge.config import Tts
from edge.core.chain import Fault, Sound, StageFailed, Used

MODEL = frames.MODEL
URL = "https://api.elevenlabs.io"
VOICE = "JBFqnCBsd6RMkjVDRZzb"  # George: of the default voices, which every account has
_VOICE_ID = re.compile(r"[A-Za-z0-9]{20}")
_FORBIDDEN = 403

_log = logging.getLogger(__name__)


class ElevenLabs:
    """See ports.Voice."""

    rate = frames.RATE

    def __init__(self, name: str, config: Tts, key: str) -> None:
        self.name, self._config, self._key = name, config, key
        self._service = service("ElevenLabs", "elevenlabs", name, config, key)
        self._base = re.sub(r"^ws", "http", config.url or URL).rstrip("/").removesuffix("/v1")
        self._http = Http(self._service, config, key, self._base)
        self._voice = config.voice if _VOICE_ID.fullmatch(config.voice) else "" if config.voice else VOICE
        self._lines = Warm(self._dial)
        self._forbidden = False  # the socket, for this key and model
        if not frames.SLOWEST <= config.speed <= frames.FASTEST:
            limited = frames.settings(config)["speed"]
            _log.warning("tts_speed_limited name=%s asked=%s speed=%s", name, config.speed, limited)

    def prepare(self) -> None:
        """See ports.Stage."""
        if not self._forbidden:
            self._lines.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await asyncio.gather(self._lines.close(), self._http.close())

    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        """See ports.Voice. What the service leaves out of its list of characters comes at the end, without sound."""
        clauses = clauses_of(text, MOST_CLAUSE)
        first = await anext(clauses, "")  # nothing is opened for a reply without words
        if not first:
            return
        line = await self._line()
        again = _again(first, clauses)
        if line is None:
            voice = await self._voice_id()
            source = in_turn(again, lambda clause: self._http.speak(voice, clause), MOST_CLAUSE)
        else:
            source = self._over(line.begin(), again)
        try:
            async for item in source:
                yield item
        finally:
            await source.aclose()
            await again.aclose()

    async def _line(self) -> ElevenLabsLine | None:
        """None where there is only HTTP."""
        if self._forbidden:
            return None
        try:
            return await self._lines.take()
        except StageFailed as failure:
            refused = failure.__context__
            if not isinstance(refused, InvalidStatus) or refused.response.status_code != _FORBIDDEN:
                raise
        self._forbidden = True
        _log.warning("tts_socket_forbidden name=%s model=%s", self.name, frames.model_of(self._config))
        return None

    async def _over(self, context: Context, clauses: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        reply = _Reply(frames.model_of(self._config))
        writing = asyncio.ensure_future(_write(context, clauses, reply))
        try:
            final = False
            while not final:
                piece = await context.next()
                final = piece.final
                if final and not context.written:
                    raise StageFailed(f"{self._service.name} has ended a reply too early.", Fault.SERVICE)
                for item in reply.items(piece):
                    yield item
        finally:
            context.drop()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _dial(self) -> ElevenLabsLine:
        dialect = frames.dialect(self._config, await self._voice_id())
        url = re.sub(r"^http", "ws", self._base) + dialect.path()
        line = await sockets.Line.open(self._service, url, {"xi-api-key": self._key})
        return ElevenLabsLine(self._service, dialect, line)

    async def _voice_id(self) -> str:
        if not self._voice:
            self._voice = await self._http.voice_id(self._config.voice)
        return self._voice


class _Reply:
    """What is made of the pieces of one reply."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._aligned, self._cut = Aligned(), whole_samples()
        self._unpaid = self._count = 0
        self._timed = False

    def given(self, text: str) -> None:
        """Text that is sent, and paid for whether it is heard or not."""
        self._aligned.given(text)
        self._unpaid += len(text)

    def items(self, piece: frames.Piece) -> list[Sound | Used]:
        """What a piece comes to."""
        items: list[Sound | Used] = []
        if self._unpaid:
            items.append(Used(self.model, {"characters": self._unpaid}))
            self._unpaid = 0
        pcm = self._cut(piece.pcm)
        text, starts = self._aligned.take(piece.chars, piece.starts_ms)
        self._timed = self._timed or bool(starts)
        if pcm and not self._timed and self._count:  # the second piece without: this server tells no times
            text = self._aligned.rest().strip()
        self._count += bool(pcm)
        rest = self._aligned.rest().strip() if piece.final else ""
        if pcm or text:
            items.append(Sound(pcm, text, starts))
        if rest:
            items.append(Sound(b"", rest))
        return items


async def _write(context: Context, clauses: AsyncIterator[str], reply: _Reply) -> None:
    try:
        async for clause in clauses:
            reply.given(clause + " ")
            context.say(clause + " ")
        context.end()
    except Exception as error:  # noqa: BLE001  whoever waits for sound is told
        context.put(error)


async def _again(first: str, rest: AsyncIterator[str]) -> AsyncGenerator[str]:
    yield first
    async for clause in rest:
        yield clause
