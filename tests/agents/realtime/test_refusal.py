"""Why there is no session: one clear message each, and whether trying again can help."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import InvalidProxy, InvalidUpgrade, InvalidURI, ProxyError

from edge.agents.realtime import line
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.line import Address, Line
from edge.agents.realtime.refusal import Refused, denial, refusal
from edge.agents.realtime.session import Settings, build
from edge.agents.realtime.setup import address
from edge.config import Realtime
from tests.agents.realtime.certificates import Authority
from tests.fakes.realtime.faults import (
    FORBIDDEN,
    GARBAGE,
    HANG_UP,
    NETWORK_LOGIN,
    PORTAL,
    REDIRECT,
    SERVER_FAULT,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refusal,
    json_refusal,
    too_many,
)
from tests.fakes.realtime.schema import Problem
from tests.fakes.realtime.server import FakeRealtime

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MOVED = Refusal(301, "", {"Location": "ws://127.0.0.1:9/elsewhere"})
NOT_FOUND = json_refusal(404, "Invalid URL (GET /v1/realtimes)", None)


async def refused(url: str, headers: dict[str, str] | None = None) -> Refused:
    """The refusal that one try gets."""
    where = address(Realtime(url=url), "key") if headers is None else Address(url, headers)
    with pytest.raises(Refused) as caught:
        await Line.open(where, build(Settings()))
    return caught.value


def refused_with(answer: Refusal) -> Refused:
    async def main() -> Refused:
        async with FakeRealtime() as server:
            server.faults.refuse(answer)
            found = await refused(server.url)
            assert len(server.attempts) == 1  # no redirect was followed
            return found

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "words", "retryable"),
    [
        (PORTAL, "login page", True),
        (REDIRECT, "login page", True),
        (MOVED, "login page", True),
        (NETWORK_LOGIN, "login page", True),
        (UNAUTHORIZED, "refuses the key", False),
        (FORBIDDEN, "for this model or country", False),
        (NOT_FOUND, "no such model or address", False),
        (too_many(None), "too many requests", True),
        (SERVER_FAULT, "HTTP 500", True),
        (UNAVAILABLE, "HTTP 503", True),
        (GARBAGE, "is not who answers", True),
        (HANG_UP, "is not who answers", True),
    ],
)
def test_an_answer_that_is_no_session(answer: Refusal, words: str, *, retryable: bool) -> None:
    found = refused_with(answer)
    assert words in str(found)
    assert found.retryable is retryable
    assert not found.local
    assert found.retry_after == 0
    assert str(found).endswith((".", "?"))
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7), ("0", 0, 0), ("1e9", 600, 600), ("soon", 0, 0), ("nan", 0, 0), ("-3", 0, 0)],
)
def test_retry_after_on_the_wire(header: str, least: float, most: float) -> None:
    assert least <= refused_with(too_many(header)).retry_after <= most


def test_retry_after_as_a_date_on_the_wire() -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    assert 95 < refused_with(too_many(f"{at:%a, %d %b %Y %H:%M:%S} GMT")).retry_after <= 100


# --- the network ---------------------------------------------------------------------------------------


def of_asyncio(*numbers: int) -> OSError:
    """As create_connection tells it when a name has several addresses."""
    return OSError(
        "Multiple exceptions: " + ", ".join(f"[Errno {n}] Connect call failed ('::1', {n})" for n in numbers)
    )


@pytest.mark.parametrize(
    ("error", "words", "local"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "name is not found", True),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "There is no network.", True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "There is no network.", True),
        (of_asyncio(errno.ENETUNREACH, errno.EHOSTUNREACH), "There is no network.", True),
        (of_asyncio(errno.ENETUNREACH, errno.ECONNREFUSED), "reached: Connection refused.", False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9)"), "refused.", False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset by peer.", False),
        (OSError("something new."), "reached: something new.", False),
        (OSError(), "reached: OSError.", False),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "is not who answers", False),
        (ProxyError("no"), "the proxy does not work (no)", False),
        (InvalidUpgrade("Upgrade", "h2c"), "does not speak WebSocket", False),
    ],
)
def test_network_trouble(error: Exception, words: str, *, local: bool) -> None:
    found = refusal(error)
    assert words in str(found)
    assert "127.0.0.1" not in str(found)  # or the same trouble would be told anew for each of a name's addresses
    assert found.retryable
    assert found.local is local


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidURI("wss://me:pass@", "no hostname"), "realtime.url is no WebSocket address: no hostname."),
        (InvalidProxy("ftp://me:pass@proxy", "scheme ftp isn't supported"), "no proxy's address: scheme ftp"),
        (ImportError("needs python-socks"), "cannot be used: needs python-socks."),
        (UnicodeError("pass"), "realtime.url or the key cannot be used (UnicodeError)."),
    ],
)
def test_what_only_the_owner_can_mend(error: Exception, words: str) -> None:
    found = refusal(error)
    assert words in str(found)
    assert "pass" not in str(found)
    assert not found.retryable


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/v1",
        "127.0.0.1",
        "wss://",
        "wss://" + "a" * 70 + ".example",
        "ws://127.0.0.1:99999/",
        "ws://[::1/",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    found = asyncio.run(refused(url, {}))
    assert not found.retryable, str(found)
    assert "realtime.url" in str(found)


@pytest.mark.parametrize("key", ["k\u0456", "k\r\nX-Evil: 1"])
def test_a_key_that_no_header_can_hold_is_not_shown(key: str) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            found = await refused(server.url + "?model=m", {"Authorization": f"Bearer {key}"})
            assert key not in str(found)
            assert not any("x-evil" in attempt.headers for attempt in server.attempts)

    asyncio.run(main())


def test_a_name_that_is_not_found_and_a_port_that_is_closed() -> None:
    async def main() -> None:
        found = await refused("ws://no-such-host.invalid/v1/realtime")
        assert "name is not found" in str(found)
        assert found.local
        async with FakeRealtime() as server:
            await server.down()
            found = await refused(server.url)
        assert str(found) == "The voice service cannot be reached: Connection refused."
        assert not found.local

    asyncio.run(main())


def test_a_proxy_that_is_not_there_and_one_that_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            port = server.url.split(":")[2].split("/")[0]
            monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{port}")  # it knows no CONNECT
            found = await refused("wss://voice.invalid/v1/realtime")
            assert "proxy does not work" in str(found)
            await server.down()
            monkeypatch.setenv("https_proxy", "gopher://me:secret@127.0.0.1")
            other = await refused("wss://voice.invalid/v1/realtime")
            assert "no proxy's address" in str(other)
            assert "secret" not in f"{found}{other}"

    asyncio.run(main())


# --- after the upgrade ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stalls", ["tcp", "upgrade", "session"])
def test_silence_is_not_waited_out(stalls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "OPEN_S", 0.1)

    async def main() -> None:
        async with FakeRealtime() as server:
            if stalls == "tcp":
                server.faults.freeze()
            server.faults.connect_delay = 5.0 if stalls == "upgrade" else 0.0
            server.faults.stall = stalls == "session"
            found = await refused(server.url)
            assert "did not answer within" in str(found)
            assert found.retryable
            await server.wait_for(lambda: not server.links)  # the socket is closed
            server.faults.connect_delay = 0.0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("frame", "words"),
    [("{broken", "does not speak the Realtime protocol"), (b"\xff", "no UTF-8"), ("[]", "not an object")],
)
def test_frames_that_are_none_before_the_session_is_ours(frame: str | bytes, words: str) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.stall = True
            trying = asyncio.create_task(refused(server.url))
            await server.wait_for(lambda: server.links)
            server.faults.send(frame)
            found = await trying
            assert words in str(found)
            assert found.retryable

    asyncio.run(main())


def test_a_close_before_the_session_is_ours_is_told_with_its_reason() -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.stall = True
            for reason, words in [("Come back\nlater.", "hung up: Come back"), ("", "hung up.")]:
                trying = asyncio.create_task(refused(server.url))
                await server.wait_for(lambda: server.links)
                await server.faults.close(1013, reason)
                found = await trying
                assert words in str(found)
                assert "\n" not in str(found)
                await server.wait_for(lambda: not server.links)

    asyncio.run(main())


def test_a_model_that_does_not_exist() -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.settings.models = {"another"}
            found = await refused(server.url)
            assert "does not exist or you do not have access" in str(found)
            assert not found.retryable

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "words", "retryable"),
    [
        ("insufficient_quota", "The account's money is used up", False),
        ("rate_limit_exceeded", "too much at once", True),
        ("server_error", "has a fault", True),
        ("invalid_api_key", "refuses: as the vendor says", False),
        ("session_expired", "refuses: as the vendor says", True),
    ],
)
def test_an_error_before_the_session_is_ours(code: str, words: str, *, retryable: bool) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.stall = True
            trying = asyncio.create_task(refused(server.url))
            await server.wait_for(lambda: server.links)
            server.links[-1].error(Problem(code, "as the vendor says", type="some_error"))
            found = await trying
            assert words in str(found)
            assert found.retryable is retryable

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError("odd_code"), "The voice service refuses: odd_code."),
        (ApiError(type="odd_type"), "The voice service refuses: odd_type."),
        (ApiError("x", "No such voice.\n"), "The voice service refuses: No such voice."),
        (ApiError(message="..."), "The voice service refuses: it does not say why."),
        (ApiError(type="session_limit_reached", message="No slots."), "The vendor says that this was too much at once"),
    ],
)
def test_an_error_is_one_sentence(error: ApiError, words: str) -> None:
    assert str(denial(error)).startswith(words)


# --- certificates --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize(
    ("begins", "ends", "words", "local"),
    [(DAY, 2 * DAY, "not valid yet", True), (-2 * DAY, -DAY, "no longer valid", False)],
)
def test_a_wrong_clock_is_named(
    begins: timedelta,
    ends: timedelta,
    words: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    *,
    local: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))

    async def main() -> None:
        async with FakeRealtime(tls=authority.server(f"clock{local}", begins, ends)) as server:
            found = await refused(server.url)
            assert words in str(found)
            assert f"clock says {datetime.now(UTC):%Y-%m-%d}" in str(found)
            assert found.retryable
            assert found.local is local

    asyncio.run(main())


def test_a_good_certificate_opens_and_a_strangers_does_not(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with FakeRealtime(tls=authority.server("good", -DAY, DAY)) as server:
            found = await refused(server.url)  # nobody knows our authority
            assert "certificate is not trusted" in str(found)
            assert found.retryable
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
            opened = await Line.open(address(Realtime(url=server.url), "key"), build(Settings()))
            opened.hang_up()
        async with FakeRealtime(tls=authority.server("other", -DAY, DAY, "DNS:elsewhere.invalid")) as server:
            assert "not trusted" in str(await refused(server.url))
        async with FakeRealtime() as server:  # no TLS at all where it should be
            assert "the connection broke off" in str(await refused(server.url.replace("ws:", "wss:")))

    asyncio.run(main())
