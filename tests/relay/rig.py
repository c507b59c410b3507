"""A relay on the loopback, as a test's people and devices meet it: real HTTP and real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx

from edge.config import Config, Server
from edge.relay.app import furnished
from edge.relay.doors import Kind, Who, give_token
from edge.relay.house import House
from edge.relay.limits import Memory
from edge.relay.origins import origins
from edge.relay.people import repository
from edge.relay.serving import Server as Serving
from edge.relay.serving import listening, run, server_of
from edge.relay.store import codes
from edge.relay.wire import Doorway

START_S = 20.0


class Silent:
    """No service manager."""

    def ready(self) -> None: ...

    def stopping(self) -> None: ...

    async def beat(self, moved: Callable[[], bool]) -> None: ...


class Relay:
    """One that runs in a thread. `do` runs in its event loop; the store can be used from here as well."""

    def __init__(self, house: House, port: int, server: Serving) -> None:
        self.house, self.port, self.server = house, port, server
        self.url = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}"
        self.loop: asyncio.AbstractEventLoop | None = None

    def person(self, name: str, *, owner: bool = False) -> Who:
        return self.house.store.do(lambda db: repository.add(db, name, owner=owner, password=None, now=1.0)).who

    def device(self, name: str, *owners: Who, viewers: tuple[Who, ...] = ()) -> Who:
        """Written down as if it had been paired; its key is not one."""
        identity = codes.digest(name)[:20]

        def write(db: Any) -> None:
            db.execute(
                "INSERT INTO devices (id, name, public_key, created) VALUES (?, ?, ?, 1)",
                (identity, name, name.encode()),
            )
            for who, role in [*((one, "owner") for one in owners), *((one, "viewer") for one in viewers)]:
                db.execute("INSERT INTO access (person, device, role) VALUES (?, ?, ?)", (who.id, identity, role))

        self.house.store.do(write)
        return Who("device", identity, name)

    def token(self, kind: Kind, holder: str, seconds: float | None = None) -> str:
        now = self.house.now()
        return self.house.store.do(lambda db: give_token(db, kind, holder, "test", now=now, seconds=seconds))

    def fleet_token(self) -> str:
        """Of a program that adds and revokes devices."""
        return self.house.store.do(
            lambda db: give_token(db, "client", "f1", "fleet", now=self.house.now(), seconds=None, scope="enrol")
        )

    def forget_attempts(self) -> None:
        """Those of a test before."""
        limits = self.house.limits
        assert isinstance(limits, Memory)
        limits._buckets._full_at.clear()

    def session(self, who: Who) -> str:
        """What this person's cookie holds."""
        return self.do(self.house.doors.session(who.id))

    def visitor(self, who: Who | None = None, **more: Any) -> httpx.Client:
        """A browser's page of the relay: with its Origin and mark, and this person's cookie."""
        headers = {"origin": self.url, "x-edge-voice": "1"}
        cookies = {self.house.doors.cookie: self.session(who)} if who else {}
        return httpx.Client(base_url=self.url, headers=headers, cookies=cookies, timeout=10, **more)

    def program(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {token}"}, timeout=10)

    def socket_headers(self, who: Who) -> dict[str, str]:
        """Of a page's WebSocket."""
        return {"Origin": self.url, "Cookie": f"{self.house.doors.cookie}={self.session(who)}"}

    def until(self, is_so: Callable[[], bool], limit: float = 10.0) -> None:
        """Wait for what the relay does on its own."""
        end = time.monotonic() + limit
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.01)

    def do(self, work: Any) -> Any:
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


def configured(base: Config | None = None, **server: Any) -> Config:
    """The defaults but for these keys of [server], at a free port."""
    return replace(base or Config(), server=replace(Server(), **{"listen": "127.0.0.1:0", **server}))


@contextmanager
def running(
    folder: Path, config: Config | None = None, changed: Mapping[str, Any] | None = None,
    doorway: Doorway | None = None,
) -> Iterator[Relay]:  # fmt: skip
    """A relay with its database in `folder`; `changed` are fields of its House."""
    config = config or configured()
    bound = listening(config.server.listen)
    port = bound.getsockname()[1]
    house = replace(furnished(config, folder / "relay.sqlite", origins(config.server, port)), **(changed or {}))
    server = server_of(house, None, Silent(), doorway)
    relay, begun, failed = Relay(house, port, server), threading.Event(), list[BaseException]()

    async def main() -> None:
        relay.loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(server._serve([bound]))
        for _ in range(int(START_S / 0.01)):
            if server.started or serving.done():
                break
            await asyncio.sleep(0.01)
        begun.set()
        await serving

    def in_thread() -> None:
        try:
            run(main)
        except BaseException as error:  # noqa: BLE001  the thread's end: told to the test
            failed.append(error)
        begun.set()

    thread = threading.Thread(target=in_thread, name="relay")
    thread.start()
    try:
        assert begun.wait(START_S)
        assert not failed, failed
        yield relay
    finally:
        server.should_exit = server.force_exit = True
        thread.join(START_S)
        house.store.close()
    assert not thread.is_alive()
    assert not failed, failed
