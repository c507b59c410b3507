"""OpenAI's speech over HTTP, which many other servers speak: a request for each clause.

The vendor's own models for it end on 2027-01-06 (see lifecycle); `realtime` speaks with their successor.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from edge.agents.chained.llm.failing import failure
from edge.agents.chained.llm.line import Line
from edge.agents.chained.tts.clauses import in_turn, whole_samples
from edge.agents.chained.tts.vendor import service
from edge.config import Tts
from edge.core.chain import Fault, Sound, StageFailed, Used

if TYPE_CHECKING:
    from openai import AsyncOpenAI

URL = "https://api.openai.com/v1"
MODEL, VOICE = "gpt-4o-mini-tts", "marin"
RATE = 24_000  # of response_format pcm
MOST_CLAUSE = 4096  # characters, of `input`
_WITHOUT_INSTRUCTIONS = "tts-1"


class OpenAiSpeech:
    """See ports.Voice."""

    rate = RATE

    def __init__(self, name: str, config: Tts, key: str) -> None:
        self.name, self._config, self._key = name, config, key
        self._model = config.model or MODEL
        self._service = service("OpenAI", "openai", name, config, key)
        self._url = (config.url or URL).rstrip("/")
        self._line: Line[AsyncOpenAI] = Line(self._url, self._connect)

    def prepare(self) -> None:
        """See ports.Stage."""
        self._line.prepare()

    async def close(self) -> None:
        """See ports.Stage."""
        await self._line.close()

    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        """See ports.Voice. There are no times: a clause's text comes with the first of its sound."""
        async with aclosing(in_turn(text, self._clause, MOST_CLAUSE)) as items:
            async for item in items:
                yield item

    async def _clause(self, clause: str) -> AsyncGenerator[Sound | Used]:
        cut, told, paid = whole_samples(), clause, False
        try:
            async with self._line.client() as sdk, self._asked(sdk, clause) as answer:
                self._check(answer.headers.get("content-type", ""))
                async for data in answer.iter_bytes():
                    if not paid:
                        paid = True
                        yield Used(self._model, {"characters": len(clause)})
                    if pcm := cut(data):
                        yield Sound(pcm, told)
                        told = ""
        except Exception as error:  # noqa: BLE001  whatever their client raises
            raise failure(self._service, error) from None
        if told:
            raise StageFailed(f"{self._service.name} has sent no sound.", Fault.SERVICE)

    def _asked(self, sdk: AsyncOpenAI, clause: str) -> Any:
        """The request, whose answer comes in pieces as they are made."""
        config = self._config
        request: dict[str, Any] = {
            "model": self._model,
            "voice": config.voice or VOICE,
            "input": clause,
            "response_format": "pcm",
        }
        if config.instructions and not self._model.startswith(_WITHOUT_INSTRUCTIONS):
            request["instructions"] = config.instructions
        if config.speed != 1:
            request["speed"] = config.speed
        return sdk.audio.speech.with_streaming_response.create(**request)

    def _check(self, kind: str) -> None:
        """A page or an error with status 200 would be noise."""
        if kind.startswith(("text/", "application/json")):
            raise StageFailed(f"{self._service.name} answers with {kind.partition(';')[0]}, not sound.", Fault.SERVICE)

    def _connect(self, http: Any) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        # Servers of one's own often have no key, which the client insists on.
        return AsyncOpenAI(api_key=self._key or "none", base_url=self._url, max_retries=0, http_client=http)
