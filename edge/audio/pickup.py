"""From a device's raw frames to what the front end works on: the near end, and the array's own reference beside it."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.audio.arrays import Roles
from edge.audio.beam import Beam
from edge.audio.convert import CORE_RATE, Format, Samples, level_db, mix
from edge.audio.decimate import Decimator


class Pickup:
    """A stream of raw device frames to 16 kHz int16, samples by 1 channel, or by 2 where there is a reference.

    Both channels pass the same resampler, so that they stay together to the sample.
    """

    def __init__(self, form: Format, roles: Roles | None = None) -> None:
        self._form = form
        self.roles = roles or Roles(tuple(range(form.channels)))
        self._beam = Beam(form.rate, self.roles.positions_mm) if self.roles.positions_mm else None
        self.restart()

    def restart(self) -> None:
        """Another piece of the stream begins."""
        self._stream: soxr.ResampleStream | None = None
        self._decimator: Decimator | None = None
        factor, rest = divmod(self._form.rate, CORE_RATE)
        if factor > 1 and not rest:
            self._decimator = Decimator(factor, self.width)
        elif self._form.rate != CORE_RATE:
            self._stream = soxr.ResampleStream(self._form.rate, CORE_RATE, self.width, dtype="int16", quality="MQ")
        if self._beam is not None:
            self._beam.restart()

    @property
    def width(self) -> int:
        """Channels of what comes out: near end, reference."""
        return 1 if self.roles.reference is None else 2

    def empty(self) -> Samples:
        """No samples of so many channels."""
        return np.zeros((0, self.width), np.int16)

    @property
    def turns(self) -> bool:
        """Whether it is louder from one side than its `mono`."""
        return self._beam is not None

    def mono(self, raw: NDArray[np.uint8]) -> Samples:
        """The near end at the device's rate, for its level; no part of the stream."""
        return mix(raw, self._form, self.roles.near)

    def level_db(self, raw: memoryview) -> float:
        """Of raw frames of the near end, at the device's rate: asked so often that a few calls count."""
        if self._form.channels == 1 and self._form.dtype == "int16":
            return level_db(np.frombuffer(raw, np.int16))
        return level_db(self.mono(np.frombuffer(raw, np.uint8).reshape(-1, self._form.frame_bytes)))

    def __call__(self, raw: NDArray[np.uint8], *, voiced: bool | None = None) -> Samples:
        """Convert the next frames of the stream; `voiced` as in Beam."""
        near = self.mono(raw) if self._beam is None else self._turned(self._beam, raw, voiced)
        both = near[:, None]
        if self.roles.reference is not None:
            both = np.stack([near, mix(raw, self._form, (self.roles.reference,))], axis=1)
        if self._decimator is not None:
            return self._decimator(both)
        return both if self._stream is None else self._resampled(self._stream, both)

    def _resampled(self, stream: soxr.ResampleStream, both: Samples) -> Samples:
        flat = stream.resample_chunk(both if self.width > 1 else both[:, 0])
        whole: Samples = flat.reshape(-1, self.width)
        return whole

    def _turned(self, beam: Beam, raw: NDArray[np.uint8], voiced: bool | None) -> Samples:
        parts = [mix(raw, self._form, (channel,)) for channel in self.roles.near]
        if not len(parts[0]):
            return parts[0]
        summed = beam(np.stack(parts, axis=1).astype(np.float32), voiced=voiced)
        return np.clip(np.rint(summed), -32768, 32767).astype(np.int16)
