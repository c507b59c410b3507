"""G.711: mu-law and A-law at 8 kHz, by tables (ITU-T G.711). Pure."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 8_000


def decode(data: bytes, law: str) -> NDArray[np.int16]:
    """Samples of "ulaw" or "alaw"."""
    found: NDArray[np.int16] = _table(law)[np.frombuffer(data, np.uint8)]
    return found


def encode(samples: NDArray[np.int16], law: str) -> bytes:
    """The nearest codes."""
    return bytes(_codes(law)[(samples.astype(np.int32) + 32768) >> 2].tobytes())


@cache
def _table(law: str) -> NDArray[np.int16]:
    codes = np.arange(256)
    if law == "ulaw":
        codes = ~codes & 0xFF
        size = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
        return np.where(codes & 0x80, -size, size).astype(np.int16)
    codes ^= 0x55
    exponent, mantissa = (codes & 0x70) >> 4, (codes & 0x0F) << 4
    size = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, size, -size).astype(np.int16)


@cache
def _codes(law: str) -> NDArray[np.uint8]:
    """The nearest code of each 14-bit sample."""
    table = _table(law).astype(np.int32)
    order = np.argsort(table, kind="stable")
    levels = table[order]
    samples = (np.arange(1 << 14) << 2) - 32768 + 2
    right = np.clip(np.searchsorted(levels, samples), 1, 255)
    nearer = np.where(samples - levels[right - 1] <= levels[right] - samples, right - 1, right)
    return order[nearer].astype(np.uint8)
