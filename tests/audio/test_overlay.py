"""A sound over a reply or over nothing: what is heard of it, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from edge.audio.feed import SOUND_AHEAD_S
from edge.audio.overlay import FADE_S, LATE_S, ROOM_S, Overlay
from edge.audio.rendering import DUCK_GAIN
from edge.core.events import PlayoutEnded, PlayoutStarted
from tests.audio.test_feed import Device
from tests.audio.test_speaker import BLOCK, RATE, Output, ramp
from tests.signals import amplitude, pitch, tone

CHIME = tone(0.2, 800, RATE, 0.1)
STEEPEST = np.abs(np.diff(CHIME.astype(np.int32))).max()  # a click is steeper
FADE = round(FADE_S * RATE)


def chiming(volume: int = 100) -> Output:
    out = Output(volume=volume)
    out.speaker.sound(CHIME, RATE)
    return out


# --- what is heard -----------------------------------------------------------------------------------


@given(blocks=st.lists(st.integers(1, 2000), min_size=1, max_size=12))
def test_over_nothing_it_is_heard_as_it_is(blocks: list[int]) -> None:
    out = chiming()
    while out.speaker.overlay.active:
        for frames in blocks:
            out.pull(frames)
    assert np.array_equal(out.heard[: len(CHIME)], CHIME)
    assert not out.heard[len(CHIME) :].any()
    assert out.events == []


def test_over_a_reply_both_are_heard_and_the_reply_counts_as_before() -> None:
    out, reply = Output(), tone(1.0, 440, RATE, 0.2)
    out.speaker.play(1, reply.tobytes(), RATE)
    out.speaker.finish(1)
    out.run(0.3)
    out.speaker.sound(CHIME, RATE)
    out.run(0.1)
    assert out.speaker.stop(1) == 400 + 10  # the fade is heard
    out = Output()
    out.speaker.play(1, reply.tobytes(), RATE)
    out.speaker.finish(1)
    out.speaker.sound(CHIME, RATE)
    out.run(1.1)
    assert np.array_equal(out.heard[: len(CHIME)], reply[: len(CHIME)] + CHIME)
    assert np.array_equal(out.heard[len(CHIME) : RATE], reply[len(CHIME) :])
    assert [type(event) for event in out.events] == [PlayoutStarted, PlayoutEnded]


def test_two_loud_ones_together_do_not_wrap_around() -> None:
    out = Output()
    out.speaker.play(1, np.full(RATE, 30_000, np.int16).tobytes(), RATE)
    out.speaker.sound(np.full(RATE // 10, 30_000, np.int16), RATE)
    assert out.run(0.1).min() > 0


def test_it_obeys_the_volume_the_duck_and_the_pause() -> None:
    assert amplitude(chiming(50).run(0.2)) == pytest.approx(amplitude(CHIME) / 4, rel=0.02)
    out = chiming()
    out.speaker.duck(True)
    assert amplitude(out.run(0.2)) == pytest.approx(amplitude(CHIME) * DUCK_GAIN, rel=0.02)
    out = chiming()
    out.speaker.pause(True)
    assert not out.run(0.1).any()
    assert not chiming(0).run(0.2).any()


def test_a_mixer_behind_it_makes_the_volume() -> None:
    out = chiming(30)
    out.speaker.mixed = True
    assert amplitude(out.run(0.2)) == pytest.approx(amplitude(CHIME), rel=0.02)
    out = chiming(0)
    out.speaker.mixed = True
    assert not out.run(0.2).any()


def test_it_is_fitted_to_the_outputs_rate() -> None:
    out = Output()
    out.speaker.sound(tone(0.2, 800, 9_600, 0.1), 9_600)
    heard = out.run(0.3)
    assert pitch(heard[1000:8000], RATE) == pytest.approx(800, abs=5)
    assert np.array_equal(heard[:9600], soxr.resample(tone(0.2, 800, 9_600, 0.1), 9_600, RATE))


def test_the_canceller_is_told_of_it() -> None:
    told = []

    class Far:
        def sounded(self, samples: np.ndarray, rate: int, at: float) -> None:
            told.append((samples.copy(), at))

        def passed(self, count: int, rate: int) -> None:
            """Silence is counted, and is no sound."""

    out = chiming()
    out.speaker.far = Far()  # type: ignore[assignment]
    began = out.now
    out.run(0.3)
    assert np.array_equal(np.concatenate([samples for samples, _ in told])[: len(CHIME)], CHIME)
    assert told[0][1] == began
    assert len(told) == 20  # and of nothing else


# --- how it ends ---------------------------------------------------------------------------------------


def test_hushed_it_fades_out_at_once() -> None:
    out = chiming()
    out.run(0.05)
    out.speaker.overlay.hush()
    heard = out.run(0.05)
    assert heard[:FADE].any()
    assert not heard[FADE:].any()
    assert np.abs(np.diff(out.heard.astype(np.int32))).max() < 1.1 * STEEPEST
    assert not out.speaker.busy


def test_hushed_before_it_begins_it_never_does() -> None:
    out = chiming()
    out.speaker.overlay.hush()
    assert not out.run(0.2).any()
    out.speaker.overlay.hush()  # nothing is there any more
    assert not out.speaker.busy


def test_a_new_one_takes_its_place_without_a_click() -> None:
    out = chiming()
    out.run(0.05)
    after = tone(0.1, 300, RATE, 0.1)
    out.speaker.sound(after, RATE)
    out.run(0.2)
    begin = round(0.05 * RATE)
    assert np.array_equal(out.heard[begin + FADE : begin + len(after)], after[FADE:])
    assert np.abs(np.diff(out.heard.astype(np.int32))).max() < 1.5 * STEEPEST  # both together


def test_one_that_has_not_begun_leaves_nothing_behind() -> None:
    out = chiming()
    after = tone(0.1, 300, RATE, 0.1)
    out.speaker.sound(after, RATE)
    assert np.array_equal(out.run(0.1), after)


def test_an_output_that_opens_too_late_does_not_sound_it() -> None:
    out = chiming()
    out.now += LATE_S - 0.01
    out.speaker.tick()
    assert out.speaker.busy
    out.now += 0.02
    out.speaker.tick()
    assert not out.speaker.busy
    assert not out.run(0.2).any()


def test_one_that_loses_its_output_does_not_go_on_when_that_comes_back() -> None:
    out = chiming()
    out.run(0.05)
    out.now += LATE_S
    out.speaker.tick()
    assert out.speaker.busy  # the output may only be late
    out.now += 0.02
    out.speaker.tick()
    assert not out.speaker.busy
    assert not out.run(0.2).any()


def test_one_asked_for_while_another_ends_is_not_lost() -> None:
    overlay = Overlay()
    overlay.ask(CHIME, RATE, 0.0)
    old = overlay._sound
    assert old is not None
    overlay.ask(CHIME, RATE, 0.0)
    overlay._drop(old)
    assert overlay.active


# --- in the card -----------------------------------------------------------------------------------------


def test_little_of_it_is_in_the_card_so_that_a_reply_need_not_wait() -> None:
    device = Device()
    device.speaker.sound(tone(0.4, 800, RATE, 0.1), RATE)
    device.tick()
    assert device.left <= SOUND_AHEAD_S * RATE
    device.run(0.1)
    before = len(device.given)
    device.play(0.5, value=10_000)
    device.run(0.1)
    assert device.left
    late = np.flatnonzero(device.given[before:] > 5000)[0]
    assert late == 0  # the reply is mixed in with the very next piece


def test_it_goes_through_the_card_whole_and_leaves_it_quiet() -> None:
    device = Device()
    device.speaker.sound(CHIME, RATE)
    device.run(0.5)
    sound = np.trim_zeros(device.given)
    assert np.array_equal(sound, np.trim_zeros(CHIME))
    assert not device.speaker.busy
    assert device.speaker.starved == 0
    assert len(device.run(0.2)) == 0


def test_what_the_card_gives_back_of_it_comes_again() -> None:
    out = Output()
    out.speaker.play(1, np.zeros(RATE, np.int16).tobytes(), RATE)
    out.speaker.sound(ramp(4 * BLOCK), RATE)
    out.pull(2 * BLOCK)
    out.speaker.recall(BLOCK)
    assert np.array_equal(out.pull(BLOCK), ramp(4 * BLOCK)[BLOCK : 2 * BLOCK])
    out.run(0.2)
    out.speaker.recall(BLOCK)
    assert not out.speaker.overlay.active


# --- what the microphone hears of it -----------------------------------------------------------------------


def test_when_the_microphone_may_hear_it_is_known() -> None:
    out = Output(latency=0.05)
    assert not out.speaker.overlay.covers(out.now)
    began = out.now
    out.speaker.sound(CHIME, RATE)
    out.run(0.3)
    covers = out.speaker.overlay.covers
    assert [covers(began + s) for s in (0.04, 0.06, 0.2, 0.25 + ROOM_S - 0.01, 0.26 + ROOM_S)] == [
        False, True, True, True, False,
    ]  # fmt: skip
