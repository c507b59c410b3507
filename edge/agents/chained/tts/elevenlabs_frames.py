"""What is said to ElevenLabs' sockets and what they answer: two dialects of one protocol. Pure.

`multi-stream-input` of text-to-speech speaks with Flash, Turbo and Multilingual, that of text-to-dialogue with
Eleven v3. The former refuses v3 with HTTP 403, the latter takes no voice setting but stability.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from edge.config import Tts

MODEL = "eleven_flash_v2_5"
RATE = 24_000  # pcm_24000 is in every tier; only 44.1 kHz asks for a dearer one
SLOWEST, FASTEST = 0.7, 1.2
IDLE_S = 60  # after which the service hangs up, unless we do: it takes up to 180, and has 20 on its own
DIALOGUE = ("eleven_v3", "eleven_v4")
_TOLD = ("v2_5", *DIALOGUE)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of theirs. `context` is "" where it is about the whole connection."""

    context: str = ""
    pcm: bytes = b""
    chars: tuple[str, ...] = ()
    starts_ms: tuple[int, ...] = ()
    final: bool = False  # nothing more comes of this context
    error: str = ""  # their name for what is wrong
    message: str = ""  # in their words


class Unreadable(ValueError):
    """A message that is not of their protocol."""


class Dialect(Protocol):
    """How one of the sockets is spoken to. Every context begins with `begin`, or the socket is closed on us."""

    def path(self) -> str:
        """Path and query of the socket."""

    def begin(self, context: str) -> Json:
        """Open a context, with all settings: later they can only be refused."""

    def say(self, context: str, text: str) -> Json:
        """A clause, to be spoken without waiting for more."""

    def keep(self, context: str) -> Json:
        """Text is still to come, though not yet."""


def dialect(config: Tts, voice: str) -> Dialect:
    """By the model. `voice` is the voice's id."""
    return _Dialogue(config, voice) if model_of(config).startswith(DIALOGUE) else _Speech(config, voice)


def model_of(config: Tts) -> str:
    """Which model speaks."""
    return config.model or MODEL


def end(context: str) -> tuple[Json, Json]:
    """No more text. A flush alone is never answered with the final message."""
    return {"context_id": context, "flush": True}, drop(context)


def drop(context: str) -> Json:
    """Give up a context; also the way to end one, whose text is all flushed."""
    return {"context_id": context, "close_context": True}


GOODBYE: Json = {"close_socket": True}


def settings(config: Tts) -> dict[str, float]:
    """How the voice is to sound, each value as the service takes it."""
    return {
        "stability": config.stability,
        "similarity_boost": config.similarity,
        "style": config.style,
        "speed": min(max(config.speed, SLOWEST), FASTEST),
    }


@dataclass(frozen=True, slots=True)
class _Speech:
    config: Tts
    voice: str

    def path(self) -> str:
        query = {**_query(self.config), "auto_mode": "true", "inactivity_timeout": IDLE_S}
        return f"/v1/text-to-speech/{quote(self.voice, safe='')}/multi-stream-input?{urlencode(query)}"

    def begin(self, context: str) -> Json:
        return {"text": " ", "context_id": context, "voice_settings": settings(self.config)}

    def say(self, context: str, text: str) -> Json:
        return {"text": text, "context_id": context, "flush": True}

    def keep(self, context: str) -> Json:
        return {"text": "", "context_id": context}


@dataclass(frozen=True, slots=True)
class _Dialogue:
    config: Tts
    voice: str

    def path(self) -> str:
        return f"/v1/text-to-dialogue/multi-stream-input?{urlencode(_query(self.config))}"

    def begin(self, context: str) -> Json:
        return {"context_id": context, "voices": [self.voice], "voice_settings": {"stability": self.config.stability}}

    def say(self, context: str, text: str) -> Json:
        return {"context_id": context, "inputs": [{"text": text, "voice_id": self.voice}], "flush": True}

    def keep(self, context: str) -> Json:
        return {"context_id": context, "keep_alive": True}


def _query(config: Tts) -> dict[str, object]:
    query: dict[str, object] = {
        "model_id": model_of(config),
        "output_format": f"pcm_{RATE}",
        "sync_alignment": "true",
    }
    return {**query, "language_code": code} if (code := language(config)) else query


def language(config: Tts) -> str:
    """The language to insist on; "" for the models that find it out and take no word for it."""
    return config.language if any(name in model_of(config) for name in _TOLD) else ""


def read(message: Json) -> Piece:
    """One message of either dialect, which differ in how they write the names; raises Unreadable."""
    context = message.get("contextId") or message.get("context_id") or ""
    if not isinstance(context, str):
        raise Unreadable("contextId is no text")
    if message.get("error"):
        return Piece(context, error=str(message["error"]), message=str(message.get("message") or ""))
    final = message.get("isFinal") is True or message.get("is_final") is True
    piece = Piece(context, _audio(message.get("audio")), final=final)
    alignment = message.get("alignment")
    return piece if alignment is None else _timed(piece, alignment)


def _audio(given: object) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, str):
        raise Unreadable("audio is no text")
    try:
        return b64decode(given, validate=True)
    except binascii.Error:
        raise Unreadable("audio is no base64") from None


def _timed(piece: Piece, alignment: object) -> Piece:
    if not isinstance(alignment, Mapping):
        raise Unreadable("alignment is no object")
    chars = alignment.get("chars") or []
    starts = _first(alignment, "charStartTimesMs", "charsStartTimesMs", "char_start_times_ms")
    if not isinstance(chars, list) or not isinstance(starts, list) or len(chars) != len(starts):
        raise Unreadable("alignment's lists do not match")
    if not all(isinstance(char, str) for char in chars) or not all(isinstance(at, int | float) for at in starts):
        raise Unreadable("alignment's lists hold other things")
    return replace(piece, chars=tuple(chars), starts_ms=tuple(round(at) for at in starts))


def _first(table: Mapping[str, object], *names: str) -> object:
    return next((table[name] for name in names if table.get(name)), [])
