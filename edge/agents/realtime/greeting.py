"""The first words of a session: making it ours. Other servers than the vendor's leave parts of this out."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from websockets.asyncio.client import ClientConnection

from edge.agents.realtime import events as ev
from edge.agents.realtime.buffer import TIDY
from edge.agents.realtime.commands import UpdateSession
from edge.agents.realtime.failures import Kind
from edge.agents.realtime.reading import Json
from edge.agents.realtime.refusal import denial
from edge.agents.realtime.session import bare
from edge.agents.realtime.wire import decode, encode

UPDATED_S = 2.0  # from a foreign server's first word to session.updated, which some never send

_log = logging.getLogger(__name__)


async def introduce(socket: ClientConnection, session: Json, *, foreign: bool) -> int:
    """Make the session ours, without waiting for the server's first word; returns its `expires_at`, 0 if unknown.

    Raises Refused. A `foreign` server gets a second, bare session when it refuses the first.
    """
    await _update(socket, session)
    more = [bare(session)] if foreign else []
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as patience:
            while True:
                match decode(await socket.recv()):
                    case ev.SessionUpdated(expires_at=expires):
                        return expires
                    case ev.ErrorHappened(error) if more and error.kind is Kind.REFUSED:
                        _log.warning("realtime_session_refused %s %s", error.code or error.type, error.param)
                        await _update(socket, more.pop())
                        patience.reschedule(_soon())
                    case ev.ErrorHappened(error):
                        raise denial(error)
                    case _ if foreign and patience.when() is None:
                        patience.reschedule(_soon())
    return 0


def _soon() -> float:
    return asyncio.get_running_loop().time() + UPDATED_S


async def _update(socket: ClientConnection, session: Json) -> None:
    await socket.send(encode(UpdateSession(session, event_id=TIDY)))
