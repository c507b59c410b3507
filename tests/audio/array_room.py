"""A room in which an array hears a voice and noise: image sources of a shoebox, and noise from all around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.audio.arrays import PRESETS, Point

Floats = NDArray[np.float64]

SOUND_M_S = 343.0
ROOM_M = np.array([5.0, 4.0, 2.6])
ARRAY_M = np.array([2.1, 1.7, 0.8])
CIRCLE = PRESETS["respeaker-4mic-usb"].layouts[6].positions_mm
LINE = PRESETS["ps-eye"].layouts[4].positions_mm
BANDS_HZ = (250, 500, 1000, 2000, 4000)  # octaves that a voice is understood by


def places(positions: tuple[Point, ...]) -> Floats:
    """The microphones in the room, metres: the array lies on a table."""
    flat = np.array(positions) / 1000
    return ARRAY_M + np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)


def person(degrees: float, metres: float = 1.5, height: float = 0.5) -> Floats:
    """Where somebody stands, the mouth so much above the table."""
    angle = np.radians(degrees)
    return ARRAY_M + np.array([metres * np.cos(angle), metres * np.sin(angle), height])


def _images(source: Floats, reflection: float, order: int) -> tuple[Floats, Floats]:
    """Places of the source's images, and how much of it is left there."""
    steps = np.arange(-order, order + 1)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    found, left = [], []
    for mirrored in np.ndindex(2, 2, 2):
        flip = np.array(mirrored)
        found.append((1 - 2 * flip) * source + 2 * grid * ROOM_M)
        left.append(reflection ** np.sum(np.abs(grid - flip) + np.abs(grid), axis=1))
    return np.concatenate(found), np.concatenate(left)


def heard(sound: Floats, source: Floats, positions: tuple[Point, ...], rate: int, reflection: float = 0.0) -> Floats:
    """What the microphones hear of a source, samples by channels; `reflection` of a wall 0.0 is a field."""
    images, left = _images(source, reflection, 0 if reflection == 0 else 4)
    if reflection == 0:
        images, left = source[None, :], np.ones(1)
    hertz = np.fft.rfftfreq(4096, 1 / rate)
    channels = []
    for place in places(positions):
        metres = np.linalg.norm(images - place, axis=1)
        near = metres < 12  # 35 ms; what is later is as good as noise
        ways = np.exp(-2j * np.pi * hertz[:, None] * metres[near] / SOUND_M_S)
        channels.append(convolved(sound, np.fft.irfft(ways @ (left[near] / metres[near]), 4096)))
    return np.stack(channels, axis=1)


def convolved(sound: Floats, response: Floats) -> Floats:
    size = 1 << int(np.ceil(np.log2(len(sound) + len(response))))
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]


def surrounding(count: int, positions: tuple[Point, ...], rate: int, seed: int = 1) -> Floats:
    """Noise from 60 directions all around, with the spectrum of many voices; RMS 1 in each channel."""
    random = np.random.default_rng(seed)
    hertz = np.fft.rfftfreq(count, 1 / rate)
    shape = 1 / (1 + (hertz / 500) ** 2) ** 0.5 * (hertz > 80)
    total = np.zeros((len(positions), len(hertz)), np.complex128)
    flat = places(positions) - ARRAY_M
    for _ in range(60):
        way = random.normal(size=3)
        delays = -(flat @ (way / np.linalg.norm(way))) / SOUND_M_S
        one = np.fft.rfft(random.normal(size=count)) * shape
        total += one * np.exp(-2j * np.pi * hertz * delays[:, None])
    noise = np.fft.irfft(total, count, axis=1).T
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def by_bands(signal: Floats, rate: int) -> Floats:
    """Power in octaves, dB."""
    spectrum = np.abs(np.fft.rfft(signal)) ** 2
    hertz = np.fft.rfftfreq(len(signal), 1 / rate)
    powers = [spectrum[(hertz >= f / 2**0.5) & (hertz < f * 2**0.5)].sum() for f in BANDS_HZ]
    return 10 * np.log10(np.array(powers) + 1e-12)


@dataclass(frozen=True)
class Scene:
    """A voice and a noise as the microphones hear them, apart."""

    voice: Floats
    noise: Floats
    rate: int

    @property
    def mixed(self) -> Floats:
        return self.voice + self.noise


def scene(  # noqa: PLR0917  all that makes a scene
    voice: Floats, degrees: float, positions: tuple[Point, ...], rate: int, snr_db: float = 10.0,
    reflection: float = 0.6, height: float = 0.5, metres: float = 1.5,
) -> Scene:  # fmt: skip
    """Somebody speaks at -26 dBFS; the noise, and each microphone's own 30 dB below it, are so much softer."""
    speech = heard(voice, person(degrees, metres, height), positions, rate, reflection)
    speech *= 10 ** (-26 / 20) / np.sqrt(np.mean(speech**2))
    noise = surrounding(len(speech), positions, rate)
    noise += 10 ** (-30 / 20) * np.random.default_rng(2).normal(size=noise.shape)
    return Scene(speech, noise * 10 ** ((-26 - snr_db) / 20), rate)
