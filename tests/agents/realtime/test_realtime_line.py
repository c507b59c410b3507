"""One session's socket: is it alive, when is it let go of, and what does it make of what comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from edge.agents.realtime import events as ev
from edge.agents.realtime import line as line_module
from edge.agents.realtime.commands import AppendAudio
from edge.agents.realtime.dialling import Ending
from edge.agents.realtime.line import RENEW_S, Line
from edge.agents.realtime.session import Settings, build
from edge.agents.realtime.setup import address
from edge.config import Realtime
from tests.fakes.realtime.config import Settings as ServerSettings
from tests.fakes.realtime.network import slow_way
from tests.fakes.realtime.schema import Problem
from tests.fakes.realtime.script import BYTES_PER_MS, tone
from tests.fakes.realtime.server import FakeRealtime

SECOND = tone(1000)


class Talk:
    """A line, and what came over it. `idle` is what it is told of the device."""

    def __init__(self, line: Line, rest_after_s: float | None) -> None:
        self.line, self.idle = line, False
        self.events: list[ev.ServerEvent] = []
        self.began = time.monotonic()
        self.task = asyncio.ensure_future(line.talk(self.events.append, lambda: self.idle, rest_after_s))

    async def ending(self, limit: float = 5.0) -> Ending:
        return await asyncio.wait_for(asyncio.shield(self.task), limit)

    def say(self, seconds: float, piece_ms: int = 2000) -> None:
        whole = SECOND * round(seconds) or SECOND[: round(seconds * 1000) * BYTES_PER_MS]
        for at in range(0, len(whole), piece_ms * BYTES_PER_MS):
            self.line.send(AppendAudio(whole[at : at + piece_ms * BYTES_PER_MS]))

    async def stays(self, seconds: float) -> None:
        """Nothing ends it in this time."""
        await asyncio.sleep(seconds)
        assert not self.task.done()


def run(
    test: Callable[[Talk, FakeRealtime], Awaitable[None]], *, rest: float | None = None, up: float = 0, down: float = 0
) -> None:
    async def main() -> None:
        async with FakeRealtime() as server, slow_way(server.url, up or 1e9, down or 1e9) as way:
            url = way if up or down else server.url
            line = await Line.open(address(Realtime(url=url), "key"), build(Settings()))
            talk = Talk(line, rest)
            try:
                await test(talk, server)
            finally:
                talk.task.cancel()
                await asyncio.gather(talk.task, return_exceptions=True)
            assert not [task for task in asyncio.all_tasks() if "Line." in repr(task)]

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the real times."""
    for name, value in {"PING_S": 0.2, "PONG_S": 0.2, "PROBE_S": 0.1, "QUIET_PING_S": 1.0, "CLOSE_S": 0.05}.items():
        monkeypatch.setattr(line_module, name, value)


# --- half-open -----------------------------------------------------------------------------------------


def test_a_half_open_line_is_found_while_somebody_talks() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        await talk.stays(0.5)  # alive
        server.faults.freeze()
        frozen = time.monotonic()
        while not talk.task.done():
            talk.say(0.02, 20)
            await asyncio.sleep(0.02)
        assert await talk.ending() is Ending.LOST
        assert 0.2 <= time.monotonic() - frozen < 0.6  # at most PING_S + PONG_S, and a slow machine

    run(test)


def test_at_rest_it_is_found_too_and_seldom_asked_for() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        talk.idle = True
        await talk.stays(0.5)
        server.faults.freeze()
        await talk.stays(0.3)
        assert await talk.ending(3.0) is Ending.LOST

    run(test)


def test_a_press_on_a_dead_line_finds_it_at_once() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        talk.idle = True
        server.faults.freeze()
        await asyncio.sleep(0.01)
        talk.line.look()
        pressed = time.monotonic()
        assert await talk.ending() is Ending.LOST
        assert time.monotonic() - pressed < 0.25

    run(test)


def test_many_presses_on_a_live_line_do_no_harm() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        for _ in range(50):
            talk.line.look()
            await asyncio.sleep(0.005)
        await talk.stays(0.3)

    run(test)


def test_a_kept_turn_on_its_way_over_a_slow_line_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pong stands behind a frame and the buffers, 1.4 s here; a frame takes 0.6 s, what nobody sees move 0.8 s."""
    monkeypatch.setattr(line_module, "PONG_S", 1.2)
    monkeypatch.setattr(line_module, "PING_S", 0.04)

    async def test(talk: Talk, server: FakeRealtime) -> None:
        talk.say(8)
        await server.wait_for(lambda: len(server.audio_received()) == 8 * len(SECOND), 20)
        await talk.stays(1.4)

    run(test, up=200_000)


def test_a_long_reply_over_a_slow_line_is_a_sign_of_life() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        for _ in range(40):
            server.faults.big_frame(20_000)
        await server.wait_for(lambda: len(talk.events) == 40, 15)
        await talk.stays(0.4)

    run(test, down=400_000)


def test_a_line_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MOST_WAITING", 20)

    async def test(talk: Talk, server: FakeRealtime) -> None:
        for _ in range(40):  # faster than the loop can send
            talk.say(0.02, 20)
        assert await talk.ending() is Ending.LOST

    run(test)


# --- what comes ----------------------------------------------------------------------------------------


def test_a_frame_that_cannot_be_read_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        for _ in range(3):
            server.faults.garbage()
        server.faults.unknown_event()
        server.faults.error("some_code", "Just saying.")
        await server.wait_for(lambda: any(isinstance(event, ev.ErrorHappened) for event in talk.events))
        assert [type(event) for event in talk.events] == [ev.Ignored, ev.ErrorHappened]
        await talk.stays(0.05)

    run(test)
    assert caplog.text.count("realtime_unreadable") == 1  # once a line, whatever a server does


def test_an_expired_session_ends_and_no_turn_hears_of_it() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        expiring = asyncio.ensure_future(server.faults.expire())
        assert await talk.ending() is Ending.LOST
        assert talk.events == []
        await expiring

    run(test)


def test_a_key_that_is_withdrawn_ends_it_too() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        server.links[-1].error(Problem("invalid_api_key", "Your key was revoked."))
        assert await talk.ending() is Ending.LOST

    run(test)


@pytest.mark.parametrize(
    ("reason", "told"), [("You have been  away\nfor too long.", ": You have been away for too long"), ("", "")]
)
def test_the_servers_reason_is_kept(reason: str, told: str) -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        await server.faults.close(1001, reason)
        assert await talk.ending() is Ending.LOST
        assert talk.line.reason == told

    run(test)


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_line_is_lost_without_a_reason(*, reset: bool) -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        server.faults.drop(reset=reset)
        assert await talk.ending() is Ending.LOST
        assert talk.line.reason == ""
        talk.say(0.02)  # nothing is there to take it, and nothing fails

    run(test)


def test_a_fault_in_the_receiver_closes_the_socket() -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            line = await Line.open(address(Realtime(url=server.url), "key"), {"type": "realtime"})
            server.faults.unknown_event()

            def broken(_event: ev.ServerEvent) -> None:
                raise KeyError("bug")

            with pytest.raises(KeyError):
                await line.talk(broken, lambda: True, None)
            await server.wait_for(lambda: not server.links)

    asyncio.run(main())


def test_a_fault_in_the_minder_ends_the_line() -> None:
    """Without it nobody would ever notice that the line is dead."""

    async def main() -> None:
        async with FakeRealtime() as server:
            line = await Line.open(address(Realtime(url=server.url), "key"), {"type": "realtime"})

            def broken() -> bool:
                raise KeyError("bug")

            with pytest.raises(KeyError):
                await asyncio.wait_for(line.talk(lambda _: None, broken, None), 5)
            await server.wait_for(lambda: not server.links)

    asyncio.run(main())


# --- letting go ----------------------------------------------------------------------------------------


def test_a_line_of_no_use_is_let_go_of_politely() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        await talk.stays(0.6)  # somebody talks
        talk.idle = True
        await talk.stays(0.1)
        assert await talk.ending() is Ending.RESTED
        await server.wait_for(lambda: not server.links)

    run(test, rest=0.3)


def test_an_old_session_is_renewed_between_turns_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "RENEW_S", 0.3)

    async def test(talk: Talk, server: FakeRealtime) -> None:
        await talk.stays(0.8)
        talk.idle = True
        assert await talk.ending() is Ending.RENEWED

    run(test)


def test_letting_go_of_a_dead_line_takes_no_longer() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        server.faults.freeze()
        talk.idle = True
        assert await talk.ending(1.0) is Ending.RESTED

    run(test, rest=0.0)


def test_who_hangs_up_says_why() -> None:
    async def test(talk: Talk, server: FakeRealtime) -> None:
        talk.line.hang_up(Ending.RENEWED)
        assert await talk.ending() is Ending.RENEWED

    run(test)


@pytest.mark.parametrize(
    ("left_s", "good_for"),
    [(3600, RENEW_S), (2000, 1880), (425, 305), (400, RENEW_S), (60, RENEW_S), (-3600, RENEW_S), (None, RENEW_S)],
)
def test_how_long_a_session_is_good(left_s: float | None, good_for: float) -> None:
    """What is nearly over, or over already, when it begins, tells of a wrong clock."""

    async def main() -> None:
        async with FakeRealtime() as server:
            expires = None if left_s is None else int(time.time() + left_s)
            server.faults.quirk = lambda event: {**event, "session": {**event["session"], "expires_at": expires}}
            line = await Line.open(address(Realtime(url=server.url), "key"), build(Settings()))
            assert line._renew_at - asyncio.get_running_loop().time() == pytest.approx(good_for, abs=2)
            line.hang_up()

    asyncio.run(main())


def test_the_handshake_says_who_we_are_and_keeps_the_key_to_itself() -> None:
    async def main() -> None:
        async with FakeRealtime(settings=ServerSettings(api_keys={"key"})) as server:
            where = address(Realtime(url=server.url), "key")
            (await Line.open(where, build(Settings()))).hang_up()
            attempt = server.attempts[0]
            assert attempt.headers["user-agent"].startswith("edge-voice/")
            assert attempt.headers["authorization"] == "Bearer key"
            assert "sec-websocket-extensions" not in attempt.headers
            assert "openai-beta" not in attempt.headers
            assert "Bearer" not in repr(where)
            await server.wait_for(lambda: not server.links)

    asyncio.run(main())
