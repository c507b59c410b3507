"""What is wrong with the roles of a microphone's channels in [audio]."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from edge.config.merging import nearest, shown
from edge.config.schema import ARRAYS, Audio

MOST_CHANNELS = 64
FARTHEST_MM = 500.0  # a longer array needs more than one direction for the whole of a voice


def position(text: str) -> tuple[float, float] | None:
    """The place of a microphone in mm from "x,y", or "x y" since a variable's list is split at commas; else None."""
    parts = re.split(r"[,\s]+", text.strip())
    try:
        x, y = (float(part) for part in parts)
    except ValueError:  # too few or too many of them, too
        return None
    return (x, y) if math.hypot(x, y) <= FARTHEST_MM else None


def wrong_channels(audio: Audio) -> list[str]:
    """All mistakes in them."""
    return [*_array(audio), *_roles(audio), *_positions(audio)]


def _array(audio: Audio) -> Iterator[str]:
    if audio.array and audio.array not in ARRAYS:
        yield f"audio.array: there is no array {shown(audio.array)}.{nearest(audio.array, ARRAYS)}"


def _roles(audio: Audio) -> Iterator[str]:
    for number in audio.microphones:
        if not 1 <= number <= MOST_CHANNELS:
            yield f"audio.microphones: channel {number} must be between 1 and {MOST_CHANNELS}."
    given = [audio.processed, audio.reference, *audio.microphones]
    for number, times in Counter(number for number in given if number).items():
        if times > 1:
            yield f"audio: channel {number} has more than one role of processed, reference and microphones."
    if audio.channel and audio.channel == audio.reference:
        yield "audio.channel must not be audio.reference: that is what the loudspeaker plays."


def _positions(audio: Audio) -> Iterator[str]:
    for text in audio.positions_mm:
        if position(text) is None:
            yield (f'audio.positions_mm: {shown(text)} is no place; one looks like "-32,0", '
                   f"at most {FARTHEST_MM:.0f} mm from the middle.")  # fmt: skip
    if audio.positions_mm and len(audio.positions_mm) != len(audio.microphones):
        yield "audio.positions_mm must have one place for each channel in audio.microphones, in the same order."
