"""Who hears, thinks and speaks by configuration and keys, and what the owner is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from edge.agents.chained.answering import Settings
from edge.agents.chained.client import ChainedAgent
from edge.agents.chained.setup import Beside, chained_agent, missing, services, warnings
from edge.config import Budget, Chained, Config, Llm, Stt, Tts
from edge.errors import ConfigError
from tests.agents.chained.scripted import Stage

ALL = ("deepgram", "assemblyai", "openai", "anthropic", "gemini", "elevenlabs")


class Local:
    transcriber, mind, voice = Stage("local"), Stage("local"), Stage("local")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    def give(*names: str) -> None:
        for name in ALL:
            monkeypatch.delenv(f"{name.upper()}_API_KEY", raising=False)
        for name in names:
            monkeypatch.setenv(f"{name.upper()}_API_KEY", f"key-of-{name}")

    give()
    return give


def config(**chained: Any) -> Config:
    return replace(Config(), chained=Chained(**chained))


def names(config: Config, stage: str, *, local: bool = True) -> list[str]:
    return [service.name for service in services(config, stage, local=local)]


def test_without_a_word_the_keys_decide_and_the_device_itself_is_last(keys: Any) -> None:
    keys(*ALL)
    assert names(Config(), "stt") == ["deepgram", "assemblyai", "openai", "local"]
    assert names(Config(), "llm") == ["openai", "claude", "gemini", "local"]
    assert names(Config(), "tts") == ["elevenlabs", "openai", "local"]
    keys("anthropic")
    assert [names(Config(), stage) for stage in ("stt", "llm", "tts")] == [["local"], ["claude", "local"], ["local"]]
    assert names(Config(), "stt", local=False) == []


def test_the_order_named_is_the_order_and_an_entry_may_have_any_name(keys: Any) -> None:
    keys("openai")
    home = replace(config(llm=("home", "openai")), llm={"home": Llm(kind="chat", url="http://192.168.1.5:11434/v1")})
    found = services(home, "llm", local=False)
    assert [(one.name, one.kind, one.key, one.place) for one in found] == [
        ("home", "chat", "key-of-openai", ("192.168.1.5", 11434)),
        ("openai", "openai", "key-of-openai", ("api.openai.com", 443)),
    ]


def test_an_entrys_own_key_goes_first_and_the_language_is_for_all(keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("deepgram")
    monkeypatch.setenv("SECOND_API_KEY", "own")
    both = replace(config(stt=("deepgram", "second"), language="de"),
                   stt={"second": Stt(kind="deepgram", url="wss://eu.example:8443/v1", language="fr")})  # fmt: skip
    first, second = services(both, "stt", local=False)
    assert (first.key, second.key) == ("key-of-deepgram", "own")
    assert isinstance(first.entry, Stt)
    assert isinstance(second.entry, Stt)
    assert (first.entry.language, second.entry.language) == ("de", "fr")
    assert second.place == ("eu.example", 8443)


def test_behind_a_proxy_nothing_is_reached_directly(keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("deepgram")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert services(Config(), "stt", local=False)[0].place is None


def test_all_that_is_missing_is_told_at_once(keys: Any) -> None:
    told = "\n".join(missing(config(stt=("deepgram", "local"), tts=("elevenlabs",)), local=False))
    assert "chained.stt names deepgram, but there is no key: set DEEPGRAM_API_KEY" in told
    assert "chained.stt names local, but the offline engine is not installed" in told
    assert "nobody thinks: set a key for one of openai, claude, gemini" in told
    assert "chained.tts names elevenlabs, but there is no key" in told
    with pytest.raises(ConfigError):
        chained_agent(config(stt=("deepgram",)), lambda _: None, Beside())


def test_a_server_of_ones_own_may_want_no_key(keys: Any) -> None:
    own = replace(
        config(stt=("local",), llm=("ollama",), tts=("local",)),
        llm={"ollama": Llm(kind="chat", url="http://localhost")},
    )
    assert missing(own, local=True) == []


def test_a_package_that_is_not_there_is_named(keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("anthropic")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "anthropic" else object())
    told = missing(config(llm=("claude",)), local=True)
    assert told == ["chained.llm names claude, whose package is missing: install edge-voice[claude]."]


def test_the_engine_is_made_without_a_connection(keys: Any) -> None:
    keys(*ALL)
    made: list[Local] = []

    def local() -> Local:
        made.append(Local())
        return made[-1]

    async def main() -> ChainedAgent:
        tools = [{"name": "get_time", "description": "The time.", "parameters": {"type": "object"}}]
        agent = chained_agent(config(instructions="Be kind."), lambda _: None, Beside(tools=tools, local=local))
        await agent.close()
        return agent

    agent = asyncio.run(main())
    assert agent.stats()["stt"] == "deepgram"
    settings = agent._pipeline.answering._settings
    assert isinstance(settings, Settings)
    assert (settings.instructions, [tool.name for tool in settings.tools]) == ("Be kind.", ["get_time"])
    assert len(made) == 1  # one worker for all three


def test_what_goes_and_what_the_budget_does_not_count_is_told(keys: Any) -> None:
    keys("openai")
    old = replace(
        config(stt=("openai",), llm=("openai",), tts=("openai",)),
        stt={"openai": Stt(model="whisper-1")}, tts={"openai": Tts(model="tts-1")}, budget=Budget(daily=1.0),
    )  # fmt: skip
    told = warnings(old, date(2027, 1, 2), local=False)
    assert any("whisper-1" in line and "gpt-transcribe" in line for line in told)
    assert any("tts-1" in line for line in told)
    assert 'budget.daily does not count model tts-1: give its price in [prices."tts-1"]' in told
    assert not any("gpt-6-luna" in line for line in told)
    assert warnings(config(stt=("local",), llm=("local",), tts=("local",)), date(2027, 1, 2), local=True) == []
