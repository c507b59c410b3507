"""What the device can do with itself: say it again, end the conversation, mute, and tell what it is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from edge.core.events import MuteSet, SleepAsked
from edge.ports import Fields, Post
from edge.tools.registry import Arguments, Result, Tool

HEAT = Path("/sys/class/thermal/thermal_zone0/temp")
SOMEWHERE = ("192.0.2.1", 9)  # documentation's own (RFC 5737): no packet is sent to find the way there


class Replies:
    """The last reply that is over, and the one that is being made. A Watcher."""

    def __init__(self) -> None:
        self._turn, self._text, self._before = 0, "", ""

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        turn = fields.get("turn")
        if event == "forgotten":
            self._text = self._before = ""
        elif event == "reply_transcript" and isinstance(turn, int):
            if turn != self._turn:
                self._turn, self._before, self._text = turn, self._text or self._before, ""
            self._text += str(fields["text"])

    def last(self, turn: int) -> str:
        """What was said before this turn."""
        return (self._before if turn == self._turn else self._text or self._before).strip()


def device_tools(post: Post, last: Callable[[], str], facts: Callable[[], Fields]) -> tuple[Tool, ...]:
    """Make repeat, go_to_sleep, mute and device_facts."""

    def repeat(_: Arguments, __: datetime) -> Result:
        said = last()
        return {"say_again": said} if said else {"error": "I haven't said anything yet"}

    def sleep(_: Arguments, __: datetime) -> Result:
        post(SleepAsked())
        return {"note": "Say goodbye in a word or two; nobody is listened to after it"}

    def mute(_: Arguments, __: datetime) -> Result:
        post(MuteSet(on=True))
        return {"muted": True, "note": "Only the button or a command can open the microphone again"}

    return (
        Tool("repeat", "Get the last reply, to say it again word for word.", repeat),
        Tool("go_to_sleep", "End the conversation: stop listening until the person calls again.", sleep),
        Tool("mute", "Close the microphone, when the person asks for it.", mute),
        Tool("device_facts", "Tell about this device: name, address, temperature, version, engine.",
             lambda _, __: facts() | measured()),
    )  # fmt: skip


def measured() -> Fields:
    """What can be read of the machine: its address in the local network and its temperature; "" where there is none."""
    return {"address": _address(), "celsius": _celsius()}


def _address() -> str:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(SOMEWHERE)
        return str(sock.getsockname()[0])
    return ""


def _celsius() -> float | str:
    with suppress(OSError, ValueError):
        return round(int(HEAT.read_text()) / 1000, 1)
    return ""
