"""The Realtime engine: the Agent port over one WebSocket at a time, opened anew whenever it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from edge.agents.realtime import events as ev
from edge.agents.realtime import session
from edge.agents.realtime.commands import Command, UpdateSession
from edge.agents.realtime.dialogue import Dialogue, Out
from edge.agents.realtime.pcm import RATE
from edge.agents.realtime.wire import MOST_FRAME, WireError, decode, encode
from edge.core.events import AgentLost, AgentReady
from edge.core.retry import Backoff
from edge.errors import AgentError
from edge.ports import Fields, Post

OPEN_S = 10.0  # until the session is ours to use; a healthy one takes three round trips
PING_S = 4.0  # a half-open socket is found within two of these
CLOSE_S = 0.3
MOST_WAITING = 2000  # frames for a socket that does not take them: 40 s of audio; then it is a dead one

_STATUS = {
    401: "refuses the key: set a valid one (credential openai_api_key, or OPENAI_API_KEY)",
    403: "refuses the key for this model or country",
    404: "has no such model or address: look at realtime.model and realtime.url",
    429: "has had too many requests; trying again later",
    511: "is behind a login page of this network (captive portal)",
}
_FINAL = frozenset({401, 403, 404})
_PORTAL = frozenset({200, 301, 302, 303, 307, 308})
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sessions are: the full WebSocket URL, model included, and the headers that open it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class RealtimeAgent:
    """See ports.Agent."""

    name = "realtime"

    def __init__(self, address: Address, settings: session.Settings, post: Post) -> None:
        self._address, self._settings, self._post = address, settings, post
        self._dialogue = Dialogue()
        self._backoff = Backoff(0.2, 30.0)
        self._keeper: asyncio.Task[None] | None = None
        self._frames: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._hurry = asyncio.Event()
        self._resample: tuple[int, soxr.ResampleStream] | None = None
        self._socket: ClientConnection | None = None
        self._problem = ""

    # --- the Agent port -----------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent."""
        self.connect()

    def connect(self) -> None:
        """See ports.Agent. A press does not wait for the back-off."""
        self._hurry.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.ensure_future(self._keep())

    async def close(self) -> None:
        """See ports.Agent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        if self._resample is None or self._resample[0] != turn:
            self._resample = (turn, soxr.ResampleStream(16_000, RATE, 1, dtype="int16", quality="MQ"))
        wide = self._resample[1].resample_chunk(np.frombuffer(pcm, np.int16))
        if len(wide):
            self._do(self._dialogue.audio(turn, wide.tobytes()))

    def eager_end(self, turn: int) -> None:
        """See ports.Agent. Nothing can be begun early here."""

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        if self._resample is not None and self._resample[0] == turn:
            rest = self._resample[1].resample_chunk(np.zeros(0, np.int16), last=True)
            self._resample = None
            if len(rest):
                self._do(self._dialogue.audio(turn, rest.tobytes()))
        self._do(self._dialogue.end_of_turn(turn))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._resample = None
        self._do(self._dialogue.drop_turn(turn))

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:  # noqa: ARG002
        """See ports.Agent. Going on or not: the server keeps an unanswered question in its conversation."""
        self._do(self._dialogue.interrupt(turn, heard_ms))

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.tool_result(turn, call, result))

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.text(turn, text))

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.say(turn, text))

    def forget(self) -> None:
        """See ports.Agent. The server forgets with its session."""
        self._dialogue.forget()
        if self._socket is not None:
            self._socket.transport.abort()

    def stats(self) -> Fields:
        """See ports.Agent."""
        return {"engine": self.name, "ready": self._dialogue.online, "problem": self._problem}

    # --- the socket ---------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """One session after the other; ends when only a person can help."""
        while True:
            try:
                await self._session()
                self._problem = "the session ended"
            except AgentError as error:
                self._problem = str(error)
                if not error.retryable:
                    self._post(AgentLost(str(error), retryable=False))
                    return
            self._hurry.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._backoff.next())

    async def _session(self) -> None:
        """From the handshake to the end of the socket; raises AgentError when it cannot be had."""
        ready = False
        try:
            async with asyncio.timeout(OPEN_S):
                socket = await self._handshake()
                await self._introduce(socket)
            ready = True
            await self._talk(socket)
        except TimeoutError:
            raise AgentError(f"The voice service did not answer within {OPEN_S:.0f} s.", retryable=True) from None
        except (ConnectionClosed, WireError) as error:
            self._problem = str(error)
        finally:
            if self._socket is not None:
                self._socket.transport.abort()
                self._socket = None
            self._do(self._dialogue.closed())
            if ready and not self._dialogue.waiting:  # a turn that waits is sent again: nothing is lost yet
                self._post(AgentLost("The line to the voice service is down; connecting again.", retryable=True))

    async def _handshake(self) -> ClientConnection:
        try:
            self._socket = await connect(
                self._address.url,
                additional_headers=dict(self._address.headers),
                max_size=MOST_FRAME,
                compression=None,
                open_timeout=None,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=CLOSE_S,
            )
        except (InvalidStatus, InvalidHandshake, InvalidURI, OSError) as error:
            raise _refusal(error) from None
        return self._socket

    async def _introduce(self, socket: ClientConnection) -> None:
        """Wait for the session, make it ours."""
        while True:
            match decode(await socket.recv()):
                case ev.SessionCreated():
                    await socket.send(encode(UpdateSession(session.build(self._settings))))
                case ev.SessionUpdated():
                    return
                case ev.ErrorHappened(error):
                    raise AgentError(f"The voice service refuses: {error.message}", retryable=error.retryable)

    async def _talk(self, socket: ClientConnection) -> None:
        self._frames = asyncio.Queue(MOST_WAITING)
        sender = asyncio.ensure_future(self._send(socket))
        try:
            self._do(self._dialogue.opened())
            self._backoff.reset()
            self._problem = ""
            self._post(AgentReady())
            async for frame in socket:
                event = decode(frame)
                self._do(self._dialogue.received(event))
                if isinstance(event, ev.ErrorHappened) and event.error.ends_session:
                    raise AgentError(f"The voice service ended the session: {event.error.message}", retryable=True)
        finally:
            sender.cancel()

    async def _send(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send(await self._frames.get())

    def _do(self, out: Out) -> None:
        for one in out:
            if not isinstance(one, Command):
                self._post(one)
            elif self._frames.full():
                if self._socket is not None:
                    self._socket.transport.abort()  # it takes nothing: the turn is kept, a new one will get it
            else:
                self._frames.put_nowait(encode(one))


def _refusal(error: Exception) -> AgentError:
    """Why there is no session, in words, and whether trying again can help."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        why = _STATUS.get(status, f"answers with HTTP {status}")
        if status in _PORTAL:
            why = _STATUS[511]
        return AgentError(f"The voice service {why}.", retryable=status not in _FINAL)
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in {_NOT_YET, _EXPIRED}:
        return AgentError(
            "The voice service's certificate does not fit this device's clock: set the time.", retryable=True
        )
    if isinstance(error, InvalidURI):
        return AgentError(f"realtime.url is no WebSocket address: {error}", retryable=False)
    return AgentError(f"The voice service cannot be reached: {error}.", retryable=True)
