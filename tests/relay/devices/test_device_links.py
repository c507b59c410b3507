"""A device's link from its first code to its removal, over real sockets, with the device's own end of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from edge.ports import Fields
from edge.relay.doors import Who
from tests.relay.devices.linked import box, enrolled, later, viewer
from tests.relay.rig import Relay, running
from tests.waiting import wait_until


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running(tmp_path / "relay") as found:
        yield found


@pytest.fixture
def owner(relay: Relay) -> Who:
    return relay.person("Root", owner=True)


def rows(relay: Relay, sql: str, *given: object) -> list[dict[str, Any]]:
    return relay.house.store.do(lambda db: [dict(row) for row in db.execute(sql, given)])


def test_a_device_is_paired_by_the_code_that_it_shows_and_says(relay: Relay, tmp_path: Path) -> None:
    async def main() -> None:
        hilda = await later(relay.person, "Hilda")
        async with box(tmp_path / "device", relay.url) as device:
            await device.until("unpaired")
            assert not (tmp_path / "device").exists()  # no key before it is needed
            device.link.pair()
            await device.until("pairing")
            code = str(device.link.shown()["code"])
            assert len(code) == 8
            assert device.said == [f"The pairing code is: {', '.join(code)}."]
            assert code not in str(device.link.stats())  # which goes to the relay's viewers
            page = await later(lambda: relay.visitor(hilda))
            typed = f"{code[:4].lower()}-{code[4:]} "
            answer = await later(lambda: page.post("/api/devices/pair", json={"code": typed}))
            assert answer.status_code == 201
            await device.until("online")
            assert answer.json() == {"id": device.id, "name": "Kitchen"}
            assert device.link.token.startswith("evd_")
            assert device.tokens == 1
            again = await later(lambda: page.post("/api/devices/pair", json={"code": typed}))
            assert again.status_code == 404  # good once
            listed = (await later(lambda: page.get("/api/devices"))).json()["devices"]
            assert [(one["id"], one["role"], one["online"]) for one in listed] == [(device.id, "owner", True)]

    asyncio.run(main())


def test_press_mute_say_volume_and_timers_from_the_page(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            device.answers["timers"] = lambda _: {"timers": [{"name": "eggs", "seconds": 60, "left_s": 5}]}
            device.answers["volume"] = lambda percent: {"percent": percent}
            await enrolled(relay, device, owner)
            async with viewer(relay, owner, device.id) as page:
                assert (await page.until("presence"))["online"] is True
                assert (await page.until("status"))["state"] == "idle"
                for command, argument in (("press", None), ("mute", None), ("say", "Dinner is ready")):
                    assert (await page.do(command, argument))["ok"] is True
                assert (await page.do("timers"))["result"]["timers"][0]["name"] == "eggs"
                assert (await page.do("volume", 40))["result"] == {"percent": 40}
                assert (await page.do("volume", "loud")) == {
                    "v": 1, "id": 6, "ok": False, "error": "The volume is a number.",
                }  # fmt: skip
                refused = await page.do("config")
                assert refused["ok"] is False
            acted = [one for one in device.done if one[0] != "status"]
            assert acted[:3] == [("press", None), ("mute", None), ("say", "Dinner is ready")]
        notes = await later(rows, relay, "SELECT what, fields FROM audit WHERE what = 'device_commanded'")
        assert [one["fields"] for one in notes][:3] == ['{"command": "press"}', '{"command": "mute"}',
                                                        '{"command": "say"}']  # fmt: skip

    asyncio.run(main())


def test_what_is_said_is_told_only_if_both_sides_let_it(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "open", relay.url, transcripts=True) as device, \
                box(tmp_path / "shut", relay.url) as shut:  # fmt: skip
            for one in (device, shut):
                await enrolled(relay, one, owner)
            async with viewer(relay, owner, device.id) as page, viewer(relay, owner, shut.id) as other:
                await page.until("level")
                await other.until("level")

                def speak() -> None:
                    for said in (device, shut):
                        said.link.published("user_transcript", {"text": "the secret", "final": True})
                        said.link.published("tool", {"name": "set_timer", "arguments": {"name": "the secret"}})
                        said.link.published("turn", {"kind": "voice", "latency_ms": {}})

                speak()
                for seen in (page, other):
                    await seen.until("turn")
                    assert "secret" not in str(seen.events)  # the relay's owner has not allowed it yet
                    assert seen.of("tool")
                allow = [relay.visitor(owner).patch(f"/api/devices/{one}", json={"transcripts": True})
                         for one in (device.id, shut.id)]  # fmt: skip
                assert [one.status_code for one in allow] == [200, 200]
                await wait_until(lambda: device.link._session is not None and device.link._session.terms.allowed)
                await wait_until(lambda: shut.link._session is not None and shut.link._session.terms.allowed)
                speak()
                assert (await page.until("user_transcript"))["text"] == "the secret"
                await other.until("turn", 2)
                assert "secret" not in str(other.events)  # its own configuration does not

    asyncio.run(main())


def test_a_device_that_nobody_watches_sends_neither_levels_nor_words(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url, transcripts=True) as device:
            await enrolled(relay, device, owner)
            session = device.link._session
            assert session is not None
            assert not session.terms.watched
            async with viewer(relay, owner, device.id) as page:
                await page.until("level", 2)
                assert session.terms.watched
            await wait_until(lambda: not session.terms.watched)

    asyncio.run(main())


def test_removing_a_device_cuts_its_link_within_a_second(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)
            token, key = device.link.token, device.id
            async with viewer(relay, owner, device.id) as page:
                await page.until("status")
                began = time.monotonic()
                gone = await later(lambda: relay.visitor(owner).delete(f"/api/devices/{device.id}"))
                assert gone.status_code == 200
                await device.until("unknown", 1.0)
                assert time.monotonic() - began < 1.0
                await wait_until(lambda: page.socket.close_code == 4403)
            assert "Pair it again" in device.problem
            assert device.link._waits.due - time.monotonic() > 3000  # at most once an hour
            device.link.hurry()  # a press changes nothing
            assert device.link._waits.due - time.monotonic() > 3000
            refused = await later(lambda: relay.program(token).get("/api/me"))
            assert refused.status_code == 401
            device.link.pair()  # makes itself another key
            await device.until("pairing")
            assert device.id != key
            kept = await later(rows, relay, "SELECT name, transcripts FROM devices WHERE id = ?", key)
            assert kept == [{"name": "", "transcripts": 0}]

    asyncio.run(main())


def test_a_removal_that_nobody_tells_is_seen_in_the_database(relay: Relay, owner: Who, tmp_path: Path) -> None:
    """As by another process, without Redis between the two."""

    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)
            now = relay.house.now()
            await later(
                relay.house.store.do,
                lambda db: db.execute("UPDATE devices SET revoked = ? WHERE id = ?", (now, device.id)),
            )
            await device.until("unknown", 1.5)

    asyncio.run(main())


def test_a_reset_leaves_nothing_on_either_side(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)
            key = device.id
            device.link.unenrol()
            await device.until("unpaired")
            await wait_until(lambda: device.link.shown()["left"] is True)
            assert device.link.token == ""
            assert list((tmp_path / "device").iterdir()) == []
        for table, column in (("devices", "id"), ("tokens", "holder"), ("access", "device"), ("codes", "subject"),
                              ("usage", "device")):  # fmt: skip
            assert await later(rows, relay, f"SELECT * FROM {table} WHERE {column} = ?", key) == [], table
        assert await relay.house.bus.where([key]) == {}

    asyncio.run(main())


def test_of_two_links_of_one_device_the_newer_one_stays(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)
            async with box(tmp_path / "device", relay.url) as copy:
                await copy.until("online")
                await wait_until(lambda: "another device with this one's key" in device.problem)
                async with viewer(relay, owner, device.id) as page:
                    assert (await page.do("press"))["ok"] is True
                assert ("press", None) in copy.done
                assert ("press", None) not in device.done

    asyncio.run(main())


def test_a_command_to_a_device_that_is_away_fails_and_is_not_kept(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)
        identity = device.home.identity()
        assert identity is not None
        async with viewer(relay, owner, identity.id) as page:
            assert (await page.until("presence"))["online"] is False
            answer = await page.do("say", "never")
            assert answer["error"] == "The device is offline."
            async with box(tmp_path / "device", relay.url) as back:
                await back.until("online")
                await wait_until(lambda: page.of("presence")[-1]["online"])
                assert (await page.do("mute"))["ok"] is True
                assert [one for one in back.done if one[0] != "status"] == [("mute", None)]

    asyncio.run(main())


def test_a_device_that_does_not_answer_is_told_as_such(relay: Relay, owner: Who, tmp_path: Path) -> None:
    async def main() -> None:
        async with box(tmp_path / "device", relay.url) as device:
            await enrolled(relay, device, owner)

            def hang(_: object) -> Fields:
                time.sleep(2.5)
                return {}

            device.answers["press"] = hang
            async with viewer(relay, owner, device.id) as page:
                await page.until("status")
                sent = asyncio.ensure_future(page.do("press"))
                await asyncio.sleep(0)
                assert (await sent)["error"] == "The device has not answered."

    asyncio.run(main())


def test_a_relay_that_restarts_has_its_devices_back_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        with running(tmp_path / "relay") as relay:
            owner = await later(relay.person, "Root")
            await later(relay.house.store.do, lambda db: db.execute("UPDATE people SET owner = 1"))
            async with box(tmp_path / "device", relay.url) as device:
                await enrolled(relay, device, await later(lambda: Who("person", owner.id, owner.name, owner=True)))
                relay.server.should_exit = True
                await wait_until(lambda: device.problem == "The relay restarts." or "reached" in device.problem)
                assert device.link._waits.due - time.monotonic() < 1.0

    asyncio.run(main())


# --- what is not a device's link -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{}", "no hello"),
        ("[1]", "no hello"),
        ("[" * 60_000, "no hello"),
        ('{"type": "hello", "device": "NOBODY", "signature": "x"}', "unknown"),
        ('{"type": "hello", "device": 7}', "wrong request"),
        ('{"type": "enrol", "code": "x", "name": "x", "public_key": "AAAA", "signature": ""}', "wrong signature"),
        ('{"type": "pair", "name": "x", "public_key": null}', "wrong signature"),
    ],
)
def test_whoever_does_not_prove_who_it_is_is_turned_away(relay: Relay, message: str, reason: str) -> None:
    async def main() -> None:
        async with connect(f"{relay.ws}/device") as socket:
            await socket.recv()
            await socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code in {4401, 4403}
            assert closed.value.rcvd.reason == reason

    asyncio.run(main())
