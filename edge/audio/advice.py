"""What a calibration report means, in words: may voice interrupt here, how loud, and what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from edge.audio.calibration import CLIPPED, Finding, Report, gain_db

# A person speaking to the device arrives at -26 to -30 dBFS; the canceller copes with an echo 6 dB over that
# (issue 4's figures end there).
NEAR_DBFS = -28.0
LOUDEST_ECHO_DBFS = NEAR_DBFS + 6.0
LEAST_VOLUME = 30  # below, a reply is 21 dB softer than it could be: nobody understands it
VOLUME_STEP, FULL_VOLUME = 5, 100
SOFTER_DB = -12.0  # from the louder sweep to the quieter one
DISTORTED_DB = -20.0  # 10 %: what a canceller of a linear path leaves is then as loud as 20 dB under the echo
LIMITED_DB = -3.0
LONGEST_MS, EARLIEST_MS = 240.0, -10.0  # echo.LAGS looks back so far; far.LEAD_S allows for so early an echo
MOST_PPM = 150.0  # the canceller is tested up to 100
NO_CLOCK_PPM = 500.0  # quartz is good to 100; a sound server that fills or drops a block looks like this
NOISY_DBFS = -45.0  # 17 dB under a voice
REVERBERANT_S = 0.8


class Safety(StrEnum):
    """Whether voice may interrupt a reply."""

    SAFE = "safe"
    LIMITED = "limited"  # up to a volume
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"  # there was nothing to judge


@dataclass(frozen=True, slots=True)
class Advice:
    """`volume_limit` in percent, 100 when there is none; `sentences` begin with the verdict."""

    safety: Safety
    volume_limit: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that is wrong, and what to do about it."""

    found: str
    todo: str

    def __str__(self) -> str:
        return f"{self.found} {self.todo}"


@dataclass(frozen=True, slots=True)
class _Remark:
    """What is wrong, and up to which volume (exact, in percent) it does no harm."""

    text: str
    volume: float = 100.0


_FOUND = {
    Finding.DEAF: (
        Safety.UNKNOWN,
        (
            "The microphone hears nothing at all, not even noise. It is muted, switched off, or not the one you mean "
            "(audio.input)."
        ),
    ),
    Finding.NOTHING: (
        Safety.UNKNOWN,
        (
            "The microphone hears noise, but nothing of the loudspeaker. That is off or muted, or one of the two is "
            "not the one you mean (audio.input, audio.output)."
        ),
    ),
    Finding.BROKEN: (
        Safety.UNKNOWN,
        "Sound was lost while measuring, so nothing can be told. Measure again when the machine has less to do.",
    ),
    Finding.CANCELLED: (
        Safety.SAFE,
        (
            "The system removes the loudspeaker's sound from the microphone already. Interrupting by voice is safe, as "
            "long as it does."
        ),
    ),
    Finding.GATED: (
        Safety.UNSAFE,
        (
            "The system closes the microphone while the loudspeaker plays, so no voice gets through. Turn its echo or "
            "noise suppression off, or interrupt with the button."
        ),
    ),
    Finding.FAINT: (
        Safety.SAFE,
        (
            "The microphone hardly hears the loudspeaker, far below the noise. Interrupting by voice is safe. Is it "
            "the loudspeaker that you mean, and loud enough?"
        ),
    ),
}


def advise(report: Report) -> Advice:
    """The verdict."""
    if report.volume == 0:
        return Advice(Safety.UNKNOWN, 100, ("The volume is 0. Set audio.volume, and measure again.",))
    if report.finding is not Finding.HEARD:
        safety, text = _FOUND[report.finding]
        return Advice(safety, 100, (text, *_noise(report)))
    remarks = list(_remarks(report))
    exact = min((remark.volume for remark in remarks), default=100.0)
    limit = min(FULL_VOLUME, int(exact) // VOLUME_STEP * VOLUME_STEP)
    texts = [remark.text for remark in remarks]
    if limit < LEAST_VOLUME:
        return Advice(Safety.UNSAFE, limit, ("Interrupting by voice is not safe here; use the button.", *texts))
    if limit == FULL_VOLUME:
        return Advice(Safety.SAFE, 100, ("Interrupting by voice is safe here, at any volume.", *texts))
    now = f"It is {report.volume} now." if report.volume > limit else f"It is {report.volume} now, which is fine."
    return Advice(Safety.LIMITED, limit, (f"Interrupting by voice is safe up to volume {limit}. {now}", *texts))


def _remarks(report: Report) -> Iterator[_Remark]:
    yield from _loudness(report)
    yield from _clipping(report)
    yield from _distortion(report)
    yield from _clocks(report)
    yield from (_Remark(text) for text in _noise(report))
    if report.rt60_s is not None and report.rt60_s > REVERBERANT_S:
        yield _Remark(f"The room rings for {report.rt60_s:.1f} s. Carpets and curtains help, and so does a microphone "
                      "near the person.")  # fmt: skip


def _loudness(report: Report) -> Iterator[_Remark]:
    echo = report.echo_dbfs
    if echo is None:
        return
    limit = report.volume * 10 ** ((LOUDEST_ECHO_DBFS - echo) / 40)
    at_full = echo - gain_db(report.volume) - NEAR_DBFS
    if limit < FULL_VOLUME:
        yield _Remark(f"At full volume a reply is {at_full:.0f} dB louder at the microphone than a person. Move the "
                      "microphone away from the loudspeaker, or turn one away from the other.", limit)  # fmt: skip


def _clipping(report: Report) -> Iterator[_Remark]:
    softer = report.volume * 10 ** (SOFTER_DB / 40)
    if report.clipped_quiet > CLIPPED:
        yield _Remark("The microphone is overdriven even by soft sounds. Turn its input gain down, and measure "
                      "again.", 0.0)  # fmt: skip
    elif report.clipped_loud > CLIPPED:
        yield _Remark("The microphone is overdriven by loud sounds. Turn its input gain down, and measure again.",
                      softer)  # fmt: skip


def _distortion(report: Report) -> Iterator[_Remark]:
    quiet, loud = report.distortion_quiet_db, report.distortion_loud_db
    if quiet is not None and quiet > DISTORTED_DB:
        yield _Remark(f"The loudspeaker distorts even soft sounds ({_percent(quiet)}), which no canceller removes. "
                      "Use another one, or another port.", 0.0)  # fmt: skip
    elif report.clipped_loud <= CLIPPED and loud is not None and loud > DISTORTED_DB:
        yield _Remark(f"The loudspeaker or the microphone distorts loud sounds ({_percent(loud)}), which no canceller "
                      "removes.", report.volume * 10 ** (SOFTER_DB / 40))  # fmt: skip
    elif report.clipped_loud <= CLIPPED and (report.compression_db or 0.0) < LIMITED_DB:
        yield _Remark("Something turns loud sounds down. Turn automatic gain and loudness off in the mixer.")


def _percent(level_db: float) -> str:
    return f"{100 * 10 ** (level_db / 20):.0f} % harmonics"


def _clocks(report: Report) -> Iterator[_Remark]:
    if (late := delay_concern(report.delay_ms)) is not None:
        yield _Remark(str(late), 0.0)
    if (drifting := drift_concern(report.drift_ppm, report.drift_error_ppm)) is not None:
        yield _Remark(str(drifting))


def delay_concern(delay_ms: float | None) -> Concern | None:
    """An echo that the canceller cannot follow: it comes too late, or too early by the clocks."""
    if delay_ms is not None and delay_ms > LONGEST_MS:
        return Concern(
            f"The sound comes back after {delay_ms:.0f} ms, and the canceller looks back {LONGEST_MS:.0f}.",
            "Is the loudspeaker wireless? Use a wired one.",
        )
    if delay_ms is not None and delay_ms < EARLIEST_MS:
        return Concern(
            f"By its clock the sound comes back {-delay_ms:.0f} ms before it was played.",
            "Use one device for both, or the sound system's own names.",
        )
    return None


def drift_concern(drift_ppm: float | None, error_ppm: float | None) -> Concern | None:
    """Clocks that differ by more than the canceller is tested for."""
    ppm, error = abs(drift_ppm or 0.0), error_ppm or 0.0
    if ppm > NO_CLOCK_PPM:
        return Concern(
            "Samples were lost or made up between loudspeaker and microphone.",
            "Measure again; if it stays so, use one device for both.",
        )
    if ppm - error > MOST_PPM:
        return Concern(
            f"The clocks of microphone and loudspeaker differ by {ppm:.0f} ppm.", "One device for both has one clock."
        )
    return None


def _noise(report: Report) -> tuple[str, ...]:
    if report.finding is Finding.DEAF or report.noise_dbfs <= NOISY_DBFS:
        return ()
    text = (f"It is noisy at the microphone ({report.noise_dbfs:.0f} dBFS). Is there a fan or a motor near it, or is "
            "the input gain too high?")  # fmt: skip
    return (text,)
