"""A Realtime conversation passed through: frames both ways as they are, but for the few that concern the relay.

Each direction has one frame in hand and at most WAITING read ahead by the sockets: whoever does not read slows the
other side down, and is let go after STALL_S.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from math import inf

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from edge.agents.realtime.reading import clean, label, maybe_table
from edge.ports import Clock
from edge.relay.logs import event as note
from edge.relay.voice.endings import LOST, UNREAD, Ending, error_event, told
from edge.relay.voice.frames import Json, is_audio, kind_of, parsed, written
from edge.relay.voice.leash import Leash, Warned
from edge.relay.voice.ledger import Account
from edge.relay.voice.pin import Pin
from edge.relay.voice.steward import WATCHED, Found, Steward
from edge.relay.voice.tools import Tools

STALL_S = 10.0  # that one side may take nothing
LOOK_S = 1.0  # how late the end of the time, or of the money, is seen at most
MOST_REASON = 100
_TRACED = re.compile(r"_([0-9a-f]{32})\Z")

_log = logging.getLogger("edge-voice")


class Passing:
    """One conversation. `run` returns why it is over; None when the client has gone."""

    def __init__(  # noqa: PLR0913  the parts of a conversation
        self, client: WebSocket, vendor: ClientConnection, steward: Steward, account: Account, leash: Leash, *,
        clock: Clock, expires_at: float, pin: Pin | None = None, tools: Tools | None = None,
    ) -> None:  # fmt: skip
        self._client, self._vendor, self._steward = client, vendor, steward
        self._account, self._leash, self._clock = account, leash, clock
        self._pin, self._tools, self._expires_at = pin, tools, int(expires_at)
        self._to_client_since = self._to_vendor_since = inf  # a send that has begun: a limit for each costs too much
        self._over: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        self._trace = ""  # of the turn that is being answered, where the client names its requests by it
        self.frames = [0, 0]  # from the client, from the vendor

    async def run(self) -> Ending | None:
        """Until one side has gone or the leash ends it."""
        if (begin := self._steward.begin(new=True)) is not None:
            await self._to_vendor(written(begin))
        tasks = [asyncio.ensure_future(work) for work in (self._up(), self._down(), self._mind())]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            return await self._over
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Ending | None]) -> None:
        if task.cancelled() or self._over.done():
            return
        error = task.exception()
        if error is None:
            self._over.set_result(task.result())
        elif isinstance(error, WebSocketDisconnect):
            self._over.set_result(None)
        elif isinstance(error, ConnectionClosed):
            self._over.set_result(_hung_up(error))
        else:
            self._over.set_exception(error)

    # --- from the client ----------------------------------------------------------------------------------

    async def _up(self) -> Ending | None:
        receive, frames = self._client.receive, self.frames
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            frames[0] += 1
            if text is not None and is_audio(text):
                await self._to_vendor(text)
            else:
                await self._consider(text)

    async def _consider(self, text: str | None) -> None:
        """Anything that is not plain audio."""
        event = parsed(text) if text is not None else None
        if event is None:
            await self._to_client(written(error_event("invalid_json", "The frame is no JSON object with a type.")))
            return
        why = self._refusal(event)
        if not why:
            self._trace = _trace(event) or self._trace
            # what was judged is what is passed on, not its spelling
            changed = _without_model(event)
            await self._to_vendor(written(event) if changed or self._pin is not None else text or "")
            return
        cause = event.get("event_id")
        cause = cause if isinstance(cause, str) else None
        await self._to_client(written(error_event("session_pinned", why, event_id=cause)))

    def _refusal(self, event: Json) -> str:
        return "" if self._pin is None else self._pin.refusal(event)

    async def _to_vendor(self, frame: str) -> None:
        self._to_vendor_since = self._clock()
        await self._vendor.send(frame)
        self._to_vendor_since = inf

    # --- from the vendor ----------------------------------------------------------------------------------

    async def _down(self) -> Ending | None:
        frames = self.frames
        while True:
            frame = await self._vendor.recv()
            frames[1] += 1
            if not isinstance(frame, str):
                continue  # the protocol has none
            kind = kind_of(frame)
            if kind is None or kind in WATCHED:
                frame = await self._look(frame)
            await self._to_client(frame)

    async def _look(self, frame: str) -> str:
        """Something for the steward; the frame to pass on."""
        event = parsed(frame)
        if event is None or event["type"] not in WATCHED:
            return frame
        await self._do(self._steward.handle(event))
        if self._trace and event["type"] == "response.done":
            response = label(maybe_table(event, "response"), "id", MOST_REASON)
            note(_log, logging.INFO, "voice_response", who=self._account.who.id, trace=self._trace, response=response)
        if event["type"] in {"session.created", "session.updated"} and isinstance(event.get("session"), dict):
            theirs = event["session"].get("expires_at")
            ours = self._expires_at
            event["session"]["expires_at"] = min(theirs, ours) if isinstance(theirs, int) and theirs > 0 else ours
            return written(event)
        return frame

    async def _do(self, found: Found) -> None:
        if found.bill is not None:
            self._account.add(found.bill)
        for event in found.send:
            await self._to_vendor(written(event))
        if found.ending is not None:
            self._end(found.ending)
        self._judge()

    async def _to_client(self, frame: str) -> None:
        self._to_client_since = self._clock()
        await self._client.send({"type": "websocket.send", "text": frame})
        self._to_client_since = inf

    # --- time and money ------------------------------------------------------------------------------------

    async def _mind(self) -> Ending | None:
        while True:
            wait = max(0.0, min(LOOK_S, self._leash.next_at - self._clock()))
            if self._tools is not None:
                rings = self._tools.next_in()
                wait = wait if rings is None else min(wait, rings)
            await asyncio.sleep(wait or 0.01)
            self._look_for_stalls()
            warned = self._judge()
            if warned is not None and self._pin is not None:  # a program would stumble over an event it does not know
                event = {"type": "relay.warning", "code": warned.code, "message": warned.message, "in_s": warned.in_s}
                await self._to_client(written(event))
            for text in self._tools.due() if self._tools is not None else ():
                await self._to_vendor(written(self._steward.say(text)))

    def _look_for_stalls(self) -> None:
        latest = self._clock() - STALL_S
        if self._to_client_since < latest:
            self._end(UNREAD)
        elif self._to_vendor_since < latest:
            self._end(LOST)

    def _judge(self) -> Warned | None:
        found = self._leash.look(self._clock(), self._account.money)
        if isinstance(found, Ending):
            self._end(found)
            return None
        return found

    def _end(self, ending: Ending) -> None:
        if not self._over.done():
            self._over.set_result(ending)


def _trace(event: Json) -> str:
    """The trace id at the end of a request's own event id: a device's turn is found by it here as well."""
    name = event.get("event_id") if event["type"] == "response.create" else None
    found = _TRACED.search(name) if isinstance(name, str) else None
    return found.group(1) if found is not None else ""


def _without_model(event: Json) -> bool:
    """The model is the relay's; clients that name theirs in each update would have the whole of it refused."""
    session = event.get("session") if event["type"] == "session.update" else None
    return isinstance(session, dict) and session.pop("model", None) is not None


async def finish(client: WebSocket, ending: Ending | None) -> None:
    """Tell the client why, and close; one that has gone, or does not listen, is let go."""
    if ending is None:
        return
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(1.0):
            await client.send_text(told(ending))
            await client.close(ending.close, ending.message.encode()[:MOST_REASON].decode(errors="ignore"))


def _hung_up(closed: ConnectionClosed) -> Ending:
    """The vendor has: its words, where it had any. 1001 is its limit of 60 minutes."""
    code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
    words = " ".join(clean(reason).split())[:200]
    if code == 1001:  # noqa: PLR2004
        return Ending("session_expired", words or "The vendor has ended the session.", 1001)
    if code == 1000:  # noqa: PLR2004
        return Ending("hung_up", words or "The vendor has ended the session.", 1000)
    return Ending(LOST.code, f"The vendor hung up: {words}" if words else LOST.message, LOST.close)
