"""The keeper of the devices: opens, notices, tells once, tries again, mutes at once, and never makes anybody wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edge.audio import keeper as module
from edge.audio.keeper import IDLE_OUTPUT_S, LOOK_S, Keeper
from edge.core.events import Event, MicLost
from edge.errors import AudioError
from tests.audio.keeping import Bench
from tests.fakes.lines import FakeLine, FakeSource

LOUD = b"\x10\x20" * 320


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


# --- the microphone ------------------------------------------------------------------------------------


def test_a_microphone_is_found_when_it_delivers(bench: Bench) -> None:
    bench.run(1.0, deliver=False)
    assert (bench.source.opened, bench.attached, bench.mics()) == (1, [bench.source.ring], [])
    bench.run(1.0)
    assert bench.mics() == [""]


def test_a_failure_to_open_is_told_once_and_tried_again_with_growing_pauses(bench: Bench) -> None:
    bench.source.fault = "There is no microphone."
    bench.run(60.0)
    assert bench.mics() == ["There is no microphone."]
    pauses = [b - a for a, b in zip(bench.source.tried, bench.source.tried[1:], strict=False)]
    assert max(pauses) <= 5.0 + LOOK_S
    assert 8 < len(pauses) < 80
    assert bench.rescans == len(bench.source.tried)
    assert bench.keeper.stats()["problems"] == {"microphone": "There is no microphone."}
    bench.source.fault = ""
    bench.run(6.0)
    assert bench.mics() == ["There is no microphone.", ""]
    assert bench.keeper.stats()["problems"] == {}


def test_another_reason_is_told_too(bench: Bench) -> None:
    bench.source.fault = "in use"
    bench.run(10.0)
    bench.source.fault = "gone"
    bench.run(10.0)
    assert bench.mics() == ["in use", "gone"]


def test_a_card_that_stops_is_reopened_and_told(bench: Bench) -> None:
    bench.run(1.0)
    bench.source.dead = True
    bench.run(LOOK_S)
    assert bench.mics()[1:] == ['The microphone "Mic" has stopped: is it unplugged?']
    bench.source.dead = False
    bench.run(6.0)
    assert bench.mics()[2:] == [""]
    assert bench.attached[-1] is bench.source.ring


def test_a_card_that_can_be_opened_but_never_delivers_is_told_once(bench: Bench) -> None:
    bench.run(1.0)
    bench.source.dead = True
    bench.run(60.0, deliver=False)
    assert len(bench.mics()) == 2
    assert bench.source.opened > 3


# --- muting --------------------------------------------------------------------------------------------


def test_mute_closes_the_gate_at_once_and_the_device_soon(bench: Bench) -> None:
    bench.run(1.0)
    bench.source.deliver(LOUD)
    bench.keeper.mute(True)
    assert not bench.source.gate
    assert bench.source.is_open  # closing may block: that is the thread's work
    bench.source.deliver(LOUD)
    assert len(bench.source.ring.read(0, 100_000)[0]) == 0
    bench.run(LOOK_S)
    assert not bench.source.is_open


def test_muted_it_stays_closed_and_nothing_is_a_fault(bench: Bench) -> None:
    bench.run(1.0)
    bench.keeper.mute(True)
    bench.run(60.0)
    assert bench.source.opened == 1
    assert bench.mics() == [""]


def test_unmuting_opens_with_a_new_ring(bench: Bench) -> None:
    bench.run(1.0)
    old = bench.source.ring
    bench.keeper.mute(True)
    bench.run(5.0)
    bench.keeper.mute(False)
    bench.run(1.0)
    assert bench.source.gate
    assert bench.attached[-1] is bench.source.ring is not old


def test_a_mute_taken_back_at_once_leaves_the_gate_open(bench: Bench) -> None:
    """Both may come before the keeper has looked; then the card was never closed."""
    bench.run(1.0)
    old = bench.source.ring
    bench.keeper.mute(True)
    bench.keeper.mute(False)
    bench.run(1.0)
    assert bench.source.gate
    assert bench.source.ring is not old
    assert len(bench.source.ring.read(0, 1000)[0])
    assert bench.mics()[-1] == ""
    assert len([m for m in bench.mics() if m]) == 0


def test_a_mute_in_the_middle_of_opening_keeps_the_gate_shut(bench: Bench) -> None:
    bench.source.during_open = [lambda: bench.keeper.mute(True)]
    bench.keeper._mind()
    bench.source.deliver(LOUD)
    assert not bench.source.gate
    assert len(bench.source.ring.read(0, 1000)[0]) == 0
    bench.run(LOOK_S)
    assert not bench.source.is_open


# --- the speaker ---------------------------------------------------------------------------------------


def test_the_output_is_open_while_it_may_be_needed(bench: Bench) -> None:
    bench.run(5.0)
    assert bench.sink.opened == 0
    bench.keeper.need_output()
    bench.run(IDLE_OUTPUT_S - 1)
    assert bench.sink.is_open
    bench.run(2.0)
    assert not bench.sink.is_open


def test_the_output_stays_open_as_long_as_a_reply_lasts(bench: Bench) -> None:
    bench.keeper.need_output()
    bench.is_playing = True
    bench.run(10 * IDLE_OUTPUT_S)
    assert (bench.sink.is_open, bench.sink.opened) == (True, 1)
    bench.is_playing = False
    bench.run(2 * IDLE_OUTPUT_S)
    assert not bench.sink.is_open


def test_what_is_to_be_played_opens_the_output_although_nobody_listens(bench: Bench) -> None:
    """An announcement while muted, or without a microphone."""
    bench.is_playing = True
    bench.run(LOOK_S)
    assert bench.sink.is_open


def test_a_speaker_that_is_not_there_is_a_problem_and_tried_again(bench: Bench) -> None:
    bench.sink.fault = "no speaker"
    bench.keeper.need_output()
    bench.run(5.0)
    assert bench.keeper.problems == {"speaker": "no speaker"}
    bench.sink.fault = ""
    bench.run(6.0)
    assert bench.sink.is_open
    assert bench.keeper.problems == {}


def test_a_speaker_that_stops_is_reopened(bench: Bench) -> None:
    bench.keeper.need_output()
    bench.run(1.0)
    bench.sink.dead = True
    bench.run(LOOK_S)
    assert bench.keeper.problems == {"speaker": "The speaker has stopped: is it unplugged?"}
    bench.sink.dead = False
    bench.run(3.0)
    assert bench.sink.opened == 2
    assert bench.keeper.problems == {}


def test_nothing_is_rescanned_while_a_device_is_open(bench: Bench) -> None:
    bench.run(1.0)
    bench.sink.fault = "no speaker"
    bench.keeper.need_output()
    bench.run(10.0)
    assert bench.rescans == 0


# --- the thread ----------------------------------------------------------------------------------------


def started(source: FakeSource | None, sink: FakeLine | None, post: Callable[[Event], None] = lambda _: None) -> Keeper:
    keeper = Keeper(source, sink, post, lambda *_: None, lambda: None)
    keeper.start()
    return keeper


def test_close_closes_the_devices_and_can_be_called_twice() -> None:
    source = FakeSource("Mic")
    keeper = started(source, FakeLine())
    assert source.is_open
    keeper.close()
    keeper.close()
    assert not source.is_open
    assert not keeper._thread.is_alive()


def test_a_close_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.02)
    source, sink = FakeSource("Mic", hang=threading.Event()), FakeLine()
    keeper = started(source, sink)
    keeper.mute(True)
    keeper.need_output()
    keeper.close()
    keeper._thread.join(5.0)
    assert not keeper._thread.is_alive()
    assert source.hang is not None
    source.hang.set()


def test_it_looks_at_once_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "FIRST_LOOK_S"):
        monkeypatch.setattr(module, name, 60.0)
    lost = threading.Event()
    source = FakeSource("Mic")
    keeper = started(source, None, lambda event: lost.set() if isinstance(event, MicLost) else None)
    source.dead = True
    keeper.look()
    assert lost.wait(5.0)
    keeper.close()


def test_without_devices_it_does_nothing() -> None:
    keeper = started(None, None)
    keeper.mute(True)
    keeper.mute(False)
    keeper.need_output()
    assert keeper.stats()["microphone"] is None
    keeper.close()


def test_an_error_at_the_start_is_told_and_not_raised() -> None:
    class Odd(FakeSource):
        def open(self) -> None:
            raise AudioError("audio.channel = 9 cannot be.")

    events: list[Event] = []
    keeper = started(Odd("Mic"), None, events.append)
    assert events == [MicLost("audio.channel = 9 cannot be.")]
    keeper.close()


# --- the watchdog's evidence ---------------------------------------------------------------------------


def test_frames_are_expected_from_a_microphone_that_should_work(bench: Bench) -> None:
    assert bench.keeper.pulse == (0, True)
    bench.run(1.0)
    first = bench.keeper.pulse
    bench.run(1.0)
    assert bench.keeper.pulse == (first[0] + 640, True)
    assert bench.keeper.hears


def test_none_is_expected_while_it_is_muted_or_its_loss_is_told(bench: Bench) -> None:
    bench.run(1.0)
    bench.keeper.mute(on=True)
    assert not bench.keeper.pulse[1]
    bench.keeper.mute(on=False)
    assert bench.keeper.pulse[1]
    bench.source.fault = "It is gone."
    bench.run(1.0)
    assert bench.keeper.pulse == (bench.source.ring.written, False)
    bench.source.fault = ""
    bench.run(8.0)
    assert bench.keeper.pulse[1]


def test_a_microphone_that_is_only_open_is_not_heard(bench: Bench) -> None:
    bench.run(1.0, deliver=False)
    assert bench.source.is_open
    assert not bench.keeper.hears
    bench.keeper.mute(on=True)
    assert bench.keeper.hears


def test_without_a_microphone_none_is_expected() -> None:
    keeper = Keeper(None, None, lambda _: None, lambda *_: None, lambda: None)
    assert keeper.pulse == (0, False)
    assert keeper.hears
