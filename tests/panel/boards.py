"""A Raspberry Pi without one: gpiozero's own mock pins, with the loop in which the panel lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin


@contextmanager
def board() -> Iterator[MockFactory]:
    """Pins that can be driven (`factory.pin(17).drive_low()`) and read (`factory.pin(18).state`)."""
    before, Device.pin_factory = Device.pin_factory, MockFactory(pin_class=MockPWMPin)
    try:
        yield Device.pin_factory
    finally:
        Device.pin_factory.close()
        Device.pin_factory = before


def on_board(test: Callable[[Any], Awaitable[None]]) -> None:
    """Run a test in a loop, with pins."""
    with board() as factory:

        async def main() -> None:
            await asyncio.wait_for(test(factory), 20)

        asyncio.run(main())
