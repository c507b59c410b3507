"""What ElevenLabs is asked over HTTP, through its own client: voices by their name, and speech clause by clause."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from edge.agents.chained.faults import Service, by_exception, by_status, stalled
from edge.agents.chained.tts.aligned import Aligned
from edge.agents.chained.tts.clauses import whole_samples
from edge.agents.chained.tts.elevenlabs_frames import RATE, language, model_of, settings
from edge.config import Tts
from edge.core.chain import Fault, Sound, StageFailed, Used

if TYPE_CHECKING:
    from elevenlabs import AsyncElevenLabs

QUIET_S = 10.0  # to connect, and between two pieces of an answer: their client has one limit for all
REST_S = 15.0  # an idle connection is kept for the pause between two clauses, not longer
MOST_VOICES = 100  # of one name
MOST_CLAUSE = 3000  # characters; Eleven v3 takes no more in one request


class Http:
    """Their client, made when it is first needed: importing it takes long and much memory."""

    def __init__(self, service: Service, config: Tts, key: str, base: str) -> None:
        self._service, self._config, self._key, self._base = service, config, key, base
        self._made: tuple[Any, AsyncElevenLabs] | None = None  # the HTTP client below it, and theirs
        self._making = asyncio.Lock()
        self._users = 0
        self._rest: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def speak(self, voice: str, clause: str) -> AsyncGenerator[Sound | Used]:
        """One clause. Their client passes over a line that it cannot read."""
        reply = _Clause(clause)
        try:
            async with self._client() as client, aclosing(self._asked(client, voice, clause)) as chunks:
                async for chunk in chunks:
                    if not reply.sounded:
                        yield Used(model_of(self._config), {"characters": len(clause)})
                    yield reply.sound(chunk)
        except Exception as error:  # noqa: BLE001  whatever their client raises
            raise self.failure(error) from None
        if not reply.sounded:
            raise StageFailed(f"{self._service.name} has sent no sound.", Fault.SERVICE)
        if rest := reply.aligned.rest().strip():
            yield Sound(b"", rest)

    def _asked(self, client: AsyncElevenLabs, voice: str, clause: str) -> Any:
        from elevenlabs import VoiceSettings

        return client.text_to_speech.stream_with_timestamps(
            voice,
            text=clause,
            output_format="pcm_24000",
            model_id=model_of(self._config),
            voice_settings=VoiceSettings.model_validate(settings(self._config)),
            request_options={"max_retries": 0},
            **({"language_code": code} if (code := language(self._config)) else {}),
        )

    async def voice_id(self, name: str) -> str:
        """The id of the voice with this name, or with a name that begins so: "Sarah" is "Sarah - Mature, ..."."""
        try:
            async with self._client() as client:
                found = await client.voices.search(
                    search=name, page_size=MOST_VOICES, request_options={"max_retries": 0}
                )
            voices = [(voice.voice_id, voice.name or "") for voice in found.voices]
        except Exception as error:  # noqa: BLE001  whatever their client raises
            raise self.failure(error) from None
        chosen = _named(name, voices)
        if not chosen:
            raise StageFailed(
                f'{self._service.name} has no voice "{self._service.plain(name)}" for this account: '
                f"look at {self._service.section}.voice.",
                Fault.REQUEST,
            )
        return chosen

    async def close(self) -> None:
        """Close its connections. Idempotent."""
        if self._rest is not None:
            self._rest.cancel()
        made, self._made = self._made, None
        if made is not None:
            await made[0].aclose()
        if self._closing is not None:
            await asyncio.gather(self._closing, return_exceptions=True)

    def failure(self, error: Exception) -> StageFailed:
        """What an exception of their client means."""
        if type(error).__name__ == "ReadTimeout":
            return stalled(self._service)
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return by_exception(self._service, error)
        headers = {name.lower(): value for name, value in (getattr(error, "headers", None) or {}).items()}
        return by_status(self._service, status, headers.get("retry-after", ""), _said(getattr(error, "body", "")))

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncElevenLabs]:
        """Theirs, for one request."""
        self._users += 1
        if self._rest is not None:
            self._rest.cancel()
        try:
            async with self._making:
                if self._made is None:
                    self._made = await asyncio.to_thread(_make, self._key, self._base)
                theirs = self._made[1]
            yield theirs
        finally:
            self._users -= 1
            if not self._users:
                self._rest = asyncio.get_running_loop().call_later(REST_S, self._rested)

    def _rested(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            self._closing = asyncio.ensure_future(made[0].aclose())


class _Clause:
    """What has come of one clause."""

    def __init__(self, clause: str) -> None:
        self.aligned, self._cut = Aligned(), whole_samples()
        self.aligned.given(" " + clause)  # the space between it and what was said before
        self.sounded = False
        self._made_ms = 0.0

    def sound(self, chunk: Any) -> Sound:
        """The next piece. Their times are seconds from the beginning of the clause."""
        pcm, alignment = self._cut(b64decode(chunk.audio_base_64)), chunk.alignment
        text, starts = "", tuple[int, ...]()
        if alignment is not None:
            text, starts = self.aligned.take(alignment.characters, self._ms(alignment.character_start_times_seconds))
        elif not self.sounded:
            text = self.aligned.rest().strip()  # a model without times
        self.sounded = True
        self._made_ms += len(pcm) / 2 / RATE * 1000
        return Sound(pcm, text, starts)

    def _ms(self, starts: Iterable[float]) -> list[int]:
        return [max(0, round(at * 1000 - self._made_ms)) for at in starts]


def _make(key: str, base: str) -> tuple[Any, AsyncElevenLabs]:
    import httpx
    from elevenlabs import AsyncElevenLabs

    for name in ("httpx", "httpcore"):  # below that they log every header, and the key is one
        logging.getLogger(name).setLevel(logging.WARNING)
    http = httpx.AsyncClient(timeout=QUIET_S, follow_redirects=False)
    return http, AsyncElevenLabs(api_key=key, base_url=base, timeout=QUIET_S, httpx_client=http)


def _named(name: str, voices: list[tuple[str, str]]) -> str:
    """By the whole name, else by its part before the dash, else by its beginning."""
    wanted = name.casefold()
    names = [(voice, given.casefold()) for voice, given in voices]
    whole = [voice for voice, given in names if given == wanted]
    part = [voice for voice, given in names if given.partition(" - ")[0] == wanted]
    begun = [voice for voice, given in names if given.startswith(wanted)]
    return next(iter(whole + part + begun), "")


def _said(body: Any) -> str:
    """Their words: {"detail": {"status": ..., "message": ...}}, a list of what is wrong (422), or text."""
    detail = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(detail, dict):
        return " ".join(str(detail[key]) for key in ("status", "code", "message") if detail.get(key))
    if isinstance(detail, list):
        return "; ".join(str(part.get("msg", "")) for part in detail if isinstance(part, dict))
    return str(detail or "")
