"""Making a session ours: with the vendor, and with servers that leave parts of it out or refuse them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge.agents.realtime import greeting
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.line import Address, Line
from edge.agents.realtime.refusal import Refused
from edge.agents.realtime.session import Settings, Transcription, bare, build
from edge.agents.realtime.setup import address
from edge.config import Realtime
from tests.agents.realtime.bench import WEATHER
from tests.fakes.realtime.config import Settings as ServerSettings
from tests.fakes.realtime.schema import Event, Problem
from tests.fakes.realtime.server import FakeRealtime

SESSION = build(Settings("Be brief.", tools=(WEATHER,), transcription=Transcription(), noise="near"))
VENDOR = ("wss://api.openai.com/v1/realtime", "wss://eu.api.openai.com/v1/realtime", "wss://me.openai.azure.com/openai")
OTHERS = ("ws://127.0.0.1:8000/v1/realtime", "wss://api.x.ai/v1/realtime", "wss://openai.com.evil.example", "nonsense")


def run(test: Callable[[FakeRealtime], Awaitable[None]], *, rtt_ms: float = 0) -> None:
    async def main() -> None:
        async with FakeRealtime(settings=ServerSettings(rtt_ms=rtt_ms)) as server:
            await test(server)

    asyncio.run(asyncio.wait_for(main(), 20))


async def opened(server: FakeRealtime) -> None:
    (await Line.open(address(Realtime(url=server.url), "key"), SESSION)).hang_up()
    await server.wait_for(lambda: not server.links)


def kinds(server: FakeRealtime) -> list[str]:
    return [seen.kind for seen in server.events()]


def refusing(server: FakeRealtime, *problems: ApiError) -> None:
    """The first session.updated are errors instead."""
    left = list(problems)

    def quirk(event: Event) -> Event:
        if event["type"] != "session.updated" or not left:
            return event
        error = left.pop(0)
        return {"type": "error", "error": {"message": error.message, "code": error.code, "type": error.type}}

    server.faults.quirk = quirk


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "UPDATED_S", 0.1)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake server is the vendor's."""
    monkeypatch.setattr(Address, "foreign", False)


def test_the_session_is_asked_for_before_the_servers_first_word() -> None:
    async def test(server: FakeRealtime) -> None:
        await opened(server)
        assert kinds(server) == ["session.update", "session.created", "session.updated"]

    run(test, rtt_ms=100)


@pytest.mark.parametrize("left_out", ["session.created", "session.updated"])
def test_a_server_may_leave_out_either_word(left_out: str) -> None:
    async def test(server: FakeRealtime) -> None:
        server.faults.quirk = lambda event: None if event["type"] == left_out else event
        await opened(server)
        assert len(server.events("session.update", "in")) == 1

    run(test)


def test_another_first_word_will_do() -> None:
    async def test(server: FakeRealtime) -> None:
        server.faults.quirk = lambda _: {"type": "conversation.created"}
        await opened(server)

    run(test)


@pytest.mark.usefixtures("vendor")
def test_the_vendor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.agents.realtime.line.OPEN_S", 0.5)

    async def test(server: FakeRealtime) -> None:
        server.faults.quirk = lambda event: None if event["type"] == "session.updated" else event
        with pytest.raises(Refused, match="did not answer"):
            await opened(server)

    run(test)


def test_a_foreign_server_that_refuses_the_session_gets_a_bare_one(caplog: pytest.LogCaptureFixture) -> None:
    async def test(server: FakeRealtime) -> None:
        refusing(server, ApiError(type="invalid_request_error", message="noise_reduction: extra fields"))
        await opened(server)
        sent = [seen.event["session"] for seen in server.events("session.update", "in")]
        assert sent == [SESSION, bare(SESSION)]

    run(test)
    assert "realtime_session_refused invalid_request_error" in caplog.text
    assert "extra fields" not in caplog.text


def test_a_bare_session_need_not_be_confirmed_either() -> None:
    async def test(server: FakeRealtime) -> None:
        refusing(server, ApiError(message="No."))
        once = server.faults.quirk
        server.faults.quirk = lambda event: None if (told := once(event)) == event else told
        await opened(server)
        assert len(server.events("session.update", "in")) == 2

    run(test)


def test_a_bare_session_that_is_refused_as_well_is_the_end() -> None:
    async def test(server: FakeRealtime) -> None:
        refusing(server, ApiError(message="No."), ApiError(message="No such voice"))
        with pytest.raises(Refused) as caught:
            await opened(server)
        assert str(caught.value) == "The voice service refuses: No such voice."
        assert not caught.value.retryable

    run(test)


@pytest.mark.usefixtures("vendor")
def test_the_vendors_refusal_is_told() -> None:
    async def test(server: FakeRealtime) -> None:
        refusing(server, ApiError("unknown_parameter", "Unknown parameter: 'session.x'."))
        with pytest.raises(Refused) as caught:
            await opened(server)
        assert str(caught.value) == "The voice service refuses: Unknown parameter: 'session.x'."

    run(test)


def test_a_server_that_is_full_is_tried_again_later() -> None:
    async def test(server: FakeRealtime) -> None:
        server.faults.stall = True
        opening = asyncio.ensure_future(opened(server))
        await server.wait_for(lambda: server.links)
        server.links[-1].error(Problem("", "All 1 session slots are in use.", type="session_limit_reached"))
        with pytest.raises(Refused) as caught:
            await opening
        assert caught.value.retryable
        assert len(server.events("session.update", "in")) <= 1

    run(test)


def test_what_is_bare() -> None:
    body = bare(SESSION)
    assert set(body) == {"type", "instructions", "tools", "audio"}
    assert set(body["audio"]["input"]) == {"format", "turn_detection"}
    assert set(body["audio"]["output"]) == {"format", "voice"}
    assert body["tools"] == SESSION["tools"]
    assert bare({"type": "realtime"}) == {"type": "realtime"}


@pytest.mark.parametrize(("urls", "foreign"), [(VENDOR, False), (OTHERS, True)])
def test_who_is_foreign(urls: tuple[str, ...], *, foreign: bool) -> None:
    assert [Address(url).foreign for url in urls] == [foreign] * len(urls)
