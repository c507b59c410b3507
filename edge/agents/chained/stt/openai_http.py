"""OpenAI's transcription of files, which many servers speak: a turn is sent whole, at a pause and at its end."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from edge.agents.chained import faults
from edge.agents.chained.llm.failing import failure
from edge.agents.chained.llm.line import Line
from edge.agents.chained.stt import openai_models as models
from edge.agents.chained.stt.outlet import Outlet
from edge.config import Stt
from edge.core.chain import RATE, Fault, Heard, Mark, StageFailed, Standing, Used

if TYPE_CHECKING:
    from openai import AsyncOpenAI

VENDOR = "https://api.openai.com/v1"
MOST_BYTES = 25_000_000  # of a file: 13 minutes
LEAST_BYTES = RATE * 2 // 10  # 100 ms: the service refuses less


def wav(pcm: bytes) -> bytes:
    """The audio as a file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return out.getvalue()


class _Turn:
    """The audio of one turn, and the reading of it that is under way."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.outlet = Outlet()
        self.reading: asyncio.Task[None] | None = None
        self.text: str | None = None  # of all up to the pause at hand
        self.last = False

    def stop(self) -> None:
        """It is not wanted any more."""
        reading, self.reading, self.text = self.reading, None, None
        if reading is not None:
            reading.cancel()

    def tell(self) -> None:
        """What is known of the pause or the end at hand."""
        if self.text is not None:
            self.outlet.say(Heard(self.text, Standing.OVER if self.last else Standing.EAGER))


class OpenAIFiles:
    """See ports.Transcriber."""

    ends_turns = False

    def __init__(self, name: str, config: Stt, key: str) -> None:
        self.name = name
        self._config, self._key, self._model = config, key, models.model_of(config)
        self._url = (config.url or VENDOR).rstrip("/")
        self._service = faults.Service(models.vendor(name, config), f"stt.{name}", f"{name}_api_key", key)
        self._line: Line[AsyncOpenAI] = Line(self._url, self._connect)

    def prepare(self) -> None:
        """See ports.Stage."""
        self._line.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._line.close()

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """See ports.Transcriber."""
        turn = _Turn()
        try:
            async with aclosing(turn.outlet.stream(self._follow(turn, audio))) as said:
                async for item in said:
                    yield item
        finally:
            turn.stop()

    def _connect(self, http: Any) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        # a server of one's own may want no key; the client insists on one
        return AsyncOpenAI(api_key=self._key or "none", base_url=self._url, http_client=http, max_retries=0)

    async def _follow(self, turn: _Turn, audio: AsyncIterator[bytes | Mark]) -> None:
        async for piece in audio:
            match piece:
                case bytes():
                    turn.pcm += piece
                case Mark.PAUSED:
                    turn.stop()
                    turn.reading = asyncio.create_task(self._read(turn))
                case Mark.RESUMED:
                    turn.stop()
        turn.last = True
        if turn.reading is None:
            turn.reading = asyncio.create_task(self._read(turn))
        turn.tell()  # what has come since the pause is silence

    async def _read(self, turn: _Turn) -> None:
        try:
            turn.text = await self._transcribed(turn.outlet, bytes(turn.pcm))
        except StageFailed as error:
            turn.outlet.fail(error)
        else:
            turn.tell()

    async def _transcribed(self, outlet: Outlet, pcm: bytes) -> str:
        if len(pcm) < LEAST_BYTES:
            return ""
        if len(pcm) > MOST_BYTES:
            raise StageFailed(f"{self._service.name} takes no turn of more than 13 minutes.", Fault.REQUEST)
        options: dict[str, Any] = models.hints(self._config)
        if models.streams(self._model):
            options["stream"] = True
        try:
            async with self._line.client() as sdk:
                file = ("turn.wav", wav(pcm), "audio/wav")
                answer = await sdk.audio.transcriptions.create(file=file, model=self._model, **options)
                done = await self._streamed(outlet, answer) if "stream" in options else answer
        except ImportError as error:
            raise faults.lacking(self._service, error) from None
        except Exception as error:  # noqa: BLE001  the boundary to a client that raises what it likes
            raise failure(self._service, error) from None
        usage = getattr(done, "usage", None)
        used = models.amounts(usage.model_dump() if usage is not None else None)
        outlet.say(Used(self._model, used or {"audio_seconds": len(pcm) / 2 / RATE}))
        return str(done.text).strip()

    async def _streamed(self, outlet: Outlet, answer: Any) -> Any:
        """The last event of the stream, which has all of the text."""
        text = ""
        async with answer:
            async for event in answer:
                if event.type == "transcript.text.done":
                    return event
                if event.type == "transcript.text.delta":
                    text += event.delta
                    outlet.say(Heard(text))
        raise StageFailed(f"{self._service.name} has broken off.", Fault.SERVICE)
