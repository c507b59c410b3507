"""What the recorded calibration signal says about loudspeaker, room and microphone. Pure: arrays in, a report out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edge.audio import response as room
from edge.audio.drift import drift
from edge.audio.response import Response, cut, decibels, deconvolve
from edge.audio.sweep import (
    BRIEF,
    CHIRP_EVERY_S,
    CLOSING,
    LEAD_S,
    LOUD,
    LOUD_AT,
    OPENING,
    QUIET,
    QUIET_AT,
    SWEEP_S,
    Floats,
    chirp,
    sweep,
)

REPLY_DB = -18.0  # dBFS, mean level of a spoken reply at full volume (measured: the offline voice, its peaks at -3)
AUDIBLE_HZ = (90.0, 8000.0)  # echo.HIGH_PASS_HZ to what 16 kHz can carry
FULL = 0.999  # of full scale
CLIPPED = 1e-4  # share of samples: 2 ms of the sweep
DIGITAL_DB = -90.0  # dBFS peak; any microphone that is on has more noise than that
BENT_DB = -1.0  # of compression: then the quieter sweep tells more truth
FAINT_DB = -10.0  # an echo that far below the noise
ADAPTED_DB = -10.0  # chirps come back so much weaker at the end: somebody has learned to cancel them
SAME_S = 0.003  # two chirps with the same delay
GATED_DB = -6.0  # it is so much quieter with sound than without: somebody closes the microphone
ALL_HEARD = 16.0  # times the median of what the least of four finds; the largest of 50,000 lags of noise is 9
EARLY_S = 0.1  # recorded and played are compared from so long before a sweep: it may come early by the clocks


class Finding(StrEnum):
    """What the microphone heard of the loudspeaker. All but HEARD and FAINT leave the echo's figures unknown."""

    HEARD = "heard"
    FAINT = "faint"  # far below the noise
    CANCELLED = "cancelled"  # the system removes the echo already
    GATED = "gated"  # the system closes the microphone while something plays
    NOTHING = "nothing"
    DEAF = "deaf"  # not even noise: digital silence
    BROKEN = "broken"  # samples were lost on the way


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one measurement; None is "cannot be told". Levels in dBFS are mean squares of full scale 1.

    `return_db`: at the microphone relative to what was played, in a signal with equal power in each octave.
    `echo_dbfs`: what that makes of a reply at the volume of the measurement.
    """

    finding: Finding
    noise_dbfs: float
    volume: int
    delay_ms: float | None = None
    return_db: float | None = None
    echo_dbfs: float | None = None
    rt60_s: float | None = None
    late_db: float | None = None  # energy 80 ms and more after the first arrival, relative to all
    peak_dbfs: float | None = None  # of the louder sweep
    clipped_quiet: float = 0.0  # shares of samples at full scale, in any channel
    clipped_loud: float = 0.0
    distortion_quiet_db: float | None = None  # harmonics 2 to 5, relative to the linear part
    distortion_loud_db: float | None = None
    compression_db: float | None = None  # return of the louder sweep less that of the quieter one
    drift_ppm: float | None = None  # > 0: the microphone's clock runs faster
    drift_error_ppm: float | None = None  # 95 %
    levels_db: tuple[float, ...] = ()  # energy of each 5 ms of the response
    decay_db: tuple[float, ...] = ()  # energy still to come, each 5 ms
    bands_db: tuple[tuple[int, float], ...] = ()  # return by octave


def gain_db(volume: int) -> float:
    """What the loudspeaker's volume in percent does to the signal (speaker.QueueSpeaker: its square)."""
    return 40 * float(np.log10(max(volume, 1) / 100))


@dataclass(frozen=True, slots=True)
class Recording:
    """`samples` (frames by channels, full scale 1), of which frame `started` is when the signal began to play."""

    samples: Floats
    rate: int
    started: float

    def mono(self) -> Floats:
        """The mean of the channels, as the daemon hears them."""
        return self.samples if self.samples.ndim == 1 else np.asarray(self.samples.mean(axis=1))

    def between(self, samples: Floats, begin_s: float, end_s: float) -> Floats:
        """A part by the signal's time; empty where nothing was recorded."""
        first, last = (max(0, round(self.started + at * self.rate)) for at in (begin_s, end_s))
        return samples[first:last]


@dataclass(frozen=True, slots=True)
class Loop:
    """What came back of `sweep.brief`: nothing (None), or how much relative to what was played, and how much later."""

    noise_dbfs: float
    return_db: float | None = None
    delay_ms: float | None = None


def loop(recording: Recording, volume: int = 100) -> Loop:
    """`volume` in percent is what `sweep.brief` was played at."""
    mono, rate = recording.mono(), recording.rate
    noise_dbfs = _noise(recording.between(mono, 0.02, LEAD_S - 0.05), rate)
    each = np.array([_matched(recording, mono, at, room.LATEST_S) for at in OPENING])
    there = each.min(axis=0)  # a clap is like one chirp, and not like four at their distances
    best = int(np.argmax(there))
    if there[best] <= ALL_HEARD * float(np.median(there)):
        return Loop(noise_dbfs)
    return_db = decibels(float(np.mean(each[:, best])) ** 2 / BRIEF**2) - gain_db(volume)
    return Loop(noise_dbfs, return_db, 1000 * (best / rate + room.EARLIEST_S))


def analyse(recording: Recording, volume: int = 100, *, lost: bool = False) -> Report:
    """`volume` in percent is what the signal was played at; `lost` says that the devices lost samples."""
    mono, rate = recording.mono(), recording.rate
    silence = recording.between(mono, 0.02, LEAD_S - 0.05)
    noise_dbfs = _noise(silence, rate)
    if len(mono) == 0 or decibels(float(np.max((mono - mono.mean()) ** 2))) < DIGITAL_DB:
        return Report(Finding.DEAF, noise_dbfs, volume)
    if lost:
        return Report(Finding.BROKEN, noise_dbfs, volume)
    quiet, loud = (_response(recording, mono, silence, at, peak * 10 ** (gain_db(volume) / 20))
                   for at, peak in ((QUIET_AT, QUIET), (LOUD_AT, LOUD)))  # fmt: skip
    finding = _interfered(recording, mono, noise_dbfs) or (Finding.HEARD if loud.heard else Finding.NOTHING)
    if finding is not Finding.HEARD:
        return Report(finding, noise_dbfs, volume)
    return _figures(recording, mono, (quiet, loud), noise_dbfs, volume)


def _noise(silence: Floats, rate: int) -> float:
    """Mean square of what the daemon would hear of it, dBFS."""
    size = 8192
    hertz = np.fft.rfftfreq(size, 1 / rate)
    audible = (hertz > AUDIBLE_HZ[0]) & (hertz < AUDIBLE_HZ[1])
    return decibels(2 * float(np.sum(room.density(silence, size)[audible])) / size)


def _response(recording: Recording, mono: Floats, silence: Floats, at: float, peak: float) -> Response:
    """Of one sweep."""
    rate = recording.rate
    played = np.concatenate([np.zeros(round(EARLY_S * rate)), peak * sweep(rate)])
    begin = round(recording.started + (at - EARLY_S) * rate)
    heard = cut(mono, begin, round((EARLY_S + SWEEP_S + room.LATEST_S) * rate))
    return deconvolve(played, heard, silence, rate)


def _figures(
    recording: Recording, mono: Floats, both: tuple[Response, Response], noise_dbfs: float, volume: int
) -> Report:
    quiet, loud = both
    rate = recording.rate
    clipped = [_clipped(recording, at) for at in (QUIET_AT, LOUD_AT)]
    compression = room.echo_return(loud) - room.echo_return(quiet) if quiet.heard else None
    bent = clipped[1] > CLIPPED or (compression or 0.0) < BENT_DB
    best = quiet if bent and quiet.heard else loud
    exact = recording.started + (LOUD_AT - EARLY_S) * rate
    delay = loud.arrival + round(exact) - exact  # samples
    clocks = drift(mono, recording.started + delay, rate)
    return_db = room.echo_return(best)
    curve = room.decay(best)
    step = round(room.STEP_S * rate)
    played_db = decibels(LOUD**2 / 2) + gain_db(volume)
    peak = float(np.max(np.abs(recording.between(mono, LOUD_AT, LOUD_AT + SWEEP_S + 0.3))))
    return Report(
        Finding.FAINT if played_db + return_db < noise_dbfs + FAINT_DB else Finding.HEARD,
        noise_dbfs,
        volume,
        delay_ms=1000 * delay / rate,
        return_db=return_db,
        echo_dbfs=REPLY_DB + gain_db(volume) + return_db,
        rt60_s=room.rt60(curve, rate),
        late_db=room.late(curve, rate),
        peak_dbfs=decibels(peak**2),
        clipped_quiet=clipped[0],
        clipped_loud=clipped[1],
        distortion_quiet_db=room.harmonics(quiet) if quiet.heard else None,
        distortion_loud_db=room.harmonics(loud),
        compression_db=compression,
        drift_ppm=clocks.ppm if clocks else None,
        drift_error_ppm=clocks.error_ppm if clocks else None,
        levels_db=room.steps(best),
        decay_db=tuple(float(v) for v in curve[: round(0.3 * rate) : step]),
        bands_db=room.bands(best),
    )


def _clipped(recording: Recording, at: float) -> float:
    """Share of frames of a sweep in which a channel is at full scale."""
    part = np.abs(recording.between(recording.samples, at, at + SWEEP_S + 0.3)) >= FULL
    return float(np.mean(part if part.ndim == 1 else part.any(axis=1))) if len(part) else 0.0


def _interfered(recording: Recording, mono: Floats, noise_dbfs: float) -> Finding | None:
    """A canceller gives itself away: it needs time to learn, or it closes the microphone while something plays."""
    first, second, *last = (_chirp(recording, mono, at) for at in (*OPENING[:2], *CLOSING))
    if first is not None and second is not None and abs(first[1] - second[1]) < SAME_S:  # else it was a clap
        left = float(np.median([one[0] if one else 0.0 for one in last]))
        if decibels(left / first[0]) < ADAPTED_DB:
            return Finding.CANCELLED
    during = recording.between(mono, LOUD_AT + 0.4, LOUD_AT + SWEEP_S)
    level = decibels(float(np.mean(during**2))) if len(during) else 0.0
    return Finding.GATED if noise_dbfs > DIGITAL_DB and level < noise_dbfs + GATED_DB else None


def _chirp(recording: Recording, mono: Floats, at: float) -> tuple[float, float] | None:
    """A chirp's power at the microphone relative to full scale, and its delay in seconds; None when it is not heard."""
    rate = recording.rate
    there = _matched(recording, mono, at, CHIRP_EVERY_S)
    best = int(np.argmax(there))
    if there[best] <= room.HEARD * float(np.median(there)) / 0.6745:
        return None
    return float(there[best]) ** 2, best / rate + room.EARLIEST_S


def _matched(recording: Recording, mono: Floats, at: float, seconds: float) -> Floats:
    """How much of a chirp that was played at this time of the signal comes after each delay from EARLIEST_S on."""
    rate = recording.rate
    one = chirp(rate)
    heard = cut(mono, round(recording.started + (at + room.EARLIEST_S) * rate), round(seconds * rate) + len(one))
    size = 1 << int(np.ceil(np.log2(len(heard) + len(one))))
    both = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(one, size)), size)
    return np.abs(both[: round(seconds * rate)]) / float(one @ one)
