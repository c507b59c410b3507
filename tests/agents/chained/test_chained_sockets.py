"""Lines to the services: one opened ahead is used or let go, never forgotten; what comes over them is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve

from edge.agents.chained import sockets
from edge.agents.chained.faults import Service
from edge.agents.chained.sockets import Line, Lines
from edge.core.chain import Fault, StageFailed
from tests.agents.chained.stt.bench import until

SERVICE = Service("Nobody", "stt.nobody", "nobody_api_key", "s3cr3t")


class Place:
    """A server whose connections can be counted; `says` is sent on each at once."""

    def __init__(self, *says: str | bytes) -> None:
        self.says, self.opened, self.open, self.codes = says, 0, 0, list[int]()

    async def handle(self, connection: ServerConnection) -> None:
        self.opened += 1
        self.open += 1
        try:
            for frame in self.says:
                await connection.send(frame)
            await connection.wait_closed()
            self.codes.append(connection.close_code or 0)
        finally:
            self.open -= 1


def at(place: Place, test: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serve(place.handle, "127.0.0.1", 0, close_timeout=0.2) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            before = asyncio.all_tasks()
            await test(f"ws://127.0.0.1:{port}")
            await until(lambda: place.open == 0)
            await until(lambda: not any("edge" in repr(task) for task in asyncio.all_tasks() - before))

    asyncio.run(run())


def opener(url: str, delay_s: float = 0.0) -> Callable[[], Awaitable[Line]]:
    async def dial() -> Line:
        await asyncio.sleep(delay_s)
        return await Line.open(SERVICE, url, {})

    return dial


def test_what_was_prepared_is_taken_once():
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url))
        lines.prepare()
        lines.prepare()
        await until(lambda: place.opened)
        first, second = await lines.take(), await lines.take()
        assert first is not second
        assert place.opened == 2
        lines.end(first)
        lines.end(second)
        await lines.close()

    at(place, test)
    assert place.codes == [1000, 1000]


def test_what_has_died_meanwhile_is_not_taken():
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url))
        lines.prepare()
        await until(lambda: place.opened)
        (await lines.take()).hang_up()
        await until(lambda: place.open == 0)
        lines.prepare()
        await until(lambda: place.opened == 2)
        line = await lines.take()
        assert line.alive
        lines.end(line)
        await lines.close()

    at(place, test)


@pytest.mark.parametrize("delay_s", [0.0, 0.3])
def test_closing_lets_go_of_what_is_there_and_of_what_is_coming(delay_s):
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url, delay_s))
        lines.prepare()
        await asyncio.sleep(0.1)
        await lines.close()
        await lines.close()

    at(place, test)
    assert place.opened == (delay_s == 0)


@pytest.mark.parametrize("wait_s", [0.0, 0.02])
def test_whoever_waits_for_what_is_coming_may_be_stopped(wait_s):
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url, 0.05))
        lines.prepare()
        task = asyncio.ensure_future(lines.take())
        await asyncio.sleep(wait_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await lines.close()

    at(place, test)


def test_nobody_came(monkeypatch):
    monkeypatch.setattr(sockets, "KEEP_S", 0.05)
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url))
        lines.prepare()
        await until(lambda: place.codes)
        await lines.close()

    at(place, test)
    assert place.codes == [1000]


def test_the_patience_with_one_is_not_that_with_the_next(monkeypatch):
    monkeypatch.setattr(sockets, "KEEP_S", 0.4)
    place = Place()

    async def test(url: str) -> None:
        lines = Lines(opener(url))
        lines.prepare()
        lines.end(await lines.take())
        await asyncio.sleep(0.3)
        lines.prepare()
        await asyncio.sleep(0.2)
        lines.end(await lines.take())
        assert place.opened == 2
        await lines.close()

    at(place, test)


def test_an_end_that_takes_too_long_is_cut(monkeypatch):
    monkeypatch.setattr(sockets, "END_S", 0.05)

    async def never(_line: Line) -> None:
        await asyncio.Event().wait()

    async def test(url: str) -> None:
        lines = Lines(opener(url), never)
        lines.end(await lines.take())
        await lines.close()

    at(Place(), test)


def test_failing_to_prepare_is_told_to_whoever_takes(caplog):
    async def run() -> None:
        lines = Lines(opener("ws://127.0.0.1:1"))
        lines.prepare()
        await asyncio.sleep(0.05)
        with pytest.raises(StageFailed) as caught:
            await lines.take()
        assert caught.value.fault is Fault.NETWORK
        lines.prepare()
        with pytest.raises(StageFailed):
            await lines.take()
        await lines.close()

    asyncio.run(run())
    assert not caplog.records


@pytest.mark.parametrize("frame", ["[]", '"a"', "{", "", b"\xff", "[" * 100_000])
def test_what_is_no_object(frame):
    async def test(url: str) -> None:
        line = await Line.open(SERVICE, url, {})
        with pytest.raises(StageFailed, match="cannot be read") as caught:
            await anext(line.messages())
        assert caught.value.fault is Fault.SERVICE
        await line.close()

    at(Place(frame), test)


def test_half_a_character_is_replaced_and_a_whole_one_is_not():
    async def test(url: str) -> None:
        line = await Line.open(SERVICE, url, {})
        assert await anext(line.messages()) == {"a\ufffd": ["\ufffdb", "\U0001f600", "\u00e4"]}
        await line.close()

    at(Place('{"a\\ud800": ["\\uDC00b", "\\ud83d\\ude00", "\u00e4"]}'), test)


def test_a_redirect_is_not_followed():
    """It would lead the key astray."""

    async def run() -> None:
        async def admit(connection: ServerConnection, _request: object) -> object:
            response = connection.respond(302, "")
            response.headers["Location"] = "ws://127.0.0.1:1/"
            return response

        async with serve(Place().handle, "127.0.0.1", 0, process_request=admit) as server:  # type: ignore[arg-type]
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(StageFailed, match="login page"):
                await Line.open(SERVICE, f"ws://127.0.0.1:{port}", {"Authorization": "s3cr3t"})

    asyncio.run(run())
