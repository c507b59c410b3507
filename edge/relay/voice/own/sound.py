"""Between the protocol's audio formats and the engines' 16 kHz."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.relay.voice.own import g711

CORE = 16_000
PCM_RATE = 24_000
LAWS = {"audio/pcmu": "ulaw", "audio/pcma": "alaw"}
FORMATS = ("audio/pcm", *LAWS)


def rate_of(form: str) -> int:
    """Samples a second of "audio/pcm", "audio/pcmu" or "audio/pcma"."""
    return PCM_RATE if form == "audio/pcm" else g711.RATE


def bytes_per_ms(form: str) -> int:
    """Of the coded audio."""
    return rate_of(form) * (2 if form == "audio/pcm" else 1) // 1000


class Resampled:
    """A stream of int16 from one rate to another."""

    def __init__(self, source: int, target: int) -> None:
        self._stream = soxr.ResampleStream(source, target, 1, dtype="int16", quality="HQ") if source != target else None

    def __call__(self, samples: NDArray[np.int16], *, last: bool = False) -> NDArray[np.int16]:
        """The next piece; `last` brings out what the filter holds."""
        return samples if self._stream is None else self._stream.resample_chunk(samples, last=last)


class Ears:
    """Coded audio of the client to 16 kHz int16. A half sample waits for its other half."""

    def __init__(self, form: str) -> None:
        self.form = form
        self._half = b""
        self._resampled = Resampled(rate_of(form), CORE)

    def __call__(self, coded: bytes) -> bytes:
        """The next piece."""
        return self._resampled(self._samples(coded)).tobytes()

    def end(self) -> bytes:
        """What the filter still holds: 30 to 70 ms."""
        rest = self._resampled(np.zeros(0, np.int16), last=True).tobytes()
        self._resampled = Resampled(rate_of(self.form), CORE)
        return rest

    def _samples(self, coded: bytes) -> NDArray[np.int16]:
        if self.form in LAWS:
            return g711.decode(coded, LAWS[self.form])
        whole = self._half + coded
        cut = len(whole) - len(whole) % 2
        self._half = whole[cut:]
        return np.frombuffer(whole[:cut], np.int16)


class Mouth:
    """An engine's sound of one reply to the client's coded audio."""

    def __init__(self, form: str) -> None:
        self.form = form
        self._rate = 0
        self._resampled = Resampled(CORE, CORE)

    def __call__(self, pcm: bytes, rate: int) -> bytes:
        """The next piece: mono int16 at `rate`."""
        before = b""
        if rate != self._rate:
            before = self.end()
            self._rate, self._resampled = rate, Resampled(rate, rate_of(self.form))
        return before + self._coded(self._resampled(np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16)))

    def end(self) -> bytes:
        """What the filter still holds."""
        if not self._rate:
            return b""
        rest, self._rate = self._resampled(np.zeros(0, np.int16), last=True), 0
        return self._coded(rest)

    def _coded(self, samples: NDArray[np.int16]) -> bytes:
        return g711.encode(samples, LAWS[self.form]) if self.form in LAWS else samples.tobytes()
