"""What must not work at /device and at a viewer's socket (reliability.md, test 9), and what a slow reader costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge.host import identity
from edge.host.identity import Identity
from edge.host.link_wire import signed_text
from edge.relay.devices.viewers import MOST_WAITING
from edge.relay.devices.viewers import Viewer as Watching
from edge.relay.doors import Who
from tests.relay.devices.linked import Box, box, enrolled, later, viewer
from tests.relay.rig import Relay, configured, running
from tests.waiting import wait_until


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running(tmp_path / "relay") as found:
        yield found


@pytest.fixture
def owner(relay: Relay) -> Who:
    return relay.person("Root", owner=True)


class Caller:
    """A raw socket at /device, after the challenge."""

    def __init__(self, relay: Relay, socket: ClientConnection, nonce: str) -> None:
        self.socket, self.nonce = socket, nonce
        self.host = relay.ws.partition("//")[2]

    def signature(self, key: Identity, nonce: str = "", host: str = "") -> str:
        return key.sign(signed_text(host or self.host, nonce or self.nonce))

    async def says(self, **message: Any) -> dict[str, Any]:
        await self.socket.send(json.dumps(message))
        return dict(json.loads(await self.socket.recv()))

    async def is_refused(self, code: int, reason: str, /, **message: Any) -> None:
        with pytest.raises(ConnectionClosed) as closed:
            await self.says(**message)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


async def caller(relay: Relay) -> Caller:
    socket = await connect(f"{relay.ws}/device")
    return Caller(relay, socket, json.loads(await socket.recv())["nonce"])


def own(device: Box) -> Identity:
    found = device.home.identity()
    assert found is not None
    return found


def test_the_key_of_one_device_is_no_other_devices(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "a", relay.url) as a, box(tmp_path / "b", relay.url) as b:
            for one in (a, b):
                await enrolled(relay, one, owner)
            call = await caller(relay)
            wrong = call.signature(own(a))
            await call.is_refused(4401, "wrong signature", type="hello", device=b.id, signature=wrong)
            assert b.standing == "online"  # nothing has happened to it

    asyncio.run(main())


def test_a_challenge_is_good_once_for_one_relay(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "a", relay.url) as a:
            await enrolled(relay, a, owner)
            key, device = own(a), a.id
        heard = await caller(relay)
        hello = {"type": "hello", "device": device, "signature": heard.signature(key)}
        assert (await heard.says(**hello))["type"] == "welcome"
        again = await caller(relay)
        assert again.nonce != heard.nonce
        await again.is_refused(4401, "wrong signature", **hello)
        elsewhere = await caller(relay)
        passed_on = elsewhere.signature(key, host="other.example")  # what the device would sign for another relay
        await elsewhere.is_refused(4401, "wrong signature", type="hello", device=device, signature=passed_on)

    asyncio.run(main())


def test_a_revoked_key_is_good_for_nothing(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "a", relay.url) as a:
            await enrolled(relay, a, owner)
            key, device = own(a), a.id
            gone = await later(lambda: relay.visitor(owner).delete(f"/api/devices/{device}"))
            assert gone.status_code == 200
        code = (await later(lambda: relay.visitor(owner).post("/api/enrolments"))).json()["code"]
        call = await caller(relay)
        await call.is_refused(4403, "revoked", type="hello", device=device, signature=call.signature(key))
        for kind, more in (("pair", {}), ("enrol", {"code": code})):
            call = await caller(relay)
            new = {"public_key": key.public_key, "name": "Kitchen", "signature": call.signature(key), **more}
            await call.is_refused(4403, "revoked", type=kind, **new)

    asyncio.run(main())


def test_a_code_is_good_once_and_for_nobody_without_its_key(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        code = (await later(lambda: relay.visitor(owner).post("/api/enrolments"))).json()["code"]
        keys = [identity.create(tmp_path / name) for name in ("one", "two")]
        call = await caller(relay)
        new = {"type": "enrol", "code": code, "name": "Kitchen", "public_key": keys[0].public_key}
        await call.is_refused(4401, "wrong signature", **new, signature=call.signature(keys[1]))
        call = await caller(relay)
        assert (await call.says(**new, signature=call.signature(keys[0])))["type"] == "welcome"
        call = await caller(relay)
        again = {**new, "public_key": keys[1].public_key, "signature": call.signature(keys[1])}
        await call.is_refused(4401, "wrong code", **again)

    asyncio.run(main())


def test_codes_cannot_be_tried_out(relay: Relay) -> None:
    stranger = relay.person("Stan")
    with relay.visitor(stranger) as page:
        answers = [page.post("/api/devices/pair", json={"code": f"AAAA{n:04}"}).status_code for n in range(12)]
    assert answers[:10] == [404] * 10
    assert answers[10:] == [429, 429]


def test_whoever_says_nothing_is_let_go(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.devices.endpoint.HELLO_S", 0.2)

    async def main() -> None:
        call = await caller(relay)
        with pytest.raises(ConnectionClosed) as closed:
            await call.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401

    asyncio.run(main())


def test_too_many_at_once_are_asked_to_come_later(tmp_path: Path) -> None:
    async def main() -> None:
        with running(tmp_path / "relay", configured(devices=1)) as relay:
            owner = await later(lambda: relay.person("Root", owner=True))
            async with box(tmp_path / "a", relay.url) as first, box(tmp_path / "b", relay.url) as second:
                await enrolled(relay, first, owner)
                second.link.pair()
                await second.until("offline")
                assert "busy" in second.problem
                with pytest.raises(InvalidStatus) as refused:
                    await connect(f"{relay.ws}/device")
                assert refused.value.response.status_code == 503
                assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 32

    asyncio.run(main())


def test_a_device_that_floods_is_cut(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "a", relay.url) as a:
            await enrolled(relay, a, owner)
            session = a.link._session
            assert session is not None
            for _ in range(400):
                await session.socket.send('{"v": 1, "event": "state", "state": "idle"}')
            await wait_until(lambda: "too much" in a.problem)

    asyncio.run(main())


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"v": 1}', '{"command": 7}', "[" * 9000, '{"id": 1, "command": "nope"}']
)
def test_what_is_no_command_is_answered_and_harms_nobody(relay: Relay, owner: Who, tmp_path: Path, text: str) -> None:
    async def main() -> None:
        async with box(tmp_path / "a", relay.url) as a:
            await enrolled(relay, a, owner)
            async with viewer(relay, owner, a.id) as page:
                answered = asyncio.get_running_loop().create_future()
                page._waiting |= {None: answered, 1: answered}  # type: ignore[dict-item]  # an answer to no number
                await page.socket.send(text)
                await wait_until(answered.done)
                assert answered.result()["ok"] is False
                page._waiting.clear()
                assert (await page.do("press"))["ok"] is True

    asyncio.run(main())


def test_a_viewer_may_look_and_not_touch_and_not_after_it_is_taken_away(
    relay: Relay, owner: Who, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.relay.devices.viewers.LOOK_S", 0.1)

    async def main() -> None:
        vera = await later(relay.person, "Vera")
        async with box(tmp_path / "a", relay.url) as a:
            await enrolled(relay, a, owner)
            insert = "INSERT INTO access (person, device, role) VALUES (?, ?, 'viewer')"
            await later(relay.house.store.do, lambda db: db.execute(insert, (vera.id, a.id)))
            async with viewer(relay, vera, a.id) as page:
                await page.until("status")
                assert (await page.do("status"))["ok"] is True
                refused = [(await page.do(one))["error"] for one in ("press", "unmute", "say", "settings", "restart")]
                assert set(refused) == {"Only an owner of this device may do that."}
                assert [one for one, _ in a.done if one != "status"] == []
                await later(relay.house.store.do, lambda db: db.execute("DELETE FROM access"))
                await wait_until(lambda: page.socket.close_code == 4403)

    asyncio.run(main())


def test_a_viewer_that_does_not_read_loses_levels_and_then_its_socket(relay: Relay) -> None:
    """On the queue itself: how much a kernel takes before it is full is not ours."""

    async def main() -> None:
        from edge.relay.devices.hub import hub_of

        slow = Watching(hub_of(relay.house), None, relay_who, "D")  # type: ignore[arg-type]  # nothing is sent
        for _ in range(1000):
            slow.show("level", droppable=True)
        assert len(slow._out) == MOST_WAITING / 4
        for _ in range(MOST_WAITING):
            slow.show("turn")
        assert slow._ending == (4408, "too slow")
        assert not slow._out

    relay_who = relay.person("Root")
    asyncio.run(main())
