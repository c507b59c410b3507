"""What counts for a voice, and what against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.judgement import LATEST, Heard, Sound, score

VOICE = Sound(periodicity=0.95, pitch_hz=120.0, high_db=-15.0)
HISS = Sound(periodicity=0.2, pitch_hz=500.0, high_db=10.0)
LOUD = -25.0


def heard(count: int = 24, sound: Sound = VOICE, speech: float | None = 0.98, level_db: float = LOUD) -> list[Heard]:
    return [Heard(level_db + 3 * (n % 5), True, speech, sound) for n in range(count)]


def test_speech_scores_above_noise() -> None:
    assert score(heard()) > 0 > score(heard(speech=0.2, sound=HISS))


def each(echo: bool, **changed: object) -> float:
    """The score of 240 ms of a voice, but for what is changed."""
    return score([replace(h, **changed) for h in heard()], echo=echo)  # type: ignore[arg-type]


@pytest.mark.parametrize("echo", [False, True])
def test_each_fact_counts(echo: bool) -> None:
    voice = each(echo)
    assert each(echo, sound=replace(VOICE, periodicity=0.6)) < voice
    assert each(echo, sound=replace(VOICE, high_db=15.0)) < voice
    assert each(echo, speech=0.6) < voice
    assert each(echo, out=False) > voice  # of a noise nearly every frame is taken for a voice
    assert score([*heard()[:-1], replace(heard()[-1], speech=0.2)], echo=echo) < voice


def test_a_canceller_garbles_a_voice() -> None:
    """What it makes of one is let in over echo, and is a noise without."""
    rough = replace(VOICE, periodicity=0.8)
    garbled = [replace(h, speech=0.8, sound=rough, out=n % 2 == 0) for n, h in enumerate(heard(LATEST))]
    assert score(garbled) < 0 < score(garbled, echo=True)


def test_later_it_must_be_clearer() -> None:
    """Up to a limit: somebody who speaks beside a noise must get in."""
    assert score(heard(12)) > score(heard(24)) > score(heard(LATEST)) == pytest.approx(score(heard(LATEST + 100)))
    assert score(heard(LATEST + 100)) > 0


def test_without_a_neural_detector_other_facts_count() -> None:
    shrill, rough = Sound(0.9, 700.0, -15.0), Sound(0.9, 390.0, -15.0)
    assert score(heard(sound=shrill, speech=None)) < score(heard(sound=rough, speech=None))
    assert score([Heard(LOUD, True, None, VOICE)] * 24) < score(heard(speech=None))  # a voice is not so steady


def test_a_whistle_is_no_voice() -> None:
    """Nor a kettle; a child who calls at 450 Hz is one."""
    assert each(False, sound=replace(VOICE, pitch_hz=650.0)) < each(False, sound=replace(VOICE, pitch_hz=450.0))
    assert each(False, sound=replace(VOICE, pitch_hz=450.0)) == each(False)


def test_jumping_pitch_is_a_rattle() -> None:
    jumping = [Heard(LOUD, True, None, Sound(0.95, 100.0 + 150 * (n % 2), -15.0)) for n in range(24)]
    assert score(jumping) < score([Heard(LOUD, True, None, VOICE)] * 24)


def test_silence_can_be_judged() -> None:
    """Nothing in it is active, and nothing of it is speech."""
    assert score([Heard(-80.0, False, None, Sound())] * 24) < 0
    assert score([Heard(-96.0, False, 0.0, Sound())]) < 0
