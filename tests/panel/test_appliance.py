"""The whole panel at mock pins: what each part does, and what is said of one that cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from gpiozero import Device

from edge.config import Config, Panel
from edge.config import Device as DeviceConfig
from edge.core.events import ButtonDown, ButtonUp, Event, ForgetAsked, MuteSet, SwitchMoved
from edge.core.indicator import Sight
from edge.core.table import State
from edge.panel.appliance import Appliance, panels
from edge.ports import Desk, Fields
from edge.ports import Panel as PanelPort
from tests.fakes.lamps import Bus, Usb, put_in, spidev, usb
from tests.panel.boards import board, on_board
from tests.waiting import wait_until

QUICK = Panel(debounce_ms=0, brightness=100)


class Room:
    """What the panel has of the device, kept."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.published: list[tuple[str, Fields]] = []
        self.turned: list[int] = []
        self.sight, self.shut = Sight(ready=True), False

    def desk(self) -> Desk:
        return Desk(
            self.events.append, lambda event, fields: self.published.append((event, fields)),
            lambda: self.sight, lambda: self.shut, lambda: -96.0, self.turned.append,
        )  # fmt: skip

    @property
    def problems(self) -> list[str]:
        return [str(fields["message"]) for event, fields in self.published if event == "error"]


def appliance(panel: Panel, timezone: str = "") -> Appliance:
    return Appliance(replace(Config(), panel=panel, device=DeviceConfig(timezone=timezone)))


def with_panel(panel: Panel, test: Callable[[Appliance, Room, Any], Awaitable[None]], first: list[Event]) -> None:
    """A panel that is attached, and told `first` before the microphone opens."""

    async def main(factory: Any) -> None:
        room, there = Room(), appliance(panel)
        assert there.attach(room.desk()) == first
        try:
            await test(there, room, factory)
        finally:
            there.detach()
            there.detach()

    on_board(main)


def lit(factory: Any, *pins: int) -> tuple[float, ...]:
    return tuple(round(factory.pin(pin).state, 2) for pin in pins)


# --- contacts ------------------------------------------------------------------------------------------


def test_nothing_configured_is_no_panel() -> None:
    assert panels(Config()) == ()


@pytest.mark.parametrize("panel", [Panel(button_pin=17), Panel(strip="respeaker"), Panel(encoder_pins=(5, 6))])
def test_anything_configured_is_one(panel: Panel) -> None:
    (found,) = panels(replace(Config(), panel=panel))
    assert isinstance(found, PanelPort)


def test_the_button_goes_down_and_up() -> None:
    async def test(_: Appliance, room: Room, factory: Any) -> None:
        factory.pin(17).drive_low()
        await wait_until(lambda: room.events == [ButtonDown()])
        factory.pin(17).drive_high()
        await wait_until(lambda: room.events == [ButtonDown(), ButtonUp()])
        assert room.problems == []

    with_panel(replace(QUICK, button_pin=17), test, [])


@pytest.mark.parametrize(
    ("action", "events", "turned"),
    [
        ("mute", [MuteSet(None)], []),
        ("forget", [ForgetAsked()], []),
        ("volume_up", [], [10]),
        ("volume_down", [], [-10]),
    ],
)
def test_the_second_button_does_what_is_configured(action: str, events: list[Event], turned: list[int]) -> None:
    async def test(_: Appliance, room: Room, factory: Any) -> None:
        factory.pin(27).drive_low()
        await wait_until(lambda: room.events or room.turned)
        factory.pin(27).drive_high()
        await asyncio.sleep(0.01)
        assert (room.events, room.turned) == (events, turned)

    with_panel(replace(QUICK, button2_pin=27, button2_action=action, volume_step=10), test, [])


def test_the_encoder_turns_the_volume() -> None:
    async def test(_: Appliance, room: Room, factory: Any) -> None:
        for pin, low in ((5, True), (6, True), (5, False), (6, False)):
            factory.pin(pin).drive_low() if low else factory.pin(pin).drive_high()
        await wait_until(lambda: room.turned == [5])

    with_panel(replace(QUICK, encoder_pins=(5, 6)), test, [])


@pytest.mark.parametrize("mute_closed", [True, False])
def test_the_switch_tells_where_it_stands_at_the_start_and_later(mute_closed: bool) -> None:
    async def test(_: Appliance, room: Room, factory: Any) -> None:
        factory.pin(22).drive_low()
        await wait_until(lambda: room.events == [SwitchMoved(mute_closed)])

    with_panel(replace(QUICK, mute_pin=22, mute_closed=mute_closed), test, [SwitchMoved(not mute_closed)])


# --- light ---------------------------------------------------------------------------------------------


def test_the_light_shows_the_state() -> None:
    async def test(there: Appliance, room: Room, factory: Any) -> None:
        await wait_until(lambda: lit(factory, 13, 19, 26) != (0, 0, 0))
        room.sight = Sight(State.MUTED, muted=True, ready=True)
        there.published("state", {"state": "muted"})
        await wait_until(lambda: lit(factory, 13, 19, 26) == (0.36, 0, 0))
        there.published("user_transcript", {"text": "what the light does not care about"})

    with_panel(replace(QUICK, led_pins=(13, 19, 26)), test, [])


def test_an_engine_that_comes_or_goes_is_noticed_without_an_event() -> None:
    async def test(there: Appliance, room: Room, factory: Any) -> None:
        room.sight = Sight(ready=True)
        there.published("state", {})
        await wait_until(lambda: lit(factory, 13, 19, 26) == (0.02, 0.02, 0.01))
        room.sight = Sight(ready=False)
        await wait_until(lambda: factory.pin(26).state == 0 and factory.pin(13).state > 0)  # amber has no blue

    with_panel(replace(QUICK, led_pins=(13, 19, 26)), test, [])


def test_an_update_is_shown_at_rest() -> None:
    async def test(there: Appliance, room: Room, factory: Any) -> None:
        there.published("updating", {"on": True})
        levels = set[float]()

        def moving() -> bool:
            levels.update(lit(factory, 18))
            return len(levels) > 5

        await wait_until(moving)
        there.published("updating", {"on": False})
        await wait_until(lambda: lit(factory, 18) == (0.02,))

    with_panel(replace(QUICK, led_pin=18), test, [])


def test_after_the_end_it_is_dark_and_the_pins_are_free() -> None:
    async def test(factory: Any) -> None:
        room, there = Room(), appliance(replace(QUICK, led_pin=18, button_pin=17))
        there.attach(room.desk())
        await wait_until(lambda: factory.pin(18).state > 0)
        there.detach()
        assert factory.pin(18).function == "input"
        again = appliance(replace(QUICK, led_pin=18, button_pin=17))
        again.attach(room.desk())
        again.detach()
        assert room.problems == []

    on_board(test)


@pytest.mark.parametrize("kind", ["apa102", "ws2812", "respeaker"])
def test_strips_and_rings(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any pins."""
    bus, machine = Bus(), Usb()
    put_in(monkeypatch, spidev=spidev(bus), **usb(machine))

    async def main() -> None:
        room, there = Room(), appliance(replace(QUICK, strip=kind, strip_pixels=8, strip_spi="1.2"), "Europe/Berlin")
        assert there.attach(room.desk()) == []
        await wait_until(lambda: bus.written or machine.transfers)
        there.detach()
        assert room.problems == []

    asyncio.run(main())
    assert bus.opened == ([] if kind == "respeaker" else [(1, 2)])


def test_a_ring_that_is_pulled_out_and_put_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Usb()
    put_in(monkeypatch, **usb(machine))

    async def main() -> None:
        room, there = Room(), appliance(replace(QUICK, strip="respeaker"))
        room.sight = Sight(State.THINKING, ready=True)
        there.attach(room.desk())
        await wait_until(lambda: machine.transfers)
        machine.plugged = False
        await wait_until(lambda: room.problems)
        machine.plugged = True
        await wait_until(lambda: ("light", {"ok": True}) in room.published)
        there.detach()
        assert len(room.problems) == 1
        assert "No such device" in room.problems[0]
        assert room.published[0][1]["where"] == "light"

    asyncio.run(main())


# --- what cannot be had --------------------------------------------------------------------------------


def test_a_machine_without_pins_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was configured."""
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "native")
    panel = replace(QUICK, button_pin=17, led_pin=18, led_pins=(13, 19, 26), encoder_pins=(5, 6))

    async def main() -> None:
        room, there = Room(), appliance(panel)
        assert there.attach(room.desk()) == []
        assert len(room.problems) == 1
        assert room.problems[0].startswith("No button or lamp works here, for there are no pins: ")
        assert room.published[0][1]["where"] == "panel"
        there.published("state", {"state": "idle"})
        there.detach()

    asyncio.run(main())


def test_a_switch_that_cannot_be_read_is_taken_for_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "native")

    async def main() -> None:
        room, there = Room(), appliance(replace(QUICK, mute_pin=22, button_pin=17))
        assert there.attach(room.desk()) == [MuteSet(on=True)]
        assert len(room.problems) == 1
        assert "cannot be read, so the device starts muted: edge-voice unmute" in room.problems[0]
        there.detach()

    asyncio.run(main())


def test_what_is_taken_by_others_is_named_and_the_rest_works() -> None:
    async def test(factory: Any) -> None:
        from gpiozero import LED

        others = [LED(pin, pin_factory=factory) for pin in (22, 18)]
        room, there = Room(), appliance(replace(QUICK, button_pin=17, mute_pin=22, led_pin=18))
        assert there.attach(room.desk()) == [MuteSet(on=True)]
        assert [problem.partition(" cannot")[0] for problem in room.problems] == [
            "The mute switch at GPIO22",
            "The lamp at GPIO18",
        ]
        factory.pin(17).drive_low()
        await wait_until(lambda: room.events == [ButtonDown()])
        there.detach()
        for other in others:
            other.close()

    on_board(test)


def test_a_strip_that_is_not_there_costs_no_button(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, spidev=spidev(Bus(present=False)))

    async def test(_: Appliance, room: Room, factory: Any) -> None:
        assert len(room.problems) == 1
        assert "dtparam=spi=on" in room.problems[0]
        factory.pin(17).drive_low()
        await wait_until(lambda: room.events == [ButtonDown()])

    with_panel(replace(QUICK, button_pin=17, strip="apa102"), test, [])


def test_published_before_it_is_attached_means_nothing() -> None:
    with board():
        appliance(replace(QUICK, led_pin=18)).published("state", {"state": "idle"})
