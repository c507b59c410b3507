"""`edge-voice pair`, `enrol` and `unenrol`: the daemon does it where one runs; else it is done from here."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

from edge.config import Config
from edge.config.checks_relay import is_relay
from edge.config.places import SERVICE, daemon_state
from edge.errors import ControlError, LinkError, UsageError
from edge.host import client
from edge.host.control import socket_path
from edge.host.link_home import Home
from edge.host.link_session import Outside, Session, Who
from edge.host.link_wire import Enrol, Hello, Pair, Terms, Wish, address
from edge.ports import Fields

LOOK_S = 0.2  # between looks at the daemon
WORK_S = 20.0  # for what needs no person
TYPE_S = 630.0  # for a person to type the code

Say = Callable[[str], None]


def pair(config: Config, say: Say) -> None:
    """Print a code, and wait until somebody has typed it on the relay's page. Raises LinkError, ControlError."""
    if not _runs():
        home = _home(config)
        if not home.url:
            raise LinkError('There is no relay yet: set [relay] url = "https://...", or EDGE_VOICE_RELAY__URL.')
        _alone(config, home, Pair(), lambda code: say(_told(code, home.url)))
    else:
        client.call(socket_path(), "pair")
        found = _until(lambda one: bool(one["code"]), WORK_S)
        say(_told(str(found["code"]), str(found["relay"])))
        _until(lambda one: one["standing"] == "online", TYPE_S)
    say("The device is paired.")


def enrol(config: Config, relay: str, code: str, say: Say) -> None:
    """Use a code that the relay's owner has made. Raises LinkError, UsageError, ControlError."""
    relay = relay or _home(config).url
    if not is_relay(relay):
        raise UsageError("A relay is needed, by its whole address: --relay https://voice.example")
    if _runs():
        client.call(socket_path(), "enrol", {"relay": relay, "code": code})
        _until(lambda one: one["standing"] == "online", WORK_S)
    else:
        home = _home(config)
        home.name_relay(relay)
        _alone(config, Home(home.folder, relay), Enrol(code), lambda _: None)
    say(f"The device is enrolled at {relay}.")


def unenrol(config: Config, say: Say) -> None:
    """Have the relay forget this device, and forget the relay. Raises LinkError, ControlError."""
    if _runs():
        client.call(socket_path(), "unenrol")
        left = bool(_until(lambda one: one["left"] is not None, WORK_S)["left"])
    else:
        left = asyncio.run(_leave(config, _home(config)))
    known = "" if left else " The relay could not be told: remove the device on its page as well."
    say(f"This device has forgotten its relay.{known}")


def _told(code: str, relay: str) -> str:
    return f"Type this code on {relay} within ten minutes:  {code}"


# --- through the daemon -----------------------------------------------------------------------------------


def _runs() -> bool:
    """Whether a daemon runs here. Raises ControlError for one that does not answer, or not to us."""
    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(client.ANSWER_S)
            there.connect(str(socket_path()))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return False
    except PermissionError:
        raise ControlError(f"{socket_path()} belongs to another user; use sudo.") from None
    except OSError as error:
        raise ControlError(f"The daemon does not answer at {socket_path()}: {error}.") from None
    return True


def _until(done: Callable[[dict[str, Any]], bool], limit_s: float) -> dict[str, Any]:
    """The link's state when it is so. Raises LinkError with what the relay says against it."""
    end = time.monotonic() + limit_s
    while True:
        found = client.call(socket_path(), "link")
        if found["refused"]:
            raise LinkError(str(found["refused"]))
        if done(found):
            return found
        if time.monotonic() > end:
            raise LinkError(str(found["problem"]) or "The relay has not answered in time.")
        time.sleep(LOOK_S)


# --- without one ------------------------------------------------------------------------------------------


def _home(config: Config) -> Home:
    folder = daemon_state()
    if folder == SERVICE and os.geteuid() != 0 and not os.access(folder, os.W_OK):
        raise LinkError(f"{folder} belongs to the service; use sudo.")
    return Home(folder, config.relay.url)


def _alone(config: Config, home: Home, wish: Wish, shown: Say) -> None:
    async def once() -> None:
        session = await _session(config, home, wish, shown)
        await session.close()

    asyncio.run(once())


async def _leave(config: Config, home: Home) -> bool:
    left = False
    try:
        if home.url and home.identity() is not None:
            session = await _session(config, home, Hello(), lambda _: None)
            running = asyncio.ensure_future(session.run({}))
            left = await session.leave()
            running.cancel()
    except LinkError:  # then the device forgets all the same
        left = False
    home.forget()
    return left


async def _session(config: Config, home: Home, wish: Wish, shown: Say) -> Session:
    def nothing(_name: str, _argument: object) -> Fields:
        raise UsageError("No daemon runs on this device.")

    identity = home.own()
    outside = Outside(nothing, lambda: -100.0, shown, lambda _: None)
    who = Who(identity, config.device.name or socket.gethostname(), outside)
    return await Session.open(address(home.url), who, wish, Terms(config.relay))
