"""The array's own reference: taken while it carries what is played, and cancelling with it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.convert import FRAME
from edge.audio.echo import EchoCanceller, Uncancelled
from edge.audio.far import FarEnd
from edge.audio.guard import Guard
from edge.audio.reference import HOLD_FRAMES, MISSING_FRAMES, Reference
from edge.core.near_end import NearEnd, NearEndSettings
from tests.bench.clips import DATA
from tests.signals import noise, recording

TAPPED, RETURNED = noise(0.01, loudness=0.1), noise(0.01, loudness=0.1, seed=2)
QUIET = np.zeros(FRAME, np.int16)


def chosen(reference: Reference, tapped: np.ndarray, returned: np.ndarray, times: int = 1) -> str:
    """Which of the two it was the last time."""
    for _ in range(times - 1):
        reference.choose(tapped, returned)
    return "returned" if reference.choose(tapped, returned) is returned else "tapped"


def test_it_is_taken_as_soon_as_it_sounds_and_through_pauses() -> None:
    reference = Reference()
    assert chosen(reference, TAPPED, QUIET, 3) == "tapped"  # it has not come back yet
    assert chosen(reference, TAPPED, RETURNED) == "returned"
    assert chosen(reference, QUIET, RETURNED, 10) == "returned"
    assert chosen(reference, QUIET, QUIET, 20) == "returned"
    assert chosen(reference, TAPPED, QUIET, 10) == "returned"  # the next sentence, on its way


def test_a_loudspeaker_that_hangs_elsewhere_is_found_out() -> None:
    reference = Reference()
    assert chosen(reference, TAPPED, QUIET, 200) == "tapped"
    chosen(reference, TAPPED, RETURNED)
    assert chosen(reference, TAPPED, QUIET, MISSING_FRAMES - 1) == "returned"
    assert chosen(reference, TAPPED, QUIET) == "tapped"


def test_while_nothing_is_played_it_says_nothing() -> None:
    """Other programs' music, or a microphone that was taken for a reference, must not cancel a voice."""
    reference = Reference()
    assert chosen(reference, QUIET, RETURNED, HOLD_FRAMES) == "tapped"
    chosen(reference, TAPPED, RETURNED)
    assert chosen(reference, QUIET, RETURNED, HOLD_FRAMES) == "tapped"


def guard(canceller: Uncancelled | None = None) -> tuple[Guard, FarEnd]:
    far = FarEnd()
    return Guard(NearEnd(NearEndSettings(mode="duck")), far, EchoCanceller(canceller), lambda load: load()), far


def played(guard: Guard, far: FarEnd, *, heard_after: float, returned: bool) -> float:
    """Echo of a recording less what is left of it, in dB, over its second half.

    What the daemon hands to the loudspeaker is heard `heard_after` seconds later than it believes.
    """
    sound = recording(DATA / "speech/vctk_p286_011.flac")[: 5 * 16_000]
    late = round(heard_after * 16_000)
    back = np.concatenate([np.zeros(late, np.int16), sound])[: len(sound)]
    echo = (0.3 * back).astype(np.int16) + noise(len(back) / 16_000, loudness=0.0005)
    left = []
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        now = 100.0 + (at + FRAME) / 16_000
        far.sounded(sound[at : at + FRAME], 16_000, now - FRAME / 16_000 + 0.02)
        part = back[at : at + FRAME] if returned else None
        left.append(guard.clean(echo[at : at + FRAME], now, part))
    half = len(sound) // 2
    cleaned = np.concatenate(left)[half:].astype(float)
    return float(10 * np.log10(np.mean(echo[half : half + len(cleaned)].astype(float) ** 2) / np.mean(cleaned**2)))


def test_with_it_an_echo_is_cancelled_that_comes_far_too_late_for_the_daemons_own_account() -> None:
    """A sound server that buffers half a second: the array's reference does not mind."""
    assert played(*guard(), heard_after=0.6, returned=True) > 20
    assert played(*guard(), heard_after=0.6, returned=False) < 10


def test_where_somebody_else_cancels_the_echo_is_left_as_it_is() -> None:
    assert played(*guard(Uncancelled()), heard_after=0.05, returned=True) == pytest.approx(0, abs=1)
