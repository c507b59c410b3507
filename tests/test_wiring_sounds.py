"""What the configuration makes of sounds and volume, at the start and when it is read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge import talk
from edge.cli import _parser
from edge.config import Audio, Config, Engine, Sounds
from edge.core.effects import Tone
from edge.wiring import Assembly, Lines, assembled
from tests.fakes.lines import FakeLine
from tests.waiting import wait_until

BARE = replace(Config(), engine=Engine(("none",)), audio=Audio(mixer="software"))


def device(config: Config, look: Callable[[Assembly], object], *, real: bool = True) -> None:
    async def main() -> None:
        async with assembled(config, Lines(None, lambda _: FakeLine(), real=real)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            await wait_until(lambda: assembly.daemon.conversation.ready)
            look(assembly)
            assembly.daemon.stop()
            await running

    asyncio.run(main())


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return tmp_path / "volume.json"


def at_start(config: Config, *, real: bool = True) -> int:
    seen: list[int] = []
    device(config, lambda assembly: seen.append(assembly.speaker.volume), real=real)
    return seen[0]


def test_a_volume_outlasts_a_restart(state: Path) -> None:
    device(BARE, lambda assembly: assembly.commands.do("volume", 35))
    assert at_start(BARE) == 35
    assert at_start(replace(BARE, audio=Audio(mixer="software", volume=70))) == 70
    assert at_start(replace(BARE, audio=Audio(mixer="software", remember=False))) == 100


def test_a_reply_file_has_neither_a_mixer_nor_a_memory(state: Path) -> None:
    device(BARE, lambda assembly: assembly.commands.do("volume", 35), real=False)
    assert not state.exists()


def test_reading_the_configuration_again_keeps_what_was_set_since() -> None:
    def look(assembly: Assembly) -> None:
        assembly.speaker.volume = 35
        assembly.apply(replace(BARE, sounds=Sounds(start=True, volume=50)))
        assert assembly.speaker.volume == 35
        assert assembly.sounds.volume == 50
        assert Tone.START in assembly.daemon.conversation.settings.sounds.tones
        assembly.apply(replace(BARE, audio=Audio(mixer="software", volume=60)))
        assert assembly.speaker.volume == 60

    device(BARE, look)


def test_a_file_of_answers_has_nothing_else_in_it(tmp_path: Path) -> None:
    options = _parser().parse_args(["talk", "--text", "hello", "--output", str(tmp_path / "out.wav")])
    plan = talk.make_plan(options)
    assert not plan.lines.real
    assert set(vars_of(plan.config.sounds)) == {False, 100}


def vars_of(sounds: Sounds) -> list[object]:
    return [getattr(sounds, name) for name in Sounds.__dataclass_fields__]
