"""A simulated device that records, and conversations to be recorded: one with an interruption among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from edge.audio.convert import Samples
from edge.audio.files import load
from edge.config import Config, Conversation, Record
from edge.sessions.recorder import Recorder
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.waiting import wait_until

DATA = Path(__file__).parents[2] / "edge" / "data"
LAMP = DATA / "turn_on_the_living_room_lamp.flac"
ALLOWED = replace(Config(), record=Record(allowed=True, keep_free_mb=10), conversation=Conversation(follow_up_s=3.0))
LONG = Reply("lamp", "The lamp is on, and so on.", seconds=4.0)


def seen(device: SimulatedDevice) -> Any:
    """As the recorder needs it."""
    return SimpleNamespace(
        config=device.config, daemon=device.daemon, speaker=device.speaker, front=device.front, commands=None
    )


@asynccontextmanager
async def recording(
    folder: Path, config: Config = ALLOWED, script: tuple[Reply, ...] = (LONG, Reply("lamp"))
) -> AsyncIterator[tuple[SimulatedDevice, Recorder]]:
    """It records from the start."""
    async with SimulatedDevice(ScriptedAgent(script), config) as device:
        recorder = Recorder(seen(device), device.clock, folder)
        device.daemon.ports.watchers.append(recorder)
        recorder.begin()
        await wait_until(lambda: not recorder.stats()["waiting"])
        yield device, recorder
        await recorder.close()


async def converse(device: SimulatedDevice) -> None:
    """A question, a reply with the question over it again, and the reply to that."""
    device.press()
    await device.hear(LAMP)
    await device.until("speaking")
    await device.run(1.0)
    await device.hear(question())
    await device.run(10.0)
    await device.until("idle")


def question() -> Samples:
    """Louder, so that it interrupts."""
    sound = load(LAMP).astype(np.float32) * 1.5
    return np.clip(sound, -32768, 32767).astype(np.int16)


def recorded(folder: Path, config: Config = ALLOWED) -> Path:
    """A whole conversation, packed."""

    async def main() -> Path:
        async with recording(folder, config) as (device, recorder):
            await converse(device)
            return Path(await recorder.finish())

    return asyncio.run(main())
