"""The keeper of the devices when cards come and go under other names, closes hang, or a microphone lies."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge.audio import keeper as module
from edge.audio.keeper import BLIND_S, IDLE_OUTPUT_S, LATER_S, LOOK_S
from edge.core.events import MicSilent
from tests.audio.keeping import Bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


# --- looking for devices -------------------------------------------------------------------------------


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of device files."""
    monkeypatch.setattr(module, "NODES", tmp_path)
    return tmp_path


def test_an_output_at_rest_is_closed_to_look_for_a_microphone(bench: Bench) -> None:
    bench.keeper.need_output()
    bench.run(1.0)
    assert bench.sink.is_open
    bench.source.dead, bench.source.fault = True, "It is not there."
    bench.run(LOOK_S)
    assert bench.rescans == 1


def test_one_that_plays_is_not(bench: Bench) -> None:
    bench.is_playing = True
    bench.run(1.0)
    bench.source.dead, bench.source.fault = True, "It is not there."
    bench.run(10.0)
    assert (bench.rescans, bench.sink.opened) == (0, 1)


def test_unless_a_card_has_just_come(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.is_playing = True
    bench.run(1.0)
    bench.source.dead, bench.source.fault = True, "It is not there."
    bench.run(30.0)
    (plugged / "pcmC3D0c").touch()
    bench.run(LOOK_S)
    assert bench.rescans == 1
    bench.source.dead, bench.source.fault = False, ""
    bench.run(3.0)
    assert bench.source.is_open
    assert bench.mics()[-1] == ""
    (plugged / "pcmC3D0c").unlink()
    before = bench.rescans
    bench.run(30.0)
    assert bench.rescans == before


def test_one_that_came_while_nothing_was_missing_is_found_when_something_is(
    plugged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A speaker that got another number while the output was closed."""
    bench = Bench(monkeypatch)
    bench.run(1.0)
    (plugged / "pcmC3D0p").touch()
    bench.run(10.0)
    assert (bench.rescans, bench.source.opened) == (0, 1)
    bench.sink.fault = "It is not there."
    bench.keeper.need_output()
    bench.run(LOOK_S)
    assert bench.rescans == 1
    bench.run(10.0)
    assert bench.rescans == 1


def test_an_output_at_rest_is_opened_anew_when_a_card_goes(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been its own, and the next reply would be lost in finding that out."""
    card = plugged / "pcmC3D0p"
    card.touch()
    bench = Bench(monkeypatch)
    bench.keeper.need_output()
    bench.run(1.0)
    card.unlink()
    bench.run(LOOK_S)
    assert bench.sink.opened == 2
    bench.is_playing = True
    card.touch()
    bench.run(LOOK_S)
    assert bench.sink.opened == 2


def test_a_card_that_comes_is_tried_at_once(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.source.fault = "It is not there."
    bench.run(600.0)
    before = len(bench.source.tried)
    (plugged / "pcmC1D0c").touch()
    bench.run(LOOK_S)
    assert len(bench.source.tried) == before + 1


def test_a_missing_speaker_is_looked_for_although_nothing_is_to_be_played(bench: Bench) -> None:
    """Or the device would look broken until the next reply."""
    bench.sink.fault = "no speaker"
    bench.keeper.need_output()
    bench.run(IDLE_OUTPUT_S + 5.0)
    bench.sink.fault = ""
    bench.run(LATER_S + 1.0)
    assert bench.keeper.problems == {}


def test_while_a_close_hangs_nothing_is_opened_or_looked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    bench.run(1.0)
    bench.source.hang, bench.source.dead = threading.Event(), True
    bench.run(BLIND_S - 1.0)
    assert (bench.source.opened, bench.rescans, bench.failures) == (1, 0, [])
    assert bench.mics()[-1].endswith("is it unplugged?")
    bench.source.hang.set()
    bench.source.dead = False
    bench.keeper._closers[0].join()
    bench.run(3.0)
    assert bench.mics()[-1] == ""


def test_where_the_library_has_locked_itself_up_another_process_is_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    bench.run(1.0)
    hang = bench.source.hang = threading.Event()
    bench.source.dead, bench.source.fault = True, "cannot be opened"
    bench.run(BLIND_S + 3.0)
    hang.set()
    assert "a new start is needed" in str(bench.failures[0])


# --- what it delivers ----------------------------------------------------------------------------------


def test_the_same_sample_over_and_over_is_told_and_only_sound_ends_it(bench: Bench) -> None:
    bench.sound = b"\x10\x20" * 320
    bench.run(5.0)
    assert "the same sample over and over" in bench.mics()[-1]
    bench.run(30.0)
    assert bench.mics()[-1]
    bench.sound = bytes(range(160)) * 4
    bench.run(8.0)
    assert bench.mics()[-1] == ""


def test_silence_is_told_without_being_a_fault(bench: Bench) -> None:
    bench.run(5.0)
    assert bench.mics() == [""]
    assert [e for e in bench.events if isinstance(e, MicSilent)] == [MicSilent(silent=True)]
    assert bench.keeper.stats()["silent"]
    bench.sound = bytes(range(160)) * 4
    bench.run(1.0)
    assert bench.events[-1] == MicSilent(silent=False)


def test_a_card_that_has_been_silent_for_long_is_opened_anew(bench: Bench) -> None:
    bench.run(70.0)
    assert bench.source.opened == 2
    assert bench.mics() == ["", ""]
