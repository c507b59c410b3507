"""What goes in and what comes out, whoever transcribes; and the HTTP in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from httpx2 import AsyncClient

CONNECT_S, WRITE_S = 5.0, 60.0
ANSWER_S = 900.0  # the services take a fraction of the recording's length; more is no service


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file as FLAC; `seconds` long."""

    audio: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Passage:
    """What somebody says between two times (s). `speaker` and `sentiment` are "" where they are not told."""

    start: float
    end: float
    text: str
    speaker: str = ""
    sentiment: str = ""


def base(url: str, vendor: str) -> str:
    """The vendor's address or another server's, which may be written as for the live service."""
    parts = urlsplit(url or vendor)
    return urlunsplit((parts.scheme.replace("ws", "http"), parts.netloc, parts.path.rstrip("/"), "", ""))


def http_client() -> AsyncClient:
    """With a limit for every wait, and without redirects: they would lead the key astray."""
    import httpx2

    timeout = httpx2.Timeout(ANSWER_S, connect=CONNECT_S, write=WRITE_S)
    return httpx2.AsyncClient(timeout=timeout, follow_redirects=False)
