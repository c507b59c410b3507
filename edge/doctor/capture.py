"""What half a second of the microphone tells. Pure: samples in, results out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.audio.calibration import CLIPPED, DIGITAL_DB, FULL
from edge.audio.response import decibels
from edge.audio.sweep import Floats
from edge.doctor.checks import Result, fail, warn, well

LEAST_SHARE = 0.7  # of the samples that should have come
GATED = "If it is one that closes itself in silence, run this again and speak meanwhile."


@dataclass(frozen=True, slots=True)
class Capture:
    """`samples`: frames by channels, full scale 1, recorded for `seconds`. `near`: the channels listened to, from 0."""

    name: str
    samples: Floats
    rate: int
    seconds: float
    near: tuple[int, ...]

    @property
    def channels(self) -> int:
        """How many the device has."""
        return int(self.samples.shape[1])


def judge(capture: Capture) -> list[Result]:
    """At least one result; what is wrong with the sound comes instead of the good news."""
    heard = capture.samples[:, capture.near]
    share = len(heard) / (capture.rate * capture.seconds)
    if share < LEAST_SHARE:
        return [fail(f"{capture.name} delivers only {100 * share:.0f} % of its samples.",
                     "Use another USB port, without a hub; or is the machine too busy?")]  # fmt: skip
    dead = [channel for channel in capture.near if _dead(capture.samples[:, channel])]
    if len(dead) == len(capture.near):
        return [_deaf(capture)]
    told = [_silent_channels(capture, dead)] if dead else []
    if float(np.mean((np.abs(heard) >= FULL).any(axis=1))) > CLIPPED:
        told.append(warn(f"{capture.name} is overdriven by the sound in the room.",
                         "Turn its input gain down: alsamixer"))  # fmt: skip
    return told or [well(f"{about(capture)}, level {_level(heard):.0f} dBFS, peak {_peak(heard):.0f}.")]


def about(capture: Capture) -> str:
    """The device, and what of it is used."""
    used = channels(capture.channels)
    if len(capture.near) < capture.channels:
        used = f"{_numbers(capture.near)} of {used}"
    return f"{capture.name}: {capture.rate} Hz, {used}"


def channels(count: int) -> str:
    """The number in words."""
    return f"{count} channel{'s' if count > 1 else ''}"


def _dead(channel: Floats) -> bool:
    """Not even noise around whatever value it stands at."""
    return decibels(float(np.max((channel - channel.mean()) ** 2))) < DIGITAL_DB


def _deaf(capture: Capture) -> Result:
    stuck = float(np.abs(capture.samples[:, capture.near].mean()))
    if decibels(stuck**2) > DIGITAL_DB:
        return fail(f"{capture.name} is stuck: every sample has the same value.",
                    "Unplug it and plug it in again; else it is broken.")  # fmt: skip
    return fail(f"{capture.name} hears nothing at all, not even noise.",
                f"Is it muted, or not the one you mean? See alsamixer and `edge-voice devices`. {GATED}")  # fmt: skip


def _silent_channels(capture: Capture, dead: list[int]) -> Result:
    return warn(f"{capture.name}: of the channels listened to, {_numbers(tuple(dead))} hears nothing.",
                "Leave it out of audio.microphones, or see what hardware.md says of the array's firmware.")  # fmt: skip


def _numbers(places: tuple[int, ...]) -> str:
    """As in the configuration."""
    return ", ".join(str(place + 1) for place in places)


def _level(heard: Floats) -> float:
    mono = heard.mean(axis=1)
    return decibels(float(np.mean((mono - mono.mean()) ** 2)))


def _peak(heard: Floats) -> float:
    return decibels(float(np.max(np.abs(heard))) ** 2)
