"""What measures interruptions at the sound cards is itself right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import rig as sound
from tests.bench.barge_in import Case
from tests.bench.cards import judged, place, share

RATE = sound.RATE
CASE = Case("anybody", np.zeros(160))


def speaking(seconds: float) -> np.ndarray:
    """Noise as loud as a reply, with its tone."""
    at = np.arange(int(seconds * RATE))
    noise = np.random.default_rng(1).standard_normal(len(at)) * 0.05
    return (32767 * (noise + 0.018 * np.sin(2 * np.pi * 6000 * at / RATE))).astype(np.int16)


def part(begin: float, end: float) -> slice:
    """Of a recording, in seconds."""
    return slice(int(begin * RATE), int(end * RATE))


def test_a_duck_and_a_stop_are_found_where_they_are() -> None:
    spoken = speaking(4.0)
    spoken[part(1.08, 1.3)] //= 5
    spoken[part(1.3, 4.0)] = 0
    trial = judged(CASE, spoken)
    assert trial.ducked == pytest.approx(80, abs=10)
    assert trial.silent == pytest.approx(300, abs=10)
    assert not trial.itself


def test_a_pause_that_is_resumed_is_no_stop() -> None:
    spoken = speaking(4.0)
    spoken[part(1.2, 1.4)] = 0
    trial = judged(CASE, spoken)
    assert trial.silent is None
    assert trial.held == pytest.approx(200, abs=10)


def test_a_reply_that_nothing_changes_is_told_so() -> None:
    trial = judged(CASE, speaking(4.0))
    assert (trial.ducked, trial.silent, trial.held, trial.itself) == (None, None, 0.0, False)


def test_a_reply_that_was_over_before_is_no_measurement() -> None:
    spoken = speaking(4.0)
    spoken[part(0.2, 4.0)] = 0
    assert judged(CASE, spoken).itself


def test_a_sound_is_found_under_a_louder_one() -> None:
    near = np.random.default_rng(2).standard_normal(RATE) * 0.05
    heard = speaking(3.0).astype(float) * 2
    heard[12_345 : 12_345 + RATE] += near * 32767
    found = heard.astype(np.int16)
    assert place(found, near) == 12_345
    assert share(found, near, 12_345) == pytest.approx(1.0, abs=0.1)
    assert share(found, near, 20_000) == pytest.approx(0.0, abs=0.1)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path) as started:
        yield started


@pytest.mark.pulse
@pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)")
def test_the_rigs_echo_is_as_loud_as_it_was_asked_for(rig: sound.Rig) -> None:
    speaker, microphone = rig.record(), rig.record("micfeed")
    command = ["pacat", "-d", "spk", f"--rate={RATE}", "--channels=1", "--format=s16le", "--raw"]
    said = rig.run / "said.raw"
    said.write_bytes(speaking(20.0).tobytes())
    with said.open("rb") as file:
        rig.child(command, stdin=file)
    sound.wait_for(lambda: speaker.first_sound(0.0) is not None, 10, "the speaker")
    for gain_db in (-6.0, 0.0):
        with rig.echo(gain_db):
            time.sleep(1.5)
            now = time.monotonic()
            far, near = (np.std(each.between(now - 1.0, now - 0.1)) for each in (speaker, microphone))
            assert 20 * np.log10(near / far) == pytest.approx(gain_db, abs=1.0)
    time.sleep(1.5)
    now = time.monotonic()
    assert not microphone.between(now - 1.0, now - 0.1).any()
