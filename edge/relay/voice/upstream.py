"""The vendor's end: where it is, how it is reached, and what its refusals mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from edge import __version__
from edge.agents.realtime.reading import clean, label, maybe_table
from edge.agents.realtime.refusal import refusal
from edge.agents.realtime.setup import VENDOR, address, model_of
from edge.config import Config, secret
from edge.core.retry_after import seconds
from edge.relay.voice.endings import LATER, Ending

if TYPE_CHECKING:
    from httpx2 import AsyncClient

KEY = "openai_api_key"
OPEN_S = 10.0  # of a handshake; a healthy one takes a few round trips
ANSWER_S = 10.0  # of an offer's answer
LARGEST = 16 << 20  # the vendor's largest event is 15 MiB
WAITING = 16  # frames that are read ahead of the client
WARM, MOST_CONNECTIONS = 8, 64  # connections to the vendor's HTTP that are kept, and at most
KEPT_S = 60.0
PING_S, PONG_S = 10.0, 10.0
MOST_WORDS = 300
_REFUSED = frozenset({401, 403})


class NoUpstream(Exception):
    """There is no conversation to be had; `ending` says why. `status` is the vendor's, 0 when it has not answered."""

    def __init__(self, ending: Ending, status: int = 0) -> None:
        self.ending, self.status = ending, status
        super().__init__(ending.code)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Whose service it is: `socket` with the model, `http` without; `headers` hold the key."""

    socket: str
    http: str
    model: str
    headers: Mapping[str, str]

    def sideband(self, call: str) -> str:
        """The socket beside a call."""
        return f"{self.socket.partition('?')[0]}?{urlencode({'call_id': call})}"

    def hangup(self, call: str) -> str:
        """Where a call is ended."""
        return f"{self.http}/{call}/hangup"


def upstream(config: Config) -> Upstream | None:
    """As [realtime] has it; None without a key, unless another server is named that wants none."""
    key = secret(KEY)
    if not key and not config.realtime.url:
        return None
    where = address(config.realtime, key)
    parts = urlsplit(where.url or VENDOR)
    scheme = "https" if parts.scheme == "wss" else "http"
    http = urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/calls", "", ""))
    return Upstream(where.url, http, model_of(config.realtime), where.headers)


class _Connect(connect):
    """Follows no redirect: it would lead the key to somebody else."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def dial(url: str, headers: Mapping[str, str]) -> ClientConnection:
    """A socket at the vendor's; raises NoUpstream."""
    try:
        return await _Connect(
            url, additional_headers=dict(headers), user_agent_header=f"edge-voice-relay/{__version__}",
            max_size=LARGEST, max_queue=WAITING, compression=None, open_timeout=OPEN_S, ping_interval=PING_S,
            ping_timeout=PONG_S, close_timeout=1,
        )  # fmt: skip
    except InvalidStatus as error:
        response = error.response
        retry = response.headers.get("Retry-After", "")
        status = response.status_code
        raise NoUpstream(by_status(status, bytes(response.body or b""), retry), status) from None
    except TimeoutError:
        raise NoUpstream(_away(f"does not answer within {OPEN_S:.0f} s")) from None
    except (InvalidHandshake, InvalidURI, InvalidProxy, OSError, ValueError, ImportError) as error:
        raise NoUpstream(Ending("service_unavailable", _told(str(refusal(error))), LATER, 503, 5)) from None


def client() -> AsyncClient:
    """For offers and hang-ups; connections are kept, so that an offer costs no handshake."""
    from httpx2 import AsyncClient, Limits, Timeout

    limits = Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=WARM, keepalive_expiry=KEPT_S)
    agent = {"User-Agent": f"edge-voice-relay/{__version__}"}
    return AsyncClient(timeout=Timeout(ANSWER_S, connect=5.0), limits=limits, follow_redirects=False, headers=agent)


def by_status(status: int, body: bytes, retry_after: str) -> Ending:
    """What an HTTP refusal of the vendor means for whoever wants to talk. Nothing of the key is in it."""
    from datetime import UTC, datetime

    wait = seconds(retry_after, datetime.now(UTC))
    error = _error_in(body)
    code, words = label(error, "code", 100) or label(error, "type", 100), _told(label(error, "message", MOST_WORDS))
    if status in _REFUSED:
        why = "refuses the relay's key" if status == 401 else "refuses the relay's key for this model or country"  # noqa: PLR2004
        return Ending("upstream_refused", f"The vendor {why}. The relay's owner has to set it right.", 1011, 502)
    if code == "insufficient_quota":
        words = "The relay's account with the vendor has no money left. Its owner has to set it right."
        return Ending("upstream_refused", words, 1011, 502)
    if status == 429:  # noqa: PLR2004
        words = "The vendor has had too many requests. Please try again in a moment."
        return Ending("rate_limit_exceeded", words, LATER, 503, wait or 5)
    if 400 <= status < 500:  # noqa: PLR2004
        return Ending("upstream_refused", f"The vendor refuses: {words or f'HTTP {status}'}", 1011, 502)
    return _away(f"answers with HTTP {status}", wait)


def unreachable(error: Exception) -> Ending:
    """No answer over HTTP."""
    return _away(f"cannot be reached ({type(error).__name__})")


def _away(why: str, wait: float = 0.0) -> Ending:
    return Ending("service_unavailable", f"The vendor {why}. Please try again in a moment.", LATER, 503, wait or 5)


def _error_in(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return maybe_table(found, "error") if isinstance(found, dict) else {}


def _told(words: str) -> str:
    """A vendor's own words, without what may be a key in them."""
    kept = " ".join("..." if word.startswith(("sk-", "ek_")) else word for word in clean(words).split())
    return kept.replace("realtime.url", "the relay's realtime.url")
