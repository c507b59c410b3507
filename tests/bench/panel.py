"""The panel: from a press to the light and to the open microphone, and what a moving light costs.

The device is the whole one in this process, with gpiozero's mock pins and a microphone that delivers silence in real
time. What a kernel needs for a pin, the SPI or the USB is not in these figures.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from edge.config import Config, Engine, Panel
from edge.core.events import Pressed
from edge.core.indicator import FRAME_S, Mode
from edge.panel.appliance import panels
from edge.panel.light import Light, Room
from edge.panel.pixels import Apa102, Pins, Pixels, ReSpeaker, Ws2812
from edge.wiring import Assembly, Lines, assembled
from tests.bench.table import percentile, show
from tests.fakes.lines import FakeSource
from tests.waiting import wait_until

BUTTON, LAMPS = 17, (13, 19, 26)
PRESSES, APART_S = 100, 0.1
BLOCK_S = 0.01
LIVE_S, TURNS = 4.0, 2000
MOST_LIGHT_MS, MOST_OPEN_MS, MOST_CPU = 20, 30, 0.5
CONFIG = replace(
    Config(), engine=Engine(("none",)), panel=Panel(button_pin=BUTTON, led_pins=LAMPS, debounce_ms=5, brightness=100)
)


class _Clocked:
    """The times at which something happened last."""

    def __init__(self) -> None:
        self.light = self.audio = 0.0


@contextmanager
def _board(clocked: _Clocked) -> Iterator[Any]:
    """Mock pins that note when a lamp changes."""
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    class Pin(MockPWMPin):  # type: ignore[misc]
        def _change_state(self, value: float) -> bool:
            if self.info.name == f"GPIO{LAMPS[2]}":
                clocked.light = time.monotonic()
            return bool(super()._change_state(value))

    before, Device.pin_factory = Device.pin_factory, MockFactory(pin_class=Pin)
    try:
        yield Device.pin_factory
    finally:
        Device.pin_factory.close()
        Device.pin_factory = before


class _Silence:
    """A microphone's card."""

    def __init__(self, source: FakeSource) -> None:
        self._source, self._end = source, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._end.is_set():
            self._source.clock.now = time.monotonic()
            self._source.deliver(bytes(320))
            due += BLOCK_S
            time.sleep(max(0.0, due - time.monotonic()))

    def close(self) -> None:
        self._end.set()
        self._thread.join()


async def _presses(assembly: Assembly, board: Any, clocked: _Clocked) -> tuple[list[float], list[float]]:
    """Milliseconds to the light and to the first audio at the engine, for each press."""
    button, talk, agent = board.pin(BUTTON), assembly.daemon.conversation, assembly.daemon.ports.agent

    def audio(_turn: int, _pcm: bytes) -> None:
        clocked.audio = clocked.audio or time.monotonic()

    agent.audio = audio  # type: ignore[method-assign,assignment]
    await wait_until(lambda: assembly.daemon.can_hold_a_turn)
    lights, opens = [], []
    for _ in range(PRESSES):
        await asyncio.sleep(APART_S + 0.4)  # no double tap
        clocked.light = clocked.audio = 0.0
        began = await asyncio.to_thread(_down, button)
        await wait_until(lambda: clocked.light and clocked.audio)
        lights.append(1000 * (clocked.light - began))
        opens.append(1000 * (clocked.audio - began))
        button.drive_high()
        await asyncio.sleep(APART_S)
        assembly.daemon.post(Pressed())
        await wait_until(lambda: talk.turn is None)
    return lights, opens


def _down(button: Any) -> float:
    """As a library's thread does it; returns the time before."""
    began = time.monotonic()
    button.drive_low()
    return began


def _latency() -> list[tuple[str, int, float, float, float, int]]:
    clocked = _Clocked()

    async def main() -> tuple[list[float], list[float]]:
        with _board(clocked) as board:
            source = FakeSource("Mic")
            async with assembled(CONFIG, Lines(source, lambda _: None), panels(CONFIG)) as assembly:
                card, running = _Silence(source), asyncio.ensure_future(assembly.daemon.run())
                try:
                    return await _presses(assembly, board, clocked)
                finally:
                    card.close()
                    assembly.daemon.stop()
                    await running

    lights, opens = asyncio.run(main())
    return [
        (what, len(ms), percentile(ms, 0.5), percentile(ms, 0.95), max(ms), most)
        for what, ms, most in (
            ("press -> light", lights, MOST_LIGHT_MS),
            ("press -> audio at engine", opens, MOST_OPEN_MS),
        )
    ]


# --- what it costs -------------------------------------------------------------------------------------


class _Null:
    """An SPI or USB device that takes everything."""

    def writebytes2(self, data: bytes) -> None:
        """As spidev."""

    def ctrl_transfer(self, *_: object) -> None:
        """As pyusb."""

    def close(self) -> None:
        """As spidev."""


def _made(kind: Callable[[], Any], device: str) -> Any:
    pixels = kind()
    setattr(pixels, device, _Null())
    pixels.open = pixels.close = lambda: None
    return pixels


def _kinds(board: Any) -> list[tuple[str, Callable[[], Pixels]]]:
    return [
        ("lamp at 1 pin", lambda: Pins(board, (18,), active_high=True)),
        ("lamp at 3 pins", lambda: Pins(board, LAMPS, active_high=True)),
        ("APA102, 12", lambda: _made(lambda: Apa102(12, 0, 0), "_spi")),
        ("APA102, 144", lambda: _made(lambda: Apa102(144, 0, 0), "_spi")),
        ("WS2812, 12", lambda: _made(lambda: Ws2812(12, 0, 0), "_spi")),
        ("ReSpeaker, 12", lambda: _made(ReSpeaker, "_device")),
    ]


def _room() -> Room:
    return Room(lambda: -40.0, lambda: False)


def _per_picture(pixels: Pixels, mode: Mode) -> float:
    """Microseconds of a thread's time."""
    light = Light(pixels, _room(), print)
    pixels.open()
    light.show(mode, muted=False)
    began = time.thread_time()
    for n in range(TURNS):
        light._turn(1000.0 + n * FRAME_S)
    spent = time.thread_time() - began
    pixels.close()
    return spent / TURNS * 1e6


def _live(pixels: Pixels, mode: Mode) -> float:
    """Percent of a core, wakings included."""
    light = Light(pixels, _room(), print)
    light.open()
    light.show(mode, muted=False)
    began = time.process_time()
    time.sleep(LIVE_S)
    spent = time.process_time() - began
    light.close()
    return 100 * spent / LIVE_S


def run() -> None:
    """Both tables."""
    show("Panel, ms (mock pins, real daemon)", ("what", "n", "median", "p95", "most", "limit"), _latency())
    with _board(_Clocked()) as board:
        rows: list[tuple[str, str, float, float]] = [
            (name, mode, _per_picture(make(), mode), _live(make(), mode))
            for name, make in _kinds(board)
            for mode in (Mode.THINKING, Mode.LISTENING)
        ]
        rows += [
            ("lamp at 3 pins", mode, 0.0, _live(Pins(board, LAMPS, active_high=True), mode))
            for mode in (Mode.IDLE, Mode.ERROR)
        ]
    show(f"Light (limit {MOST_CPU} % of a core)", ("lamps", "mode", "us/picture", "% of a core, live"), rows)
