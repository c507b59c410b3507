"""What the configuration makes of [wake], at the start and when it is read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Audio, Config, Conversation, Engine, Wake
from edge.core.indicator import Sight
from edge.ports import Desk, Fields
from edge.wiring import Assembly, Lines, assembled
from tests.waiting import wait_until

BARE = replace(
    Config(), engine=Engine(("none",)), audio=Audio(mixer="software"), conversation=Conversation(barge_in="off")
)
CALLED = replace(BARE, wake=Wake(word="alexa"))


class Watching:
    """A panel that keeps what it is told, and may look."""

    def __init__(self) -> None:
        self.told: list[Fields] = []
        self.look: Callable[[], Sight] = Sight

    def attach(self, desk: Desk) -> list[object]:
        """See ports.Panel."""
        self.look = desk.sight
        return []

    def detach(self) -> None:
        """See ports.Panel."""

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "error":
            self.told.append(fields)


def device(config: Config, look: Callable[[Assembly, Watching], object]) -> None:
    async def main() -> None:
        panel = Watching()
        async with assembled(config, Lines(None, lambda _: None), (panel,)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            await wait_until(lambda: assembly.daemon.conversation.ready)
            await asyncio.sleep(0)
            look(assembly, panel)
            assembly.daemon.stop()
            await running

    asyncio.run(main())


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


def test_a_word_is_listened_for_and_shown() -> None:
    def look(assembly: Assembly, panel: Watching) -> None:
        assert assembly.front.wakes
        assert panel.look().wakes
        facts = assembly.commands.status()["microphone"]
        assert isinstance(facts, dict)
        assert (facts["wake_word"], facts["words_heard"], facts["own_words"]) == ("Alexa", 0, 0)

    device(CALLED, look)


def test_reading_the_configuration_again_neither_brings_nor_takes_it() -> None:
    """Its model is loaded at the start."""

    def keeps(assembly: Assembly, _panel: Watching) -> None:
        assembly.apply(BARE)
        assert assembly.daemon.conversation.settings.wakes

    def lacks(assembly: Assembly, _panel: Watching) -> None:
        assembly.apply(CALLED)
        assert not assembly.daemon.conversation.settings.wakes

    device(CALLED, keeps)
    device(BARE, lacks)


def test_a_stop_word_alone_does_not_wake_and_needs_what_sounds() -> None:
    """Also where no voice interrupts: what the device says itself must be told from others."""

    def look(assembly: Assembly, panel: Watching) -> None:
        assert not assembly.front.wakes
        assert not panel.look().wakes
        assert assembly.front.words is not None
        assert assembly.front._guard is not None

    device(replace(BARE, wake=Wake(stop_word="alexa")), look)


def test_without_the_section_there_is_neither() -> None:
    def look(assembly: Assembly, panel: Watching) -> None:
        assert assembly.front.words is None
        assert assembly.front._guard is None
        assert not panel.look().wakes
        facts = assembly.commands.status()["microphone"]
        assert isinstance(facts, dict)
        assert not {"wake_word", "words_heard", "words_problem"} & set(facts)

    device(BARE, look)


def test_a_word_that_cannot_be_used_is_told_and_the_rest_works() -> None:
    def look(assembly: Assembly, panel: Watching) -> None:
        why = assembly.front.wordless
        assert why.startswith("There is no file /nowhere/hello.json")
        facts = assembly.commands.status()["microphone"]
        assert isinstance(facts, dict)
        assert facts["words_problem"] == why
        assert why in [fields["message"] for fields in panel.told]
        assert assembly.daemon.conversation.ready

    device(replace(BARE, wake=Wake(word="/nowhere/hello.json")), look)
