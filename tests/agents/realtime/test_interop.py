"""The interoperation run (tests.bench.interop) against the fake server: that it works, and sees a restart."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench import interop
from tests.fakes.realtime.relay import Relay
from tests.fakes.realtime.script import Call, Reply, Request, calling
from tests.fakes.realtime.server import FakeRealtime


def answer(request: Request) -> Reply:
    last = str(request.items[-1:])
    return calling(Call("weather")) if "weather" in last and "output" not in last else Reply("Hello, Ada.")


def test_a_visit_to_a_server_that_goes_away_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")

    async def main() -> None:
        async with FakeRealtime(answer) as server:
            relay = Relay(server.url + "?model=mine")
            await relay.open()
            visit = interop.Visit(relay, "model=mine")
            for step in (visit.connects, visit.spoken, visit.calls, visit.cut_early, visit.restarts):
                assert "FAILED" not in await step()
            await visit.agent.close()
            assert server.violations == []
            assert relay.sessions == 2
            assert {attempt.path for attempt in server.attempts} == {"/v1/realtime?model=mine"}

    asyncio.run(asyncio.wait_for(main(), 60))


def test_without_an_address_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTEROP_URL", raising=False)
    with pytest.raises(SystemExit, match="INTEROP_URL=ws://"):
        interop.run()
