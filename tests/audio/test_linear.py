"""The linear canceller in the bench's room: what it takes off, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.audio.convert import Samples, level_db
from edge.audio.likeness import Likeness
from edge.audio.linear import PARTITIONS, LinearCanceller
from edge.core.near_end import Verdict
from tests.bench.barge_in import LOUDER, SAID
from tests.bench.clips import DATA
from tests.bench.closed_loop import RATE, Condition, Room
from tests.signals import Int16, noise, recording

LATE = replace(LOUDER, name="150 ms", delay_s=0.15)


def room(condition: Condition, seconds: float) -> tuple[Int16, Int16]:
    """Both ends while the loudspeaker speaks on."""
    place = Room(np.zeros(round(seconds * RATE)), SAID, condition)
    ends = []
    for _ in range(place.frames):
        ends.append(place.hear())
        place.obey(Verdict.NONE)
    near, far = zip(*ends, strict=True)
    return np.concatenate(near), np.concatenate(far)


@pytest.mark.parametrize(("condition", "delay"), [(LOUDER, 4), (LATE, 15)])
def test_echo_is_taken_off_and_its_delay_found(condition: Condition, delay: int) -> None:
    near, far = room(condition, 6.0)
    canceller = LinearCanceller()
    left = canceller.process(near, far)
    assert level_db(left[-2 * RATE :]) < level_db(near[-2 * RATE :]) - 20
    assert canceller.delay == delay


def test_voice_beside_the_echo_is_whole() -> None:
    """What AEC3's suppressor takes away."""
    near, far = room(LOUDER, 6.0)
    voice = np.zeros(len(near), np.int16)
    said = recording(DATA / "speech" / "jfk.flac")[: 2 * RATE] // 4
    voice[-len(said) :] = said
    left = LinearCanceller().process(near + voice, far)
    rest = left[-len(said) :] - said
    assert level_db(rest) < level_db(said) - 10


def test_it_never_makes_it_louder() -> None:
    """Least of all while it knows nothing, or where nothing of the far end comes back."""
    far = noise(1.0, loudness=0.2)
    near = noise(1.0, loudness=0.001, seed=2)
    canceller = LinearCanceller()
    for at in range(0, len(near) - 159, 160):
        frame = near[at : at + 160]
        assert level_db(canceller.process(frame, far[at : at + 160])) <= level_db(frame) + 0.1


def test_silent_far_end_costs_nothing_and_changes_nothing() -> None:
    near = noise(1.0, loudness=0.1)
    left = LinearCanceller().process(near, np.zeros(len(near), np.int16))
    assert (left == near).all()


@pytest.mark.parametrize("samples", [80, -80])
def test_path_moves_with_the_far_end(samples: int) -> None:
    """Where the far end is read so much later from now on, nothing has to be learned again."""
    near, far = room(LOUDER, 6.0)
    canceller, cut = LinearCanceller(), 5 * RATE
    canceller.process(near[:cut], far[:cut])
    canceller.shift(samples)
    here, there = slice(cut, cut + RATE // 2), slice(cut + samples, cut + samples + RATE // 2)
    assert level_db(canceller.process(near[here], far[there])) < level_db(near[here]) - 10


def heard_by(likeness: Likeness, near: Samples, far: Samples) -> float:
    for at in range(0, len(near) - 159, 160):
        likeness.push(near[at : at + 160], far[at : at + 160])
    return likeness.now()


def test_an_echo_is_like_the_far_end() -> None:
    """Through a room, and late."""
    near, far = room(LATE, 1.0)
    assert heard_by(Likeness(), near, far) > 0.4


def test_a_person_is_not() -> None:
    far = room(LOUDER, 1.0)[1]
    near = recording(DATA / "speech" / "jfk.flac")[RATE : 2 * RATE]
    assert heard_by(Likeness(), near, far) < 0.3


def test_silence_is_not_like_anything() -> None:
    assert Likeness().now() == 0.0
    assert PARTITIONS * 160 / RATE >= 0.25


def test_an_echo_that_appears_is_learned_when_told_so() -> None:
    """After a minute without one it would be sure that there is none."""
    near, far = room(LOUDER, 6.0)
    canceller = LinearCanceller()
    quiet = noise(6.0, loudness=0.0005)
    canceller.process(quiet[: len(far)], far)
    canceller.restart()
    left = canceller.process(near, far)
    assert level_db(left[-RATE:]) < level_db(near[-RATE:]) - 15


def test_quiet_in_between_costs_it_nothing() -> None:
    """Frames in which nothing is to be heard are let through; what was played meanwhile may still come back."""
    near, far = room(LOUDER, 6.0)
    near[3 * RATE : 4 * RATE] //= 4096  # a microphone that was covered
    canceller = LinearCanceller()
    left = canceller.process(near, far)
    assert np.array_equal(left[3 * RATE : 4 * RATE], near[3 * RATE : 4 * RATE])
    again = slice(4 * RATE, 4 * RATE + RATE // 5)
    assert level_db(left[again]) < level_db(near[again]) - 15
