"""What the tests of the live view share: a view on a screen, and the events of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import IO, cast

from rich.console import Console

from edge.panel.terminal import TerminalView
from edge.panel.terminal.gauges import Sight
from edge.ports import Fields
from tests.fakes.screen import Screen

LATENCY = {
    "speech_end": 0, "turn_end": 560, "transcript": 660, "first_token": 900, "first_audio": 1000, "first_sound": 1040,
}  # fmt: skip
MICROPHONE: Fields = {"microphone": "usbmic", "open": True, "muted": False, "overruns": 0, "lost_frames": 0}
SPEAKER: Fields = {"device": "usbspk", "volume": 100, "underruns": 0, "starved": 0, "dropped_samples": 0}
STATUS: Fields = {
    "state": "idle", "ready": True, "muted": False, "problems": [],
    "engine": {"engine": "local", "ready": True, "loaded": {"ears": True, "voice": True}},
    "microphone": MICROPHONE, "speaker": SPEAKER,
}  # fmt: skip


def console_on(screen: Screen, width: int = 80, height: int = 24) -> Console:
    file = cast("IO[str]", screen)
    return Console(file=file, force_terminal=True, color_system="standard", width=width, height=height, _environ={})


def run_view(*steps: Callable[[TerminalView], object], width: int = 80, height: int = 24, status: Fields | None = None,
             level: float = -20.0, sight: Sight | None = None, close: bool = False) -> Screen:  # fmt: skip
    """A view that watches a device, taken through the steps; the screen as it then is."""
    screen = Screen(width)

    async def go() -> None:
        view = TerminalView(sight or Sight(), console_on(screen, width, height), clock=lambda: 100.0)
        view.watch(lambda: level, lambda: dict(STATUS if status is None else status))
        for step in steps:
            step(view)
        if close:
            view.close()
        else:
            stop_drawing(view)

    asyncio.run(go())
    assert screen.unknown == []
    return screen


def stop_drawing(view: TerminalView) -> None:
    if view._timer is not None:
        view._timer.cancel()


def tell(event: str, **fields: object) -> Callable[[TerminalView], None]:
    return lambda view: view.published(event, fields)


EXCHANGE = (
    tell("state", state="listening", turn=1),
    tell("user_transcript", text="what is", final=False, turn=1),
    tell("user_transcript", text="What is two plus two?", final=True, turn=1),
    tell("state", state="thinking", turn=1),
    tell("reply_transcript", text="That is ", turn=1),
    tell("reply_transcript", text="four.", turn=1),
    tell("state", state="speaking", turn=1),
    tell("turn", kind="tap", latency_ms=LATENCY, said_s=1.5, turn=1),
)
