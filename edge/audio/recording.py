"""Recordings of any length: read in pieces, and cut where nobody speaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

from edge.audio.convert import CORE_RATE, Samples
from edge.audio.files import why_unreadable
from edge.errors import AudioError

MOST_S = 6 * 3600.0  # 16 kHz int16 of this is 700 MB, which a small device does not have to spare
READ_S = 10.0

BLOCK = CORE_RATE // 50  # 20 ms
QUIET_PERCENT, LOUD_PERCENT = 10, 95  # of the blocks: the room, and the speech
ABOVE_ROOM_DB, BELOW_SPEECH_DB, LEAST_BELOW_DB = 9.0, 40.0, 6.0
NOTHING_DB = -70.0  # full scale is 0: the noise of a bad sound card, or no sound at all
JOIN_S = 1.0  # a shorter pause is within a passage
LONGEST_S = 9.0  # what the offline model reads at once, without its margin
CUT_WITHIN_S = 4.0  # speech without a pause is cut at its quietest moment within the last of these
SHORTEST_S = 0.1
AROUND_S = 0.2  # of the silence around a passage is kept with it

Span = tuple[int, int]  # of samples


def read(path: Path) -> Samples:
    """Any WAV, FLAC, OGG, MP3 (any rate, channels, sample type) as 16 kHz mono int16, at most six hours of it."""
    try:
        import soundfile
    except ImportError:
        raise AudioError("Sound files need the package soundfile: install edge-voice[talk].") from None
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MOST_S * file.samplerate:
                raise AudioError(f"{path} is {file.frames / file.samplerate / 3600:.1f} hours long; 6 is the most.")
            resampler = soxr.ResampleStream(file.samplerate, CORE_RATE, 1, dtype="float32")
            blocks = [_int16(resampler.resample_chunk(block)) for block in _blocks(file)]
            blocks.append(_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True)))
    except soundfile.LibsndfileError as error:
        raise AudioError(why_unreadable(path, error.error_string)) from None
    except TypeError:  # NAME.raw: soundfile wants to be told its rate and channels
        raise AudioError(why_unreadable(path, "raw samples without a header")) from None
    samples: Samples = np.concatenate(blocks)
    if len(samples) == 0:
        raise AudioError(f"{path} has no sound in it.")
    return samples


def _blocks(file: object) -> Iterator[np.ndarray]:
    for block in file.blocks(int(READ_S * file.samplerate), dtype="float32", always_2d=True):  # type: ignore[attr-defined]
        yield np.nan_to_num(block.mean(axis=1)).astype(np.float32)


def _int16(mono: np.ndarray) -> Samples:
    return np.asarray(np.clip(mono * 32767, -32768, 32767), np.int16)


def flac(samples: Samples) -> bytes:
    """The same as a file half as large as WAV."""
    import io

    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples, CORE_RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def passages(samples: Samples) -> list[Span]:
    """Where somebody may be speaking, in pieces of LONGEST_S at most. What is no silence is never left out."""
    levels = _levels(samples)
    if len(levels) == 0:
        return []
    room, speech = np.percentile(levels, (QUIET_PERCENT, LOUD_PERCENT))
    least = min(max(room + ABOVE_ROOM_DB, speech - BELOW_SPEECH_DB), speech - LEAST_BELOW_DB)
    loud = np.flatnonzero(levels > max(least, NOTHING_DB))
    found: list[Span] = []
    for start, end in _joined(loud):
        found += _cut(levels, start, end)
    spans = [(start * BLOCK, end * BLOCK) for start, end in found]
    return [(start, end) for start, end in spans if end - start >= SHORTEST_S * CORE_RATE]


def heard(samples: Samples) -> Iterator[tuple[Span, Samples]]:
    """Each passage and its audio, with a little of the silence beside it, but nothing of another passage."""
    spans = passages(samples)
    margin = int(AROUND_S * CORE_RATE)
    for before, (start, end), after in zip([(0, 0), *spans], spans, [*spans[1:], (len(samples), 0)], strict=False):
        yield (start, end), samples[max(before[1], start - margin) : min(after[0], end + margin)]


def _levels(samples: Samples) -> np.ndarray:
    """Of each block, in dB. By the minute: as floats all of a long recording would not fit."""
    whole, step = len(samples) // BLOCK * BLOCK, 3000 * BLOCK
    parts = [
        10 * np.log10(np.mean((samples[at : min(at + step, whole)].astype(np.float32) / 32768).reshape(-1, BLOCK) ** 2,
                              axis=1) + 1e-10)
        for at in range(0, whole, step)
    ]  # fmt: skip
    return np.concatenate(parts) if parts else np.zeros(0)


def _joined(loud: np.ndarray) -> Iterator[Span]:
    """Runs of loud blocks with only short pauses in them, not longer than LONGEST_S if a pause allows."""
    if len(loud) == 0:
        return
    gaps = np.flatnonzero(np.diff(loud) > 1)
    runs = zip(loud[[0, *(gaps + 1)]], loud[[*gaps, len(loud) - 1]] + 1, strict=True)
    start, end = next(runs)
    for begins, ends in runs:
        if begins - end > JOIN_S * 50 or ends - start > LONGEST_S * 50:
            yield int(start), int(end)
            start = begins
        end = ends
    yield int(start), int(end)


def _cut(levels: np.ndarray, start: int, end: int) -> Iterator[Span]:
    while end - start > LONGEST_S * 50:
        last = start + int(LONGEST_S * 50)
        first = last - int(CUT_WITHIN_S * 50)
        at = first + int(np.argmin(levels[first:last]))
        yield start, at
        start = at
    yield start, end
