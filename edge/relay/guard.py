"""The outermost layer: what no request gets past, whatever the part behind it does.

Host and Origin are compared exactly, before a WebSocket is accepted; a request that changes something and comes with a
cookie says where it comes from, twice. Sizes and rates are limited, and every answer carries the security headers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.config.web import is_loopback
from edge.relay.addresses import Network, client, is_proxy, key
from edge.relay.limits import Buckets, Memory, too_many, too_often
from edge.relay.logs import event
from edge.relay.metrics import Metrics
from edge.relay.origins import Origins
from edge.relay.refused import Refused

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MARK = "x-edge-voice"  # a header that a page of another origin cannot send without asking first
PROBES = frozenset({"/healthz", "/readyz"})  # a balancer asks by address; there is nothing to be had there
LONGEST_URL = 4096
BODY_BYTES = 256 * 1024  # an offer (SDP) is 10 kB
LINES = (2.0, 50)  # of the log about those who were turned away: a second, and at once; all of them are counted
BODY_S = 20.0  # for all of it, on a bad mobile network
BURST_S = 5.0  # seconds' worth of requests that may come at once: a page with all its files

_log = logging.getLogger("edge-voice")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the guard goes by. `rate`: requests of an address a second, in the long run; `most`: at once.

    The last is for those behind a proxy: connections of all others are counted where they begin (wire.Doorway).
    """

    origins: Origins
    proxies: tuple[Network, ...]
    rate: float
    most: int


class Guard:
    """Middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, rules: Rules, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app, self._rules, self._clock = app, rules, clock
        self._buckets, self._open, self._lines = Buckets(clock), Memory(clock), Buckets(clock)
        self._headers = headers(rules.origins)
        self._requests = metrics.counter("requests_total", "answers by method and status")
        self._refused = metrics.counter("refused_total", "requests that the guard has turned away, by reason")
        self._took = metrics.histogram("request_seconds", "from a request to the beginning of its answer")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, send)
        try:
            self._look(scope)
            with self._counted(scope):
                await self._app(scope, _Body(scope, receive), answer)
        except (Refused, HTTPException) as refused:
            await self._refuse(of_http(refused), scope, receive, answer)
        except Exception as error:
            if answer.begun:  # nothing more can be said
                raise
            self._fault(error, scope)
            fault = Refused(500, "fault", "The relay has made a mistake. It has been written down.")
            await self._refuse(fault, scope, receive, answer)

    def _look(self, scope: Scope) -> None:
        """Refused for what may not come in; what is learnt is noted in the scope."""
        given = Headers(scope=scope)
        scope["edge_voice.id"] = secrets.token_hex(8)
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded = given.getlist("x-forwarded-for")
        scope["edge_voice.address"] = client(peer, forwarded, self._rules.proxies)
        scope["edge_voice.proxied"] = bool(forwarded) or "forwarded" in given
        if scope["path"] in PROBES:
            return
        rate = self._rules.rate
        if (wait := self._buckets.take(key(scope["edge_voice.address"]), rate, rate * BURST_S)) > 0:
            raise too_often(wait)
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_URL:
            raise Refused(414, "address_too_long", "This address is too long.")
        hosts = given.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._rules.origins.hosts:
            raise Refused(403, "wrong_host", "This relay is not reached by that name (server.public_url).")
        self._look_at_origin(scope, given)

    @contextmanager
    def _counted(self, scope: Scope) -> Iterator[None]:
        """As one of those that its address has open."""
        if not is_proxy(scope["client"][0] if scope.get("client") else "", self._rules.proxies):
            yield
            return
        name = key(scope["edge_voice.address"])
        if not self._open.grasp(name, self._rules.most):
            raise too_many()
        try:
            yield
        finally:
            self._open.release(name)

    def _look_at_origin(self, scope: Scope, given: Headers) -> None:
        origins = given.getlist("origin")
        if origins and (len(origins) > 1 or origins[0] not in self._rules.origins.allowed):
            raise Refused(403, "wrong_origin", "A page from elsewhere may not talk to this relay.")
        if scope["type"] == "websocket" or scope["method"] in SAFE or "authorization" in given:
            return
        if not origins or given.get(MARK) != "1":
            raise Refused(403, "no_origin", "This must come from the relay's own page, or with a token.")

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, answer: _Answer) -> None:
        self._refused.add(reason=refused.code)
        if self._lines.take("refused", *LINES) == 0:
            event(_log, logging.INFO, "refused", code=refused.code, status=refused.status, path=scope["path"],
                  address=scope.get("edge_voice.address"), id=scope.get("edge_voice.id"))  # fmt: skip
        if not answer.begun:
            await refusal(refused)(scope, receive, answer)

    def _fault(self, error: Exception, scope: Scope) -> None:
        self._refused.add(reason="fault")
        _log.error("fault id=%s path=%s", scope.get("edge_voice.id"), scope["path"], exc_info=error)

    def answered(self, scope: Scope, status: int, began: float) -> None:
        """An answer has begun."""
        method = scope.get("method", "WS")
        method = method if method in {*SAFE, "WS", "POST", "PATCH", "DELETE"} else "other"
        self._requests.add(method=method, status=str(status))
        self._took.observe(self._clock() - began)

    def now(self) -> float:
        """For the time that an answer takes."""
        return self._clock()

    def adorn(self, scope: Scope, message: Message) -> None:
        """The security headers, where the answer has none of its own."""
        found = MutableHeaders(scope=message)
        for name, value in self._headers.items():
            found.setdefault(name, value)
        if not scope["path"].startswith("/page/"):
            found.setdefault("cache-control", "no-store")
        found["x-request-id"] = scope.get("edge_voice.id", "")


class _Answer:
    """The way out of one request."""

    def __init__(self, guard: Guard, scope: Scope, send: Send) -> None:
        self._guard, self._scope, self._send = guard, scope, send
        self._began = guard.now()
        self.begun = False

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.begun = True
            self._guard.adorn(self._scope, message)
            self._guard.answered(self._scope, message["status"], self._began)
        elif kind in {"websocket.accept", "websocket.close"} and not self.begun:
            self.begun = True
            self._guard.answered(self._scope, 101 if kind == "websocket.accept" else 403, self._began)
        await self._send(message)


class _Body:
    """The way in: an HTTP body up to its limit, all of it within `BODY_S`. A WebSocket's messages pass."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive, self._left = receive, BODY_BYTES
        self._comes = scope["type"] == "http"
        self._promised = _length(scope) if self._comes else 0
        self._until: float | None = None

    async def __call__(self) -> Message:
        if not self._comes:
            return await self._receive()
        if self._promised > BODY_BYTES:
            raise _too_large()
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + BODY_S
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, "too_slow", "The request came too slowly.") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._comes = bool(message.get("more_body"))
            if self._left < 0:
                raise _too_large()
        return message


def refusal(refused: Refused) -> JSONResponse:
    """As a program and a person read it. On a WebSocket that is not accepted yet, it is the answer to the handshake."""
    more: Mapping[str, str] = {"retry-after": str(max(1, round(refused.wait_s + 0.5)))} if refused.wait_s else {}
    return _Denial({"error": {"code": refused.code, "message": str(refused)}}, refused.status, dict(more))


class _Denial(JSONResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await super().__call__(scope, receive, send)
            return
        await send({"type": "websocket.http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "websocket.http.response.body", "body": self.body})


def of_http(error: Refused | HTTPException) -> Refused:
    """Ours, also of Starlette's own: no such page, no such method."""
    if isinstance(error, Refused):
        return error
    told = {404: ("not_found", "There is nothing here."), 405: ("wrong_method", "That cannot be done here.")}
    code, message = told.get(error.status_code, ("refused", str(error.detail)))
    return Refused(error.status_code, code, message)


def headers(origins: Origins) -> dict[str, str]:
    """For every answer. The page has no inline script or style, and is never in a frame."""
    own = (one for one in origins.allowed if one.partition("://")[2] in origins.hosts and "[" not in one)
    sockets = " ".join(
        sorted(one.replace("http", "ws", 1) for one in own)
    )  # 'self' alone is no socket to some browsers
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self' {sockets}; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    found = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()",
    }
    return {**found, "strict-transport-security": "max-age=31536000"} if origins.secure else found


def _too_large() -> Refused:
    return Refused(413, "too_large", "That is too much at once.")


def _length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004  digits; uvicorn's parser has checked it


def address(scope: Mapping[str, Any]) -> str:
    """Of the person or device that asks, behind our own proxies."""
    return str(scope.get("edge_voice.address", ""))


def is_local(scope: Mapping[str, Any]) -> bool:
    """Whether it comes from this machine, and not through a proxy on it."""
    return is_loopback(address(scope)) and not scope.get("edge_voice.proxied", True)
