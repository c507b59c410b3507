"""What the fake model says: replies in order, how they are paced, and what it heard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

RATE = 24_000
BYTES_PER_MS = 2 * RATE // 1000


@dataclass(frozen=True)
class Pace:
    """How a reply's audio leaves: `speed` times real time, in bursts of `burst_ms`, each up to `jitter_ms` late.

    The default is all at once: the vendor, too, is faster than real time.
    """

    delta_ms: int = 100
    speed: float = math.inf
    burst_ms: int = 0
    jitter_ms: float = 0
    seed: int = 0

    def due(self, at_ms: float, late: float) -> float:
        """Seconds after the start when the audio from `at_ms` on may leave; `late` is 0..1 of the jitter."""
        burst = at_ms - at_ms % self.burst_ms if self.burst_ms else at_ms
        return (burst / self.speed + late * self.jitter_ms) / 1000


@dataclass(frozen=True)
class Call:
    """One function call; `arguments` is the JSON text, which need not be valid."""

    name: str
    arguments: str = "{}"
    call_id: str = ""  # empty: given by the server


@dataclass(frozen=True)
class Failure:
    """What `status_details.error` of a failed response, or a failed transcription, says."""

    code: str
    message: str
    type: str = "invalid_request_error"


QUOTA = Failure(
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    "insufficient_quota",
)
RATE_LIMIT = Failure(
    "rate_limit_exceeded",
    "Rate limit reached for gpt-realtime-2.1 in organization org-fake on tokens per min (TPM): Limit 40000, "
    "Used 39800, Requested 900. Please try again in 1.05s. "
    "Visit https://platform.openai.com/account/rate-limits to learn more.",
    "tokens",
)
SERVER_ERROR = Failure(
    "server_error", "The server had an error while processing your request. Sorry about that!", "server_error"
)


@dataclass(frozen=True)
class Reply:
    """One response. Without `pcm` the audio is a tone, 100 ms a word; with neither text nor pcm there is no message."""

    text: str = ""
    pcm: bytes | None = None
    calls: tuple[Call, ...] = ()
    think_ms: float = 0
    pace: Pace = field(default_factory=Pace)
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    failure: Failure | None = None

    @property
    def audio(self) -> bytes:
        """What is spoken: s16le, mono, 24 kHz."""
        return self.pcm if self.pcm is not None else tone(100 * len(self.text.split()))

    @property
    def speaks(self) -> bool:
        """Whether there is a message."""
        return bool(self.text or self.pcm)


@dataclass(frozen=True)
class Heard:
    """The transcript of one committed user item, `after_ms` its commit: it may come after the reply."""

    text: str = ""
    after_ms: float = 0
    failure: Failure | None = None


@dataclass(frozen=True)
class Request:
    """What a script that is a function decides upon."""

    session: int
    params: dict[str, Any]
    items: tuple[dict[str, Any], ...]


Script = Iterable[Reply] | Callable[[Request], Reply]
FALLBACK = Reply("This is the fake server speaking.")


class Scripted:
    """Replies and transcripts, each in order; when they run out, `FALLBACK` and the empty transcript."""

    def __init__(self, script: Script, transcripts: Iterable[Heard | str]) -> None:
        self._decide = script if callable(script) else None
        self.replies: list[Reply] = [] if callable(script) else list(script)
        self.transcripts = [Heard(heard) if isinstance(heard, str) else heard for heard in transcripts]

    def reply(self, request: Request) -> Reply:
        """The next reply: what was put in front first, then the function or the list."""
        if self.replies:
            return self.replies.pop(0)
        return self._decide(request) if self._decide else FALLBACK

    def heard(self) -> Heard:
        """The next transcript."""
        return self.transcripts.pop(0) if self.transcripts else Heard()


def tone(milliseconds: int, hertz: float = 440, loudness: float = 0.3) -> bytes:
    """A sine as the model would send it."""
    at = np.arange(milliseconds * RATE // 1000) / RATE
    return (loudness * 32767 * np.sin(2 * np.pi * hertz * at)).astype("<i2").tobytes()


def failing(failure: Failure, text: str = "") -> Reply:
    """A reply that fails, after it has said `text`."""
    return replace(Reply(text), failure=failure)


def calling(*calls: Call, text: str = "") -> Reply:
    """A reply that calls functions, several at once if there are several."""
    return Reply(text, calls=calls)
