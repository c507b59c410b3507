"""What OpenAI's live transcription is told and says: its address, session, audio and items. Pure."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from edge.agents.chained.sockets import Json
from edge.agents.chained.stt import openai_models as models
from edge.config import Stt
from edge.core.chain import RATE

VENDOR = "wss://api.openai.com/v1/realtime"
WIRE_RATE = 24_000  # the only PCM rate of the protocol


def address(config: Stt) -> str:
    """The session's URL: without the model, or it would be a conversation. The vendor's base URL will do, too."""
    parts = urlsplit(config.url or VENDOR)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/realtime") else f"{path}/realtime"
    query = "&".join(filter(None, (parts.query, "intent=transcription")))
    return urlunsplit((parts.scheme.replace("http", "ws"), parts.netloc, path, query, ""))


def session(config: Stt) -> Json:
    """The session's settings."""
    return {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": WIRE_RATE},
                "transcription": {"model": models.model_of(config), **models.hints(config)},
                "turn_detection": None,
            }
        },
    }


class Resampler:
    """From our rate to that of the protocol. `rest` gives what it holds back, some 20 ms, and begins anew."""

    def __init__(self) -> None:
        import soxr

        self._make: Callable[[], Any] = partial(soxr.ResampleStream, RATE, WIRE_RATE, 1, dtype="int16")
        self._stream = self._make()

    def add(self, pcm: bytes) -> bytes:
        """The next audio."""
        return self._resampled(pcm, last=False)

    def rest(self) -> bytes:
        """All that was added has come out then."""
        rest = self._resampled(b"", last=True)
        self._stream = self._make()
        return rest

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        samples: np.ndarray = self._stream.resample_chunk(np.frombuffer(pcm, np.int16), last=last)
        return samples.tobytes()


@dataclass(slots=True)
class Items:
    """The service's items within one turn of ours, each of which is what was said up to a commit."""

    texts: dict[str, str] = field(default_factory=dict)  # in the order in which they were begun
    done: set[str] = field(default_factory=set)
    commits: int = 0  # that have to be answered

    def begun(self, item: str) -> None:
        """There is such an item."""
        self.texts.setdefault(item, "")

    def more(self, item: str, delta: str) -> None:
        """It goes on."""
        self.texts[item] = self.texts.get(item, "") + delta

    def whole(self, item: str, text: str) -> None:
        """All of it."""
        self.texts[item] = text
        self.done.add(item)

    @property
    def settled(self) -> bool:
        """Whether all that was committed has been understood."""
        return len(self.done) >= self.commits

    @property
    def text(self) -> str:
        """All of the turn so far."""
        return " ".join(text.strip() for text in self.texts.values() if text.strip())


def append(pcm: bytes) -> Json:
    """The event that adds audio."""
    return {"type": "input_audio_buffer.append", "audio": binascii.b2a_base64(pcm, newline=False).decode("ascii")}
