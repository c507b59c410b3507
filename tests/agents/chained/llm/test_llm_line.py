"""Connections and clients: warmed for a turn, kept for a while, let go."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from edge.agents.chained.llm import CREDENTIALS, line, mind, model
from edge.agents.chained.llm.line import Line, http_client
from edge.config import Llm
from edge.errors import ConfigError
from tests.agents.chained.llm.benches import HELLO, OPENAI, Bench, all_of, each, failure, text
from tests.fakes.minds.openai import FakeResponses
from tests.fakes.minds.sse import KEY
from tests.waiting import wait_until


@each
def test_a_turn_finds_the_connection_open(bench: Bench) -> None:
    async def test(mind, service):
        mind.prepare()
        await service.until(mind._line._warming.done)
        assert (service.warmed, service.open, service.asked) == (1, 1, [])
        assert text(await all_of(mind)) == "Hello there."
        assert service.connections == 1

    bench.run(test)


@each
def test_getting_ready_sends_no_key(bench: Bench) -> None:
    seen: list[str] = []

    async def main() -> None:
        async def hear(reader, writer):
            seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.close()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        async with server:
            one = bench.mind(Llm(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            one.prepare()
            await wait_until(lambda: seen)
            await one.close()

    asyncio.run(main())
    assert seen[0].startswith("HEAD ")
    assert KEY not in seen[0]


def test_getting_ready_in_vain_is_silent() -> None:
    async def test(mind, service):
        mind.prepare()
        await service.until(mind._line._warming.done)
        assert "refused" in str(await failure(mind))

    OPENAI.run(test, config=Llm(url="http://127.0.0.1:9/v1"))


def test_asking_twice_to_get_ready_is_once() -> None:
    async def test(mind, service):
        mind.prepare()
        mind.prepare()
        await service.until(mind._line._warming.done)
        assert (service.connections, service.warmed) == (1, 1)

    OPENAI.run(test)


@each
def test_no_connection_stays_open_at_rest(bench: Bench) -> None:
    async def test(mind, service):
        mind._line._rest_s = 0.05
        mind.prepare()
        await service.until(lambda: service.warmed)
        await service.until(lambda: service.open == 0)
        assert text(await all_of(mind)) == "Hello there."
        await service.until(lambda: service.open == 0)

    bench.run(test)


def test_it_is_no_rest_while_somebody_talks() -> None:
    async def test(mind, service):
        mind._line._rest_s = 0.02
        service.faults.token_ms = 30
        for _ in range(2):
            assert text(await all_of(mind)) == "Hello there."
        assert service.connections == 1

    OPENAI.run(test)


def test_one_who_waits_no_longer_does_not_undo_what_others_wait_for() -> None:
    async def test(mind, service):
        first, second = (asyncio.ensure_future(all_of(mind)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert text(await second) == "Hello there."

    OPENAI.run(test)


def test_a_client_that_could_not_be_made_is_made_again() -> None:
    async def main() -> None:
        tries: list[int] = []

        def connect(_: object) -> str:
            tries.append(1)
            if len(tries) == 1:
                raise ImportError(name="openai")
            return "client"

        one = Line("http://127.0.0.1:9", connect)
        with pytest.raises(ImportError):
            async with one.client():
                pass
        async with one.client() as made:
            assert made == "client"
        await one.close()

    asyncio.run(main())


def test_closing_does_not_wait_for_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "CLOSE_S", 0.05)
    go_on = threading.Event()

    async def main() -> None:
        one = Line("http://127.0.0.1:9", lambda _: go_on.wait(20))
        one.prepare()
        await asyncio.sleep(0.02)
        await one.close()
        assert not go_on.is_set()
        go_on.set()

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)

    async def main() -> None:
        one = mind("claude", Llm(), KEY)
        type(one).rehearsed.clear()  # type: ignore[attr-defined]
        failed = await failure(one)  # type: ignore[arg-type]
        assert "package anthropic" in str(failed)
        assert "edge-voice[claude]" in str(failed)
        await one.close()

    asyncio.run(main())


def test_the_limits_hold_whatever_a_client_asks_for() -> None:
    async def main() -> None:
        async with http_client() as http:
            request = http.build_request("GET", "http://127.0.0.1:9/", timeout=None)
            for hook in http.event_hooks["request"]:
                await hook(request)
            assert request.extensions["timeout"] == {"connect": 3.0, "read": 30.0, "write": 10.0, "pool": 3.0}

    asyncio.run(main())


def test_making_a_mind_loads_no_vendors_client() -> None:
    code = """
import sys
from edge.agents.chained.llm import mind
from edge.config import Llm
for kind in ("openai", "chat", "claude", "gemini"):
    mind(kind, Llm(), "key")
print(sorted({"openai", "anthropic", "google.genai", "httpx2", "pydantic"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_kinds() -> None:
    assert CREDENTIALS == {
        "openai": "openai_api_key", "chat": "openai_api_key", "claude": "anthropic_api_key", "gemini": "gemini_api_key",
    }  # fmt: skip
    assert mind("kitchen", Llm(kind="gemini"), KEY).name == "kitchen"
    assert model("kitchen", Llm(kind="gemini")) == "gemini-3.5-flash-lite"
    assert model("openai", Llm(model="gpt-6-sol")) == "gpt-6-sol"
    with pytest.raises(ConfigError, match=r"llm\.kitchen\.kind: there is no 'kitchen'"):
        mind("kitchen", Llm(), KEY)


def test_a_mind_can_be_used_in_one_loop_after_another() -> None:
    one = OPENAI.mind(Llm(url="http://127.0.0.1:9/v1"))

    async def main() -> None:
        async with FakeResponses() as service:
            one.url = one._line._address = service.url
            assert [piece async for piece in one.think(HELLO)][:1] == ["Hello"]
            await one.close()

    asyncio.run(main())
    asyncio.run(main())
