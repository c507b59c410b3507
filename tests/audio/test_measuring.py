from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.audio.arrays import Roles
from edge.audio.calibration import Finding, Recording, analyse, gain_db
from edge.audio.convert import Format
from edge.audio.measuring import Session
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.sweep import TOTAL_S
from edge.core.events import Event
from edge.errors import DeviceGone

RATE, DELAY_S, GAIN = 16_000, 0.06, 0.25
START = 100.0


@dataclass
class Time:
    now: float = START
    hooks: list[Callable[[], None]] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        for hook in self.hooks:
            hook()

    def __call__(self) -> float:
        return self.now


class Sink:
    """Pulls what sounds by now; `line` is all that sounded since START."""

    def __init__(self, speaker: QueueSpeaker, time: Time) -> None:
        self._speaker, self._time = speaker, time
        self.line = np.zeros(0, np.int16)
        self.is_open, self.dead, self.stops = True, False, False

    def open(self) -> None: ...

    def close(self) -> None: ...

    def stalled(self) -> bool:
        return self.dead

    def pump(self) -> bool:
        count = round((self._time() - START) * RATE) - len(self.line)
        if not self.stops:
            self.line = np.concatenate([self.line, self._speaker.render(count, self._time() - count / RATE)])
        return True


class Source(Sink):
    """Hears the other end of `sink` after DELAY_S."""

    def __init__(self, sink: Sink, time: Time, form: Format, roles: Roles | None = None) -> None:
        self._sink, self._time = sink, time
        self.form, self.roles, self.name = form, roles, "mic"
        self.ring = Ring(RATE, form.frame_bytes, 10.0)
        self.overruns, self.gate = 0, True
        self.is_open, self.dead, self.stops = True, False, False
        self._random = np.random.default_rng(1)

    def pump(self) -> bool:
        if self.stops:
            return False
        first, last = self.ring.written, round((self._time() - START) * RATE)
        at = np.arange(first, last) - round(DELAY_S * RATE)
        line = np.append(self._sink.line, 0)  # before and after it, silence
        heard = line[np.where((at >= 0) & (at < len(line)), at, -1)] * GAIN / 32768
        heard = heard + self._random.normal(0, 0.001, len(heard))
        table = np.zeros((len(heard), self.form.channels))
        table[:, -1] = heard
        scale = {"int16": 2.0**15, "int32": 2.0**31, "float32": 1.0}[self.form.dtype]
        self.ring.write((table * scale).astype(self.form.dtype).tobytes(), self._time())
        return True


@dataclass
class Bench:
    session: Session
    source: Source
    sink: Sink
    speaker: QueueSpeaker
    time: Time


def bench(form: Format | None = None, roles: Roles | None = None, volume: int = 100) -> Bench:
    time, events = Time(), list[Event]()
    speaker = QueueSpeaker(events.append, time, volume)
    speaker.opened("spk", RATE, 0.0)
    sink = Sink(speaker, time)
    sink.line = np.zeros(0, np.int16)
    source = Source(sink, time, form or Format(RATE, 1), roles)
    return Bench(Session(source, sink, speaker, events, time, time.pause), source, sink, speaker, time)


def run(one: Bench) -> Recording:
    one.sink.pump()
    recording, lost = one.session.run()
    assert not lost
    return recording


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_the_echo_is_found_where_it_is(dtype: str) -> None:
    report = analyse(run(bench(Format(RATE, 1, dtype))))
    assert report.finding is Finding.HEARD
    assert report.delay_ms == pytest.approx(1000 * DELAY_S, abs=0.5)
    assert report.return_db == pytest.approx(20 * np.log10(GAIN), abs=0.3)
    assert report.noise_dbfs == pytest.approx(-60, abs=0.7)


def test_the_volume_is_taken_into_account() -> None:
    recording = run(bench(volume=50))
    assert np.max(np.abs(recording.samples)) < 10 ** (gain_db(50) / 20) * GAIN * 0.4
    assert analyse(recording, 50).return_db == pytest.approx(20 * np.log10(GAIN), abs=0.3)


@pytest.mark.parametrize(("roles", "columns"), [(None, 4), (Roles((3,)), 1)])
def test_an_array(roles: Roles | None, columns: int) -> None:
    """All channels where they are mixed; else the one that the daemon listens to."""
    recording = run(bench(Format(RATE, 4), roles))
    assert recording.samples.shape[1] == columns
    expected = 20 * np.log10(GAIN) - (12 if columns == 4 else 0)  # the mean of four, three of them silent
    assert analyse(recording).return_db == pytest.approx(expected, abs=0.3)


def test_all_of_the_signal_and_its_echo_is_there() -> None:
    recording = run(bench())
    assert len(recording.samples) - recording.started > (TOTAL_S + 0.9) * RATE
    assert recording.started > 0.2 * RATE


@pytest.mark.parametrize("what", ["overruns", "underruns", "starved"])
def test_lost_samples_are_told(what: str) -> None:
    one = bench()

    def lose() -> None:
        if one.time.now > START + 3:
            setattr(one.source if what == "overruns" else one.speaker, what, 1)

    one.time.hooks.append(lose)
    assert one.session.run()[1]


def test_a_hole_in_the_recording_is_told() -> None:
    one = bench()
    one.source.ring = Ring(RATE, 2, 2.0)
    jumps = [3.0]  # longer than the ring

    def jump() -> None:
        if one.time.now > START + 3 and jumps:
            one.time.now += jumps.pop()

    one.time.hooks.append(jump)
    assert one.session.run()[1]


def test_what_was_lost_before_the_sound_does_not_count() -> None:
    one = bench()
    one.source.overruns = 3
    run(one)


@pytest.mark.parametrize("end", ["dead", "stops"])
def test_a_microphone_that_gives_nothing(end: str) -> None:
    one = bench()
    setattr(one.source, end, True)
    with pytest.raises(DeviceGone, match='The microphone "mic" gives no sound'):
        one.session.run()


@pytest.mark.parametrize("end", ["dead", "stops"])
@pytest.mark.parametrize("after", [0.0, 4.0])
def test_a_speaker_that_takes_nothing(end: str, after: float) -> None:
    one = bench()
    one.time.hooks.append(lambda: setattr(one.sink, end, one.time.now > START + 0.2 + after))
    with pytest.raises(DeviceGone, match=r"(takes|gives) no sound"):
        one.session.run()
