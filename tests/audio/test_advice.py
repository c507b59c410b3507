from __future__ import annotations

from dataclasses import replace

import pytest

from edge.audio.advice import LEAST_VOLUME, Advice, Safety, advise
from edge.audio.calibration import REPLY_DB, Finding, Report, gain_db

GOOD = Report(
    Finding.HEARD, -60.0, 100, delay_ms=40.0, return_db=-12.0, echo_dbfs=REPLY_DB - 12.0, rt60_s=0.3, late_db=-20.0,
    peak_dbfs=-20.0, distortion_loud_db=-40.0, compression_db=0.0, drift_ppm=10.0, drift_error_ppm=1.0,
)  # fmt: skip


AWAY = (
    "At full volume a reply is 16 dB louder at the microphone than a person. Move the microphone away from the "
    "loudspeaker, or turn one away from the other."
)


def at(return_db: float, volume: int = 100) -> Advice:
    echo = REPLY_DB + gain_db(volume) + return_db
    return advise(replace(GOOD, return_db=return_db, echo_dbfs=echo, volume=volume))


def only(advice: Advice) -> str:
    """The one remark behind the verdict."""
    _, remark = advice.sentences
    return remark


def test_a_good_room() -> None:
    assert advise(GOOD) == Advice(Safety.SAFE, 100, ("Interrupting by voice is safe here, at any volume.",))


def test_a_loud_echo_has_a_limit() -> None:
    """-18 + 6 dBFS of echo at full volume, where -22 are allowed: 10 dB less are volume 56."""
    advice = at(6)
    assert (advice.safety, advice.volume_limit) == (Safety.LIMITED, 55)
    assert advice.sentences == (
        "Interrupting by voice is safe up to volume 55. It is 100 now.",
        AWAY,
    )


@pytest.mark.parametrize("return_db", [-30.0, -4.1, 0.0, 4.0, 10.0, 30.0])
def test_the_limit_is_the_rooms_and_does_not_depend_on_the_volume_of_the_measurement(return_db: float) -> None:
    assert len({at(return_db, volume).volume_limit for volume in (100, 80, 60, 40)}) == 1


def test_the_louder_the_echo_the_lower_the_limit() -> None:
    limits = [at(float(level)).volume_limit for level in range(-20, 30)]
    assert limits == sorted(limits, reverse=True)
    assert all(limit % 5 == 0 for limit in limits)


def test_a_volume_below_the_limit_is_fine() -> None:
    assert (
        at(6, volume=50).sentences[0] == "Interrupting by voice is safe up to volume 55. It is 50 now, which is fine."
    )


def test_an_echo_far_too_loud() -> None:
    advice = at(20)
    assert advice.safety is Safety.UNSAFE
    assert advice.volume_limit < LEAST_VOLUME
    assert advice.sentences[0] == "Interrupting by voice is not safe here; use the button."


def test_clipping() -> None:
    advice = advise(replace(GOOD, clipped_loud=0.01, distortion_loud_db=-12.0, compression_db=-5.0))
    assert (advice.safety, advice.volume_limit) == (Safety.LIMITED, 50)  # 12 dB less did not clip
    assert only(advice).startswith("The microphone is overdriven by loud sounds. Turn its input gain down")
    advice = advise(replace(GOOD, clipped_loud=0.2, clipped_quiet=0.01))
    assert advice.safety is Safety.UNSAFE
    assert "even by soft sounds" in only(advice)


def test_a_click_is_no_clipping() -> None:
    assert advise(replace(GOOD, clipped_loud=5e-5)).safety is Safety.SAFE


def test_distortion() -> None:
    advice = advise(replace(GOOD, distortion_loud_db=-14.0))
    assert (advice.safety, advice.volume_limit) == (Safety.LIMITED, 50)
    assert "distorts loud sounds (20 % harmonics)" in only(advice)
    advice = advise(replace(GOOD, distortion_loud_db=-6.0, distortion_quiet_db=-10.0))
    assert advice.safety is Safety.UNSAFE
    assert "distorts even soft sounds (32 % harmonics)" in only(advice)


def test_a_limiter() -> None:
    assert only(advise(replace(GOOD, compression_db=-4.0))).startswith("Something turns loud sounds down.")


def test_a_wireless_loudspeaker() -> None:
    advice = advise(replace(GOOD, delay_ms=310.0))
    assert advice.safety is Safety.UNSAFE
    assert "after 310 ms, and the canceller looks back 240" in only(advice)


def test_an_echo_before_its_sound() -> None:
    assert advise(replace(GOOD, delay_ms=-5.0)).safety is Safety.SAFE
    advice = advise(replace(GOOD, delay_ms=-25.0))
    assert advice.safety is Safety.UNSAFE
    assert "25 ms before it was played" in only(advice)


@pytest.mark.parametrize(
    ("ppm", "error", "word"),
    [(-200.0, 2.0, "differ by 200 ppm"), (-900.0, 2.0, "Samples were lost"), (200.0, 100.0, ""), (120.0, 1.0, "")],
)
def test_clocks(ppm: float, error: float, word: str) -> None:
    advice = advise(replace(GOOD, drift_ppm=ppm, drift_error_ppm=error))
    assert advice.safety is Safety.SAFE
    assert (word in only(advice)) if word else len(advice.sentences) == 1


def test_a_loud_room_and_one_that_rings() -> None:
    assert "It is noisy at the microphone (-38 dBFS)." in only(advise(replace(GOOD, noise_dbfs=-38.0)))
    assert "rings for 1.2 s" in only(advise(replace(GOOD, rt60_s=1.2)))


def test_several_things_at_once_are_all_said_and_the_lowest_limit_counts() -> None:
    advice = advise(replace(GOOD, echo_dbfs=-19.0, clipped_loud=0.01, noise_dbfs=-40.0))
    assert advice.volume_limit == 50
    assert len(advice.sentences) == 4


@pytest.mark.parametrize(
    ("finding", "safety", "words"),
    [
        (Finding.DEAF, Safety.UNKNOWN, "hears nothing at all"),
        (Finding.NOTHING, Safety.UNKNOWN, "nothing of the loudspeaker"),
        (Finding.BROKEN, Safety.UNKNOWN, "lost while measuring"),
        (Finding.CANCELLED, Safety.SAFE, "already"),
        (Finding.GATED, Safety.UNSAFE, "closes the microphone"),
        (Finding.FAINT, Safety.SAFE, "hardly hears"),
    ],
)
def test_what_is_no_echo(finding: Finding, safety: Safety, words: str) -> None:
    advice = advise(Report(finding, -60.0, 100))
    assert advice.safety is safety
    assert words in advice.sentences[0]
    assert len(advice.sentences) == 1


def test_noise_is_told_also_where_nothing_is_heard() -> None:
    assert len(advise(Report(Finding.NOTHING, -30.0, 100)).sentences) == 2


def test_volume_zero() -> None:
    advice = advise(Report(Finding.NOTHING, -60.0, 0))
    assert advice.safety is Safety.UNKNOWN
    assert advice.sentences[0].startswith("The volume is 0.")


def test_sentences_are_short_and_whole() -> None:
    worst = replace(
        GOOD, echo_dbfs=10.0, clipped_loud=1.0, clipped_quiet=1.0, distortion_loud_db=-3.0, distortion_quiet_db=-3.0,
        delay_ms=500.0, drift_ppm=200.0, noise_dbfs=-20.0, rt60_s=2.0,
    )  # fmt: skip
    for sentence in advise(worst).sentences:
        assert sentence.endswith((".", "?"))
        assert all(len(part) < 120 for part in sentence.split(". "))
