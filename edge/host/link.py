"""The device's outgoing link to its relay: dialled again whenever it ends, told of in `status`.

Nothing is listened to: the device calls the relay, and what its owners do there comes back on the same line.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from edge.config import Relay
from edge.config.checks_relay import is_relay
from edge.errors import LinkError, UsageError
from edge.host.identity import Identity
from edge.host.link_home import Home
from edge.host.link_refusal import Refused
from edge.host.link_session import HELLO, Do, Outside, Session, Who
from edge.host.link_waits import Waits
from edge.host.link_wire import Enrol, Pair, Terms, Wish, address
from edge.ports import Fields

RESTART = 1012
NO_RELAY = 'There is no relay yet: set [relay] url = "https://..." and restart, or use edge-voice enrol --relay URL.'
ENGAGED = frozenset({"connecting", "listening"})  # states after a press

_log = logging.getLogger("edge-voice")


class Standing(StrEnum):
    """How the link is."""

    OFF = "off"  # there is no relay
    UNPAIRED = "unpaired"
    CONNECTING = "connecting"
    PAIRING = "pairing"
    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # the relay does not know the device, or knows it no more


@dataclass(frozen=True, slots=True)
class Device:
    """What the link needs of the rest. `say` speaks a sentence; `state` tells the newcomer how the device is."""

    name: str
    do: Do
    level: Callable[[], float]
    state: Callable[[], Fields]
    say: Callable[[str], None]
    has_token: Callable[[], None]


class Link:
    """A Watcher. `open` begins, `close` ends; `hurry` when somebody waits or the network has changed."""

    def __init__(self, config: Relay, home: Home, device: Device) -> None:
        self._config, self._home, self._device = config, home, device
        self._waits = Waits()
        self._wish: Wish = HELLO
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._problem = self._code = self._token = ""
        self._standing = Standing.OFF
        self._since = time.monotonic()
        self._count = self._dropped = 0
        self._trying: asyncio.Task[None] | None = None  # the link, from dialling to its end
        self._wish_problem = ""  # what came of the last pair or enrol
        self._left: bool | None = None  # whether the relay has said that it has forgotten this device
        self._leaving: asyncio.Task[None] | None = None

    # --- life ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin; does not wait for anything."""
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """End it, within a second. Idempotent."""
        task, self._task = self._task, None
        if self._session is not None:
            await self._session.close()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def hurry(self) -> None:
        """Somebody is waiting: dial now, or find out whether the line is alive."""
        if self._session is not None:
            self._session.probe()
        self._waits.pressed()
        self._hurry.set()

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "state" and fields.get("state") in ENGAGED and self._standing is not Standing.ONLINE:
            self.hurry()
        if self._session is not None:
            self._session.tell(event, fields)

    # --- what can be seen ---------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """With which this device may use the relay's other services; "" while there is none."""
        return self._token

    def stats(self) -> Fields:
        """For `status`; without anything secret."""
        found: Fields = {"standing": str(self._standing), "relay": self._home.url, "problem": self._problem,
                         "for_s": round(time.monotonic() - self._since), "links": self._count,
                         "dropped": self._dropped}  # fmt: skip
        with suppress(LinkError):
            known = self._home.identity() if self._standing is Standing.ONLINE else None
            found["device"] = known.id if known is not None else None
        return found

    def shown(self, _: object = None) -> Fields:
        """For whoever sits at the device: also the code that is to be typed."""
        return {**self.stats(), "code": self._code, "left": self._left,
                "refused": self._wish_problem}  # fmt: skip

    # --- commands -----------------------------------------------------------------------------------------

    def pair(self, _: object = None) -> Fields:
        """Ask the relay for a code; it comes with `shown`. Raises LinkError."""
        if not self._home.url:
            raise LinkError(NO_RELAY)
        if self._standing is Standing.UNKNOWN:
            self._home.renew()
        self._home.own()
        self._begin(Pair())
        return {}

    def enrol(self, argument: object = None) -> Fields:
        """Use a code of the relay's owner: {"relay": URL, "code": CODE}. Raises LinkError, UsageError."""
        given = argument if isinstance(argument, dict) else {}
        relay, code = given.get("relay"), given.get("code")
        if not isinstance(relay, str) or not isinstance(code, str) or not is_relay(relay) or not code:
            raise UsageError(
                "A relay and a code are needed: edge-voice enrol --relay https://voice.example --code CODE"
            )
        self._home.name_relay(relay)
        if self._standing is Standing.UNKNOWN:
            self._home.renew()
        self._home.own()
        self._begin(Enrol(code))
        return {}

    def unenrol(self, _: object = None) -> Fields:
        """Have the relay forget this device, and forget it here; `shown` tells how it went."""
        self._left = None
        if self._leaving is None or self._leaving.done():
            self._leaving = asyncio.ensure_future(self._leave())
        return {}

    async def _leave(self) -> None:
        left = await self._session.leave() if self._session is not None else False
        self._wish, self._token, self._code, self._problem = HELLO, "", "", ""
        try:
            self._home.forget()
        except LinkError as error:
            self._wish_problem = str(error)
        self._again()
        self._left = left

    def _begin(self, wish: Wish) -> None:
        self._wish, self._code, self._problem, self._wish_problem = wish, "", "", ""
        self._stand(Standing.CONNECTING)
        self._again()

    def _again(self) -> None:
        """Anew, at once."""
        if self._trying is not None:
            self._trying.cancel()
        self._waits.begin()
        self._hurry.set()

    # --- the loop -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._hurry.clear()
            identity = self._usable()
            if identity is None:
                await self._hurry.wait()
                continue
            self._waits.dialled(time.monotonic())
            self._trying = asyncio.ensure_future(self._attempt(identity))
            try:
                await asyncio.wait([self._trying])
            finally:
                self._trying.cancel()
            self._session, self._code = None, ""
            await self._wait()

    def _usable(self) -> Identity | None:
        """The device's key, if there is a relay that may know it."""
        try:
            identity = self._home.identity() if self._home.url else None
        except LinkError as error:
            self._problem, identity = str(error), None
        if identity is None:
            self._stand(Standing.UNPAIRED if self._home.url else Standing.OFF)
        return identity

    async def _attempt(self, identity: Identity) -> None:
        """One link, from the first to the last word."""
        wish, began = self._wish, time.monotonic()
        if self._standing is not Standing.UNKNOWN:
            self._stand(Standing.CONNECTING)
        try:
            session = await self._open(identity, wish)
            began = time.monotonic()
            self._came(session)
            code = await session.run(self._device.state())
            self._stand(Standing.OFFLINE)
            self._problem = "The relay restarts." if code == RESTART else "The link was lost."
            self._waits.lost(time.monotonic(), time.monotonic() - began, restart=code == RESTART)
        except Refused as refused:
            self._failed(refused)
        except Exception as error:  # noqa: BLE001  the task's boundary: a fault of ours ends a link, not the device
            _log.exception("link_fault")
            self._failed(Refused(f"The link has a fault ({type(error).__name__})."))
        finally:
            if self._wish is wish:
                self._wish_problem = self._problem if wish is not HELLO and self._session is None else ""
                self._wish = HELLO

    async def _open(self, identity: Identity, wish: Wish) -> Session:
        outside = Outside(self._device.do, self._device.level, self._show, self._take_token)
        who = Who(identity, self._device.name, outside)
        return await Session.open(address(self._home.url), who, wish, Terms(self._config))

    def _came(self, session: Session) -> None:
        self._session, self._problem, self._code = session, "", ""
        self._count += 1
        self._stand(Standing.ONLINE)
        _log.info("link_online relay=%s device=%s", self._home.url, session.device)
        self._device.has_token()

    def _failed(self, refused: Refused) -> None:
        if str(refused) != self._problem:
            _log.warning("link_refused %s", refused)
        self._problem = str(refused)
        if refused.unknown:
            self._token = ""
        self._stand(Standing.UNKNOWN if refused.unknown else Standing.OFFLINE)
        self._waits.refused(time.monotonic(), refused.least_s, local=refused.local)

    async def _wait(self) -> None:
        while (left := self._waits.due - time.monotonic()) > 0:
            self._hurry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._hurry.wait()

    # --- from a session -----------------------------------------------------------------------------------

    def _show(self, code: str) -> None:
        self._code = code
        self._stand(Standing.PAIRING)
        self._device.say(spoken(code))

    def _take_token(self, token: str) -> None:
        self._token = token

    def _stand(self, standing: Standing) -> None:
        if standing is not self._standing:
            self._standing, self._since = standing, time.monotonic()
            if self._session is not None and standing is not Standing.ONLINE:
                self._dropped += self._session.dropped


def spoken(code: str) -> str:
    """A sentence that spells the code, slowly."""
    return f"The pairing code is: {', '.join(code)}."
