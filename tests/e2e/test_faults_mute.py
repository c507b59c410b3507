"""Muted means muted, on the whole daemon: a loud marker tone in the room reaches no server, no file and no meter."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests import rig as sound
from tests.bench.attended import Attended, settings
from tests.bench.realtime import Served
from tests.signals import power_at, sine

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]

MARKER_HZ = 3210.0
MARKER_S = 1.5
THERE, NONE = 0.3, 0.001  # of full scale; what the room's noise floor or a resampler leaves of it is far below
EDGE_S = 0.25  # what was said before the mute may be on its way for so long, the server's round trip included
SILENT_DB = -90.0


class Room:
    """A device that may be killed and started again, and all that leaves it."""

    def __init__(self, rig: sound.Rig, served: Served) -> None:
        self.rig, self.served = rig, served
        self.start()

    def start(self) -> None:
        self.person = Attended(sound.Running(self.rig, **settings(self.rig, self.served)))

    def ready(self) -> None:
        self.person.device.wait_ready()

    def ends_by(self, number: signal.Signals) -> None:
        process = self.person.device.process
        process.send_signal(number)
        process.wait(5)

    def marker(self, after: float = 0.0) -> float:
        """How loud it is in what the server has heard since."""
        heard = b"".join(chunk.pcm for chunk in list(self.served.fake.chunks) if chunk.at > after)
        return power_at(np.frombuffer(heard, np.int16), MARKER_HZ, 24_000)

    def sounds(self, seconds: float = MARKER_S) -> float:
        """The marker begins to sound in the room, and will for so long; returns when."""
        return self.rig.play(sine(seconds, MARKER_HZ, sound.RATE, 0.9))

    def mute(self, *, on: bool) -> float:
        """Returns when the daemon had answered."""
        self.person.command("mute" if on else "unmute")
        return time.monotonic()

    def levels(self, after: float) -> list[float]:
        """What the meter has told since."""
        events = list(self.person.device.events)
        return [event["db"] for at, event in events if event["event"] == "level" and at > after]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One for the module; each test leaves it unmuted and at rest."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as rig:
        yield Room(rig, Served())


@pytest.fixture(autouse=True)
def _rested(room: Room) -> Iterator[None]:
    if room.person.device.process.poll() is not None:
        room.start()
    sound.wait_for(lambda: room.person.device.call("status").stdout, 20, "an answer", room.person.device.text)
    room.mute(on=False)
    if not room.person.device.events:
        room.ready()
    room.person.device.wait_state("idle")
    time.sleep(0.3)
    yield
    assert "Traceback" not in room.person.device.text()


@contextmanager
def muted(room: Room) -> Iterator[float]:
    """Since when."""
    yield room.mute(on=True)
    room.mute(on=False)


def test_unmuted_the_marker_is_noticed(room: Room) -> None:
    """Otherwise the others would show nothing."""
    began = time.monotonic()
    room.person.command("press")
    room.sounds()
    time.sleep(MARKER_S)
    room.person.command("press")
    assert room.marker(began) > THERE
    assert max(room.levels(began)) > -30


def test_muted_at_rest_nothing_gets_out_whatever_is_pressed_or_typed(room: Room) -> None:
    with muted(room) as began:
        room.sounds(3.0)
        room.person.command("press")
        room.person.command("hold")
        room.person.command("release")
        room.person.command("ask", "sing")  # is answered, while the marker sounds
        time.sleep(3.2)
        assert room.marker(began) < NONE
        assert max(room.levels(began + 0.3)) < SILENT_DB
        assert len(room.served.times("response.create", "in", began)) == 1


def test_across_the_edge_what_sounds_after_it_is_not_sent(room: Room) -> None:
    """The marker sounds all the time; whoever listens hears it end with the mute."""
    began = time.monotonic()
    room.person.command("press")
    room.sounds(3.0)
    time.sleep(1.0)
    with muted(room) as edge:
        assert room.marker(began) > THERE
        time.sleep(2.5)
        assert room.marker(edge + EDGE_S) < NONE
        assert [chunk for chunk in room.served.fake.chunks if chunk.at > edge + EDGE_S] == []
        assert max(room.levels(edge + EDGE_S)) < SILENT_DB


@pytest.mark.parametrize(("before", "within"), [(MARKER_S, 0.0), (0.7, 1.2)], ids=["a blink", "a second"])
def test_nothing_from_before_the_mute_or_within_it_is_sent_after_it(room: Room, before: float, within: float) -> None:
    """A press brings half a second from before itself, which here would be the marker's."""
    began = room.sounds()
    time.sleep(before)
    with muted(room):
        time.sleep(within)
    room.person.command("press")
    room.person.device.wait_state("listening")
    room.rig.play(room.person.words)
    time.sleep(1.5)
    room.person.command("press")
    assert room.served.times("input_audio_buffer.append", "in", began)
    assert room.marker(began) < NONE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_muted_it_stays_muted_over_its_own_end(room: Room, number: signal.Signals) -> None:
    """The microphone is not opened for a moment: not even the meter hears the marker, which sounds throughout."""
    began = room.mute(on=True)
    room.sounds(6.0)
    room.ends_by(number)
    room.start()
    sound.wait_for(lambda: room.person.device.call("status").stdout, 20, "an answer", room.person.device.text)
    status = room.person.command("status")
    assert (status["muted"], status["state"], status["microphone"]["open"]) == (True, "muted", False)
    assert status["microphone"]["level_db"] < SILENT_DB
    room.person.command("press")
    time.sleep(1.0)
    assert room.marker(began) < NONE
    assert room.person.command("status")["microphone"]["level_db"] < SILENT_DB


def test_unmuted_it_is_not_muted_after_its_end(room: Room) -> None:
    with muted(room):
        pass
    room.ends_by(signal.SIGKILL)
    room.start()
    room.ready()
    assert not room.person.command("status")["muted"]


def test_nothing_is_written_down_of_what_was_heard(room: Room) -> None:
    """After all that: the state directory holds a few small files, none of which could hold a sound."""
    files = [path for path in (room.rig.run / "state").rglob("*") if path.is_file()]
    store = [path for path in files if path.name.startswith("insight.")]
    assert [path.name for path in store] == ["insight.db"]
    small = sum(path.stat().st_size for path in files if path not in store)
    assert 0 < small < 2000, [str(path) for path in files]
    with closing(sqlite3.connect(store[0])) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [value for table in tables for row in db.execute(f"SELECT * FROM {table}") for value in row]
    assert values
    assert not [value for value in values if isinstance(value, bytes)]
    assert max(len(str(value)) for value in values) < 1000  # what one turn took and cost


def test_a_mute_is_kept_where_nothing_can_be_written(room: Room) -> None:
    """The disk is broken: for a crash there is a second place, which is memory."""
    state = Path(settings(room.rig, room.served)["STATE_DIRECTORY"])
    aside = state.with_name("aside")
    state.rename(aside)
    state.write_text("no directory")
    try:
        room.mute(on=True)
        room.ends_by(signal.SIGKILL)
        room.start()
        sound.wait_for(lambda: room.person.device.call("status").stdout, 20, "an answer", room.person.device.text)
        assert room.person.command("status")["muted"]
    finally:
        state.unlink()
        aside.rename(state)
