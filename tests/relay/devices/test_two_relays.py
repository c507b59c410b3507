"""Two relay processes on one Redis: the device is at one of them, whoever watches it at the other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from tests.relay.devices.linked import Box, box, later
from tests.relay.devices.processes import Balancer, Person, free_port, planted_owner, relay_process
from tests.relay.redis_rig import RedisServer, needs_redis, redis_server
from tests.waiting import wait_until

pytestmark = needs_redis


@dataclass
class Site:
    """`public` is the balancer's port, by which devices come."""

    public: int
    a: Person
    b: Person
    processes: tuple[Popen[bytes], Popen[bytes]]
    ports: tuple[int, int]
    redis: RedisServer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "relay"
    secret, public, ports = planted_owner(folder), free_port(), (free_port(), free_port())
    with redis_server(tmp_path) as redis, ExitStack() as stack:
        env = {"EDGE_VOICE_SERVER__REDIS": redis.url, "EDGE_VOICE_SERVER__PUBLIC_URL": f"http://127.0.0.1:{public}"}
        one, other = (stack.enter_context(relay_process(folder, port, **env)) for port in ports)
        a, b = (Person(f"http://127.0.0.1:{port}", secret) for port in ports)
        yield Site(public, a, b, (one, other), (ports[0], ports[1]), redis)


async def enrolled(site: Site, device: Box) -> None:
    code = (await later(lambda: site.b.page().post("/api/enrolments"))).json()["code"]
    device.link.enrol({"relay": device.home.url, "code": code})
    await device.until("online")


def test_seen_commanded_and_cut_through_the_other_process(site: Site, tmp_path: Path) -> None:
    async def main() -> None:
        balancer = Balancer()
        balancer.ports = [site.ports[0]]
        async with balancer.serving(site.public), \
                box(tmp_path / "device", f"http://127.0.0.1:{site.public}", transcripts=True) as device:  # fmt: skip
            await enrolled(site, device)
            allowed = await later(lambda: site.b.page().patch(f"/api/devices/{device.id}", json={"transcripts": True}))
            assert allowed.status_code == 200
            async with site.b.viewer(device.id) as page:
                assert (await page.until("presence"))["online"] is True
                assert (await page.until("status"))["state"] == "idle"
                await page.until("level", 3)
                assert (await page.do("say", "hello"))["ok"] is True
                assert ("say", "hello") in device.done
                session = device.link._session
                assert session is not None
                await wait_until(lambda: session.terms.words)
                device.link.published("user_transcript", {"text": "words", "final": True})
                assert (await page.until("user_transcript"))["text"] == "words"
                device.link.published("state", {"state": "listening"})

                async def listed() -> object:
                    found = (await later(lambda: site.b.page().get("/api/devices"))).json()["devices"]
                    return found[0]["online"], found[0]["state"]

                async with asyncio.timeout(5):
                    while await listed() != (True, "listening"):  # noqa: ASYNC110  asked, not told
                        await asyncio.sleep(0.1)
                began = time.monotonic()
                await later(lambda: site.b.page().delete(f"/api/devices/{device.id}"))
                await device.until("unknown", 1.0)
                assert time.monotonic() - began < 1.0
                await wait_until(lambda: page.socket.close_code == 4403)

    asyncio.run(main())


def test_when_one_process_dies_the_device_and_its_viewers_go_on_at_the_other(site: Site, tmp_path: Path) -> None:
    async def main() -> None:
        balancer = Balancer()
        balancer.ports = list(site.ports)
        async with balancer.serving(site.public), \
                box(tmp_path / "device", f"http://127.0.0.1:{site.public}") as device:  # fmt: skip
            await enrolled(site, device)
            async with site.b.viewer(device.id) as page:
                await page.until("status")
                os.kill(site.processes[0].pid, signal.SIGKILL)
                await wait_until(lambda: device.standing != "online")
                device.link.hurry()  # as a press would
                began = time.monotonic()
                await device.until("online", 5.0)
                assert time.monotonic() - began < 2.0
                assert (await page.do("press"))["ok"] is True
                levels = len(page.of("level"))
                await wait_until(lambda: len(page.of("level")) > levels)

    asyncio.run(main())


def test_a_process_that_is_told_to_end_sends_its_devices_to_the_other(site: Site, tmp_path: Path) -> None:
    async def main() -> None:
        balancer = Balancer()
        balancer.ports = list(site.ports)
        async with balancer.serving(site.public), \
                box(tmp_path / "device", f"http://127.0.0.1:{site.public}") as device:  # fmt: skip
            await enrolled(site, device)
            site.processes[0].terminate()
            await wait_until(lambda: device.standing != "online")
            gone = time.monotonic()
            await device.until("online", 5.0)
            assert time.monotonic() - gone < 2.0
            async with site.b.viewer(device.id) as page:
                assert (await page.do("press"))["ok"] is True

    asyncio.run(main())


def test_a_restart_of_redis_costs_no_link_and_routes_are_back(site: Site, tmp_path: Path) -> None:
    async def main() -> None:
        balancer = Balancer()
        balancer.ports = [site.ports[0]]
        async with balancer.serving(site.public), \
                box(tmp_path / "device", f"http://127.0.0.1:{site.public}") as device:  # fmt: skip
            await enrolled(site, device)
            async with site.b.viewer(device.id) as page:
                await page.until("status")
                site.redis.stop()
                assert (await page.do("press"))["ok"] is False
                site.redis.start()
                back = time.monotonic()
                async with asyncio.timeout(10):
                    while not (await page.do("mute"))["ok"]:  # noqa: ASYNC110  asked, not told
                        await asyncio.sleep(0.2)
                levels = len(page.of("level"))
                await wait_until(lambda: len(page.of("level")) > levels, 10)
                assert time.monotonic() - back < 10
            assert device.link.stats()["links"] == 1
            assert ("press", None) not in device.done

    asyncio.run(main())
