"""Notices that this machine's network has changed: then it is worth trying again at once."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress

# linux/rtnetlink.h: RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
SETTLE_S = 0.1  # an interface that comes up tells a dozen things
SPREAD_S = 0.4  # a router that comes back does so for every device behind it
MOST_READ = 1 << 16


class Network:
    """Calls `changed` in the loop, half a second after a change at the latest. Without netlink it never does."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to listen to the kernel."""
        if not hasattr(socket, "AF_NETLINK"):
            return
        with suppress(OSError):  # a sandbox may forbid it
            kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            listening = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
            try:
                listening.bind((0, GROUPS))
            except OSError:
                listening.close()
                raise
            self._socket = listening
            asyncio.get_running_loop().add_reader(listening, self._read, listening)

    def close(self) -> None:
        """Idempotent."""
        listening, self._socket = self._socket, None
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        if self._timer is not None:
            self._timer.cancel()

    def _read(self, listening: socket.socket) -> None:
        with suppress(OSError):  # ENOBUFS: more was told than we read, which is a change too
            while listening.recv(MOST_READ):
                pass
        if self._timer is None:
            wait = SETTLE_S + random.uniform(0, SPREAD_S)  # noqa: S311  no secret
            self._timer = asyncio.get_running_loop().call_later(wait, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._changed()
