"""One process of the relay: uvicorn with our own limits, from the first connection to a drained end."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import uvicorn

from edge.config import Config
from edge.config.web import address_of
from edge.errors import EdgeVoiceError
from edge.relay.addresses import networks
from edge.relay.app import application
from edge.relay.house import House
from edge.relay.logs import event
from edge.relay.wire import Doorway, Http, Socket

DRAIN_S = 25.0  # that those who talk may go on after SIGTERM; the unit kills at 35 s
SPREAD_S = 1.0  # over which the other sockets are sent elsewhere, so that they do not all come back at once
LOOK_S = 0.1  # how often whether they still do
SETTLE_S = 0.2  # for the connections that the loop or TLS had in hand when the listening ended
CLOSING_S = 4.0  # for the parts to end
KEEP_ALIVE_S = 30.0
HANDSHAKE_S = 10.0  # of TLS
LARGEST_MESSAGE = 1024 * 1024
PING_S, PONG_S = 20.0, 20.0  # a link that is gone is found in 40 s at rest
TALKING = "/v1/realtime"  # sockets there may end what they are saying
BACKLOG = 4096

_log = logging.getLogger("edge-voice")


class Manager(Protocol):
    """The service manager (edge.host.notify.Systemd)."""

    def ready(self) -> None:
        """People and devices can come."""

    def stopping(self) -> None:
        """No more."""

    async def beat(self, moved: Callable[[], bool]) -> None:
        """As long as this runs, the process lives."""


@dataclass(slots=True)
class Line:
    """What the service manager shows; the manager is made before there is a house."""

    text: str = "Starting"

    def __call__(self) -> str:
        """The text."""
        return self.text


def listening(listen: str) -> socket.socket:
    """A bound socket. EdgeVoiceError says why there is none."""
    host, port = address_of(listen) or ("", 0)
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, number)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        raise EdgeVoiceError(f"The relay cannot listen on {listen}: {error.strerror} (server.listen).") from None
    found.setblocking(False)
    return found


def tls(config: Config) -> ssl.SSLContext | None:
    """TLS 1.2 or newer, if there is a certificate."""
    if not config.server.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, config)
    return context


def load_certificate(context: ssl.SSLContext, config: Config) -> None:
    """At the start, and again when it has been renewed."""
    server = config.server
    try:
        context.load_cert_chain(server.tls_cert, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise EdgeVoiceError(f"The certificate {server.tls_cert} or its key cannot be used: {error}.") from None


class Server(uvicorn.Server):
    """uvicorn's, with our sockets, and an end that lets people finish."""

    def __init__(
        self, config: uvicorn.Config, house: House, doorway: Doorway, context: ssl.SSLContext | None, manager: Manager
    ) -> None:
        super().__init__(config)
        self._house, self._doorway, self._context, self._manager = house, doorway, context, manager

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise EdgeVoiceError("The relay could not start; the log says why.")
        loop = asyncio.get_running_loop()
        handshake = HANDSHAKE_S if self._context else None
        self.servers = [
            await loop.create_server(
                self._connected, sock=one, ssl=self._context, backlog=BACKLOG, ssl_handshake_timeout=handshake
            )
            for one in sockets or ()
        ]
        self.started = True
        self._manager.ready()

    def _connected(self) -> Http:
        return Http(self._doorway, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn: at first those who do not talk are sent elsewhere, then those who still do."""
        self._house.leaving.set()
        self._doorway.closing = True
        self._manager.stopping()
        for server in self.servers:
            server.close()
        for one in sockets or ():
            one.close()
        event(_log, logging.INFO, "leaving", connections=len(self.server_state.connections))
        await self._send_away()
        for look in range(round(DRAIN_S / LOOK_S)):
            settled = look * LOOK_S >= SETTLE_S
            if self.force_exit or (settled and not any(map(_is_waited_for, self.server_state.connections))):
                break
            await asyncio.sleep(LOOK_S)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self._tasks_end()
                await self.lifespan.shutdown()
        event(_log, logging.INFO, "left", connections=len(self.server_state.connections))

    async def _send_away(self) -> None:
        """In any order, evenly over the time, so that a thousand devices do not come back as one."""
        going = [one for one in self.server_state.connections if not _talks(one)]
        random.shuffle(going)
        pause = SPREAD_S / 50
        for start in range(0, len(going), share := max(1, len(going) // 50 + 1)):
            for connection in going[start : start + share]:
                connection.shutdown()
            if len(going) > share:
                await asyncio.sleep(pause)

    async def _tasks_end(self) -> None:
        for wait in (CLOSING_S / 2, CLOSING_S / 4):
            if self.server_state.tasks:
                await asyncio.wait(set(self.server_state.tasks), timeout=wait)
            for task in self.server_state.tasks:
                task.cancel()


def _talks(connection: object) -> bool:
    return isinstance(connection, Socket) and connection.scope["path"].startswith(TALKING)


def _is_waited_for(connection: object) -> bool:
    return _talks(connection) or (isinstance(connection, Http) and connection.owed)


async def serve(house: House, bound: socket.socket, context: ssl.SSLContext | None, manager: Manager) -> Server:
    """Until SIGTERM or SIGINT; the house is closed then."""
    server = server_of(house, context, manager)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    if context is not None:
        loop.add_signal_handler(signal.SIGHUP, _renewed, context, house.config)
    beating = asyncio.ensure_future(manager.beat(lambda: True))
    try:
        await server._serve([bound])  # noqa: SLF001  `serve` would raise the signal again at the end, which looks like a death
    finally:
        beating.cancel()
    return server


def server_of(house: House, context: ssl.SSLContext | None, manager: Manager, doorway: Doorway | None = None) -> Server:
    """Not yet running."""
    wanted = house.config.server
    doorway = doorway or Doorway(wanted.links_per_address, networks(wanted.proxies))
    _measure(house, doorway)
    config = uvicorn.Config(
        application(house), http=Http, ws=Socket, lifespan="on", log_config=None,
        access_log=False, ws_max_size=LARGEST_MESSAGE, ws_per_message_deflate=False, ws_ping_interval=PING_S,
        ws_ping_timeout=PONG_S, timeout_keep_alive=int(KEEP_ALIVE_S), server_header=False, proxy_headers=False,
        limit_concurrency=wanted.devices + 4 * wanted.sessions + 1000,
    )  # fmt: skip
    return Server(config, house, doorway, context, manager)


def _measure(house: House, doorway: Doorway) -> None:
    metrics = house.metrics
    metrics.gauge("connections", "open connections", lambda: float(doorway.open.total()))
    away = metrics.gauge("turned_away", "connections that were cut for what they did, since the start")
    away.read_all = lambda: {(("reason", why),): float(count) for why, count in doorway.turned_away.items()}


def _renewed(context: ssl.SSLContext, config: Config) -> None:
    """SIGHUP: the certificate has been renewed."""
    try:
        load_certificate(context, config)
    except EdgeVoiceError as error:
        _log.error("certificate_not_renewed %s", error)
    else:
        event(_log, logging.INFO, "certificate_renewed")


def raise_file_limit() -> None:
    """Each connection is a file."""
    with suppress(OSError, ValueError):  # what a sandbox may refuse
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(main: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """In an event loop: uvloop's where there is one."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with suppress(ImportError):
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
