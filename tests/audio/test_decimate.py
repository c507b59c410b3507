"""Down to 16 kHz at once."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from edge.audio.decimate import Decimator
from tests.signals import Int16, amplitude, tone

FACTORS = (2, 3, 6)


def through(factor: int, sound: Int16, piece: int = 480) -> Int16:
    """In pieces, as a card gives it."""
    stream = Decimator(factor, 1)
    parts = [stream(sound[at : at + piece, None]) for at in range(0, len(sound), piece)]
    return np.concatenate(parts)[:, 0]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("hertz", [100.0, 1000.0, 5000.0, 6800.0])
def test_a_voice_comes_through_as_it_is_and_in_its_place(factor: int, hertz: float) -> None:
    """Level and time: sample n belongs to input sample n times the factor."""
    out = through(factor, tone(0.5, hertz, 16_000 * factor))
    wanted = tone(0.5, hertz, 16_000)[: len(out)]
    inner = slice(200, len(out) - 200)
    assert amplitude(out[inner]) == pytest.approx(amplitude(wanted[inner]), rel=0.03)
    assert np.corrcoef(out[inner], wanted[inner])[0, 1] > 0.999


@pytest.mark.parametrize("factor", FACTORS)
def test_what_16_khz_cannot_hold_is_gone(factor: int) -> None:
    """Or it would come back as another tone."""
    out = through(factor, tone(0.5, 9200.0, 16_000 * factor))
    assert amplitude(out[200:-200]) < 0.002 * 16_384


@pytest.mark.parametrize("piece", [7, 160, 480, 4801])
def test_pieces_of_any_size_join(piece: int) -> None:
    """To the sample, and hardly a millisecond is held back."""
    sound = tone(0.3, 700.0, 48_000)
    whole, parts = through(3, sound, len(sound)), through(3, sound, piece)
    assert np.array_equal(whole, parts)
    assert len(parts) >= len(sound) // 3 - 17


def test_two_channels_stay_together() -> None:
    """The near end and an array's reference."""
    left, right = tone(0.1, 700.0, 48_000), tone(0.1, 300.0, 48_000)
    both = Decimator(3, 2)(np.stack([left, right], axis=1))
    assert np.array_equal(both[:, 0], Decimator(3, 1)(left[:, None])[:, 0])
    assert np.array_equal(both[:, 1], Decimator(3, 1)(right[:, None])[:, 0])


def test_no_other_thread_has_a_share_in_it() -> None:
    """One that is not hurried as the audio thread is: on a busy machine it was waited for for seconds."""
    program = """
import os
import edge.audio.decimate
import numpy as np
np.dot(np.ones((900, 900), np.float32), np.ones((900, 900), np.float32))
print(len(os.listdir("/proc/self/task")))
"""
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
