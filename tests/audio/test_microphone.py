"""The Microphone port: late events are dropped, the audio thread works and ends, muting is passed on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.audio.frontend import IDLE_LOOK_S
from edge.audio.keeper import Keeper
from edge.audio.microphone import LISTEN_S, TICK_S, AudioThread, Ear, Sessions
from edge.core.effects import Ears
from edge.core.events import Event, MicAudio
from tests.audio.room import Room
from tests.fakes.lines import FakeLine, FakeSource


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

    def __init__(self, *, busy: bool) -> None:
        self.busy, self.pumped = busy, threading.Event()

    def pump(self) -> bool:
        self.pumped.set()
        return self.busy


def test_the_thread_pumps_the_devices_that_want_it_and_leaves_the_others_alone() -> None:
    room, sink = Room(), Pump(busy=True)
    thread = AudioThread(room.front, room.speaker, source=FakeSource("Mic"), sink=sink)
    thread.start()
    assert sink.pumped.wait(5)
    thread.close()


def test_how_soon_the_next_round_is_due_depends_on_what_goes_on() -> None:
    room, source, sink = Room(), Pump(busy=False), Pump(busy=False)
    thread = AudioThread(room.front, room.speaker, source=source, sink=sink)
    assert thread._turn() == IDLE_LOOK_S
    room.ears(Ears.LISTEN)
    assert thread._turn() == LISTEN_S
    sink.busy = True
    assert thread._turn() == TICK_S
    assert source.pumped.is_set()
