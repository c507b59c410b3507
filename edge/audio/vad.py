"""webrtcvad on 10 ms frames."""

from __future__ import annotations

import webrtcvad

from edge.audio.convert import CORE_RATE, Samples

STRICTEST = 3  # modes 0-2 call hum speech (99 % of it in mode 2); mode 3 still hears 99 % of speech


class Vad:
    """Frame-wise voice detection; smoothing is core.speech's business."""

    def __init__(self, mode: int = STRICTEST) -> None:
        self._vad = webrtcvad.Vad(mode)

    def __call__(self, frame: Samples) -> bool:
        """Whether a frame of 160 samples at 16 kHz sounds like speech."""
        return bool(self._vad.is_speech(frame.tobytes(), CORE_RATE))
