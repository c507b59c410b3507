"""A client of the own engine's protocol core, stepped by hand; every event is held against the vendor's types."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from edge.audio.convert import Samples
from edge.core.history import History
from edge.ports import Agent, Post
from edge.relay.voice.own.answering import About
from edge.relay.voice.own.floor import Floor, Seat
from edge.relay.voice.own.session import Session
from edge.testing import Reply, ScriptedAgent
from tests.fakes.realtime.schema import check_client, check_server
from tests.signals import recording

HELLO = recording(Path(__file__).parents[3] / "data/speech/livingroom_lamp.flac")[:24_000]  # up to the last word

STEP = 0.02


class Toolbox:
    """The relay's own tools."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []

    def run(self, name: str, arguments: str) -> dict[str, object]:
        self.ran.append((name, arguments))
        return {"time": "late"}


def floor_of(agent: ScriptedAgent) -> Floor:
    """Before a scripted engine, opened without a loop."""

    def make(post: Post, history: History, timers: Callable[[], int]) -> Agent:
        agent.post = post
        return agent

    floor = Floor(make)
    floor._agent = floor._make(floor._post, floor._shelf, floor._timers)
    return floor


class Visitor:
    """One session at a floor. `now` moves with `wait` and with the sound that is sent."""

    def __init__(self, floor: Floor, name: str = "sess_0123456789abcdef") -> None:
        self.tools = Toolbox()
        self.now = 0.0
        self.seen: list[dict[str, Any]] = []
        self.session = Session(About(name, "local", 2_000_000_000), self.tools)
        self.seat: Seat = floor.sit(lambda event: self.session.told(event, self.now))
        self.session.sit(self.seat)
        self._collect()

    def do(self, kind: str, *, strict: bool = True, **fields: Any) -> None:
        event = {"type": kind, **fields}
        if strict:
            assert check_client(event) is None, check_client(event)
        self.session.handle(event, self.now)
        self._collect()

    def update(self, **session: Any) -> None:
        self.do("session.update", session={"type": "realtime", **session})

    def typed(self, text: str) -> None:
        self.do("conversation.item.create", item={
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})  # fmt: skip

    def hear(self, samples: Samples, rate: int = 16_000) -> None:
        """Sound, as fast as it is spoken."""
        wide = soxr.resample(samples, rate, 24_000) if rate != 24_000 else samples
        for at in range(0, len(wide), 480):
            self.now += STEP
            piece = wide[at : at + 480].astype("<i2").tobytes()
            self.do("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
            self.session.tick(self.now)
            self._collect()

    def silence(self, seconds: float) -> None:
        self.hear(np.zeros(round(seconds * 24_000), np.int16), 24_000)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            self.session.tick(self.now)
            self._collect()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["type"] == kind]

    def kinds(self, prefix: str = "") -> list[str]:
        return [event["type"] for event in self.seen if event["type"].startswith(prefix)]

    @property
    def errors(self) -> list[str]:
        return [event["error"]["code"] for event in self.of("error")]

    @property
    def last(self) -> dict[str, Any]:
        """The newest response, done."""
        found: dict[str, Any] = self.of("response.done")[-1]["response"]
        return found

    def sound(self) -> bytes:
        return b"".join(base64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta"))

    def _collect(self) -> None:
        out, self.session.out = self.session.out, []
        for event in out:
            check_server(event)
            self.seen.append(event)


def visitor(*replies: Reply) -> tuple[Visitor, ScriptedAgent]:
    """Alone at an engine that answers so."""
    agent = ScriptedAgent(replies)
    return Visitor(floor_of(agent)), agent
