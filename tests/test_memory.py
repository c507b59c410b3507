"""What a device remembers: who is told to forget it, and when."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.config import Config
from edge.config import Memory as Settings
from edge.core.events import Event, ForgetAsked
from edge.memory import Memory
from edge.tools.registry import Registry

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Desk:
    def __init__(self, folder: Path, *, facts: bool = True, minutes: int = 10, keeps: bool = True) -> None:
        self.folder = folder
        self.memory = Memory(Config(memory=Settings(minutes, facts=facts)), keeps=keeps)
        self.posted: list[Event] = []
        self.memory.post = self.posted.append
        self.memory.open()
        self.registry = Registry(self.memory.tools())

    async def call(self, name: str, **arguments: object) -> None:
        fitting = self.registry.fitting(name, arguments)
        assert not isinstance(fitting, str)
        assert "error" not in await fitting.run(NOW)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))


def test_what_a_tool_forgets_goes_when_the_reply_is_over(tmp_path: Path) -> None:
    """Not in the middle of it, and with the conversation in which it was said."""

    async def main() -> None:
        desk = Desk(tmp_path)
        await desk.call("remember_fact", text="my code word is heliotrope")
        assert "heliotrope" in desk.memory.told(1500)
        await desk.call("forget_facts")
        desk.memory.published("state", {"state": "speaking"})
        assert desk.posted == []
        desk.memory.published("state", {"state": "idle"})
        desk.memory.published("state", {"state": "idle"})
        assert desk.posted == [ForgetAsked()]
        assert desk.memory.told(1500) == ""

    asyncio.run(main())


@pytest.mark.parametrize("everything", [True, False])
def test_only_everything_is_everything(tmp_path: Path, *, everything: bool) -> None:
    """Facts outlive the end of a conversation."""

    async def main() -> None:
        desk = Desk(tmp_path)
        await desk.call("remember_fact", text="my code word is heliotrope")
        desk.memory.history.note("hi", "Hello.")
        assert desk.files() == ["conversation.json", "facts.db"]
        await desk.call("forget_conversation")
        await desk.call("forget_everything" if everything else "forget_conversation")
        await desk.call("forget_conversation")
        desk.memory.published("state", {"state": "listening"})
        assert desk.posted == [ForgetAsked(everything=everything)]
        desk.memory.published("forgotten", {"everything": True} if everything else {})
        assert desk.files() == ([] if everything else ["facts.db"])
        desk.memory.published("state", {"state": "idle"})
        assert len(desk.posted) == 1
        desk.memory.close()
        assert desk.files() == ([] if everything else ["facts.db"])

    asyncio.run(main())


def test_an_engine_that_forgets_by_itself_has_all_others_forget(tmp_path: Path) -> None:
    """The offline one understands "start over"."""

    async def main() -> None:
        desk = Desk(tmp_path)
        desk.memory.history.note("hi", "Hello.")
        desk.memory.history.clear()
        assert desk.files() == []
        desk.memory.published("state", {"state": "idle"})
        assert desk.posted == [ForgetAsked()]

    asyncio.run(main())


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        desk = Desk(tmp_path)
        desk.memory.history.note("hi", "Hello.")
        desk.memory.close()
        again = Desk(tmp_path)
        assert again.memory.stats() == {"exchanges": 1, "tokens": 3, "dropped": 0, "cut": 0}
        again.memory.close()

    asyncio.run(main())


def test_without_consent_and_in_a_terminal_nothing_is_kept(tmp_path: Path) -> None:
    async def main() -> None:
        for desk in (Desk(tmp_path, facts=False, minutes=0), Desk(tmp_path, keeps=False)):
            desk.memory.history.note("hi", "Hello.")
            names = [spec["name"] for spec in desk.registry.specs()]
            assert "remember_fact" not in names
            assert desk.memory.told(1500) == ""
            desk.memory.published("forgotten", {"everything": True})
            desk.memory.close()
            assert desk.files() == []

    asyncio.run(main())
