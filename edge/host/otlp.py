"""Sends spans to an OpenTelemetry collector: OTLP 1 over HTTP, as protobuf, from a thread of its own.

Written out here, since the official exporter brings 20 MB of packages for four kinds of message. The numbers are those
of opentelemetry-proto 1.x, whose field numbers never change.
"""

from __future__ import annotations

import queue
import random
import struct
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edge.host.spans import Span, Value

PATH = "/v1/traces"
MOST_WAITING = 256  # turns
MOST_AT_ONCE = 64
GATHER_S = 1.0  # turns that end close together go in one request
ANSWER_S = 10.0
TRIES, FIRST_WAIT_S, MOST_WAIT_S = 5, 1.0, 30.0
CLOSE_S = 1.5
AGAIN = frozenset({429, 502, 503, 504})  # those that OTLP/HTTP says may be tried again
ERROR = 2  # the status of a span


# --- protobuf ---------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1  # negative numbers are ten bytes long
    while number > 0x7F:  # noqa: PLR2004  seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode(errors="replace"))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _fixed(field: int, value: int) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<Q", value)


def _value(value: Value) -> bytes:
    match value:
        case str():
            return _text(1, value)
        case bool():
            return _number(2, int(value))
        case int():
            return _number(3, value)
        case _:
            return _varint(4 << 3 | 1) + struct.pack("<d", value)


def _attributes(field: int, values: Mapping[str, Value]) -> bytes:
    return b"".join(_bytes(field, _text(1, name) + _bytes(2, _value(value))) for name, value in values.items())


def _nano(seconds: float) -> int:
    return int(seconds) * 10**9 + round(seconds % 1 * 1e9)


def _span(span: Span) -> bytes:
    parent = _bytes(4, bytes.fromhex(span.parent)) if span.parent else b""
    status = _bytes(15, _text(2, span.error) + _number(3, ERROR)) if span.error else b""
    times = _fixed(7, _nano(span.start)) + _fixed(8, _nano(span.end))
    ids = _bytes(1, bytes.fromhex(span.trace)) + _bytes(2, bytes.fromhex(span.id)) + parent
    return ids + _text(5, span.name) + _number(6, span.kind) + times + _attributes(9, span.attributes) + status


def request(resource: Mapping[str, Value], scope: tuple[str, str], spans: Iterable[Span]) -> bytes:
    """An ExportTraceServiceRequest; `scope` is the program's name and version."""
    whose = _bytes(1, _attributes(1, resource))
    ours = _bytes(1, _text(1, scope[0]) + _text(2, scope[1]))
    return _bytes(1, whose + _bytes(2, ours + b"".join(_bytes(2, _span(span)) for span in spans)))


# --- the exporter -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Collector:
    """Where it is and what it wants to see; `resource` says who we are."""

    url: str
    headers: Mapping[str, str]
    resource: Mapping[str, Value]


def collector(url: str, headers: str, resource: Mapping[str, Value]) -> Collector:
    """From the configuration: `url` with or without the path of traces, `headers` as "NAME=VALUE,NAME=VALUE"."""
    from urllib.parse import unquote

    pairs = [pair.partition("=") for pair in headers.split(",") if "=" in pair]
    whole = url if url.endswith(PATH) else url.rstrip("/") + PATH
    return Collector(whole, {name.strip(): unquote(value.strip()) for name, _, value in pairs}, resource)


class Exporter:
    """`put` from the loop; the thread sends. `sent` and `dropped` count spans."""

    def __init__(self, to: Collector) -> None:
        self._to = to
        self._waiting: queue.Queue[list[Span] | None] = queue.Queue(MOST_WAITING)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self.sent = self.dropped = 0
        self.problem = ""  # why the last request has failed

    def put(self, spans: list[Span]) -> None:
        """See host.tracing.Export. When the queue is full they are dropped."""
        if not (self._thread.is_alive() or self._ending.is_set()):
            self._thread.start()
        try:
            self._waiting.put_nowait(spans)
        except queue.Full:
            self.dropped += len(spans)

    def close(self) -> None:
        """Send what waits, within CLOSE_S. Idempotent."""
        self._ending.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not (self._ending.is_set() and self._waiting.empty()):
            first = self._waiting.get()
            if first is not None:  # else somebody has woken it, because this is the end
                self._ending.wait(GATHER_S)
                self._deliver(self._gathered(first))

    def _gathered(self, first: list[Span]) -> list[Span]:
        batch = list(first)
        with suppress(queue.Empty):
            for _ in range(MOST_AT_ONCE - 1):
                batch += self._waiting.get_nowait() or ()
        return batch

    def _deliver(self, batch: list[Span]) -> None:
        from edge import __version__

        body = request(self._to.resource, ("edge-voice", __version__), batch)
        wait = FIRST_WAIT_S
        for _ in range(TRIES):
            again = self._post(body)
            if again is None:
                self.sent += len(batch)
                return
            if again < 0 or self._ending.is_set():
                break
            self._ending.wait(min(MOST_WAIT_S, max(again, wait * random.uniform(0.5, 1.0))))  # noqa: S311  jitter
            wait *= 2
        self.dropped += len(batch)

    def _post(self, body: bytes) -> float | None:
        """None when it was taken; else in how many seconds it may be tried again at the earliest, -1 for never."""
        from urllib.error import HTTPError

        try:
            self._send(body)
        except HTTPError as error:
            self.problem = f"HTTP {error.code}"
            error.close()
            return _seconds(error.headers) if error.code in AGAIN else -1
        except (OSError, ValueError) as error:  # no network, no such host, a time-out, an answer that is none
            self.problem = type(error).__name__
            return 0
        self.problem = ""
        return None

    def _send(self, body: bytes) -> None:
        from http.client import HTTPException
        from urllib.request import HTTPRedirectHandler, Request, build_opener

        class Stay(HTTPRedirectHandler):
            """A redirection would lead the headers to somebody else."""

            def redirect_request(self, *_: Any) -> None:
                return None

        headers = {"Content-Type": "application/x-protobuf", **self._to.headers}
        asked = Request(self._to.url, body, headers, method="POST")  # noqa: S310  checked with the configuration
        try:
            with build_opener(Stay).open(asked, timeout=ANSWER_S) as answer:
                answer.read(65_536)
        except HTTPException as error:
            raise OSError(type(error).__name__) from None


def _seconds(headers: Any) -> float:
    with suppress(ValueError, TypeError):
        return max(0.0, float(headers.get("Retry-After", 0)))
    return 0.0
