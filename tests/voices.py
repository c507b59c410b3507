"""A voice that says whatever a test needs; the offline engine's own."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import soxr

from edge.audio.convert import CORE_RATE
from tests.signals import Int16

RATE = 24_000
LOUD = 9000  # its highest sample: -11 dBFS, as a person near a microphone


@cache
def _voice() -> Any:
    from hibari import Hibari

    return Hibari()


@cache
def spoken(text: str, speed: float = 1.0) -> Int16:
    """At 16 kHz, with the half second of silence that the voice puts around it."""
    pieces = [np.ravel(np.asarray(piece, np.float32)) for piece in _voice().stream(text, speed)]
    sound = soxr.resample(np.concatenate(pieces), RATE, CORE_RATE)
    return (sound / np.abs(sound).max() * LOUD).astype(np.int16)
