"""The panel of the appliance: what is configured in [panel], put together. A Watcher, and the Panel port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from edge.config import Config
from edge.config import Panel as Settings
from edge.config.checks_panel import minute_of, pins_of, spi_of
from edge.core.events import ButtonDown, ButtonUp, Event, ForgetAsked, MuteSet, SwitchMoved
from edge.core.indicator import Night, Sight, mode_of
from edge.errors import PanelError
from edge.panel.contacts import Contact, Encoder
from edge.panel.light import Light, Room
from edge.panel.pins import pin_factory
from edge.panel.pixels import Apa102, Pins, Pixels, ReSpeaker, Ws2812
from edge.ports import Desk, Fields, Panel

LOOK_S = 0.5  # an engine that comes back publishes nothing
SHOWN = frozenset({"state", "mute", "error", "microphone", "speaker", "record"})


class Part(Protocol):
    """Something at pins."""

    def close(self) -> None:
        """Free the pins. Idempotent."""


P = TypeVar("P", bound=Part)


def panels(config: Config) -> tuple[Panel, ...]:
    """The panel, if anything is configured; for it nothing is loaded before `attach`."""
    return (Appliance(config),) if config.panel.strip or any(pins_of(config.panel)) else ()


def strips(settings: Settings) -> list[Pixels]:
    """The strip or ring that is configured, not opened yet: one or none."""
    if not settings.strip:
        return []
    if settings.strip == "respeaker":
        return [ReSpeaker()]
    bus, device = spi_of(settings.strip_spi) or (0, 0)
    kind = {"apa102": Apa102, "ws2812": Ws2812}[settings.strip]
    return [kind(settings.strip_pixels, bus, device)]


class Appliance:
    """See ports.Panel. What cannot be had is told in words, once, and the rest works."""

    def __init__(self, config: Config) -> None:
        self._config, self._panel = config, config.panel
        self._desk: Desk | None = None
        self._parts: list[Part] = []
        self._lights: list[Light] = []
        self._problems: list[str] = []
        self._factory: Any = None
        self._was_ready = self._updating = False
        self._looking: asyncio.TimerHandle | None = None

    # --- the port -----------------------------------------------------------------------------------

    def attach(self, desk: Desk) -> list[Event]:
        """See ports.Panel."""
        self._desk = desk
        first = self._take_pins(desk) if any(pins_of(self._panel)) else []
        self._take_lights(desk)
        for message in self._problems:
            desk.publish("error", {"where": "panel", "message": message})
        if self._lights:
            self._look()
        return first

    def detach(self) -> None:
        """See ports.Panel."""
        if self._looking is not None:
            self._looking.cancel()
        for part in (*self._lights, *self._parts):
            part.close()

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "updating":
            self._updating = bool(fields.get("on"))
        elif event not in SHOWN:
            return
        self._show()

    # --- contacts -----------------------------------------------------------------------------------

    def _take_pins(self, desk: Desk) -> list[Event]:
        panel = self._panel
        try:
            self._factory = pin_factory(panel.pin_factory)
        except PanelError as error:
            self._problems.append(f"No button or lamp works here, for there are no pins: {error}.")
            return self._unknown_switch()
        if panel.button_pin:
            self._contact("button", panel.button_pin, lambda down: desk.post(ButtonDown() if down else ButtonUp()))
        if panel.button2_pin:
            act = self._action(desk)
            self._contact("second button", panel.button2_pin, lambda down: act() if down else None)
        if panel.encoder_pins:
            self._part("encoder", panel.encoder_pins, lambda: self._encoder(desk))
        if not panel.mute_pin:
            return []
        switch = self._contact("mute switch", panel.mute_pin, lambda closed: desk.post(self._switched(closed)))
        return [self._switched(switch.closed)] if switch is not None else self._unknown_switch()

    def _encoder(self, desk: Desk) -> Encoder:
        a, b = self._panel.encoder_pins
        return Encoder(self._factory, (a, b), lambda way: desk.turn_up(way * self._panel.volume_step))

    def _contact(self, name: str, pin: int, told: Callable[[bool], object]) -> Contact | None:
        return self._part(name, (pin,), lambda: Contact(self._factory, pin, self._panel, told))

    def _part(self, name: str, pins: tuple[int, ...], make: Callable[[], P]) -> P | None:
        try:
            part = make()
        except Exception as error:  # noqa: BLE001  as many kinds of it as there are libraries for pins
            where = ", ".join(f"GPIO{pin}" for pin in pins)
            self._problems.append(f"The {name} at {where} cannot be used: {str(error).rstrip('.')}.")
            return None
        self._parts.append(part)
        return part

    def _switched(self, closed: bool) -> SwitchMoved:
        return SwitchMoved(closed is self._panel.mute_closed)

    def _unknown_switch(self) -> list[Event]:
        """A switch that cannot be read may be set: the microphone stays closed until somebody says otherwise."""
        if not self._panel.mute_pin:
            return []
        self._problems[-1] += " The mute switch cannot be read, so the device starts muted: edge-voice unmute."
        return [MuteSet(on=True)]

    def _action(self, desk: Desk) -> Callable[[], object]:
        step = self._panel.volume_step
        return {
            "mute": lambda: desk.post(MuteSet(None)),
            "forget": lambda: desk.post(ForgetAsked()),
            "volume_up": lambda: desk.turn_up(step),
            "volume_down": lambda: desk.turn_up(-step),
        }[self._panel.button2_action]

    # --- light --------------------------------------------------------------------------------------

    def _take_lights(self, desk: Desk) -> None:
        loop = asyncio.get_running_loop()
        for pixels in self._pixels():
            light = Light(pixels, self._room(desk), lambda why: loop.call_soon_threadsafe(self._light_failed, why))
            try:
                light.open()
            except PanelError as error:
                self._problems.append(str(error))
            else:
                self._lights.append(light)

    def _pixels(self) -> list[Pixels]:
        panel, found = self._panel, list[Pixels]()
        if self._factory is not None:
            for pins in filter(None, ((panel.led_pin,) if panel.led_pin else (), panel.led_pins)):
                found.append(Pins(self._factory, pins, active_high=panel.led_active_high))
        return [*found, *strips(panel)]

    def _room(self, desk: Desk) -> Room:
        panel, zone = self._panel, self._config.device.timezone
        night = Night(minute_of(panel.night_from) or 0, minute_of(panel.night_to) or 0)
        return Room(
            desk.level, desk.shut, partial(datetime.now, ZoneInfo(zone) if zone else None),
            panel.brightness / 100, night, panel.night_brightness / 100,
        )  # fmt: skip

    def _light_failed(self, message: str) -> None:
        if self._desk is not None and message:
            self._desk.publish("error", {"where": "light", "message": message})
        elif self._desk is not None:
            self._desk.publish("light", {"ok": True})

    def _look(self) -> None:
        self._show()
        self._looking = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _show(self) -> None:
        if self._desk is None:
            return
        sight = self._desk.sight()
        self._was_ready |= sight.ready
        mode = mode_of(self._seen(sight))
        for light in self._lights:
            light.show(mode, muted=sight.muted, recording=sight.recording)

    def _seen(self, sight: Sight) -> Sight:
        return replace(sight, was_ready=self._was_ready, updating=self._updating)
