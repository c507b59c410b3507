"""From whatever the device gives to 16 kHz mono int16, and back."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

import numpy as np
import soxr
from numpy.typing import NDArray

CORE_RATE = 16_000
FRAME = 160  # samples in 10 ms
Samples = NDArray[np.int16]

_SCALE = {"int16": 1.0, "int32": 1 / 65536, "float32": 32767.0}
_TYPES = {name: np.dtype(name) for name in _SCALE}
_LEAST, _MOST = np.array(-32768, np.float32), np.array(32767, np.float32)  # arrays need no conversion
SILENCE = np.zeros(FRAME, np.int16)  # a frame of nothing that tells by itself that it is one: shared, never written to
SILENCE.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Format:
    """How a device's frames look: `dtype` is int16, int32 or float32."""

    rate: int
    channels: int
    dtype: str = "int16"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame (a sample of each channel)."""
        return np.dtype(self.dtype).itemsize * self.channels


def mix(raw: NDArray[np.uint8], form: Format, channels: tuple[int, ...] | None = None) -> Samples:
    """The mean of some channels of raw frames, or of all of them, as int16."""
    if form.channels == 1 and form.dtype == "int16":
        return np.ascontiguousarray(raw).reshape(-1).view(np.int16)
    table = np.ascontiguousarray(raw).view(_TYPES[form.dtype]).reshape(-1, form.channels)
    chosen = table if channels is None or len(channels) == form.channels else table[:, channels]
    if form.dtype == "int16" and chosen.shape[1] == 1:
        return np.ascontiguousarray(chosen[:, 0])
    mean: Samples = np.clip(chosen.mean(axis=1) * _SCALE[form.dtype], -32768, 32767).astype(np.int16)
    return mean


class ToDevice:
    """A stream of mono int16 at any rate to the device's rate."""

    def __init__(self, rate: int, device_rate: int) -> None:
        self.rate = rate
        self._stream: soxr.ResampleStream | None = None
        if rate != device_rate:
            self._stream = soxr.ResampleStream(rate, device_rate, 1, dtype="int16", quality="HQ")

    def __call__(self, pcm: bytes, *, last: bool = False) -> Samples:
        """Convert the next piece; `last` brings out what the filter still holds."""
        mono = np.frombuffer(pcm, np.int16)
        return mono if self._stream is None else self._stream.resample_chunk(mono, last=last)


def to_int16(samples: NDArray[np.float32]) -> Samples:
    """Rounded, and limited where they are too loud; uses up its argument."""
    np.rint(samples, out=samples)
    np.minimum(samples, _MOST, out=samples)
    np.maximum(samples, _LEAST, out=samples)
    return samples.astype(np.int16)


def level_db(frame: Samples) -> float:
    """RMS level in dBFS; -96 for digital silence."""
    if frame is SILENCE or len(frame) == 0:
        return -96.0
    wide = frame.astype(np.float32)
    return _decibels(float(np.dot(wide, wide)) / len(frame))


def levels_db(frames: Samples) -> list[float]:
    """Of each row, as `level_db`."""
    wide = frames.astype(np.float32)
    return [_decibels(power / frames.shape[1]) for power in np.einsum("ij,ij->i", wide, wide).tolist()]


def _decibels(power: float) -> float:
    return max(-96.0, 10 * log10(max(power, 1e-3) / 32768.0**2))
