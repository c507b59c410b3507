"""One clause read aloud by a Realtime model: what is asked, and what comes of it. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.agents.chained.tts.clauses import whole_samples

Json = dict[str, Any]

_DELTA = frozenset({"response.output_audio.delta", "response.audio.delta"})  # the latter of servers that are behind
_SAID = frozenset({"response.output_audio_transcript.delta", "response.audio_transcript.delta"})


@dataclass(slots=True)
class Reading:
    """A response that reads one clause; `mark` finds it among others."""

    clause: str
    mark: str
    response: str = ""
    said: str = ""
    status: str = ""
    error: object = None
    used: dict[str, float] | None = None
    sounded: bool = False
    cut: Callable[[bytes], bytes] = field(default_factory=whole_samples)

    @property
    def done(self) -> bool:
        """Whether nothing more comes of it."""
        return bool(self.status)

    @property
    def deviates(self) -> bool:
        """Whether it has said something else; numbers in words count as such."""
        return bool(self.said) and _words(self.said) != _words(self.clause)

    def text(self) -> str:
        """The clause, once."""
        text, self.sounded = "" if self.sounded else self.clause, True
        return text

    def take(self, message: Json) -> bytes:
        """The sound of a message, if it has some of this response."""
        kind = message.get("type")
        if kind in {"response.created", "response.done"}:
            self._about(message["response"], over=kind == "response.done")
        elif message.get("response_id") == self.response:
            if kind in _DELTA:
                return self.cut(b64decode(message.get("delta", ""), validate=True))
            if kind in _SAID:
                self.said += message.get("delta", "")
        return b""

    def _about(self, response: dict[str, Any], *, over: bool) -> None:
        if (response.get("metadata") or {}).get("clause") == self.mark:
            self.response = response["id"]
        if over and response["id"] == self.response:
            self.status = response.get("status") or "completed"
            self.error = (response.get("status_details") or {}).get("error")
            self.used = _amounts(response.get("usage") or {})


def create(reading: Reading, instructions: str) -> Json:
    """The request for it, outside of any conversation; `instructions` are those of the session, once more."""
    content = [{"type": "input_text", "text": f"<read>{reading.clause}</read>"}]
    response = {
        "conversation": "none",
        "metadata": {"clause": reading.mark},
        "output_modalities": ["audio"],
        "instructions": instructions,
        "input": [{"type": "message", "role": "user", "content": content}],
    }
    return {"type": "response.create", "response": response}


def _amounts(usage: dict[str, Any]) -> dict[str, float]:
    """What is cached is a part of what goes in."""
    given, made = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    cached = (given.get("cached_tokens_details") or {}).get("text_tokens") or 0
    amounts = {
        "text_in": (given.get("text_tokens") or 0) - cached,
        "text_cached": cached,
        "text_out": made.get("text_tokens") or 0,
        "audio_out": made.get("audio_tokens") or 0,
    }
    return {kind: amount for kind, amount in amounts.items() if amount}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
