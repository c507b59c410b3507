"""PortAudio's table of devices and its streams, as `sounddevice` shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import sounddevice

NO_OVERFLOW = SimpleNamespace(input_overflow=False, output_underflow=False)


@dataclass
class FakeStream:
    how: dict[str, Any]
    callback: Callable[..., None]
    start_fault: Exception | None = None
    latency: float = 0.05
    log: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.log.append("start")
        if self.start_fault is not None:
            raise self.start_fault

    def abort(self) -> None:
        self.log.append("abort")
        raise sounddevice.PortAudioError("abort failed", -9988)

    def close(self) -> None:
        self.log.append("close")


class FakePortAudio:
    """Stands in for the module `sounddevice`. `can(how)` says which formats work."""

    PortAudioError = sounddevice.PortAudioError

    def __init__(self, table: list[tuple[str, int, int]], default: tuple[int, int] = (-1, -1)) -> None:
        self.table = table
        self.default = SimpleNamespace(device=list(default))
        self.can: Callable[[dict[str, Any]], bool] = lambda _how: True
        self.fault = sounddevice.PortAudioError("Invalid sample rate", -9997)
        self.start_faults: list[Exception | None] = []
        self.tried: list[dict[str, Any]] = []
        self.streams: list[FakeStream] = []
        self.table_fault: Exception | None = None
        self.calls: list[str] = []

    def query_devices(self) -> list[dict[str, Any]]:
        if self.table_fault is not None:
            raise self.table_fault
        return [
            {"name": n, "max_input_channels": i, "max_output_channels": o, "default_samplerate": 48_000.0}
            for n, i, o in self.table
        ]

    def check_input_settings(self, **how: Any) -> None:
        self.tried.append(how)
        if not self.can(how):
            raise self.fault

    check_output_settings = check_input_settings

    def RawInputStream(self, callback: Callable[..., None], **how: Any) -> FakeStream:  # noqa: N802
        fault = self.start_faults.pop(0) if self.start_faults else None
        self.streams.append(FakeStream(how, callback, fault))
        return self.streams[-1]

    RawOutputStream = RawInputStream

    def _terminate(self) -> None:
        self.calls.append("terminate")
        raise self.PortAudioError("Error terminating", -10000)

    def _initialize(self) -> None:
        self.calls.append("initialize")
