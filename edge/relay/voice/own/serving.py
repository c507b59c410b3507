"""A WebSocket before the relay's own engines."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from math import inf
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.core import events as ev
from edge.ports import Clock
from edge.relay.voice.endings import UNREAD, Ending, error_event
from edge.relay.voice.frames import parsed, written
from edge.relay.voice.leash import Leash, Warned
from edge.relay.voice.ledger import Account, Bill
from edge.relay.voice.own.answering import About
from edge.relay.voice.own.engines import Engines
from edge.relay.voice.own.session import Session
from edge.relay.voice.pin import Pin
from edge.relay.voice.tools import Tools

MOST_UNSENT = 1000  # events for a client that does not read
STALL_S = 10.0
BURST_BYTES = 4 << 20  # of frames at once: a minute of sound; what comes faster than RATE_BYTES after it has to wait,
RATE_BYTES = 128 << 10  # twice real time: the detector works on every 10 ms of it
LOOK_S = 1.0


class Serving:
    """One conversation. `run` returns why it is over; None when the client has gone."""

    def __init__(  # noqa: PLR0913  the parts of a conversation
        self, client: WebSocket, engines: Engines, account: Account, leash: Leash, *, clock: Clock, expires_at: float,
        tools: Tools, pin: Pin | None = None,
    ) -> None:  # fmt: skip
        self._client, self._engines, self._account, self._leash = client, engines, account, leash
        self._clock, self._tools, self._pin = clock, tools, pin
        about = About(f"sess_{secrets.token_hex(8)}", engines.kind, int(expires_at))
        self._session = Session(about, tools, self._spent)
        self._woken = asyncio.Event()
        self._credit, self._credited = float(BURST_BYTES), clock()
        self._over: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ending | None:
        """Until one side has gone or the leash ends it."""
        session, tools = self._session, self._tools
        seat = await self._engines.sit(self._told, lambda: len(tools.timers.find()), self._brief)
        self._seat = seat
        try:
            session.sit(seat)
            if self._pin is not None:
                session.handle({"type": "session.update", "session": self._pinned(self._pin)}, self._clock())
            tasks = [asyncio.ensure_future(work) for work in (self._hear(), self._speak())]
            for task in tasks:
                task.add_done_callback(self._ended)
            try:
                return await self._over
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._engines.leave(seat)

    def _ended(self, task: asyncio.Task[Ending | None]) -> None:
        if task.cancelled() or self._over.done():
            return
        error = task.exception()
        if error is None:
            self._over.set_result(task.result())
        elif isinstance(error, WebSocketDisconnect):
            self._over.set_result(None)
        elif isinstance(error, TimeoutError):
            self._over.set_result(UNREAD)
        else:
            self._over.set_exception(error)

    # --- the client ---------------------------------------------------------------------------------------

    async def _hear(self) -> Ending | None:
        session = self._session
        while True:
            message = await self._client.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            await asyncio.sleep(self._too_fast(len(text or "")))
            event = parsed(text) if text is not None else None
            why = self._pin.refusal(event) if self._pin is not None and event is not None else ""
            if why and event is not None:
                cause = event.get("event_id")
                session.out.append(
                    error_event("session_pinned", why, event_id=cause if isinstance(cause, str) else None)
                )
            else:
                before = self._brief()
                session.handle(event, self._clock())
                if self._engines.is_briefed and self._brief() != before:
                    await self._seat.floor.renew()
            self._woken.set()
            if len(session.out) > MOST_UNSENT:
                return UNREAD

    def _too_fast(self, size: int) -> float:
        """Seconds to wait, so that nobody keeps all others waiting."""
        now = self._clock()
        self._credit = min(BURST_BYTES, self._credit + (now - self._credited) * RATE_BYTES) - size
        self._credited = now
        return max(0.0, -self._credit / RATE_BYTES)

    def _pinned(self, pin: Pin) -> dict[str, Any]:
        """What a page is told of its session: the tools are run here, and what was heard is always shown."""
        found = {key: value for key, value in pin.session.items() if key not in {"tools", "tool_choice", "audio"}}
        heard = {**pin.session["audio"]["input"], "transcription": {"model": self._engines.kind}}
        return {**found, "audio": {**pin.session["audio"], "input": heard}}

    def _brief(self) -> tuple[str, list[dict[str, object]]]:
        """Instructions and tools as the client has set them; the relay's own tools where it has none."""
        config = self._session.config
        if self._pin is not None:
            return self._pin.session["instructions"], list(self._tools.specs)
        return config["instructions"], config["tools"] or list(self._tools.specs)

    # --- the engine -----------------------------------------------------------------------------------------

    def _told(self, event: ev.Event) -> None:
        self._session.told(event, self._clock())
        self._woken.set()

    def _spent(self, event: ev.Spent) -> None:
        tokens = sum(event.tokens.values())
        self._account.add(Bill(tokens, event.cost, self._engines.kind))

    async def _speak(self) -> Ending | None:
        """Send what is to be sent, when it is due."""
        session, clock = self._session, self._clock
        while True:
            while session.out:
                frames, session.out = session.out, []
                for event in frames:
                    await self._send(written(event))
            now = clock()
            found = self._leash.look(now, self._account.money)
            if isinstance(found, Ending):
                return found
            if found is not None and self._pin is not None:
                await self._send(written(_warning(found)))
            for sentence in self._tools.due():
                self._ring(sentence)
            session.tick(now)
            if not session.out:
                await self._wait(now)

    def _ring(self, sentence: str) -> None:
        """A timer: said when nobody is talking, else its words are all there is."""
        event = {"type": "response.create", "response": {
            "conversation": "none", "instructions": f"Say exactly this and nothing else: {sentence}",
            "metadata": {"topic": "relay-say"}}}  # fmt: skip
        if not self._session.busy:
            self._session.handle(event, self._clock())

    async def _wait(self, now: float) -> None:
        rings = self._tools.next_in()
        wait = min(LOOK_S, self._session.due - now, self._leash.next_at - now, inf if rings is None else rings)
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, wait)):
                await self._woken.wait()

    async def _send(self, frame: str) -> None:
        async with asyncio.timeout(STALL_S):
            await self._client.send({"type": "websocket.send", "text": frame})


def _warning(found: Warned) -> dict[str, object]:
    return {"type": "relay.warning", "code": found.code, "message": found.message, "in_s": found.in_s}
