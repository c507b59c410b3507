"""WS /device: a device proves who it is, or comes for the first time with a code; then its link begins.

-> {"type": "challenge", "nonce", "node", "v": 1}
<- {"type": "hello", "device", "signature", "version", "caps"}
   {"type": "enrol", "code", "name", "public_key", "signature", "version"}     with a code of the owner's
   {"type": "pair", "name", "public_key", "signature", "version"}
   -> {"type": "code", "code", "seconds"}       to be typed by a person; the socket stays open until it has been
-> {"type": "welcome", "device", "name", "token", "token_s", "epoch", "transcripts", "t": 0}
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket

from edge.relay.addresses import key
from edge.relay.asking import text
from edge.relay.bus import Gone
from edge.relay.bus.port import Json
from edge.relay.devices import proof, registry
from edge.relay.devices.hub import RENEW, Hub
from edge.relay.devices.link import AGAIN_LATER, MOST_BYTES, NOT_PROVEN, REVOKED, TOO_MANY, VERSION, Link, parsed
from edge.relay.devices.registry import Known
from edge.relay.guard import address
from edge.relay.limits import Buckets
from edge.relay.logs import event
from edge.relay.people.repository import tidy
from edge.relay.refused import Refused

HELLO_S = 10.0  # from the connection to the proof
ADMITTED, ADMITTED_BURST = 200.0, 400.0  # links that begin, a second: each costs a signature and two transactions
MOST_UNPROVEN = 1000  # at once
LONGEST_WAIT_S = 15.0  # that one who is turned away is asked to wait, at random
ENROLMENTS = (1.0, 100)  # of an address: a second, and at once; a whole fleet may be behind one
PAIRINGS = (0.05, 10)  # codes that an address may ask for
LOOK_S = 2.0  # between looks whether a code has been used: in case nobody could tell this process

_log = logging.getLogger("edge-voice")


class _Denied(Exception):
    """`code` closes the socket; `why` is for programs, and short."""

    def __init__(self, code: int, why: str) -> None:
        self.code, self.why = code, why
        super().__init__(why)


class Endpoint:
    """The route."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._house = hub, hub.house
        self._buckets = Buckets(hub.house.clock)
        self._unproven = 0
        self._hellos = hub.house.metrics.counter("device_hellos_total", "connections of devices by what became of them")

    async def __call__(self, socket: WebSocket) -> None:
        """One connection; refused before it is accepted when there are too many at once."""
        self._admit()
        self._unproven += 1
        try:
            await socket.accept()
            link = await self._proven(socket)
        except _Denied as denied:
            await self._deny(socket, denied)
            return
        except (Gone, asyncio.CancelledError):
            return
        finally:
            self._unproven -= 1
        socket.scope["headers"].clear()  # nobody reads them any more, and there are thousands of links
        await self._serve(link)

    def _admit(self) -> None:
        house = self._house
        full = len(self._hub.links) >= house.config.server.devices or self._unproven >= MOST_UNPROVEN
        wait = LONGEST_WAIT_S if full else self._buckets.take("links", ADMITTED, ADMITTED_BURST)
        if house.leaving.is_set() or wait > 0:
            self._hellos.add(outcome="not_admitted")
            wait += random.uniform(0.5, LONGEST_WAIT_S)  # noqa: S311  no secret
            raise Refused(503, "busy", "The relay has too many devices coming at once.", wait_s=wait)

    async def _deny(self, socket: WebSocket, denied: _Denied) -> None:
        self._hellos.add(outcome=denied.why.replace(" ", "_"))
        event(_log, logging.INFO, "device_denied", why=denied.why, address=address(socket.scope))
        with suppress(Exception):  # it may have gone
            await socket.close(denied.code, denied.why)

    # --- who it is ----------------------------------------------------------------------------------------

    async def _proven(self, socket: WebSocket) -> Link:
        """A link that has been welcomed; raises _Denied, Gone."""
        nonce = proof.nonce()
        link = Link(socket, "", "", self._house.clock)
        await link.send({"type": "challenge", "nonce": nonce, "node": self._house.node, "v": VERSION})
        try:
            async with asyncio.timeout(HELLO_S):
                message = await _first(socket)
        except TimeoutError:
            raise _Denied(NOT_PROVEN, "too slow") from None
        signed = proof.signed_text(socket.headers.get("host", ""), nonce)
        try:
            match message.get("type"):
                case "hello":
                    known = await self._known(message, signed)
                case "enrol":
                    known = await self._enrolled(socket, message, signed)
                case "pair":
                    known = await self._paired(socket, link, message, signed)
                case _:
                    raise _Denied(NOT_PROVEN, "no hello")
            await self._welcome(link, known, message)
        except Refused as refused:
            codes = {403: REVOKED if refused.code == "revoked" else NOT_PROVEN, 429: TOO_MANY, 400: NOT_PROVEN,
                     422: NOT_PROVEN}  # fmt: skip
            raise _Denied(codes.get(refused.status, AGAIN_LATER), refused.code.replace("_", " ")) from None
        return link

    async def _known(self, message: Json, signed: bytes) -> Known:
        device = text(message, "device", 64)
        known = await self._house.store.run(lambda db: registry.known(db, device))
        if known is None:
            raise _Denied(REVOKED, "unknown")
        if not proof.is_signed(known.public_key, message.get("signature"), signed):
            raise _Denied(NOT_PROVEN, "wrong signature")
        if known.revoked:
            raise _Denied(REVOKED, "revoked")
        return known

    async def _enrolled(self, socket: WebSocket, message: Json, signed: bytes) -> Known:
        await self._may(socket, "enrol", ENROLMENTS)
        public_key, name = _new(message, signed)
        code, now = text(message, "code", 100), self._house.now()
        known = await self._house.store.run(lambda db: registry.enrol(db, code, public_key, name, now))
        self._house.audit.note(None, "device_enrolled", known.id)
        return known

    async def _paired(self, socket: WebSocket, link: Link, message: Json, signed: bytes) -> Known:
        """Shows a code, and waits until somebody has typed it."""
        await self._may(socket, "pair", PAIRINGS)
        public_key, name = _new(message, signed)
        device, now = proof.id_of(public_key), self._house.now()
        before = await self._house.store.run(lambda db: registry.known(db, device))
        if before is not None and before.revoked:
            raise _Denied(REVOKED, "revoked")
        code = await self._house.store.run(lambda db: registry.offer(db, public_key, name, now))
        typed = self._hub.pairing[device] = asyncio.Event()
        reading = asyncio.ensure_future(socket.receive())  # until it goes; it has nothing to say meanwhile
        try:
            await link.send({"type": "code", "code": code, "seconds": registry.PAIR_S})
            return await self._typed(device, typed, reading)
        finally:
            reading.cancel()
            if self._hub.pairing.get(device) is typed:
                del self._hub.pairing[device]

    async def _typed(self, device: str, typed: asyncio.Event, reading: asyncio.Future[Message]) -> Known:
        began = self._house.now()
        while self._house.now() - began < registry.PAIR_S:
            waiting = asyncio.ensure_future(typed.wait())
            either: list[asyncio.Future[Any]] = [waiting, reading]
            await asyncio.wait(either, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            typed.clear()
            if reading.done():
                raise Gone("The device has gone.")
            known = await self._house.store.run(lambda db: registry.paired_since(db, device, began))
            if known is not None:
                return known
        raise _Denied(NOT_PROVEN, "code expired")

    async def _may(self, socket: WebSocket, what: str, limit: tuple[float, float]) -> None:
        wait = await self._house.limits.take(f"device-{what}:{key(address(socket.scope))}", *limit)
        if wait > 0:
            raise _Denied(TOO_MANY, "too many")

    async def _welcome(self, link: Link, known: Known, message: Json) -> None:
        house, now = self._house, self._house.now()
        token = await house.store.run(lambda db: registry.welcome(db, known, now))
        link.device, link.name, link.transcripts = known.id, known.name, known.transcripts
        link.about = {"version": str(message.get("version", ""))[:40]}
        link.renew_at = house.clock() + RENEW * registry.TOKEN_S * random.uniform(0.8, 1)  # noqa: S311  no secret
        await self._hub.join(link)
        link.began = house.clock()
        told = {"type": "welcome", "device": known.id, "name": known.name, "token": token,
                "token_s": registry.TOKEN_S, "epoch": link.epoch, "transcripts": known.transcripts, "t": 0.0,
                "watched": link.watched}  # fmt: skip
        try:
            await link.send(told)
        except BaseException:
            await self._hub.leave(link)
            raise

    # --- while it lasts -----------------------------------------------------------------------------------

    async def _serve(self, link: Link) -> None:
        self._hellos.add(outcome="welcome")
        why = "gone"
        try:
            while (message := await link.receive()) is not None:
                if message.get("type") == "leave":
                    why = "left"
                    await self._forget(link)
                elif not link.answered(message):
                    self._hub.came(link, message)
        except asyncio.CancelledError:
            if not link.ended:  # else whoever has closed it did that
                raise
        finally:
            why = "closed" if link.ended and why == "gone" else why
            self._hub.ends.add(why=why)
            await self._hub.leave(link)

    async def _forget(self, link: Link) -> None:
        """It wants to be known no more."""
        await self._house.store.run(lambda db: registry.forget(db, link.device))
        self._house.audit.note(None, "device_left", link.device)
        with suppress(Gone):
            await link.send({"type": "left"})
        await link.close(1000, "left")


async def _first(socket: WebSocket) -> Json:
    got = await socket.receive()
    if got["type"] != "websocket.receive":
        raise Gone("The device has gone.")
    found = parsed(str(got.get("text") or "")[:MOST_BYTES])
    if found is None:
        raise _Denied(NOT_PROVEN, "no hello")
    return found


def _new(message: Json, signed: bytes) -> tuple[bytes, str]:
    """Key and name of a device that comes for the first time, and holds the key's other half."""
    public_key = proof.decoded(message.get("public_key"), 32)
    if public_key is None or not proof.is_signed(public_key, message.get("signature"), signed):
        raise _Denied(NOT_PROVEN, "wrong signature")
    return public_key, tidy(message.get("name"))
