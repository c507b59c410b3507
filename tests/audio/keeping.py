"""A keeper of devices whose thread is the test."""

from __future__ import annotations

import pytest

from edge.audio import keeper as module
from edge.audio.keeper import LOOK_S, Keeper
from edge.core.events import Event, MicFound, MicLost
from tests.fakes.lines import Clock, FakeLine, FakeSource


class Bench:
    """A keeper whose thread is the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        monkeypatch.setattr(module, "time", self.clock)
        self.source = FakeSource("Mic", clock=self.clock)
        self.sink = FakeLine("Speaker", clock=self.clock)
        self.events: list[Event] = []
        self.attached: list[object] = []
        self.rescans = 0
        self.failures: list[Exception] = []
        self.is_playing = False
        self.sound = bytes(640)
        self.keeper = Keeper(
            self.source, self.sink, self.events.append, self.attach, self.scan, lambda: self.is_playing,
            self.failures.append,
        )  # fmt: skip

    def attach(self, ring: object, _form: object, _channel: object) -> None:
        self.attached.append(ring)

    def scan(self) -> None:
        self.rescans += 1
        assert not self.source.is_open
        assert not self.sink.is_open

    def run(self, seconds: float, *, deliver: bool = True) -> None:
        for _ in range(round(seconds / LOOK_S)):
            self.clock.now += LOOK_S
            if deliver:
                self.source.deliver(self.sound)
            self.keeper._mind()

    def mics(self) -> list[str]:
        return [e.message if isinstance(e, MicLost) else "" for e in self.events if isinstance(e, (MicLost, MicFound))]
