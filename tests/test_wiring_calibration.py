"""The daemon reads what calibration found of its own devices, and tells its owner what does not fit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from edge.audio.profile import NAME, Profile, save
from edge.config import Audio, Config, Conversation, Engine
from edge.testing import Published
from edge.wiring import Lines, assembled
from tests.waiting import wait_until

BARE = replace(Config(), engine=Engine(("none",)))
LOUD = Profile("2026-11-24T12:30:00+00:00", "Mic", "Speaker", "heard", "limited", 80, 55, -61.5)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return tmp_path / NAME


def started(config: Config, names: tuple[str, str] | None = ("Mic", "Speaker")) -> tuple[list[object], object]:
    """What the daemon warns of at its start, and what its status says of the calibration."""
    seen = Published()

    async def main() -> object:
        async with assembled(config, Lines(None, lambda _: None, names=lambda: names), (seen,)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            await wait_until(lambda: assembly.daemon.conversation.ready)
            microphone = assembly.commands.status()["microphone"]
            assembly.daemon.stop()
            await running
        assert isinstance(microphone, dict)
        return microphone["calibration"]

    calibration = asyncio.run(main())
    return [fields["message"] for fields in seen.of("error")], calibration


def test_a_volume_above_the_limit_is_told_once(state: Path) -> None:
    save(LOUD, state)
    told, calibration = started(BARE)
    assert told == [
        (
            "audio.volume is 100, and interrupting by voice is safe up to 55 (calibration of 2026-11-24). "
            'Set audio.volume = 55, or conversation.barge_in = "button".'
        )
    ]
    assert calibration == "2026-11-24: safe up to volume 55"


def test_one_that_is_not_safe_is_told_and_nothing_is_switched(state: Path) -> None:
    save(replace(LOUD, safety="unsafe", volume_limit=10), state)
    (message,), calibration = started(BARE)
    assert 'Set conversation.barge_in = "button"' in str(message)
    assert calibration == "2026-11-24: not safe"


@pytest.mark.parametrize(
    "config",
    [
        replace(BARE, audio=Audio(volume=55)),
        replace(BARE, conversation=Conversation(barge_in="button")),
    ],
)
def test_what_fits_is_not_told(state: Path, config: Config) -> None:
    save(LOUD, state)
    assert started(config) == ([], "2026-11-24: safe up to volume 55")


@pytest.mark.parametrize("names", [("Mic", "Other"), ("Other", "Speaker"), None])
def test_one_of_other_devices_is_not_used(state: Path, names: tuple[str, str] | None) -> None:
    save(LOUD, state)
    assert started(BARE, names) == ([], None)


def test_none_or_a_damaged_one_is_no_fault(state: Path) -> None:
    assert started(BARE) == ([], None)
    state.write_text("{")
    assert started(BARE) == ([], None)
