"""The device's link to its relay, put together with the rest; and the commands that come with it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from edge import __version__
from edge.adjusting import Adjusting, adjusted
from edge.commands import Commands
from edge.config import Config
from edge.config.places import state_dir
from edge.core.events import SayGiven
from edge.daemon import Daemon
from edge.host.link import Device, Link
from edge.host.link_home import Home
from edge.host.state import Wishes
from edge.ports import Fields
from edge.tools.toolbox import Toolbox

SETTINGS = "settings.json"  # in the state directory
ANSWERED_S = 0.3  # for the answer to `restart` to be on its way


class Running(Protocol):
    """A device (wiring.Assembly)."""

    config: Config
    daemon: Daemon
    commands: Commands

    @property
    def level(self) -> float:
        """Of the microphone, in dBFS."""

    def apply(self, config: Config) -> None:
        """Take over what can change while running."""


@dataclass(slots=True)
class Linkage:
    """Made before the engines, which may need the relay's token. `again`: the daemon was told to restart."""

    link: Link | None = None
    again: bool = False

    def token(self) -> str:
        """That the relay has given this device; "" while there is none."""
        return self.link.token if self.link is not None else ""

    def begin(self, stack: AsyncExitStack, device: Running, toolbox: Toolbox, *, service: bool) -> Callable[[], None]:
        """Ends with `stack`. Returns what is to be called when the network has changed.

        A conversation in a terminal is no `service`: it has no link.
        """
        daemon, commands, agent = device.daemon, device.commands, device.daemon.ports.agent
        _connect(toolbox, device)
        shelf = Wishes(state_dir() / SETTINGS) if service else None
        adjusting = Adjusting(lambda: device.config, device.apply, shelf)
        commands.more({"timers": timers(toolbox), "settings": adjusting.settings})
        if not service:
            return agent.connect
        link = self.link = Link(device.config.relay, Home(state_dir(), device.config.relay.url), _seen(device))
        commands.more({"restart": lambda _: self._restart(daemon.stop), "link": link.shown, "pair": link.pair,
                       "enrol": link.enrol, "unenrol": link.unenrol})  # fmt: skip
        commands.parts["link"] = link.stats
        daemon.ports.watchers.append(link)
        stack.push_async_callback(link.close)
        link.open()

        def changed() -> None:
            agent.connect()
            link.hurry()

        return changed

    def _restart(self, stop: Callable[[], None]) -> Fields:
        """Soon: the answer goes first."""
        if not self.again:
            self.again = True
            asyncio.get_running_loop().call_later(ANSWERED_S, stop)
        return {}


def _seen(device: Running) -> Device:
    """As the link needs it."""
    daemon = device.daemon

    def state() -> Fields:
        return {"state": str(daemon.conversation.state), "muted": daemon.conversation.muted}

    def say(text: str) -> None:
        if daemon.conversation.ready:  # else it would be said when it is of no use any more
            daemon.post(SayGiven(text))

    return Device(
        device.config.device.name or socket.gethostname(), device.commands.do, lambda: device.level, state, say,
        daemon.ports.agent.connect,
    )  # fmt: skip


def timers(toolbox: Toolbox) -> Callable[[object], Fields]:
    """The command: those that run, the soonest first."""

    def shown(_: object) -> Fields:
        return {"timers": toolbox.listed()}

    return shown


def _connect(toolbox: Toolbox, device: Running) -> None:
    """So that the tools can speak, tell of the device, and show their timers."""
    daemon = device.daemon
    toolbox.post, toolbox.publish = daemon.post, daemon.publish
    toolbox.facts = lambda: {
        "name": device.config.device.name or socket.gethostname(), "version": __version__,
        "engine": daemon.ports.agent.name,
    }  # fmt: skip
    daemon.ports.watchers.append(toolbox)
    device.commands.parts |= {"timers": toolbox.listed, "tool_servers": toolbox.servers}


def wished(config: Config) -> Config:
    """A configuration as it was read, with what its owner has set since."""
    return adjusted(config, Wishes(state_dir() / SETTINGS).load())


def begin_again() -> None:
    """The program from its start, in the same process. Does not return."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  what was run is run
