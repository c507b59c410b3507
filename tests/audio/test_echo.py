"""Echo cancellation on simulated rooms, and the whole guard in a closed loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from edge.audio.convert import SILENCE, Samples, level_db
from edge.audio.echo import BlockFilter, EchoCanceller, ToneFinder, Uncancelled, coefficients, delay_frames
from edge.audio.far import FarEnd
from edge.audio.guard import Guard
from edge.core.near_end import NearEnd, NearEndSettings, Verdict
from tests.bench.barge_in import SAID, Case, Guarded, listen, session
from tests.bench.clips import DATA
from tests.bench.closed_loop import Condition, Room, to_int16
from tests.bench.picture import BANDS, COLUMN, Step, draw, write_png
from tests.signals import Int16, amplitude, noise, power_at, recording, tone

ECHO = Condition("echo", 6.0)


def frames(samples: Int16) -> list[Int16]:
    return [samples[at : at + 160] for at in range(0, len(samples) - 159, 160)]


def filtered(samples: Int16, notch_hz: float | None = None) -> Int16:
    apply = BlockFilter(*coefficients(notch_hz))
    return np.concatenate([apply(frame)[0] for frame in frames(samples)])


@pytest.mark.parametrize(
    ("hertz", "least", "most"), [(20, 0.0, 0.06), (50, 0.2, 0.4), (150, 0.9, 1.02), (4_000, 0.99, 1.01)]
)
def test_high_pass(hertz: float, least: float, most: float) -> None:
    sound = tone(1.0, hertz, 16_000)
    assert least <= amplitude(filtered(sound)[8_000:]) / amplitude(sound[8_000:]) <= most


def test_block_filter_is_the_recursion() -> None:
    """Sample by sample, over frames that join."""
    b, a = coefficients(1_234.0)
    x = noise(0.1, loudness=0.1)
    y = np.zeros(len(x))
    for n in range(len(x)):
        y[n] = sum(b[k] * x[n - k] for k in range(5) if n >= k) - sum(a[k] * y[n - k] for k in range(1, 5) if n >= k)
    assert np.abs(filtered(x, 1_234.0) - y).max() <= 1


def test_notch_takes_the_tone_and_nothing_else() -> None:
    for hertz, share in ((6_000, 0.02), (5_700, 1.05), (6_300, 1.05)):
        sound = tone(1.0, hertz, 16_000)
        left = amplitude(filtered(sound, 6_000)[8_000:]) / amplitude(sound)
        assert left < share
        assert hertz == 6_000 or left > 0.93


def test_clipping_input_does_not_wrap() -> None:
    square = np.where(np.arange(16_000) // 80 % 2, 32_767, -32_768).astype(np.int16)
    out = filtered(square).astype(int)
    assert (np.sign(out[np.abs(out) > 20_000]) == np.sign(square.astype(int)[np.abs(out) > 20_000])).all()


@pytest.mark.parametrize("hertz", [2_000.0, 3_010.0, 6_000.0])
def test_lasting_tone_is_found(hertz: float) -> None:
    """A few dB below speech in all, to 2 Hz, within two seconds."""
    finder = ToneFinder()
    speech = recording(DATA / "speech" / "librivox_0880.flac")[4_000:40_000]
    mixed = speech + tone(len(speech) / 16_000, hertz, 16_000, 0.03)[: len(speech)]
    changes = [finder.process(frame) for frame in frames(mixed.astype(np.int16))]
    assert finder.hertz == pytest.approx(hertz, abs=2)
    assert 1 <= sum(changes) <= 2


def test_speech_is_no_tone() -> None:
    finder = ToneFinder()
    for name in ("librivox_0890", "libri_2412_0000", "pv_test_de"):
        for frame in frames(recording(DATA / "speech" / f"{name}.flac")):
            finder.process(frame)
    assert finder.hertz is None


@pytest.mark.parametrize("delay", [0, 4, 15])
def test_delay_is_seen_in_the_envelopes(delay: int) -> None:
    levels = np.random.default_rng(1).normal(-30, 10, 240)
    near = np.roll(levels, delay) + np.random.default_rng(2).normal(0, 3, 240)
    assert delay_frames(np.stack([near, levels], axis=1)[40:]) == delay


def cancelled(condition: Condition, seconds: float) -> tuple[EchoCanceller, list[float], list[float]]:
    """Levels before and after."""
    room, canceller = Room(np.zeros(int(seconds * 16_000)), SAID, condition), EchoCanceller()
    near, clean = [], []
    for _ in range(room.frames):
        heard, far = room.hear()
        near.append(level_db(heard))
        clean.append(level_db(canceller.process(heard, far)))
        room.obey(Verdict.NONE)
    return canceller, near, clean


@pytest.mark.slow
@pytest.mark.parametrize("condition", [ECHO, Condition("drift", 6.0, ppm=100.0), Condition("late", 6.0, delay_s=0.15)])
def test_reply_with_a_tone_in_it_is_cancelled(condition: Condition) -> None:
    """20 dB and more after two seconds; without the notch it was 5."""
    canceller, near, clean = cancelled(condition, 8.0)
    assert np.median(near[300:]) - np.median(clean[300:]) > 20
    assert canceller.facts.converged
    assert canceller.facts.delay_ms == pytest.approx(condition.delay_s * 1000, abs=20)


@pytest.mark.parametrize("delay_s", [0.02, 0.04])
def test_first_words_of_a_reply_do_not_hold_it(delay_s: float) -> None:
    """The canceller has heard an echo by then, if not this one; a cold one lets through what sounds like somebody."""
    room = Room(np.zeros(3 * 16_000), SAID, Condition("+6 dB", 6.0, delay_s))
    assert Verdict.PAUSE not in [step.verdict for step in listen(room, Guarded())]


def test_where_nothing_is_cancelled_nothing_is_primed() -> None:
    canceller = EchoCanceller(Uncancelled())
    canceller.prime()
    near = noise(0.01)[:160]
    assert level_db(canceller.process(near, near)) == pytest.approx(level_db(near), abs=3)


def test_cancelling_rests_when_nothing_plays() -> None:
    """A second after the far end has ended the near end passes as it is, but for the high-pass."""

    class Deaf:
        def process(self, near: Samples, far: Samples) -> Samples:
            return np.zeros(160, np.int16)

    canceller = EchoCanceller(Deaf())
    speech, far, silence = tone(0.01, 400, 16_000), tone(0.01, 700, 16_000), np.zeros(160, np.int16)
    assert canceller.process(speech, silence).any()
    assert not canceller.process(speech, far).any()
    assert not any(canceller.process(speech, silence).any() for _ in range(99))
    assert canceller.process(speech, silence).any()


def test_picture_is_a_png(tmp_path: Path) -> None:
    """With the onset, the levels and the bands in it."""
    steps = [Step(-30.0, -20.0, -60.0, Verdict.DUCK if n == 10 else Verdict.NONE) for n in range(40)]
    canvas = draw(steps, 20)
    write_png(canvas, tmp_path / "case.png")
    assert (tmp_path / "case.png").read_bytes().startswith(b"\x89PNG")
    assert tuple(canvas[5, 5 * COLUMN]) == BANDS["play"]
    assert tuple(canvas[5, 15 * COLUMN]) == BANDS["duck"]


def test_facts_of_a_frame() -> None:
    canceller = EchoCanceller()
    far = noise(0.01, loudness=0.1)
    canceller.process(np.zeros(160, np.int16), far)
    for _ in range(20):
        canceller.process(np.zeros(160, np.int16), np.zeros(160, np.int16))
    facts = canceller.facts
    assert facts.held_db == pytest.approx(level_db(far))
    assert facts.far_db == facts.near_db == -96.0
    assert not facts.converged


# --- the far end -----------------------------------------------------------------------------------------


def read(far: FarEnd, begin: float, count: int) -> Int16:
    """So many frames, the first of which ended 10 ms after `begin`."""
    return np.concatenate([far.frame(begin + 0.01 * (n + 1)) for n in range(count)])


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_far_end_is_on_the_microphones_time(rate: int) -> None:
    """Blocks stamped with up to 3 ms of jitter, at the device's rate: there 10 ms early, in one piece."""
    far, sound = FarEnd(), tone(1.0, 300, rate)
    for n, at in enumerate(range(0, rate, rate // 50)):
        far.sounded(sound[at : at + rate // 50], rate, 7.0 + n * 0.02 + 0.003 * (n % 2))
    heard = read(far, 6.9, 130)
    first = int(np.flatnonzero(np.abs(heard) > 500)[0])
    assert first == pytest.approx(0.1 * 16_000 - 160, abs=12)
    steady = heard[first + 800 : first + 14_000]
    assert amplitude(steady) == pytest.approx(0.5 * 32_767, rel=0.02)
    assert np.abs(np.diff(steady.astype(int))).max() < 2_000  # no jump: 300 Hz moves by 1,930 a sample at most


def test_silence_where_nothing_sounds() -> None:
    """Before it, between two replies, after it, and when the line comes round again."""
    far = FarEnd()
    for at in (3.0, 3.5):
        far.sounded(tone(0.1, 300, 16_000), 16_000, at)
    loud = np.abs(read(far, 2.5, 700).astype(int)).reshape(-1, 160).max(axis=1) > 500
    assert [n for n in range(700) if loud[n]] == [*range(49, 59), *range(99, 109)]


def test_a_far_end_at_rest_says_so_at_once() -> None:
    far = FarEnd()
    assert far.frame(3.0) is SILENCE
    far.sounded(tone(0.1, 300, 16_000), 16_000, 3.05)
    assert [far.frame(3.0 + 0.01 * n) is SILENCE for n in range(1, 20)] == [n > 14 for n in range(1, 20)]


def test_what_is_taken_back_is_not_heard() -> None:
    far = FarEnd()
    far.sounded(np.full(1_600, 1_000, np.int16), 16_000, 3.0)
    far.recall(800, 16_000)
    assert np.count_nonzero(read(far, 2.9, 40)) == 800


def test_clocks_that_drift_apart_are_followed() -> None:
    """100 ppm for a minute is 6 ms: one correction."""
    far, last = FarEnd(), np.zeros(160, np.int16)
    for n in range(6_000):
        far.sounded(np.full(160, n, np.int16), 16_000, n * 0.01 + 0.02)
        last = far.frame((n + 1) * 0.01 * (1 + 1e-4))
    assert last[80] == pytest.approx(5_999 - 2 + 1 + 0.6, abs=1.5)


@pytest.mark.parametrize("skip", [0, 3_700])
def test_frames_read_together_are_those_read_one_by_one(skip: int) -> None:
    """Across the end of a sound, the end of the line, and a jump of the microphone's clock."""
    ats = [3.0 + 0.01 * n + (0.5 if n > 30 else 0.0) for n in range(100)]
    together, single = FarEnd(), FarEnd()
    for far in (together, single):
        far.sounded(noise(0.8), 16_000, 3.05)
    if skip:
        ats = [at + skip for at in ats]
        for far in (together, single):
            far.sounded(noise(0.8), 16_000, 3.05 + skip)
    found = [frame for begin in range(0, 100, 7) for frame in together.frames(ats[begin : begin + 7])]
    wanted = [single.frame(at) for at in ats]
    assert np.array_equal(np.concatenate(found), np.concatenate(wanted))
    assert [frame is SILENCE for frame in found][-20:] == [True] * 20


# --- some frames at once -------------------------------------------------------------------------------


def facts(guard: Guard, near: Int16, together: int) -> list[tuple[object, ...]]:
    """What a guard says of each frame, and what it leaves of it, given so many at a time."""
    found: list[tuple[object, ...]] = []
    for begin in range(0, len(near) // 160, together):
        part = near[begin * 160 : (begin + together) * 160]
        ats = [5.01 + 0.01 * n for n in range(begin, begin + len(part) // 160)]
        for frame, at in zip(guard.cleaned(part, ats), ats, strict=True):
            found.append((frame.tobytes(), guard.voiced, guard.level_db, guard.judge(frame, at)))
    return found


def test_frames_together_are_judged_as_one_by_one() -> None:
    """A reply begins, its echo is learnt, it ends, the canceller goes to rest, and somebody speaks: at any pace."""
    said = recording(DATA / "speech/arctic_a0010.flac")[:32_000]
    near = np.concatenate([noise(0.5, loudness=0.001), said // 2, noise(1.5, loudness=0.001), said])
    near = near[: len(near) // 1_920 * 1_920]
    found = []
    for together in (1, 4, 12):
        far = FarEnd()
        far.sounded(said, 16_000, 5.46)
        guard = Guard(NearEnd(NearEndSettings(mode="duck")), far, aside=lambda _load: None)
        found.append(facts(guard, near, together))
    assert found[0] == found[1] == found[2]
    assert len({verdict for *_, verdict in found[0]}) > 2


# --- the whole loop ------------------------------------------------------------------------------------


def spoken(name: str) -> Case:
    sound = recording(DATA / "speech" / name)[2_400:20_000] / 32_768
    return Case(name, sound / np.sqrt(np.mean(sound**2)) * 10 ** (-26 / 20), 0.15)


@pytest.mark.slow
@pytest.mark.parametrize("condition", [Condition("none"), Condition("same", 0.0), ECHO])
def test_person_is_let_in(condition: Condition) -> None:
    (outcome,) = session([spoken("arctic_a0010.flac")], condition, Guarded())
    assert outcome.stopped
    assert outcome.silent is not None


@pytest.mark.slow
@pytest.mark.parametrize("drive", [0.0, 3.0])
def test_device_never_interrupts_itself(drive: float) -> None:
    """From a cold start, half a minute of itself 6 dB louder than a person."""
    room = Room(np.zeros(30 * 16_000), SAID, Condition("alone", 6.0, ppm=50.0, drive=drive))
    steps = listen(room, Guarded())
    assert Verdict.STOP not in [step.verdict for step in steps]
    assert room.silent.sum() < 60


def test_words_survive_double_talk() -> None:
    """The near end of a cancelled frame is still there: 3 dB at most are lost without echo."""
    speech = recording(DATA / "speech" / "arctic_a0010.flac")[8_000:24_000]
    canceller = EchoCanceller()
    out = np.concatenate([canceller.process(frame, np.zeros(160, np.int16)) for frame in frames(speech)])
    assert abs(level_db(out) - level_db(speech[: len(out)])) < 1


def test_tone_in_the_room_is_taken_out_of_both() -> None:
    """The notch is in the near end too, so that the path between them stays linear."""

    class Through:
        def process(self, near: Samples, far: Samples) -> Samples:
            return near

    canceller = EchoCanceller(Through())
    near, far = tone(3.0, 6_000, 16_000, 0.05), to_int16(SAID[:48_000])
    out = np.concatenate([canceller.process(n, f) for n, f in zip(frames(near), frames(far), strict=True)])
    assert power_at(out[-16_000:], 6_000) < 0.002


def test_resampled_far_end_is_close_enough() -> None:
    """The far end comes from the device's rate: a round trip through 48 kHz costs no cancellation."""
    far = to_int16(SAID[: 6 * 16_000])
    again = soxr.resample(soxr.resample(far, 16_000, 48_000), 48_000, 16_000)
    canceller, levels = EchoCanceller(), []
    near = np.concatenate([np.zeros(640, np.int16), far // 2])
    for n, f in zip(frames(near), frames(again), strict=False):
        levels.append((level_db(n), level_db(canceller.process(n, f))))
    before, after = np.array(levels[400:]).T
    assert np.median(before) - np.median(after) > 25
