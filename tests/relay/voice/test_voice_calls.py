"""POST /v1/realtime/calls: offers, the page's socket, hang-ups, what a dead relay leaves."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from edge.relay.voice import book
from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.faults import SERVER_FAULT, UNAUTHORIZED, too_many
from tests.fakes.realtime_calls import ANSWER, FakeVendor
from tests.relay.voice.calling_in import CALLS, begun, offer, over, watching
from tests.relay.voice.talking import KEY, OFFER, Talker, before, desk, in_loop, page, program, relaying


def test_an_offer_goes_to_the_vendor_with_session_and_key_and_the_answer_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with (
            FakeVendor(settings=Settings(api_keys={KEY})) as vendor,
            relaying(tmp_path, before(vendor.url), monkeypatch) as relay,
        ):
            who = relay.person("Ada")
            answer = await offer(relay, page(relay, who))
            assert (answer.status_code, answer.text) == (201, ANSWER)
            assert answer.headers["Content-Type"].startswith("application/sdp")
            assert answer.headers["Location"] == f"{CALLS}/rtc_0001"
            call = vendor.last
            assert call.offer == OFFER
            assert call.given["model"] == "gpt-realtime-2.1"
            assert call.given["instructions"] == relay.house.config.realtime.instructions
            assert call.given["audio"]["input"]["turn_detection"]["interrupt_response"] is True
            assert {tool["name"] for tool in call.given["tools"]} >= {"get_time", "set_timer"}
            assert KEY not in answer.text + str(answer.headers)
            assert "origin" not in vendor.exchanges[0].headers
            assert "cookie" not in vendor.exchanges[0].headers
            await vendor.until(lambda: call.from_sideband)
            assert "model" not in call.from_sideband[0]["session"]
            assert not vendor.realtime.violations
            assert "voice_offer_seconds_count" in relay.house.metrics.text()

    in_loop(work)


def test_fifty_at_once_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor:
            config = before(vendor.url, sessions=5, sessions_each=3, requests_per_second=1000.0)
            async with relaying(tmp_path, config, monkeypatch) as relay:
                headers = [page(relay, relay.person(f"P{n}")) for n in range(10)]
                answers = await asyncio.gather(*(offer(relay, headers[n % 10]) for n in range(50)))
                codes = [answer.status_code for answer in answers]
                assert codes.count(201) == 5
                assert set(codes) == {201, 429}
                assert len(vendor.calls) == 5
                assert len(desk(relay).calls) == 5

    in_loop(work)


def test_a_page_that_goes_takes_the_call_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.voice.call.PAGE_BACK_S", 1.0)
    monkeypatch.setattr("edge.relay.voice.call.PAGE_S", 1.5)

    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            who = relay.person("Ada")
            call, watcher = await begun(relay, vendor, who)
            await watcher.close()
            await asyncio.sleep(0.3)
            back = await watching(relay, who, call.id)  # another network
            await asyncio.sleep(1.5)
            assert call.hung_up is None
            await back.close()
            await vendor.until(lambda: call.hung_up is not None)
            answer = await offer(relay, page(relay, who))
            assert answer.status_code == 201
            await vendor.until(lambda: vendor.last.hung_up is not None)  # its page never came

    in_loop(work)


def test_hanging_up_and_whose_call_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            ada, eve = relay.person("Ada"), relay.person("Eve", owner=True)
            call, watcher = await begun(relay, vendor, ada)
            with pytest.raises(InvalidStatus) as refused:
                await watching(relay, eve, call.id)
            assert refused.value.response.status_code == 404
            with relay.visitor(eve) as visitor:
                assert (await asyncio.to_thread(visitor.post, f"{CALLS}/{call.id}/hangup")).status_code == 404
            with relay.visitor(ada) as visitor:
                assert (await asyncio.to_thread(visitor.post, f"{CALLS}/{call.id}/hangup")).status_code == 200
                await over(vendor, call, watcher, "hung_up")
                await vendor.until(lambda: not desk(relay).calls)
                assert (await asyncio.to_thread(visitor.post, f"{CALLS}/{call.id}/hangup")).status_code == 404
            assert vendor.hang_ups == [call.id]

    in_loop(work)


def test_a_hang_up_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            vendor.hang_up_refusals = [SERVER_FAULT, too_many()]
            call, watcher = await begun(relay, vendor, relay.person("Ada"))
            call.browser({"type": "session.update", "session": {"type": "realtime", "tools": []}})
            await over(vendor, call, watcher, "changed")
            assert vendor.hang_ups == [call.id] * 3

    in_loop(work)


@pytest.mark.parametrize(("refusal", "status", "code"), [
    (UNAUTHORIZED, 502, "upstream_refused"), (SERVER_FAULT, 503, "service_unavailable"),
    (too_many("7"), 503, "rate_limit_exceeded"),
])  # fmt: skip
def test_what_the_vendor_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Any, status: int, code: str
) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor:
            vendor.refusals = [refusal]
            async with relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
                answer = await offer(relay, page(relay, relay.person("Ada")))
                assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
                if status == 503:
                    assert int(answer.headers["Retry-After"]) >= 5
                assert not desk(relay).calls
                again = await offer(relay, page(relay, relay.person("Bob")))
                assert again.status_code == 201

    in_loop(work)


def test_without_a_key_there_is_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with relaying(tmp_path, before("", engine="local"), monkeypatch) as relay:
            answer = await offer(relay, page(relay, relay.person("Ada")))
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_webrtc")

    in_loop(work)


def test_offers_that_are_none_and_visitors_who_are_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            headers = page(relay, relay.person("Ada"))
            assert (await offer(relay, headers, "hello")).status_code == 400
            assert (await offer(relay, headers, OFFER, "text/plain")).status_code == 415
            assert (await offer(relay, {})).status_code in {401, 403}
            evil = {**headers, "Origin": "https://evil.example"}
            assert (await offer(relay, evil)).status_code == 403
            assert not vendor.exchanges

    in_loop(work)


def test_the_vendors_own_client_can_make_a_call_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            token = relay.token("client", "robot")
            client = AsyncOpenAI(api_key=token, base_url=f"{relay.url}/v1")
            raw = await client.realtime.calls.with_raw_response.create(sdp=OFFER)
            assert raw.content.decode() == ANSWER
            name = raw.headers["Location"].rpartition("/")[2]
            assert re.fullmatch(r"rtc_\d+", name)
            await vendor.until(lambda: vendor.last.from_sideband)
            await client.realtime.calls.hangup(name)
            await vendor.until(lambda: vendor.last.hung_up is not None)
            await client.close()

    in_loop(work)


def test_a_relay_that_ends_hangs_up_and_one_that_was_killed_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with FakeVendor() as vendor:
            config = before(vendor.url)
            async with relaying(tmp_path, config, monkeypatch) as first:
                call, watcher = await begun(first, vendor, first.person("Ada"))
            assert call.hung_up is not None
            assert watcher.socket.close_code == 1012  # it may come back, to another process
            async with relaying(tmp_path, config, monkeypatch) as second:
                assert second.house.store.do(lambda db: book.find(db, call.id)) is None
                left = book.Entry("rtc_lost", "person:ada", second.house.now(), "dead")
                second.house.store.do(lambda db: book.enter(db, left, second.house.now()))
            async with relaying(tmp_path, config, monkeypatch):
                await vendor.until(lambda: vendor.hang_ups == [call.id, "rtc_lost"])

    in_loop(work)


def test_programs_need_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.voice.call.PAGE_S", 0.5)

    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            assert (await offer(relay, program(relay))).status_code == 201
            await asyncio.sleep(1.2)
            assert vendor.last.hung_up is None

    in_loop(work)


def test_whoever_is_removed_is_cut_off_with_their_calls_and_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an owner, over the route that the page's list of people uses; nobody else's call ends."""

    async def work() -> None:
        async with FakeVendor() as vendor, relaying(tmp_path, before(vendor.url), monkeypatch) as relay:
            ada, bob, eve = (relay.person(name, owner=name == "Ada") for name in ("Ada", "Bob", "Eve"))
            his, his_page = await begun(relay, vendor, bob)
            hers, her_page = await begun(relay, vendor, eve)
            ticket = await asyncio.to_thread(lambda: relay.do(relay.house.doors.ticket(bob, "/v1/realtime")))
            talk = Talker(await connect(f"{relay.ws}/v1/realtime?ticket={ticket}"))
            await talk.next("session.created", limit=30)
            async with httpx.AsyncClient(timeout=20) as client:
                mark = {**page(relay, ada), "X-Edge-Voice": "1"}
                answer = await client.delete(f"{relay.url}/api/people/{bob.id}", headers=mark)
                assert answer.status_code == 200, answer.text
            await over(vendor, his, his_page, "revoked", 30)
            assert await talk.end(30) == (4403, "revoked")
            await talk.close()
            assert hers.hung_up is None
            await her_page.close()
            notes = relay.house.store.do(lambda db: [row[0] for row in db.execute("SELECT what FROM audit")])
            assert "person_removed" in notes

    in_loop(work)


@pytest.mark.parametrize("how", ["signs out there", "changes the password elsewhere"])
def test_a_session_that_ends_takes_with_it_what_was_begun_in_it_and_nothing_else(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with (
            FakeVendor() as vendor,
            relaying(tmp_path, before(vendor.url, sessions_each=5), monkeypatch) as relay,
        ):
            bob = relay.person("Bob")
            kitchen, phone = page(relay, bob), page(relay, bob)
            begun_here = await offer(relay, kitchen)
            here = vendor.last
            begun_there = await offer(relay, phone)
            there = vendor.last
            assert (begun_here.status_code, begun_there.status_code) == (201, 201)
            here_page = await watching(relay, bob, begun_here.headers["Location"])
            there_page = await watching(relay, bob, begun_there.headers["Location"])
            async with httpx.AsyncClient(timeout=20) as client:
                ticket = await client.post(
                    f"{relay.url}/api/tickets", json={"path": "/v1/realtime"}, headers={**kitchen, "X-Edge-Voice": "1"}
                )
                talk = Talker(await connect(f"{relay.ws}/v1/realtime?ticket={ticket.json()['ticket']}"))
                await talk.next("session.created", limit=30)
                if how == "signs out there":
                    answer = await client.post(f"{relay.url}/api/logout", headers={**kitchen, "X-Edge-Voice": "1"})
                else:
                    answer = await client.post(
                        f"{relay.url}/api/password", headers={**phone, "X-Edge-Voice": "1"},
                        json={"new": "a long and new one"},
                    )  # fmt: skip
                assert answer.status_code == 200, answer.text
            await over(vendor, here, here_page, "revoked", 30)
            assert await talk.end(30) == (4403, "revoked")
            await talk.close()
            assert there.hung_up is None
            await there_page.close()

    in_loop(work)
