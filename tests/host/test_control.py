"""The control socket over a real Unix socket: commands, nonsense, watchers, and who may have it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from edge.core.conversation import State
from edge.errors import ControlError
from edge.host import control
from edge.host.control import MOST_BYTES, MOST_WAITING, ControlServer, Lock, socket_path
from edge.testing import Reply, ScriptedAgent
from tests.bench.clips import DATA
from tests.host.served import Client, served
from tests.waiting import wait_until

LAMP = DATA / "speech/livingroom_lamp.flac"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run/control.sock"


# --- commands ------------------------------------------------------------------------------------------


def test_every_command_does_what_it_says(path: Path) -> None:
    async def main() -> None:
        async with (
            served(path, [Reply("the lamp", "It is on."), Reply("", "Half past three.")]) as at,
            at.client() as client,
        ):
            device = at.device

            async def do(command: str, argument: object = None) -> dict[str, object]:
                answer = await client.do(command, argument)
                assert answer["ok"] is True, answer
                await device.run(0.1)
                return dict(answer["result"])

            status = await do("status")
            assert status["ready"] is True
            assert status["state"] == "idle"
            assert await do("press") == {}
            assert device.state == "listening"
            await do("press")
            assert device.state == "idle"
            await do("hold")
            assert device.state == "listening"
            await device.hear(LAMP)
            await do("release")
            await device.until("speaking")
            assert device.understood == ["the lamp"]
            await do("press")
            await do("press")
            assert device.state is State.IDLE
            await do("ask", "what time is it")
            assert device.understood[-1] == "what time is it"
            await device.until("idle")
            await do("say", "  Dinner is ready. ")
            assert device.said.endswith("Dinner is ready.")
            await device.until("idle")
            await do("mute")
            assert device.ear.closed
            assert (await do("status"))["ready"] is False
            await do("unmute")
            assert device.state is State.IDLE
            await do("forget")
            assert isinstance(device.agent, ScriptedAgent)
            assert ("forget", 0) in device.agent.calls
            assert await do("volume") == {"percent": 100}
            assert await do("volume", 60) == {"percent": 60}
            assert await do("volume", "35") == {"percent": 35}
            assert device.speaker.volume == 35
            assert "[audio]" in str((await do("config"))["config"])
            assert await do("release") == {}  # harmless without a hold
            assert device.state is State.IDLE
            assert set(at.commands.names) <= {
                "status", "press", "hold", "release", "mute", "unmute", "forget", "say", "ask", "volume", "config",
            }  # fmt: skip

    asyncio.run(main())


@pytest.mark.parametrize(
    ("command", "argument", "words"),
    [
        ("explode", None, "There is no command 'explode'. There are: status, press"),
        ("", None, "There is no command ''"),
        ("volume", "loud", "a number from 0 to 100, not 'loud'"),
        ("volume", 101, "from 0 to 100, not 101"),
        ("volume", -1, "from 0 to 100, not -1"),
        ("volume", True, "not True"),
        ("volume", [1], "a number from 0 to 100"),
        ("volume", 1e400, "a number from 0 to 100"),
        ("say", None, "a text is needed"),
        ("say", "   ", "a text is needed"),
        ("say", 5, "a text is needed"),
        ("ask", {"a": 1}, "a text is needed"),
        ("say", "x" * 4001, "That is 4001 characters; 4000 is the most"),
        ("say", "\ud800", "not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_answered_with_a_reason(path: Path, command: str, argument: object, words: str) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            answer = await client.do(command, argument)
            assert answer["ok"] is False
            assert words in answer["error"]
            assert (await client.do("status"))["ok"] is True

    asyncio.run(main())


NONSENSE = [
    "", "hello", "null", "[]", "5", '"press"', "{}", '{"command": 5}', '{"command": null}', '{"command": ["press"]}',
    "[" * 30_000, '{"a":' * 10_000, b"\xff\xfe", b"\x00", '{"command": "press"', "NaN", '{"id": 1}',
]  # fmt: skip


@pytest.mark.parametrize("message", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_answered_and_the_connection_stays(path: Path, message: str | bytes) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            answer = await client.raw(message)
            assert answer["ok"] is False
            assert answer["error"] == 'A request looks like {"v": 1, "id": 1, "command": "status"}.'
            assert (await client.do("status"))["ok"] is True

    asyncio.run(main())


def test_an_id_of_any_depth_does_not_break_the_answer(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            for depth in (10, 100, *range(900, 1010)):
                nested = "[" * depth + "]" * depth
                answer = await client.raw(f'{{"id": {nested}, "command": "volume"}}')
                assert answer["ok"] in {True, False}
            assert (await client.do("status"))["ok"] is True

    asyncio.run(main())


def test_unknown_fields_are_ignored_and_a_missing_number_is_none(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            answer = await client.raw('{"v": 2, "command": "volume", "shade": "blue"}')
            assert answer == {"v": 1, "id": None, "ok": True, "result": {"percent": 100}}
            assert (await client.raw('{"id": "a7", "command": "volume"}'))["id"] == "a7"

    asyncio.run(main())


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 1 << 20, 16 << 20])
def test_a_huge_frame_closes_that_connection_only(path: Path, size: int) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as other:
            connection = await unix_connect(str(path), uri="ws://localhost/", compression=None)
            with pytest.raises(ConnectionClosed):
                await Client(connection).raw("x" * size)
            assert (await other.do("status"))["ok"] is True

    asyncio.run(main())


# --- watching ------------------------------------------------------------------------------------------


def test_a_watcher_sees_the_conversation_and_the_level(path: Path) -> None:
    async def main() -> None:
        async with served(path, [Reply("hello", "Hello yourself.")]) as at, at.client() as client:
            answer = await client.do("watch")
            assert answer["result"]["state"] == "idle"
            at.device.press()
            await at.device.hear(LAMP)
            assert (await client.event("state"))["state"] == "listening"
            assert (await client.event("user_transcript"))["text"] == "hello"
            assert (await client.event("reply_transcript"))["text"] == "Hello yourself."
            assert (await client.event("level")) == {"v": 1, "event": "level", "db": -42.0}
            await client.connection.send(json.dumps({"command": "volume", "id": 9, "argument": 7}))
            assert (await client.event("volume"))["percent"] == 7  # a watcher can command too

    asyncio.run(main())


def test_watching_twice_sends_everything_once(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            await client.do("watch")
            await client.do("watch")
            for number in range(3):
                at.device.daemon.publish("note", {"number": number})
            assert [(await client.event("note"))["number"] for _ in range(3)] == [0, 1, 2]

    asyncio.run(main())


def test_a_watcher_that_does_not_read_is_dropped_and_nobody_waits(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as good:
            await good.do("watch")
            deaf = socket.socket(socket.AF_UNIX)
            deaf.setblocking(False)
            await asyncio.get_running_loop().sock_connect(deaf, str(path))
            await handshake(deaf)
            await wait_until(lambda: len(at.server._watchers) == 2)
            longest = 0.0
            for number in range(MOST_WAITING * 8):
                began = time.monotonic()
                at.device.daemon.publish("note", {"number": number, "text": "x" * 2000})
                longest = max(longest, time.monotonic() - began)
                assert (await good.event("note"))["number"] == number
            assert len(at.server._watchers) == 1
            assert longest < 1  # it never blocked
            deaf.close()

    asyncio.run(main())


async def handshake(raw: socket.socket) -> None:
    """A WebSocket that says `watch` and then never reads again."""
    loop = asyncio.get_running_loop()
    request = (
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    await loop.sock_recv(raw, 1000)
    text = b'{"command": "watch"}'
    await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)


def test_a_watcher_that_goes_is_forgotten(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at:
            async with at.client() as client:
                await client.do("watch")
            await wait_until(lambda: not at.server._watchers)
            at.device.daemon.publish("note", {})

    asyncio.run(main())


# --- whose socket it is --------------------------------------------------------------------------------


def no_server(path: Path) -> ControlServer:
    return ControlServer(path, lambda _name, _argument: {}, lambda: 0.0)


def test_only_the_owner_and_the_group_may_talk_to_it(path: Path) -> None:
    def mode(place: Path) -> int:
        return stat.S_IMODE(place.stat().st_mode)

    async def main() -> None:
        async with served(path):
            assert (mode(path), mode(path.parent)) == (0o660, 0o700)

    asyncio.run(main())


def test_a_second_daemon_is_refused_and_the_first_lives_on(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at:
            second = no_server(path)
            with pytest.raises(ControlError, match=rf"already running here \(pid {os.getpid()}\); stop it first"):
                await second.open()
            await second.close()
            async with at.client() as client:
                assert (await client.do("status"))["ok"] is True

    asyncio.run(main())


def test_the_socket_of_a_daemon_that_was_killed_is_taken_over(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            assert (await client.do("status"))["ok"] is True

    path.parent.mkdir()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    path.with_suffix(".lock").write_text("99999")
    asyncio.run(main())
    assert path.with_suffix(".lock").read_text() == str(os.getpid())


def test_closing_leaves_no_socket_and_lets_the_next_one_in(path: Path) -> None:
    async def main() -> None:
        server = no_server(path)
        await server.open()
        await server.close()
        await server.close()

    for _ in range(2):
        asyncio.run(main())
        assert not path.exists()


def test_closing_does_not_wait_for_clients(path: Path) -> None:
    async def main() -> None:
        async with served(path) as at, at.client() as client:
            await client.do("watch")
            await asyncio.wait_for(at.server.close(), 3)

    asyncio.run(main())


@pytest.mark.parametrize("place", ["a file/control.sock", "x" * 120 + "/control.sock", "folder"])
def test_a_socket_that_cannot_be_made_is_said_in_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "folder").mkdir()

    async def main() -> None:
        server = no_server(tmp_path / place)
        with pytest.raises(ControlError, match=r"^The control socket .* cannot be made: [^N].*\.$"):
            await server.open()
        await server.close()

    asyncio.run(main())


def test_where_the_socket_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert socket_path({"EDGE_VOICE_SOCKET": "/x/y.sock", "RUNTIME_DIRECTORY": "/run/z"}) == Path("/x/y.sock")
    assert socket_path({"RUNTIME_DIRECTORY": "/run/z:/run/other"}) == Path("/run/z/control.sock")
    assert socket_path({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "edge-voice/control.sock"
    assert socket_path({}) == Path(f"/tmp/edge-voice-{os.getuid()}/control.sock")
    assert control.VERSION == 1


def test_a_service_behind_a_closed_door_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory is for root and the group: others are told so, and not that nothing runs."""
    service = Path("/run/edge-voice/control.sock")

    def exists(path: Path) -> bool:
        if path == service:
            raise PermissionError
        return False

    monkeypatch.setattr(Path, "exists", exists)
    assert socket_path({"XDG_RUNTIME_DIR": "/run/user/1000"}) == service


def test_a_lock_can_be_given_back(path: Path) -> None:
    lock = Lock(path)
    with pytest.raises(ControlError):
        Lock(path)
    lock.close()
    lock.close()
    Lock(path).close()
