"""WAV files of IMA ADPCM (4 bits a sample, mono), read without a library: the recorded sentences are such files.

The format is that of Microsoft's "New Multimedia Data Types" (1994), WAVE_FORMAT_DVI_ADPCM: blocks of a header
(the first sample, the step's index) and then a nibble for each further sample, the lower one first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import Samples
from edge.errors import AudioError

IMA = 0x11
MOST_BYTES = 1 << 20
_STEPS = np.array([
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107,
    118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963,
    1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894,
    6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794,
    32767,
])  # fmt: skip
_MOVES = np.array([-1, -1, -1, -1, 2, 4, 6, 8])


def _tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For 16 * index + nibble: what is added to the sample, and 16 * the next index."""
    step, nibble = np.repeat(_STEPS, 16), np.tile(np.arange(16), len(_STEPS))
    size = (step >> 3) + (nibble & 1) * (step >> 2) + (nibble >> 1 & 1) * (step >> 1) + (nibble >> 2 & 1) * step
    index = np.repeat(np.arange(len(_STEPS)), 16) + _MOVES[nibble & 7]
    after = 16 * np.clip(index, 0, len(_STEPS) - 1)
    return np.where(nibble & 8, -size, size).astype(np.int32), after.astype(np.int32)


_CHANGE, _AFTER = _tables()


@dataclass(frozen=True, slots=True)
class Clip:
    """What the header of a file says."""

    rate: int
    samples: int
    block: int  # bytes of a block
    data: bytes

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.rate

    def decode(self) -> Samples:
        """The sound. All blocks at once, sample by sample: a block needs nothing of the others."""
        blocks = np.frombuffer(self.data, np.uint8).reshape(-1, self.block)
        value = blocks[:, :2].copy().view("<i2")[:, 0].astype(np.int32)
        index = 16 * np.clip(blocks[:, 2].astype(np.int32), 0, len(_STEPS) - 1)
        nibbles = np.stack([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=2).reshape(len(blocks), -1)
        out = np.empty((nibbles.shape[1] + 1, len(blocks)), np.int16)
        out[0] = value
        for n, nibble in enumerate(nibbles.T.astype(np.int32), 1):
            at = index + nibble
            value = np.minimum(np.maximum(value + _CHANGE[at], -32768), 32767)
            index = _AFTER[at]
            out[n] = value
        return np.ascontiguousarray(out.T).reshape(-1)[: self.samples]


def read(path: Path) -> Clip:
    """Raises AudioError for a file that is none, or not there."""
    try:
        raw = path.read_bytes()[:MOST_BYTES]
        chunks = _chunks(raw)
        kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
        data = chunks[b"data"]
        [samples] = struct.unpack_from("<I", chunks[b"fact"])
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}.") from None
    except (KeyError, struct.error):
        raise AudioError(f"{path} is no WAV file of IMA ADPCM.") from None
    whole = data[: len(data) // block * block] if block else b""
    most = len(whole) // max(block, 1) * ((block - 4) * 2 + 1)
    if (kind, channels, bits) != (IMA, 1, 4) or block <= 4 or not rate or not most:  # noqa: PLR2004  its header
        raise AudioError(f"{path} is no WAV file of IMA ADPCM.")
    return Clip(rate, min(samples, most), block, whole)


def _chunks(raw: bytes) -> dict[bytes, bytes]:
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        return {}
    found, at = dict[bytes, bytes](), 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        found[name] = raw[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found
