"""`doctor --engines` on vendors' services that are there, refuse, or are silent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config, Engine, load
from edge.doctor import vendors as asked
from edge.doctor.checks import Result, State
from edge.doctor.site import Site
from tests.fakes.realtime.server import FakeRealtime
from tests.vendors import Vendors


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendors]:
    there = Vendors()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name, value in there.env().items():
        monkeypatch.setenv(name, value)
    yield there
    there.close()


def results(config: Config) -> dict[str, Result]:
    site = Site(config, [], Path("/"), Path("/none"))
    return {check.name: check.run()[0] for check in asked.checks(site)}


def test_each_service_tells_how_long_it_takes(vendors: Vendors) -> None:
    found = results(load(None))
    assert list(found) == ["stt deepgram", "llm openai", "tts elevenlabs"]
    assert {result.state for result in found.values()} == {State.WELL}
    assert all(result.found.startswith("It answers; first byte after") for result in found.values())


def test_a_refused_key_says_what_to_do(vendors: Vendors) -> None:
    for fake in (vendors.ears, vendors.mind, vendors.voice):
        fake.faults.status = 401
    for name, result in results(load(None)).items():
        assert result.state is State.FAIL, name
        assert "refuses the key" in result.found
        assert "_API_KEY" in result.todo


def test_a_missing_key_is_told_without_asking(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGE_VOICE_STT__DEEPGRAM__URL", "DEEPGRAM_API_KEY"):
        monkeypatch.delenv(name)
    found = results(load(None))["stt deepgram"]
    assert (found.state, found.found) == (State.FAIL, "There is no key for it.")
    assert vendors.ears.attempts == 0


def test_a_silent_service_is_given_up(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "ASK_S", 0.5)
    vendors.mind.faults.silent = True
    found = results(load(None))["llm openai"]
    assert found.state is State.FAIL
    assert "No answer within" in found.found


def test_offline_nobody_is_asked() -> None:
    (found,) = results(replace(Config(), engine=Engine(("local",)))).values()
    assert found.state is State.SKIPPED


def test_a_realtime_session_is_opened_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> dict[str, Result]:
        async with FakeRealtime() as server:
            monkeypatch.setenv("OPENAI_API_KEY", "k")
            config = replace(Config(), engine=Engine(("realtime",)))
            config = replace(config, realtime=replace(config.realtime, url=server.url))
            return await asyncio.to_thread(results, config)

    (found,) = asyncio.run(main()).values()
    assert found.state is State.WELL
