"""PortAudio as `sounddevice` shows it: its table of devices, and cards that deliver and play what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import sounddevice

GONE = sounddevice.PortAudioError("Unanticipated host error", -9999)


@dataclass
class Card:
    """One open stream: `arrived` waits to be read, `left` to be played; `played` is all that was written."""

    how: dict[str, Any]
    start_fault: Exception | None = None
    gone: bool = False
    size: int = 9600
    arrived: bytes = b""
    left: int = 0
    played: bytes = b""
    flag: bool = False  # what read and write tell of lost samples
    latency: float = 0.05
    log: list[str] = field(default_factory=list)

    @property
    def _frame(self) -> int:
        return int(np.dtype(self.how["dtype"]).itemsize * self.how["channels"])

    def start(self) -> None:
        self.log.append("start")
        if self.start_fault is not None:
            raise self.start_fault

    def abort(self) -> None:
        self.log.append("abort")
        self.left = 0
        if self.gone:
            raise GONE

    def close(self) -> None:
        self.log.append("close")

    @property
    def read_available(self) -> int:
        if self.gone:
            raise GONE
        return len(self.arrived) // self._frame

    def read(self, frames: int) -> tuple[bytes, bool]:
        assert 0 < frames <= self.read_available  # more would block
        data, self.arrived = self.arrived[: frames * self._frame], self.arrived[frames * self._frame :]
        return data, self.flag

    @property
    def write_available(self) -> int:
        if self.gone:
            raise GONE
        return self.size - self.left

    def write(self, data: bytes) -> bool:
        frames = len(data) // self._frame
        assert 0 < frames <= self.write_available  # more would block
        self.left += frames
        self.played += data
        return self.flag

    def play(self, frames: int) -> None:
        """So many frames of time pass."""
        self.left = max(0, self.left - frames)


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
        self.cards: list[Card] = []
        self._libname = "no such library"
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

    def RawInputStream(self, **how: Any) -> Card:  # noqa: N802
        fault = self.start_faults.pop(0) if self.start_faults else None
        self.cards.append(Card(how, fault))
        return self.cards[-1]

    RawOutputStream = RawInputStream

    def _terminate(self) -> None:
        self.calls.append("terminate")
        raise self.PortAudioError("Error terminating", -10000)

    def _initialize(self) -> None:
        self.calls.append("initialize")
