"""The section [panel] of the configuration. Pins are the Broadcom chip's numbers (GPIO17 is 17); 0 is none."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting

LAST_PIN = 27  # of those on the 40-pin header
ACTIONS = ("mute", "volume_up", "volume_down", "forget")
STRIPS = ("", "apa102", "ws2812", "respeaker")


@dataclass(frozen=True, slots=True)
class Panel:
    """The section [panel]."""

    hold_ms: int = setting(400, "a press longer than this is push-to-talk", 100, 2000)
    long_ms: int = setting(3000, "a press longer than this mutes or unmutes", 1000, 10_000)
    double_ms: int = setting(350, "two taps within this time forget the conversation", 100, 1000)
    button_pin: int = setting(0, "GPIO of the button; 0 is none", 0, LAST_PIN)
    button2_pin: int = setting(0, "GPIO of a second button; 0 is none", 0, LAST_PIN)
    button2_action: str = setting("mute", "what the second button does", choices=ACTIONS)
    mute_pin: int = setting(0, "GPIO of a mute switch, which wins over all software; 0 is none", 0, LAST_PIN)
    mute_closed: bool = setting(True, "whether the switch mutes when its contact is closed, or else when it is open")
    encoder_pins: tuple[int, ...] = setting((), "pins A and B of a rotary encoder, for the volume")
    volume_step: int = setting(5, "percent, by each click of the encoder or press for the volume", 1, 50)
    pull: str = setting("up", "what holds a button's or switch's pin while its contact is open",
                        choices=("up", "down", "none"))  # fmt: skip
    active_high: bool = setting(False, "pull = none: whether a closed contact is high")
    debounce_ms: int = setting(15, "how long a contact bounces; the first edge counts at once", 0, 200)
    led_pin: int = setting(0, "GPIO of a lamp without colours; 0 is none", 0, LAST_PIN)
    led_pins: tuple[int, ...] = setting((), "pins of a coloured lamp: red, green, blue")
    led_active_high: bool = setting(True, "whether a lamp is lit by a high pin (common cathode)")
    strip: str = setting("", "a strip or ring of lamps: apa102 (or SK9822) or ws2812 at the SPI, "
                             "respeaker for the ring of the ReSpeaker USB 4 Mic Array", choices=STRIPS)  # fmt: skip
    strip_pixels: int = setting(12, "how many lamps the strip has", 1, 144)
    strip_spi: str = setting("0.0", "bus and device of the SPI: 0.0 is /dev/spidev0.0")
    brightness: int = setting(60, "of the light, in percent", 1, 100)
    night_from: str = setting("", "when the night begins, such as 22:00; no night when empty")
    night_to: str = setting("", "when it ends, such as 07:00")
    night_brightness: int = setting(10, "of the light at night, in percent; 0 is dark", 0, 100)
    pin_factory: str = setting("", "how gpiozero reaches the pins: lgpio, rpigpio, pigpio, native; "
                                   "GPIOZERO_PIN_FACTORY, or what is there, when empty",
                               choices=("", "lgpio", "rpigpio", "pigpio", "native"))  # fmt: skip
