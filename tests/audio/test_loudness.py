"""The volume on its way to a mixer and into the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from edge.audio import loudness
from edge.audio.loudness import Loudness, set_once
from edge.audio.mixer import Mixer, Unavailable
from edge.audio.speaker import QueueSpeaker
from tests.rig import wait_for


class Knob:
    """A mixer with a memory, which can break."""

    name = "knob"
    watcher = ()

    def __init__(self, percent: int = 80, steps: int = 1) -> None:
        self.percent, self.writes, self.broken, self._steps = percent, 0, False, steps

    def read(self) -> int:
        if self.broken:
            raise Unavailable("amixer: unplugged")
        return self.percent // self._steps * self._steps

    def write(self, percent: int) -> None:
        if self.broken:
            raise Unavailable("amixer: unplugged")
        self.percent, self.writes = percent, self.writes + 1


class Rig:
    def __init__(self, mixer: Mixer | None, *, known: bool = False, volume: int = 100) -> None:
        self.speaker = QueueSpeaker(lambda _: None, lambda: 0.0, volume)
        self.mixer, self.looked, self.kept = mixer, list[str](), list[int]()
        self.loudness = Loudness(self.speaker, self.find, self.kept.append, known=known)
        self.told = list[int]()
        self.loudness.moved_to = self.told.append
        self.loudness.start()

    def find(self, device: str) -> Mixer | None:
        self.looked.append(device)
        return self.mixer

    def plug(self, device: str = "card") -> None:
        self.speaker.opened(device, 48_000, 0.0)


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*arguments: object, **options: object) -> Rig:
        made.append(Rig(*arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.loudness.close()
    assert "volume" not in {thread.name for thread in threading.enumerate()}


def until(done: Callable[[], object], what: str) -> None:
    wait_for(done, 10, what)


def test_a_mixer_that_nobody_has_set_is_left_as_it_stands(rig: Callable[..., Rig]) -> None:
    knob = Knob(35)
    it = rig(knob)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    assert (it.speaker.volume, knob.writes, it.kept) == (35, 0, [])


def test_a_volume_that_is_known_is_set_when_the_output_opens(rig: Callable[..., Rig]) -> None:
    knob = Knob()
    it = rig(knob, known=True, volume=40)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    assert (knob.percent, it.kept) == (40, [])


def test_what_is_set_goes_to_the_mixer_and_is_kept(rig: Callable[..., Rig]) -> None:
    knob = Knob()
    it = rig(knob)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    it.speaker.volume = 25
    until(lambda: knob.percent == 25 and it.kept == [25], "the volume")


def test_without_a_mixer_the_speaker_does_it(rig: Callable[..., Rig]) -> None:
    it = rig(None)
    it.plug()
    it.speaker.volume = 25
    until(lambda: it.kept == [25], "the memory")
    assert not it.speaker.mixed
    assert it.speaker._wanted_gain() == 0.0625


def test_a_knob_that_is_turned_is_kept_once_and_at_the_end(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loudness, "KEEP_S", 3600.0)
    it = rig(None)
    it.speaker.volume = 1
    until(lambda: it.kept == [1], "the first")
    for percent in range(2, 30):
        it.speaker.volume = percent
    it.loudness.close()
    assert it.kept == [1, 29]
    it.loudness.close()
    assert it.kept == [1, 29]


def test_a_mixer_that_fails_hands_over_to_the_speaker_and_may_come_back(rig: Callable[..., Rig]) -> None:
    knob = Knob()
    it = rig(knob, known=True, volume=50)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    knob.broken = True
    it.speaker.volume = 20
    until(lambda: not it.speaker.mixed, "the speaker's own gain")
    knob.broken = False
    it.loudness.published("error", {"where": "speaker"})
    it.loudness.published("speaker", {"ok": True})  # it is plugged in again
    until(lambda: it.speaker.mixed, "the mixer again")
    assert knob.percent == 20


def test_a_mixer_that_somebody_else_has_moved_is_followed(rig: Callable[..., Rig]) -> None:
    """Without a program that tells: as soon as the output is opened again."""
    knob = Knob(60)
    it = rig(knob)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    knob.percent = 25
    it.plug()
    until(lambda: it.kept == [25], "the memory")
    assert (it.speaker.volume, knob.writes, it.told) == (25, 0, [25])
    it.plug()
    it.speaker.volume = 30
    until(lambda: knob.percent == 30, "the mixer")
    assert it.told == [25]


def test_a_mixer_with_few_steps_has_not_been_moved_by_rounding(rig: Callable[..., Rig]) -> None:
    knob = Knob(steps=8)
    it = rig(knob, known=True, volume=50)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    it.plug()
    it.speaker.volume = 47
    until(lambda: knob.percent == 47, "the mixer")
    assert (it.speaker.volume, it.told) == (47, [])


def test_a_mixer_that_does_not_answer_has_not_been_moved(rig: Callable[..., Rig]) -> None:
    knob = Knob(60)
    it = rig(knob)
    it.plug()
    until(lambda: it.speaker.mixed, "the mixer")
    knob.broken = True
    it.loudness._was_moved()
    knob.percent = 10
    until(lambda: not it.loudness._moved, "the look")
    assert (it.speaker.volume, it.told) == (60, [])


def test_another_output_has_another_mixer(rig: Callable[..., Rig]) -> None:
    it = rig(Knob())
    it.plug("one")
    until(lambda: it.looked == ["one"], "the first")
    it.plug("one")  # opened again after a rest
    it.plug("two")
    until(lambda: it.looked == ["one", "two"], "the second")


def test_whoever_plays_once_is_as_loud_as_the_daemon() -> None:
    """Calibration, which would else measure another loudness than the one it judges."""
    knob = Knob(35)
    speaker = QueueSpeaker(lambda _: None, lambda: 0.0, 100)
    assert set_once(speaker, lambda _: knob, 100) == 35
    assert (speaker.mixed, knob.writes) == (True, 0)
    assert set_once(speaker, lambda _: knob, 55) == knob.percent == speaker.volume == 55
    knob.broken = True
    speaker = QueueSpeaker(lambda _: None, lambda: 0.0, 60)
    assert set_once(speaker, lambda _: knob, 60) == 60
    assert set_once(speaker, lambda _: None, 60) == 60
    assert not speaker.mixed
