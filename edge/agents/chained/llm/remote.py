"""What the language models of all vendors have in common."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, ClassVar, Generic, TypeVar

from edge.agents.chained.faults import Service
from edge.agents.chained.llm.failing import failure
from edge.agents.chained.llm.history import Round, readable, rounds
from edge.agents.chained.llm.line import Line
from edge.config import Llm
from edge.core.chain import Call, Fault, Message, Request, Role, StageFailed, ToolSpec, Used

Sdk = TypeVar("Sdk")
Piece = str | Call | Used

# Said when the model is kept from answering, and left without a word: silence would be taken for a fault.
MOST_ID = 128  # characters of an id that somebody else has made
DECLINED = "I can't help with that."

_REHEARSAL = Request((Message(Role.USER, "Hello"),), "Be brief.", (ToolSpec("none", "Nothing.", {"type": "object"}),))

_log = logging.getLogger(__name__)


class RemoteMind(ABC, Generic[Sdk]):
    """A `Mind` on a vendor's client. A subclass has to make that client, and to turn its stream into pieces."""

    vendor: str  # as people know it
    address: str  # of its service
    credential: str  # its key's, where the entry's name is the kind's
    extra: str  # of this distribution, that brings the vendor's client
    rehearsal: str  # a short reply as the service sends it
    rehearsed: ClassVar[set[str]] = set()

    def __init__(self, name: str, config: Llm, key: str) -> None:
        self.name = name
        credential = self.credential if config.kind in {"", name} else f"{name}_api_key"
        vendor = f"{self.vendor} ({name})" if config.url else self.vendor
        self.service = Service(vendor, f"llm.{name}", credential, key)
        self.url = (config.url or self.address).rstrip("/")
        self.config, self.key = config, key
        self._line: Line[Sdk] = Line(self.url, self._connected)

    def prepare(self) -> None:
        """Open a connection, which is closed again when nothing comes."""
        self._line.prepare()

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def think(self, request: Request) -> AsyncGenerator[Piece]:
        """The reply; none to a request in which nobody says anything."""
        settled = rounds(request.messages)
        if not settled:
            return
        try:
            async with self._line.client() as sdk, aclosing(self.reply(sdk, settled, request)) as reply:
                async for piece in reply:
                    yield piece
        except ImportError as lacking:
            why = f"needs the package {lacking.name}: install edge-voice[{self.extra}]"
            raise StageFailed(f"{self.service.name} {why}.", Fault.REQUEST) from None
        except Exception as error:  # noqa: BLE001  the boundary to clients that raise what they like, their bugs included
            raise failure(self.service, error) from None

    def _connected(self, http: Any) -> Sdk:
        """The client, once it has been through a whole reply, if it has not yet.

        At its first request it imports and builds most of what it consists of, which takes up to half a second (and
        some on a Pi), and would hold up everything else there.
        """
        if self.vendor not in self.rehearsed:
            asyncio.run(self._rehearse())
            self.rehearsed.add(self.vendor)
        return self.connect(http)

    async def _rehearse(self) -> None:
        import httpx2

        answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=self.rehearsal)
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as http:
            sdk = self.connect(http)
            with suppress(Exception):  # what is wrong will show, and be told, at the first request
                async with aclosing(self.reply(sdk, rounds(_REHEARSAL.messages), _REHEARSAL)) as reply:
                    async for _ in reply:
                        pass

    @abstractmethod
    def connect(self, http: Any) -> Sdk:
        """Import the vendor's client and make it on this HTTP client, without retries of its own."""

    @abstractmethod
    def reply(self, sdk: Sdk, settled: list[Round], request: Request) -> AsyncGenerator[Piece]:
        """Put the request to the service and give what it answers."""

    def used(
        self, model: str, text_in: int | None, cached: int | None, text_out: int | None, *, named: object = ""
    ) -> list[Used]:
        """What the reply has cost in tokens, for the service that tells; `text_in` is with what was cached.

        `named` is what the service calls the reply.
        """
        if text_in is None and text_out is None:
            return []
        amounts: Mapping[str, float] = {
            "text_in": max(0, (text_in or 0) - (cached or 0)),
            "text_cached": cached or 0,
            "text_out": text_out or 0,
        }
        return [Used(model, amounts, named[:MOST_ID] if isinstance(named, str) else "")]

    def broke_off(self) -> StageFailed:
        """The stream ended, and not with its end."""
        return StageFailed(f"{self.service.name} has broken off.", Fault.SERVICE)


class Ending:
    """What is left to do when a model has stopped: the calls it made, and why it has said nothing."""

    def __init__(self, mind: RemoteMind[Any]) -> None:
        self._mind = mind
        self.spoke = False

    def said(self, text: object) -> str:
        """A piece of text, which counts as something said when there is any."""
        if not isinstance(text, str):
            raise TypeError("no text")
        self.spoke = self.spoke or bool(text.strip())
        return text

    def rest(self, calls: list[Call], *, cut: bool = False, declined: bool = False) -> list[Piece]:
        """`cut`: at the longest reply allowed, so that the last call may be half of one."""
        whole = [call for call in calls if readable(call) or not cut]
        if cut:
            _log.warning("llm_cut %s at max_tokens", self._mind.name)
        if self.spoke or whole:
            return [*whole]
        if declined:
            _log.warning("llm_declined %s", self._mind.name)
            return [DECLINED]
        if cut:
            service = self._mind.service
            why = f"used up {service.section}.max_tokens before it said anything: raise it, or lower the effort"
            raise StageFailed(f"{service.name} has {why}.", Fault.REQUEST)
        return []
