"""Bytes from an address into a `.part` file, going on where a lost connection stopped."""

import http.client
import random
import re
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol
from urllib.error import HTTPError, URLError

from edge.agents.local.models.catalogue import CHUNK
from edge.agents.local.models.partial import Partial, SourceFailed, Unreachable

CONNECT_S = 5.0  # an unreachable first source may cost this much before the next one is tried
STALL_S = 30.0  # once connected: a busy Wi-Fi link recovers from stalls of many seconds
TRIES = 6  # in a row without a new byte; with full jitter up to CAP_S about half a minute
FIRST_TRIES = 2  # while the server has never answered
BASE_S, CAP_S = 1.0, 20.0
TRY_AGAIN = frozenset({408, 416, 425, 429, 500, 502, 503, 504})


class Response(Protocol):
    """What is used of an HTTP answer."""

    status: int

    @property
    def headers(self) -> http.client.HTTPMessage:
        """The answer's header fields."""

    def read(self, amount: int) -> bytes:
        """At most `amount` bytes; empty at the end."""


Open = Callable[[str, dict[str, str]], AbstractContextManager[Response]]


def download(
    url: str,
    partial: Partial,
    tick: Callable[[int], None],
    open_url: Open,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Bring `partial` to its full length, going on after each loss of the connection where it stopped."""
    transfer = _Transfer(url, partial, tick, open_url)
    best, barren = partial.length, 0
    while partial.length < partial.size:
        reason = transfer.attempt()
        barren = 0 if partial.length > best else barren + 1
        best = max(best, partial.length)
        if partial.length == partial.size:
            break
        if barren >= (TRIES if transfer.answered else FIRST_TRIES):
            message = f"{reason} (after {barren} tries)"
            raise SourceFailed(message) if transfer.answered else Unreachable(message)
        pause(random.uniform(0, min(CAP_S, BASE_S * 2**barren)))  # noqa: S311 - jitter, not a secret


class _Transfer:
    """The requests for one address; knows whether the server ever answered, and what it calls the content."""

    def __init__(self, url: str, partial: Partial, tick: Callable[[int], None], open_url: Open) -> None:
        self._url, self._partial, self._tick, self._open = url, partial, tick, open_url
        self._etag = ""
        self.answered = False

    def attempt(self) -> str:
        """One request, as far as it goes; why it stopped short, for the case that it did."""
        try:
            with self._open(self._url, self._headers()) as response:
                self.answered = True
                self._align(response)
                while chunk := response.read(CHUNK):
                    self._partial.write(chunk)
                    self._tick(self._partial.length)
        except HTTPError as error:
            self._judge(error)
            return f"HTTP {error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            return self._reason(error)
        return f"the connection ended after {self._partial.length} of {self._partial.size} bytes"

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": "edge-voice", "Accept-Encoding": "identity"}
        if self._partial.length:
            headers["Range"] = f"bytes={self._partial.length}-"
            if self._etag:
                headers["If-Range"] = self._etag
        return headers

    def _align(self, response: Response) -> None:
        """Make the part end where the answer begins, and refuse an answer of the wrong size."""
        partial, offered = self._partial, response.headers.get("Content-Length")
        total = int(offered) if offered and offered.isdigit() else None
        if response.status == http.client.PARTIAL_CONTENT:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if span is None or int(span[1]) != partial.length:
                message = "answered with another range than the one asked for"
                raise SourceFailed(message)
            total = None if span[2] == "*" else int(span[2])
        elif partial.length:
            partial.restart()  # the server ignores Range, or the content has changed
        if total is not None and total != partial.size:
            message = f"offers {total} bytes, expected are {partial.size}"
            raise SourceFailed(message)
        tag = response.headers.get("ETag", "")
        self._etag = "" if tag.startswith("W/") else tag

    def _judge(self, error: HTTPError) -> None:
        self.answered = True
        error.close()
        if error.code not in TRY_AGAIN:
            message = f"HTTP {error.code} {error.reason}"
            raise SourceFailed(message) from error
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._partial.restart()

    def _reason(self, error: OSError | http.client.HTTPException) -> str:
        cause = error.reason if isinstance(error, URLError) else error
        if not self.answered and isinstance(cause, socket.gaierror):
            message = f"its name cannot be looked up ({cause.strerror})"
            raise Unreachable(message) from error
        if not self.answered and isinstance(cause, TimeoutError):
            message = f"no answer within {CONNECT_S:.0f} s"
            raise Unreachable(message) from error
        return str(cause) or type(cause).__name__


class _Http(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_S)


class _Https(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_S)


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, req)


def open_url(url: str, headers: dict[str, str]) -> AbstractContextManager[Response]:
    """GET over HTTP(S), with the environment's proxies: quick to give up connecting, patient once connected."""
    if not url.startswith(("http://", "https://")):
        message = f"{url.partition(':')[0]}: is not a kind of address to download from"
        raise SourceFailed(message)
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    opener = urllib.request.build_opener(_HttpHandler, _HttpsHandler)
    response: http.client.HTTPResponse = opener.open(request, timeout=CONNECT_S)
    return response
