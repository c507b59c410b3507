"""Which engine is made, with what, and what its owner is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.agents.none import NoAgent
from edge.config import Budget, Config, Device, Engine, Realtime
from edge.core.events import Event, Spent
from edge.engines import choose_engine, engine, order, spoken_language, warnings
from edge.errors import ConfigError
from edge.ports import Agent
from edge.tools.toolbox import Toolbox

TOOLS = Toolbox(lambda: 50, lambda percent: None, "")
CLOUD = replace(Config(), engine=Engine(("realtime",)), budget=Budget(daily=1.0))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[Any]]:
    """With what the engines were made; and an environment without keys."""
    calls: dict[str, list[Any]] = {"realtime": [], "local": []}

    def note(name: str) -> Callable[..., NoAgent]:
        def made(*arguments: Any) -> NoAgent:
            calls[name].append(arguments)
            return NoAgent(lambda _: None)

        return made

    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr("edge.agents.realtime.setup.realtime_agent", note("realtime"))
    monkeypatch.setattr("edge.agents.local.setup.local_agent", note("local"))
    return calls


def make(config: Config) -> Agent:
    return engine(config, lambda _: None, TOOLS, AsyncExitStack())


@pytest.mark.parametrize(
    ("use", "key", "chosen"),
    [
        ((), "", "local"),
        ((), "key", "realtime"),
        (("local",), "key", "local"),
        (("none", "local"), "key", "none"),
        (("realtime",), "", "realtime"),
    ],
)
def test_the_first_engine_named_and_else_the_one_that_has_a_key(
    use: tuple[str, ...], key: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert choose_engine(replace(Config(), engine=Engine(use))) == chosen


def test_the_offline_engine_is_made_where_there_is_no_key(built: dict[str, list[Any]]) -> None:
    make(Config())
    assert (len(built["local"]), built["realtime"]) == (1, [])
    assert built["local"][0][0] == Config().local


def test_realtime_is_made_where_there_is_a_key(built: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    make(Config())
    ((config, key, specs, _, bearer, *_memory),) = built["realtime"]
    assert (config, key, specs, bearer) == (Config(), "k", TOOLS.registry.specs(), None)
    assert built["local"] == []


def test_realtime_without_a_key_says_what_to_set(built: dict[str, list[Any]]) -> None:
    with pytest.raises(ConfigError, match="there is no key: set OPENAI_API_KEY or the credential openai_api_key"):
        make(replace(Config(), engine=Engine(("realtime",))))
    assert built == {"realtime": [], "local": []}


def test_another_server_may_want_no_key(built: dict[str, list[Any]]) -> None:
    config = replace(Config(), engine=Engine(("realtime",)), realtime=Realtime(url="ws://127.0.0.1:8000/v1/realtime"))
    make(config)
    assert [call[:2] for call in built["realtime"]] == [(config, "")]


def test_what_was_spent_outlives_a_restart(built: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start is in the same purse."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    async def main(cost: float) -> tuple[object, list[Event]]:
        told: list[Event] = []
        async with AsyncExitStack() as stack:
            agent = engine(CLOUD, told.append, TOOLS, stack)
            stack.push_async_callback(agent.close)
            await agent.open()
            built["realtime"][-1][3](Spent(1, {"output_audio": 9}, cost))
            return agent.stats()["spent_today"], told

    assert asyncio.run(main(0.25))[0] == 0.25
    assert asyncio.run(main(0.5))[0] == 0.75


@pytest.mark.parametrize(
    ("keys", "offline", "expected"),
    [
        ((), True, ("local",)),
        ((), False, ("local",)),
        (("OPENAI_API_KEY",), True, ("realtime", "local")),
        (("OPENAI_API_KEY",), False, ("realtime",)),
        (("ANTHROPIC_API_KEY",), True, ("chained", "local")),
        (("ANTHROPIC_API_KEY",), False, ("local",)),  # nobody would hear or speak
        (("OPENAI_API_KEY", "DEEPGRAM_API_KEY"), True, ("realtime", "chained", "local")),
        (("DEEPGRAM_API_KEY", "GEMINI_API_KEY", "ELEVENLABS_API_KEY"), False, ("chained",)),
    ],
)
def test_without_a_word_the_keys_decide(
    keys: tuple[str, ...], offline: bool, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("OPENAI", "DEEPGRAM", "ASSEMBLYAI", "ANTHROPIC", "GEMINI", "ELEVENLABS"):
        monkeypatch.delenv(f"{key}_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for key in keys:
        monkeypatch.setenv(key, "k")
    monkeypatch.setattr("edge.agents.local.setup.problem", lambda _: "" if offline else "not installed")
    assert order(Config()) == expected


def test_several_engines_stand_behind_one_another_and_what_costs_money_behind_one_purse(
    built: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("OPENAI", "DEEPGRAM", "ELEVENLABS"):
        monkeypatch.setenv(f"{key}_API_KEY", "k")

    async def main() -> Agent:
        agent = make(replace(Config(), engine=Engine(("realtime", "chained", "local"))))
        await agent.open()
        await agent.close()
        return agent

    stats = asyncio.run(main()).stats()
    assert stats["order"] == ["none", "none"]  # the stand-ins' name: the paid ones, and the offline one
    assert "spent_today" in stats
    assert (len(built["realtime"]), len(built["local"])) == (1, 1)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("use", "spare", "free_mb", "warm"),
    [
        (("realtime", "local"), "auto", 4000, True),
        (("realtime", "local"), "auto", 1000, False),
        (("realtime", "local"), "cold", 4000, False),
        (("realtime", "local"), "warm", 100, True),
        ((), "auto", 4000, False),  # nobody has asked for it
    ],
)
def test_the_offline_engine_is_loaded_where_it_was_asked_for_and_there_is_room(
    use: tuple[str, ...], spare: str, free_mb: int, warm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setattr("edge.agents.local.setup.problem", lambda _: "")
    monkeypatch.setattr("edge.engines.memory_available_mb", lambda: free_mb)
    agent: Any = make(replace(Config(), engine=Engine(use, spare=spare)))
    assert agent._warm is warm


def test_an_engine_named_twice_is_one(built: dict[str, list[Any]]) -> None:
    assert order(replace(Config(), engine=Engine(("local", "none", "local")))) == ("local", "none")


def test_a_chain_that_lacks_somebody_is_refused(built: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.agents.local.setup.problem", lambda _: "not installed")
    with pytest.raises(ConfigError, match="nobody hears"):
        make(replace(Config(), engine=Engine(("chained",))))


def test_warnings_are_about_the_chosen_engine_only() -> None:
    """A model that ends is nobody's concern where it is not used."""
    today = date(2027, 1, 1)
    old = Realtime(model="gpt-realtime")
    (told,) = [line for line in warnings(replace(CLOUD, realtime=old), today) if "shut down" in line]
    assert "gpt-realtime-2.1" in told
    assert warnings(replace(Config(), engine=Engine(("local",)), realtime=old), today) == []


def test_of_a_language_that_only_the_cloud_speaks_the_owner_is_told_in_it() -> None:
    german = replace(Config(), device=Device(language="de"), engine=Engine(("local",)))
    assert warnings(german, date(2026, 11, 25)) == ["Ohne Internet verstehe und spreche ich nur Englisch"]
    assert spoken_language(german) == "en"  # what an English voice can read
    cloud = replace(german, engine=Engine(("realtime",)), realtime=Realtime(url="wss://voice.example/v1"))
    assert warnings(cloud, date(2026, 11, 25)) == []
    assert spoken_language(cloud) == "de"
