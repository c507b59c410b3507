"""The Microphone port: late events are dropped, the audio thread works and ends, muting is passed on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from edge.audio import microphone as module
from edge.audio.keeper import Keeper
from edge.audio.microphone import TICK_S, AudioThread, Ear, Sessions
from edge.audio.pace import GUARD_S, IDLE_LOOK_S, LISTEN_S, STILL_S, SUSPECT_S
from edge.core.effects import Ears
from edge.core.events import Event, MicAudio
from tests.audio.room import Room
from tests.bench.clips import DATA
from tests.fakes.lines import FakeLine, FakeSource
from tests.signals import recording


class Loop:
    """Calls wait here until `run`, as they do in an event loop."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.events: list[Event] = []
        self.sessions = Sessions(self.events.append, self.waiting.append)

    def run(self) -> None:
        waiting, self.waiting[:] = list(self.waiting), []
        for call in waiting:
            call()


def test_events_of_the_current_session_arrive_in_order() -> None:
    loop = Loop()
    loop.sessions.current = 1
    for n in range(5):
        loop.sessions.deliver(1, MicAudio(bytes([n])))
    loop.run()
    assert loop.events == [MicAudio(bytes([n])) for n in range(5)]


def test_what_was_on_its_way_when_the_ears_changed_is_dropped() -> None:
    loop = Loop()
    loop.sessions.current = 1
    loop.sessions.deliver(1, MicAudio(b"old"))
    loop.sessions.current = 2
    loop.sessions.deliver(1, MicAudio(b"older"))
    loop.sessions.deliver(2, MicAudio(b"new"))
    loop.run()
    assert loop.events == [MicAudio(b"new")]


def ear() -> tuple[Ear, Loop, Room, FakeSource, FakeLine]:
    loop, room, source, sink = Loop(), Room(), FakeSource("Mic"), FakeLine()
    keeper = Keeper(source, sink, lambda _: None, lambda *_: None, lambda: None)
    return Ear(room.front, loop.sessions, AudioThread(room.front, room.speaker), keeper), loop, room, source, sink


def test_each_change_of_the_ears_is_a_new_session() -> None:
    microphone, loop, room, _, _ = ear()
    microphone.set_ears(Ears.LISTEN, room.now)
    microphone.set_ears(Ears.WATCH, room.now)
    room.quiet(0.1)
    assert loop.sessions.current == 2
    assert room.front._session == 2


def test_muting_closes_the_gate_before_it_returns() -> None:
    microphone, _, _, source, _ = ear()
    microphone.close_mic(True)
    assert not source.gate
    assert microphone.stats()["muted"] is True


def test_statistics_are_plain_values() -> None:
    microphone, _, _, _, _ = ear()
    stats = microphone.stats()
    assert {"level_db", "lost_frames", "microphone", "rate", "overruns", "open", "muted"} <= stats.keys()


def test_the_thread_works_until_it_is_closed() -> None:
    room, worked = Room(), threading.Event()
    room.front.attach(room.ring, room.form, None)
    room.front._look = lambda ring: worked.set()  # type: ignore[method-assign]
    thread = AudioThread(room.front, room.speaker)
    thread.start()
    assert worked.wait(5)
    thread.wake()
    thread.close()
    thread.close()
    assert not thread._thread.is_alive()
    assert thread.turns > 0


def test_a_thread_that_never_ran_can_be_closed() -> None:
    room = Room()
    AudioThread(room.front, room.speaker).close()


class Pump:
    """A device that is pumped, and can be heard to be."""

    def __init__(self, again: float | None = None) -> None:
        self.again, self.pumped = again, threading.Event()
        self.dead = self.hurried = False

    def pump(self) -> float | None:
        self.pumped.set()
        return self.again

    def stalled(self) -> bool:
        return self.dead


def test_the_thread_pumps_the_devices_that_want_it_and_leaves_the_others_alone() -> None:
    room, sink = Room(), Pump(0.01)
    thread = AudioThread(room.front, room.speaker, source=FakeSource("Mic"), sink=sink)
    thread.start()
    assert sink.pumped.wait(5)
    thread.close()


# --- when the next round is due ------------------------------------------------------------------------


class Devices:
    """The thread's rounds, with the room's clock in place of the machine's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, barge_in: str = "button") -> None:
        self.room, self.source, self.sink = Room(barge_in), Pump(), Pump()
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.room.now))
        self.thread = AudioThread(self.room.front, self.room.speaker, source=self.source, sink=self.sink)
        self.room.quiet(0.1)

    def turn(self, mode: Ears) -> float:
        self.room.ears(mode)
        return self.thread._turn()


def test_at_rest_a_look_now_and_then_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    assert devices.turn(Ears.OFF) == IDLE_LOOK_S
    assert devices.turn(Ears.GUARD) == IDLE_LOOK_S  # no voice can interrupt
    assert devices.source.pumped.is_set()


@pytest.mark.parametrize(("mode", "least"), [(Ears.LISTEN, STILL_S), (Ears.WATCH, LISTEN_S), (Ears.GUARD, GUARD_S)])
def test_the_next_round_is_due_when_the_card_has_something(
    monkeypatch: pytest.MonkeyPatch, mode: Ears, least: float
) -> None:
    devices = Devices(monkeypatch, "duck")
    assert devices.turn(mode) == pytest.approx(least)
    devices.room.now += 0.005
    devices.source.pumped.clear()
    assert devices.thread._turn() == pytest.approx(least - 0.005)
    assert not devices.source.pumped.is_set()


def test_the_second_frame_of_a_voice_is_not_waited_for_longer_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch, "duck")
    devices.turn(Ears.GUARD)
    sound, waits = recording(DATA / "speech/livingroom_lamp.flac"), []
    for at in range(0, 12_000, 160):
        devices.room.play(sound[at : at + 160], work=False)
        devices.thread._hear_at = 0.0
        waits.append(devices.thread._turn())
        if devices.room.speaker._ducked:
            break
    assert waits[0] == pytest.approx(GUARD_S)
    assert waits[-1] == pytest.approx(SUSPECT_S, abs=0.0005)


def test_while_somebody_speaks_the_rounds_are_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    devices.turn(Ears.LISTEN)
    devices.room.play(recording(DATA / "speech/livingroom_lamp.flac")[:13_000])  # cut inside the words
    devices.thread._hear_at = 0.0
    assert devices.thread._turn() == pytest.approx(LISTEN_S, abs=0.0005)
    devices.room.quiet(0.3)
    devices.thread._hear_at = 0.0
    assert devices.thread._turn() == pytest.approx(LISTEN_S, abs=0.0005)  # the end may be near
    devices.room.quiet(1.0)
    devices.thread._hear_at = 0.0
    assert devices.thread._turn() == pytest.approx(STILL_S, abs=0.0005)


def test_an_output_is_called_when_it_wants_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    devices.sink.again = 0.02
    assert devices.turn(Ears.OFF) == 0.02
    devices.sink.again = None
    devices.room.speaker.play(1, bytes(960), 48_000)  # and nobody to play it yet
    assert devices.thread._turn() == TICK_S


def test_an_output_has_no_round_of_its_own_just_before_another(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch, "duck")
    devices.sink.again = 0.008
    assert devices.turn(Ears.GUARD) == pytest.approx(GUARD_S, abs=0.0005)
    assert devices.turn(Ears.WATCH) == pytest.approx(0.008)


@pytest.mark.parametrize("which", ["source", "sink"])
def test_a_device_that_has_stopped_is_told_once_and_again_when_it_was_well_meanwhile(
    monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    devices = Devices(monkeypatch)
    told: list[float] = []
    devices.thread.stops.tell = lambda: told.append(devices.room.now)
    device = getattr(devices, which)
    for device.dead, count in ((False, 0), (True, 1), (True, 1), (False, 1), (True, 2)):
        devices.thread._turn()
        assert len(told) == count


def test_a_microphone_is_hurried_while_somebody_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    for mode in Ears:
        devices.turn(mode)
        assert devices.source.hurried is (mode is Ears.LISTEN)


def test_one_that_stops_is_told_although_the_other_has_stopped_already(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    told: list[float] = []
    devices.thread.stops.tell = lambda: told.append(devices.room.now)
    devices.source.dead = True
    devices.thread._turn()
    devices.sink.dead = True
    devices.thread._turn()
    assert len(told) == 2


def test_what_was_noted_is_told_when_it_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    speaker = devices.room.speaker
    devices.turn(Ears.OFF)
    speaker.play(1, bytes(9600), 48_000)
    speaker.render(480, devices.room.now + 0.007)
    devices.sink.again = 0.05
    assert devices.thread._turn() == pytest.approx(0.007)


def test_waking_twice_is_waking_once() -> None:
    room = Room()
    thread = AudioThread(room.front, room.speaker)
    thread.wake()
    thread.wake()
    assert thread._asleep.acquire(timeout=0)
    assert not thread._asleep.acquire(timeout=0)
