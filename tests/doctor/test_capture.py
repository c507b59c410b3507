"""What half a second of a microphone tells, from sound that is made here and from a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.audio.files import load
from edge.doctor.capture import Capture, about, judge
from edge.doctor.checks import Result, State

RATE = 48_000
SPEECH = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"


def noise(channels: int = 1, level: float = 0.001, seconds: float = 0.5) -> np.ndarray:
    return np.random.default_rng(1).normal(0, level, (round(seconds * RATE), channels))


def heard(samples: np.ndarray, near: tuple[int, ...] = (0,)) -> Result:
    (one,) = judge(Capture("USB Mic", samples, RATE, 0.5, near))
    return one


def test_a_quiet_room() -> None:
    found = heard(noise())
    assert found.state is State.WELL
    assert found.found.startswith("USB Mic: 48000 Hz, 1 channel, level -60 dBFS, peak -4")


def test_a_person_who_talks_meanwhile_is_well() -> None:
    speech = load(SPEECH)[8000:16_000].astype(np.float64) / 32768
    (found,) = judge(Capture("Mic", speech[:, None], 16_000, 0.5, (0,)))
    assert found.state is State.WELL


def test_digital_silence_is_no_room() -> None:
    found = heard(np.zeros((RATE // 2, 2)), (0, 1))
    assert found.state is State.FAIL
    assert found.found == "USB Mic hears nothing at all, not even noise."
    assert "muted" in found.todo
    assert "speak meanwhile" in found.todo


def test_one_value_for_ever_is_stuck() -> None:
    assert heard(np.full((RATE // 2, 1), -0.25)).found == "USB Mic is stuck: every sample has the same value."


def test_the_faintest_real_noise_is_not_silence() -> None:
    """One bit of 16."""
    bits = np.random.default_rng(1).integers(0, 2, (RATE // 2, 1)) / 32768
    assert heard(bits).state is State.FAIL
    assert heard(3 * bits).state is State.WELL


def test_a_steady_offset_is_not_stuck() -> None:
    assert heard(noise() + 0.1).state is State.WELL


@pytest.mark.parametrize("sign", [1, -1])
def test_clipping(sign: int) -> None:
    samples = noise()
    samples[1000:1050, 0] = sign
    assert heard(samples).found == "USB Mic is overdriven by the sound in the room."
    samples = noise()
    samples[1000, 0] = sign  # a click
    assert heard(samples).state is State.WELL


def test_a_channel_that_is_not_listened_to_may_do_what_it_likes() -> None:
    samples = noise(6)
    samples[:, 5] = 0  # what the loudspeaker plays: nothing now
    samples[:, 0] = 1.0
    found = heard(samples, (1, 2, 3, 4))
    assert found.state is State.WELL
    assert "48000 Hz, 2, 3, 4, 5 of 6 channels" in found.found


def test_a_dead_one_among_several_is_named_as_in_the_configuration() -> None:
    samples = noise(4)
    samples[:, 2] = 0
    assert heard(samples, (0, 1, 2, 3)).found == "USB Mic: of the channels listened to, 3 hears nothing."


@pytest.mark.parametrize(("share", "state"), [(0.0, State.FAIL), (0.5, State.FAIL), (0.9, State.WELL)])
def test_samples_that_do_not_come(share: float, state: State) -> None:
    found = heard(noise(seconds=0.5 * share))
    assert found.state is state
    assert (f"only {100 * share:.0f} %" in found.found) is (state is State.FAIL)


def test_what_is_used_of_it() -> None:
    assert about(Capture("M", noise(2), RATE, 0.5, (0, 1))) == "M: 48000 Hz, 2 channels"
    assert about(Capture("M", noise(2), RATE, 0.5, (1,))) == "M: 48000 Hz, 2 of 2 channels"
