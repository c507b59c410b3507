"""The devices that are linked to this process, and whoever watches any: what one says goes to the others."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol

from edge.relay.bus import Gone, NoAnswer
from edge.relay.bus.port import Json
from edge.relay.devices import registry
from edge.relay.devices.link import REPLACED, REVOKED, VERSION, Link
from edge.relay.house import House
from edge.relay.logs import event
from edge.relay.refused import Refused

SWEEP_S = 0.5  # between looks for what has been revoked: also when nobody could tell this process
OVERLAP_S = 5.0  # that such a look goes back, since the processes' clocks differ
RENEW = 0.8  # of a token's time, after which there is a new one
MOST_RENEWED = 50  # tokens in one look
WORDS = frozenset({"user_transcript", "reply_transcript"})
# What a device may tell: the control protocol's events. What a newer one has beside them is not passed on.
EVENTS = WORDS | {
    "state", "level", "mute", "volume", "turn", "tool", "usage", "device", "error", "microphone", "speaker",
    "interrupted", "forgotten", "nothing_heard", "agent", "light", "status", "warning",
}  # fmt: skip

_log = logging.getLogger("edge-voice")


class Viewer(Protocol):
    """Somebody who watches a device (viewers.Viewer)."""

    def show(self, text: str, *, droppable: bool = False) -> None:
        """A message, without waiting."""

    def end(self, code: int, reason: str) -> None:
        """There is nothing more to see."""


class Hub:
    """See bus.Listener."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.links: dict[str, Link] = {}
        self.viewers: dict[str, set[Viewer]] = {}
        self.pairing: dict[str, asyncio.Event] = {}  # devices that show a code, by id
        self._tasks: set[asyncio.Task[None]] = set()
        metrics = house.metrics
        metrics.gauge("device_links", "devices linked to this process", lambda: float(len(self.links)))
        metrics.gauge("device_viewers", "sockets that watch a device",
                      lambda: float(sum(map(len, self.viewers.values()))))  # fmt: skip
        metrics.gauge("bus_dropped", "messages that Redis did not take, or that came too late, since the start",
                      lambda: float(getattr(house.bus, "dropped", 0)))  # fmt: skip
        self.ends = metrics.counter("device_ends_total", "links of devices by how they ended")
        self._events = metrics.counter("device_events_total", "messages of devices, by what became of them")
        self._commands = metrics.counter("device_commands_total", "commands to devices by what became of them")
        self._took = metrics.histogram("device_command_seconds", "from a command to the device's answer")
        house.bus.attach(self)

    # --- links --------------------------------------------------------------------------------------------

    async def join(self, link: Link) -> None:
        """It is proven. An older link of the same device is closed, wherever it is."""
        link.epoch = await self.house.bus.claim(link.device, link.about)
        older = self.links.get(link.device)
        self.links[link.device] = link
        if older is not None:
            await older.close(REPLACED, "replaced")
        self.publish(link.device, {"event": "presence", "online": True})
        self._tell_watched(link)

    async def leave(self, link: Link) -> None:
        """It is over."""
        link.end()
        if self.links.get(link.device) is link:
            self.publish(link.device, {"event": "presence", "online": False})
            del self.links[link.device]
            await self.house.bus.release(link.device, link.epoch)

    def came(self, link: Link, message: Json) -> None:
        """An event of a device, for whoever watches it."""
        name = message.get("event")
        if name not in EVENTS or (name in WORDS and not link.transcripts):
            self._events.add(outcome="refused")
            return
        self._events.add(outcome="taken")
        if name == "state" and link.about.get("state") != message.get("state"):
            link.about = {**link.about, "state": str(message.get("state"))[:20]}
            self.house.bus.describe(link.device, link.epoch, link.about)
        if name == "tool" and not link.transcripts:  # what it was called with is what somebody said
            message.pop("arguments", None)
        self.publish(link.device, message)

    def publish(self, device: str, message: Json) -> None:
        """To all who watch a device that is linked here."""
        here, elsewhere = self.viewers.get(device), self.house.bus.is_watched(device)
        if here or elsewhere:
            text = json.dumps({"v": VERSION, **message})
            droppable = message.get("event") == "level"
            for viewer in list(here or ()):
                viewer.show(text, droppable=droppable)
            if elsewhere:
                self.house.bus.pass_on(device, text, droppable=droppable)

    # --- commands -----------------------------------------------------------------------------------------

    async def command(self, device: str, name: str, argument: object) -> Json:
        """The device's answer, wherever it is linked; {"ok": False, "error"} when there is none."""
        began = self.house.clock()
        try:
            link = self.links.get(device)
            if link is not None:
                answer = await link.command(name, argument)
            else:
                answer = await self.house.bus.ask(device, {"command": name, "argument": argument})
        except (Gone, NoAnswer) as error:
            self._commands.add(outcome="gone" if isinstance(error, Gone) else "no_answer")
            return {"ok": False, "error": str(error)}
        self._commands.add(outcome="done" if answer.get("ok") else "refused")
        self._took.observe(self.house.clock() - began)
        return answer

    # --- viewers ------------------------------------------------------------------------------------------

    def watch(self, device: str, viewer: Viewer) -> None:
        """From now on it sees what happens."""
        self.viewers.setdefault(device, set()).add(viewer)
        self.house.bus.watch(device)
        self.watched(device)

    def unwatch(self, device: str, viewer: Viewer) -> None:
        """No more."""
        found = self.viewers.get(device)
        if found is None:
            return
        found.discard(viewer)
        if not found:
            del self.viewers[device]
            self.house.bus.unwatch(device)
            self.watched(device)

    # --- the bus' Listener --------------------------------------------------------------------------------

    async def asked(self, device: str, epoch: int, request: Json) -> Json:
        """See bus.Listener. The asker means the link that it has seen, no later one."""
        link = self.links.get(device)
        if link is None or link.epoch != epoch:
            raise Gone("The device is offline.")
        return await link.command(str(request["command"]), request.get("argument"))

    def replaced(self, device: str, epoch: int) -> None:
        """See bus.Listener."""
        link = self.links.get(device)
        if link is not None and link.epoch < epoch:
            self._start(link.close(REPLACED, "replaced"))

    def happened(self, device: str, text: str) -> None:
        """See bus.Listener."""
        droppable = text.startswith('{"v": 1, "event": "level"')
        for viewer in list(self.viewers.get(device, ())):
            viewer.show(text, droppable=droppable)

    def watched(self, device: str) -> None:
        """See bus.Listener."""
        link = self.links.get(device)
        if link is not None:
            self._tell_watched(link)

    def told(self, what: str, device: str) -> None:
        """See bus.Listener."""
        if what == "revoked":
            self._cut(device)
        elif what == "paired" and (shown := self.pairing.get(device)) is not None:
            shown.set()
        elif what == "changed" and (link := self.links.get(device)) is not None:
            self._start(self._look_again(link))

    # --- life ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Cuts what has been revoked, renews tokens; at the end everybody has been sent away."""
        sweeping = asyncio.ensure_future(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            for link in list(self.links.values()):
                await link.close(1012, "restart")
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(sweeping, *self._tasks, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                for device in await self.house.store.run(self._revoked):
                    self._cut(device)
                await self._renew()
            except Exception as error:  # noqa: BLE001  a task's boundary: the next look may go better
                event(_log, logging.ERROR, "sweep_failed", error=repr(error))

    def _revoked(self, db: sqlite3.Connection) -> list[str]:
        return registry.revoked_since(db, self.house.now() - OVERLAP_S)

    async def _renew(self) -> None:
        now = self.house.clock()
        due = [link for link in self.links.values() if link.renew_at <= now][:MOST_RENEWED]
        for link in due:
            link.renew_at = now + RENEW * registry.TOKEN_S
            given = (link.device, link.name, self.house.now())
            token = await self.house.store.run(partial(_renewed, given))
            if token is None:
                self._cut(link.device)
                continue
            told = {"type": "token", "token": token, "token_s": registry.TOKEN_S, "t": link.age}
            self._start(self._quietly(link, told))

    def _cut(self, device: str) -> None:
        """Revoked: the link and whoever watches it."""
        link = self.links.get(device)
        if link is not None and not link.ended:
            event(_log, logging.INFO, "device_cut", device=device)
            self._start(link.close(REVOKED, "revoked"))
        for viewer in list(self.viewers.get(device, ())):
            viewer.end(REVOKED, "This device has been removed.")

    async def _look_again(self, link: Link) -> None:
        with suppress(Refused):
            found = await self.house.store.run(lambda db: registry.known(db, link.device))
            if found is not None:
                link.transcripts, link.name = found.transcripts, found.name
                await self._quietly(link, {"type": "settings", "transcripts": found.transcripts})

    def _tell_watched(self, link: Link) -> None:
        """A device that nobody watches sends no levels and no words."""
        watched = bool(self.viewers.get(link.device)) or self.house.bus.is_watched(link.device)
        if watched != link.watched:
            link.watched = watched
            self._start(self._quietly(link, {"type": "watched", "on": watched}))

    async def _quietly(self, link: Link, message: Json) -> None:
        with suppress(Gone):
            await link.send(message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _renewed(given: tuple[str, str, float], db: sqlite3.Connection) -> str | None:
    return registry.renewed(db, *given)


_hubs: dict[int, Hub] = {}  # by the id of the house, which each hub keeps alive


def hub_of(house: House) -> Hub:
    """The one of this house, made when it is first asked for; `forget` it at its end."""
    return _hubs.get(id(house)) or _hubs.setdefault(id(house), Hub(house))


def forget(house: House) -> None:
    """It has ended."""
    _hubs.pop(id(house), None)
