"""The panel in the whole device: button, switch and light against the real loop, keeper and gate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from edge.config import Config, Engine, Panel
from edge.core.events import MuteSet
from edge.panel.appliance import panels
from edge.testing import Published
from edge.wiring import Assembly, Lines, assembled
from tests.fakes.lines import FakeSource
from tests.panel.boards import on_board
from tests.waiting import wait_until

ALL = Panel(button_pin=17, mute_pin=22, led_pins=(13, 19, 26), encoder_pins=(5, 6), brightness=100)
BARE = replace(Config(), engine=Engine(("none",)), panel=ALL)
RED = (0.36, 0.0, 0.0)


class Whole:
    """A running device with its pins."""

    def __init__(self, assembly: Assembly, pins: Any, source: FakeSource, seen: Published) -> None:
        self.assembly, self.pins, self.source, self.seen = assembly, pins, source, seen

    @property
    def light(self) -> tuple[float, ...]:
        return tuple(round(self.pins.pin(pin).state, 2) for pin in (13, 19, 26))

    async def until_muted(self) -> None:
        await wait_until(lambda: self.assembly.daemon.conversation.muted)

    async def sound(self) -> None:
        """The microphone opens and delivers."""
        await wait_until(lambda: self.source.is_open and self.source.gate)
        self.source.deliver()
        await wait_until(lambda: self.assembly.daemon.can_hold_a_turn)


def in_device(test: Callable[[Whole], Awaitable[None]], *, switched: bool = False, config: Config = BARE) -> None:
    async def main(pins: Any) -> None:
        source, seen = FakeSource("Mic"), Published()
        if switched:
            pin = pins.pin(22)
            pin._set_pull = lambda _value: None  # a closed switch is stronger than the pull
            pin.drive_low()
        async with assembled(config, Lines(source, lambda _: None), (seen, *panels(config))) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            await test(Whole(assembly, pins, source, seen))
            assembly.daemon.stop()
            await running

    on_board(main)


def test_a_press_listens_and_shows_it() -> None:
    async def test(whole: Whole) -> None:
        await whole.sound()
        before = whole.light
        whole.pins.pin(17).drive_low()
        await wait_until(lambda: whole.seen.of("state")[-1:] == [{"state": "listening", "turn": 1}])
        await wait_until(lambda: whole.light != before)
        assert whole.light[2] > whole.light[0]

    in_device(test)


def test_a_switch_that_is_set_at_the_start_keeps_the_microphone_closed() -> None:
    """Not for a moment is it open."""

    async def test(whole: Whole) -> None:
        assert whole.assembly.daemon.conversation.muted
        await wait_until(lambda: whole.light == RED)
        await asyncio.sleep(0.6)  # the keeper looks every half second
        assert whole.source.opened == 0
        whole.pins.pin(22).drive_high()
        await whole.sound()
        await wait_until(lambda: whole.light[1] > 0)

    in_device(test, switched=True)


def test_the_switch_wins_over_commands() -> None:
    async def test(whole: Whole) -> None:
        await whole.sound()
        whole.pins.pin(22).drive_low()
        await whole.until_muted()
        opened = whole.source.opened
        whole.assembly.commands.do("unmute")
        await wait_until(lambda: whole.seen.of("error"))
        await asyncio.sleep(0.6)
        assert whole.source.opened == opened
        assert not whole.source.gate
        assert whole.light == RED

    in_device(test, config=replace(BARE, panel=replace(ALL, debounce_ms=0)))


def test_the_light_is_red_until_the_gate_itself_is_open() -> None:
    """Unmuted, the device may be long in opening; the red goes when somebody could be heard."""
    without_switch = replace(BARE, panel=replace(ALL, mute_pin=0))

    async def test(whole: Whole) -> None:
        await whole.sound()
        whole.assembly.daemon.post(MuteSet(on=True))
        await wait_until(lambda: whole.light == RED)
        whole.source.fault = "busy"
        whole.assembly.daemon.post(MuteSet(on=False))
        await wait_until(lambda: whole.assembly.daemon.conversation.mic_problem)
        for _ in range(20):
            await asyncio.sleep(0.02)
            assert not any(whole.light[1:])
        whole.source.fault = ""
        await whole.sound()
        await wait_until(lambda: whole.light[1] > 0)

    in_device(test, config=without_switch)


def test_the_encoder_goes_through_the_volume_command() -> None:
    """So that whoever watches is told, and 100 is the most."""

    async def test(whole: Whole) -> None:
        whole.assembly.commands.do("volume", 93)
        for _ in range(3):
            for pin, low in ((5, True), (6, True), (5, False), (6, False)):
                whole.pins.pin(pin).drive_low() if low else whole.pins.pin(pin).drive_high()
        await wait_until(lambda: whole.seen.of("volume")[-1:] == [{"percent": 100}])

    in_device(test)


def test_talk_leaves_the_pins_alone() -> None:
    """Only a service asks for the panel: a second program could not have the pins."""

    async def main(pins: Any) -> None:
        async with assembled(BARE, Lines(None, lambda _: None)):
            assert pins.pin(13).function == "input"
            assert not pins.reservations if hasattr(pins, "reservations") else not pins._reservations

    on_board(main)
