"""POST /v1/realtime/calls and what belongs to it: offers to the vendor, hang-ups, the page's socket, orphans."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from email.parser import BytesParser
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.relay.doors import Kind, Who
from edge.relay.logs import event
from edge.relay.refused import Refused
from edge.relay.voice import book, sdp
from edge.relay.voice.barring import bar
from edge.relay.voice.call import Call, Page, Terms
from edge.relay.voice.desk import Denied, Desk
from edge.relay.voice.endings import GOING_AWAY, HUNG_UP, NO_VENDOR, Ending
from edge.relay.voice.leash import Leash
from edge.relay.voice.ledger import Account
from edge.relay.voice.pin import Pin
from edge.relay.voice.steward import Steward
from edge.relay.voice.tools import Tools
from edge.relay.voice.upstream import NoUpstream, Upstream, by_status, unreachable

if TYPE_CHECKING:
    from httpx2 import Response as Answer

KINDS: tuple[Kind, ...] = ("person", "device", "client")
SDP = "application/sdp"
_CALL = re.compile(r"[A-Za-z0-9_-]{1,100}")
TRIES, AGAIN_S, HANG_UP_S = 3, 0.5, 3.0  # of a hang-up

_log = logging.getLogger("edge-voice")


class Calls:
    """The routes, over the desk's table of this process' own calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._house = desk, desk.house
        metrics = self._house.metrics
        self._now = metrics.gauge("voice_calls", "WebRTC calls that this process minds", lambda: float(len(desk.calls)))
        self._ends = metrics.counter("voice_ends_total", "conversations and attempts by how they ended")
        self._overhead = metrics.histogram("voice_offer_seconds", "from offer to answer, without the vendor's part")
        self._vendors = metrics.histogram("voice_offer_vendor_seconds", "the vendor's part of it")
        self._orphans = metrics.counter("voice_orphans_total", "calls of dead processes that were hung up")

    # --- offers -------------------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """An offer in, the vendor's answer out."""
        began = self._house.clock()
        who = await self._house.doors.need(request, kind=KINDS)
        offer = offered(request.headers.get("content-type", ""), await request.body())
        vendor = self._desk.vendor
        if vendor is None:
            raise refused(NO_VENDOR)
        try:
            async with AsyncExitStack() as stack:
                account = await stack.enter_async_context(self._desk.admitted(who))
                answer, call, took = await self._call(vendor, who, account, offer)
                kept = stack.pop_all()
                self._desk.start(asyncio.ensure_future(self._mind(call, kept)))
        except (Denied, NoUpstream) as error:
            self._ends.add(code=error.ending.code)
            raise refused(error.ending) from None
        self._overhead.observe(self._house.clock() - began - took)
        self._vendors.observe(took)
        headers = {"Location": f"/v1/realtime/calls/{call.id}"}
        return Response(answer, 201, headers, media_type=SDP)

    async def _call(self, vendor: Upstream, who: Who, account: Account, offer: bytes) -> tuple[bytes, Call, float]:
        tools = self._desk.tools()
        pin = self._desk.pin(tools, vendor.model)
        asked = self._house.clock()
        answer, call_id = await self._ask(vendor, who, offer, pin)
        took = self._house.clock() - asked
        leash = self._desk.leash()
        try:
            entry = book.Entry(call_id, f"{who.kind}:{who.id}", self._house.now(), self._house.node)
            await self._house.store.run(lambda db: book.enter(db, entry, self._house.now()))
        except BaseException:
            self._desk.start(asyncio.ensure_future(self._hang_up_there(vendor, call_id)))
            raise
        return answer, self._new_call(call_id, vendor, self._terms(who, account, leash, pin, tools)), took

    def _terms(self, who: Who, account: Account, leash: Leash, pin: Pin, tools: Tools) -> Terms:
        steward = Steward(self._desk.prices, pin, tools, is_call=True)
        return Terms(who, account, leash, steward, tools, self._house.config.budget.currency)

    def _new_call(self, call_id: str, vendor: Upstream, terms: Terms) -> Call:
        call = self._desk.calls[call_id] = Call(call_id, vendor, terms, self._house.clock)
        return call

    async def _ask(self, vendor: Upstream, who: Who, offer: bytes, pin: Pin) -> tuple[bytes, str]:
        """The vendor's answer, and its id for the call; raises NoUpstream."""
        from httpx2 import HTTPError, InvalidURL

        kind, body = multipart(offer, json.dumps(pin.session).encode())
        headers = {**vendor.headers, "Content-Type": kind, "Accept": SDP, "OpenAI-Safety-Identifier": who.id}
        try:
            answer = await self._desk.http.post(vendor.http, content=body, headers=headers)
        except (HTTPError, InvalidURL) as error:
            raise NoUpstream(unreachable(error)) from None
        if answer.status_code != 201:  # noqa: PLR2004
            retry = answer.headers.get("Retry-After", "")
            raise NoUpstream(by_status(answer.status_code, answer.content, retry), answer.status_code)
        return _answer(answer)

    # --- a call's life ------------------------------------------------------------------------------------

    async def _mind(self, call: Call, kept: AsyncExitStack) -> None:
        """From its answer to its end, which is told to the vendor whatever happens."""
        house, terms, desk = self._house, call.terms, self._desk
        ending = GOING_AWAY
        event(_log, logging.INFO, "call_begun", who=terms.who.id, call=call.id)
        try:
            async with kept:
                ending = await call.run()
        except asyncio.CancelledError:
            pass  # the process ends: the call with it
        finally:
            desk.calls.pop(call.id, None)
            if not call.given_away:
                assert desk.vendor is not None
                if not call.by_vendor:
                    await self._hang_up_there(desk.vendor, call.id)
                await house.store.run(lambda db: book.leave(db, call.id, house.node))
                seconds = house.clock() - terms.leash.began
                terms.account.talked(seconds, desk.vendor.model)
                self._ends.add(code=ending.code)
                house.audit.note(terms.who, "call_over", why=ending.code, seconds=round(seconds))

    async def _hang_up_there(self, vendor: Upstream, call_id: str) -> None:
        """Tell the vendor; a call that is over there is as good."""
        from httpx2 import HTTPError

        for attempt in range(TRIES):
            with suppress(HTTPError):
                where = vendor.hangup(call_id)
                answer = await self._desk.http.post(where, headers=dict(vendor.headers), timeout=HANG_UP_S)
                if answer.status_code < 500 and answer.status_code != 429:  # noqa: PLR2004
                    return
            await asyncio.sleep(AGAIN_S * 2**attempt)
        event(_log, logging.ERROR, "hang_up_failed", call=call_id)

    async def hang_up(self, request: Request) -> Response:
        """By the page, or a program."""
        who = await self._house.doors.need(request, kind=KINDS)
        call_id = str(request.path_params["call"])
        await self._entry(who, call_id)
        call = self._desk.calls.get(call_id)
        if call is not None:
            call.end(HUNG_UP)
        elif self._desk.vendor is not None:  # another process minds it, and sees the end of it
            await self._hang_up_there(self._desk.vendor, call_id)
        return JSONResponse({"ok": True})

    async def _entry(self, who: Who, call_id: str) -> book.Entry:
        """One of their own that is under way; Refused otherwise."""
        found = None
        if _CALL.fullmatch(call_id):
            found = await self._house.store.run(lambda db: book.find(db, call_id))
        if found is None or found.who != f"{who.kind}:{who.id}":
            raise Refused(404, "no_such_call", "There is no such call.")
        return found

    # --- the page -----------------------------------------------------------------------------------------

    async def page(self, socket: WebSocket) -> None:
        """Says that the page is there, and tells it what it cannot see itself."""
        who = await self._house.doors.need(socket)
        entry = await self._entry(who, str(socket.path_params["call"]))
        call = self._desk.calls.get(entry.call) or await self._adopt(who, entry)
        await socket.accept()
        page = call.attach()
        reading = asyncio.ensure_future(_read(socket))
        writing = asyncio.ensure_future(_write(socket, page))
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            call.detach(page)
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _adopt(self, who: Who, entry: book.Entry) -> Call:
        """The page has come to another process than its offer: the call moves after it."""
        desk, house = self._desk, self._house
        if desk.vendor is None:
            raise Refused(404, "no_such_call", "There is no such call.")
        account = await desk.ledger.account(who)
        tools = desk.tools()
        pin = desk.pin(tools, desk.vendor.model)
        leash = Leash(house.clock() - (house.now() - entry.started), house.config.server.call_minutes)
        await house.store.run(lambda db: book.adopt(db, entry.call, house.node, house.now()))
        call = self._new_call(entry.call, desk.vendor, self._terms(who, account, leash, pin, tools))
        desk.start(asyncio.ensure_future(self._mind(call, AsyncExitStack())))
        return call

    # --- orphans ------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def minded(self) -> AsyncIterator[None]:
        """While inside: leases are renewed, and the calls of processes that have died are hung up."""
        tasks: list[asyncio.Task[None]] = []
        if self._desk.vendor is not None:
            await self._sweep(everyone=not self._house.config.server.redis)
            tasks = [asyncio.ensure_future(work) for work in (self._keep(), bar(self._desk))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        house, many = self._house, bool(self._house.config.server.redis)
        while True:
            await asyncio.sleep((1 if many else book.RENEW_S) * (0.9 + 0.2 * secrets.randbelow(100) / 100))
            try:
                ours = await house.store.run(lambda db: book.renew(db, house.node, house.now()))
                for call in [call for name, call in self._desk.calls.items() if name not in ours]:
                    call.give_away()
                if many:
                    await self._sweep(everyone=False)
            except Exception as error:  # noqa: BLE001  a task's boundary: the next look may find the database again
                event(_log, logging.ERROR, "calls_not_kept", error=repr(error))

    async def _sweep(self, *, everyone: bool) -> None:
        now, vendor = self._house.now(), self._desk.vendor
        assert vendor is not None
        for call_id in await self._house.store.run(lambda db: book.orphans(db, now, everyone=everyone)):
            self._orphans.add()
            event(_log, logging.WARNING, "orphan_hung_up", call=call_id)
            self._desk.start(asyncio.ensure_future(self._hang_up_there(vendor, call_id)))


def offered(kind: str, body: bytes) -> bytes:
    """The offer of a request: plain SDP, or the part `sdp` of a form, as the vendor's own client sends it."""
    if kind.startswith("multipart/form-data"):
        parts = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace") + body)
        named = [part for part in parts.walk() if part.get_param("name", header="content-disposition") == "sdp"]
        given = named[0].get_payload(decode=True) if named else b""
        body = given if isinstance(given, bytes) else b""
    elif kind.partition(";")[0].strip() != SDP:
        raise Refused(415, "bad_offer", f"The offer has to be {SDP}.")
    if why := sdp.problem(body):
        raise Refused(400, "bad_offer", why)
    return body


def multipart(offer: bytes, session: bytes) -> tuple[str, bytes]:
    """The vendor's two parts, and their Content-Type."""
    mark = secrets.token_hex(16)
    parts = (("sdp", SDP, offer), ("session", "application/json", session))
    body = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, kind, data in parts
    )
    return f"multipart/form-data; boundary={mark}", body + f"--{mark}--\r\n".encode()


def refused(ending: Ending) -> Refused:
    """The same over HTTP."""
    return Refused(ending.status, ending.code, ending.message, ending.wait_s)


def _answer(answer: Answer) -> tuple[bytes, str]:
    call_id = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
    body = answer.content
    if not _CALL.fullmatch(call_id) or len(body) > sdp.MOST_BYTES or not body.startswith(b"v=0"):
        raise NoUpstream(Ending("upstream_refused", "The vendor's answer is no answer to an offer.", 1011, 502))
    return bytes(body), call_id


async def _read(socket: WebSocket) -> None:
    """Nothing is asked of a page; only that it is there."""
    with suppress(WebSocketDisconnect):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _write(socket: WebSocket, page: Page) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        while (told := await page.events.get()) is not None:
            async with asyncio.timeout(5):
                await socket.send_text(json.dumps({"v": 1, **told}))
        await socket.close(1000)
