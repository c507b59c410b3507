"""What the channels of a microphone are for: the arrays that are known, and what the owner says. Pure.

Nothing here was tried on the hardware; every fact names where it was read, on 2026-11-24. Channels count from 0 here
and from 1 in the configuration, as in the vendors' newer tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.config import Audio
from edge.config.channels import position

Point = tuple[float, float]  # mm from the middle of the array, in its plane

MOST_REAL = 16  # channels; a device that claims more is a sound server, which gives what one asks for


@dataclass(frozen=True, slots=True)
class Roles:
    """`near`: one channel, or several that are taken together, standing at `positions_mm` where that is known.

    `reference` is what the array says that its loudspeaker plays.
    """

    near: tuple[int, ...]
    reference: int | None = None
    positions_mm: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """An array's channels with one of its firmwares; `processed` is cleaned by the array itself."""

    processed: int | None = None
    reference: int | None = None
    microphones: tuple[int, ...] = ()
    positions_mm: tuple[Point, ...] = ()

    def places(self, channels: tuple[int, ...]) -> tuple[Point, ...]:
        """Of these microphones; empty unless all are known."""
        known = dict(zip(self.microphones, self.positions_mm, strict=False))
        return tuple(known[c] for c in channels) if known.keys() >= set(channels) else ()


@dataclass(frozen=True, slots=True)
class Array:
    """A known array: how its name looks, and its layouts by the number of channels. `other` is for other numbers."""

    words: tuple[str, ...]
    layouts: Mapping[int, Layout] = field(default_factory=dict)
    other: Layout = Layout()


PRESETS: Mapping[str, Array] = {
    # XMOS XVF3800 on Seeed's board ("reSpeaker XVF3800 4-Mic Array", 2886:001a). Channel 1 is for the ear, after echo
    # canceller, beams and noise suppression; channel 2 for recognisers, before the noise suppression (Seeed,
    # github.com/respeaker/reSpeaker_XVF3800_USB_4MIC_ARRAY, host_control/README.md). With XMOS' own firmware channel 2
    # is off (XM-014888, "Automatic speech recognition"), so the preset takes the first. The firmware with 6 channels
    # adds the raw microphones as 3 to 6 (xmos_firmwares/usb/readme.md); with v2.0.8 they are silent (issues 22, 24).
    # Geometry: a square of 66 mm, in the order that the chip itself tells (AEC_MIC_ARRAY_GEO, Seeed's wiki). No channel
    # gives the loudspeaker back unless one is routed to it (AUDIO_MGR_OP_CH3 4 0, since v2.1.0).
    "xvf3800": Array(
        ("xvf3800",),
        {
            2: Layout(processed=0),
            6: Layout(processed=0, microphones=(2, 3, 4, 5),
                      positions_mm=((33, -33), (33, 33), (-33, 33), (-33, -33))),
        },
        Layout(processed=0),
    ),
    # XMOS XVF-3000 on Seeed's boards ReSpeaker Mic Array v2.0, USB Mic Array and USB 4 Mic Array ("ReSpeaker 4 Mic
    # Array (UAC1.0)"). Channels by github.com/respeaker/usb_4_mic_array, README.md: with 6_channels_firmware.bin
    # (the factory's, by Seeed's wiki) processed for recognition, four raw, what is played; with 1_channel_firmware.bin
    # the processed one alone. Geometry by odas.cfg there: a circle of 32 mm radius. 16 kHz, other firmwares 48.
    "respeaker-4mic-usb": Array(
        ("respeaker 4 mic array", "respeaker mic array v2", "respeaker usb mic array"),
        {
            1: Layout(processed=0),
            6: Layout(processed=0, reference=5, microphones=(1, 2, 3, 4),
                      positions_mm=((-32, 0), (0, -32), (32, 0), (0, 32))),
        },
        Layout(processed=0),
    ),
    # Sony PlayStation Eye ("USB Camera-B4.09.24.1"): four raw microphones in a line, 20 mm apart, the middle two in
    # each other's place: github.com/introlab/odas, config/odaslive/pseye.cfg; so measured by rrfx.net, 2009/11 (62 mm
    # from end to end). Rates up to 48 kHz (Wikipedia; ODAS records at 48). Whether all are wired so is not known.
    "ps-eye": Array(
        ("camera-b4.09.24.1", "camerab409241", "playstation eye", "ps3 eye"),
        {4: Layout(microphones=(0, 1, 2, 3), positions_mm=((-30, 0), (10, 0), (-10, 0), (30, 0)))},
    ),
    "plain": Array(()),  # the mean of all channels
}  # fmt: skip


def fitting(name: str) -> str:
    """The preset for a device by its name; "" when none is known."""
    lower = name.lower()
    return next((preset for preset, array in PRESETS.items() if any(word in lower for word in array.words)), "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner says of the channels, as in the configuration: they count from 1, and 0 is not said."""

    array: str = ""
    channel: int = 0
    processed: int = 0
    reference: int = 0
    microphones: tuple[int, ...] = ()
    positions_mm: tuple[Point, ...] = ()
    beam: bool = True

    @property
    def numbers(self) -> dict[str, int]:
        """The highest channel that each key names."""
        return {"channel": self.channel, "processed": self.processed, "reference": self.reference,
                "microphones": max(self.microphones, default=0)}  # fmt: skip

    def counts(self, most: int) -> list[int]:
        """How many channels to ask a device for that has `most`, best first."""
        least = max(1, *self.numbers.values())
        known = sorted(PRESETS[self.array].layouts, reverse=True) if self.array else []
        counts = [n for n in dict.fromkeys((*known, least, 2, most)) if least <= n <= most]
        if (known or any(self.numbers.values())) and most <= MOST_REAL:
            counts.sort(reverse=True)  # an array's channels come all or not at all
        return counts

    def roles(self, channels: int) -> Roles:
        """Of a device that is open with so many channels, which are all that the keys name."""
        array = PRESETS[self.array or "plain"]
        layout = array.layouts.get(channels, array.other)
        near = self._near(layout)
        reference = self.reference - 1 if self.reference else layout.reference
        if reference in near or (reference is not None and reference >= channels):
            reference = None
        near = near or tuple(c for c in range(channels) if c != reference) or (0,)
        places = self.positions_mm or layout.places(near)
        return Roles(near, reference, places if self.beam and 1 < len(near) == len(places) else ())

    def _near(self, layout: Layout) -> tuple[int, ...]:
        """Empty: all that have no other role."""
        if self.channel or self.processed:
            return ((self.channel or self.processed) - 1,)
        if self.microphones:
            return tuple(number - 1 for number in self.microphones)
        return layout.microphones if layout.processed is None else (layout.processed,)


def wish(audio: Audio) -> Wish:
    """From the configuration, which has been checked."""
    places = tuple(place for text in audio.positions_mm if (place := position(text)) is not None)
    return Wish(audio.array, audio.channel, audio.processed, audio.reference, audio.microphones, places,
                audio.beam == "auto")  # fmt: skip
