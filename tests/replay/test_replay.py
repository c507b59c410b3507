"""Real recorded sessions, heard again: the same version decides the same, and another threshold something else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge import cli
from edge.config import Config, Conversation
from edge.core.near_end import NearEnd
from edge.errors import AudioError
from edge.replay.ahead import LEAST_FRAMES, worthwhile
from edge.replay.command import as_it_was, as_recorded, changes, with_changes
from edge.replay.decisions import of_front
from edge.replay.ears import heard_again
from edge.sessions.reading import Session, read
from edge.testing import Reply
from tests.sessions.recording import ALLOWED, converse, recorded, recording
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def session(file: Path) -> Session:
    return read(file)


def same(session: Session) -> bool:
    return as_it_was(session, as_recorded(session, {}), sound=True).same


def test_the_recorded_conversation_has_what_is_hard(session: Session) -> None:
    """Else the tests below would show little."""
    kinds = [decision.kind for decision in of_front(session.lines)]
    assert {"reply: duck", "reply: stop", "barged in", "speech", "pause", "silence"} <= set(kinds)
    assert session.sound[:, 0].any()  # the near end
    assert session.sound[:, 1].any()  # the far end


def test_nothing_differs_on_the_same_version(session: Session) -> None:
    result = as_it_was(session, as_recorded(session, {}), sound=True)
    assert (result.rows, result.other_effects, result.other_sounds) == ([], 0, 0)
    assert result.decisions > 20


@pytest.mark.parametrize(
    "talk", [Conversation(barge_in="button"), Conversation(barge_in="stop"), Conversation(end_silence_ms=900)]
)
def test_nor_with_other_settings(talk: Conversation, tmp_path: Path) -> None:
    assert same(read(recorded(tmp_path, replace(ALLOWED, conversation=talk))))


def test_it_may_begin_in_the_middle_of_a_life(tmp_path: Path) -> None:
    """The device has talked, learnt the person's pauses and heard the room before it is told to record."""

    async def main() -> Path:
        script = (Reply("lamp", seconds=2.0),) * 8
        async with recording(tmp_path, script=script) as (device, recorder):
            await converse(device)
            first = await recorder.finish()
            recorder.begin()
            device.press()  # it begins after this turn
            await device.run(20.0)
            await wait_until(lambda: not recorder.stats()["waiting"])
            await converse(device)
            second = await recorder.finish()
            assert second != first
            return Path(second)

    session = read(asyncio.run(main()))
    assert session.header["conversation"]["_turns"] > 2
    assert same(session)


def test_a_changed_detector_is_noticed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant of this version: a voice has to be twice as loud."""
    stands_out = NearEnd.stands_out
    monkeypatch.setattr(NearEnd, "stands_out", lambda self, level, held: stands_out(self, level - 30.0, held))
    result = as_it_was(session, as_recorded(session, {}), sound=True)
    assert "barged in" in {row.theirs.kind for row in result.rows if row.theirs is not None}


def test_a_changed_core_is_noticed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.turn.Turn.queue", lambda *_: None)
    monkeypatch.setattr("edge.core.conversation.Conversation._pause", lambda *_: None)
    result = as_it_was(session, as_recorded(session, {}), sound=False)
    assert "perhaps the end" in {row.theirs.kind for row in result.rows if row.theirs is not None}


def test_a_changed_canceller_is_noticed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.audio.echo.HIGH_PASS_HZ", 90.5)
    assert as_it_was(session, as_recorded(session, {}), sound=True).other_sounds


# --- another setting -----------------------------------------------------------------------------------


def test_the_setting_it_had_changes_nothing(session: Session) -> None:
    config = as_recorded(session, {})
    again = as_recorded(session, changes(["conversation.end_silence_ms=550"]))
    assert with_changes(session, config, again).same


def test_less_patience_ends_the_turn_earlier_by_as_much(session: Session) -> None:
    changed = as_recorded(session, changes(["conversation.end_silence_ms=400"]))
    rows = with_changes(session, as_recorded(session, {}), changed).rows
    ends = [row for row in rows if row.theirs is not None and row.ours is not None and row.ours.kind == "end of turn"]
    first = ends[0]
    assert first.theirs is not None
    assert first.ours is not None
    assert 0.1 < first.theirs.t - first.ours.t < 0.2


def test_without_barge_in_the_reply_goes_on(session: Session) -> None:
    changed = as_recorded(session, changes(["conversation.barge_in=off"]))
    lost = {row.theirs.kind for row in with_changes(session, as_recorded(session, {}), changed).rows if row.theirs}
    assert {"barged in", "reply cancelled"} <= lost


# --- the command ---------------------------------------------------------------------------------------


def test_the_command_tells_that_nothing_differs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(file)]) == 0
    assert "Nothing differs" in capsys.readouterr().out
    assert cli.main(["replay", str(file), "--events"]) == 0
    assert "The sound was left out" in capsys.readouterr().out


def test_the_command_tells_what_another_setting_does(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(file), "--set", "conversation.end_silence_ms=400"]) == 1
    assert "end of turn" in capsys.readouterr().out
    assert cli.main(["replay", str(file), "--set", "conversation.end_silence_ms=400", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["same"] is False
    assert {"theirs", "ours"} == set(told["differences"][0])


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--set", "nonsense"], 2, "SECTION.KEY=VALUE"),
        (["--set", "conversation.end_silence_ms=1"], 78, "200"),
        (["--set", "conversation.patience=1"], 78, "no key patience"),
    ],
)
def test_what_cannot_be_set_is_told(
    words: list[str], code: int, what: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["replay", str(file), *words]) == code
    assert what in capsys.readouterr().err


@pytest.mark.parametrize("contents", [b"", b"PK\3\4", b"a tar file it is not" * 100, b"\0" * 2048])
def test_no_recording_is_told(contents: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "session.zip"
    file.write_bytes(contents)
    assert cli.main(["replay", str(file)]) == 1
    assert "not a recording of edge-voice" in capsys.readouterr().err
    assert cli.main(["replay", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_the_config_is_the_recorded_one(session: Session) -> None:
    assert replace(as_recorded(session, {}), sources=()) == replace(ALLOWED, sources=())
    assert as_recorded(session, {}).conversation != Config().conversation


# --- in two processes ----------------------------------------------------------------------------------


def test_the_echo_cancelled_in_another_process_is_the_same(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    config = as_recorded(session, {})
    alone = heard_again(session, config)
    monkeypatch.setattr("edge.replay.ears.worthwhile", lambda _session: True)
    assert heard_again(session, config) == alone


def test_a_process_that_ends_too_early_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.replay.ears.worthwhile", lambda _session: True)
    monkeypatch.setattr("edge.replay.ahead.COMMAND", (sys.executable, "-c", ""))
    with pytest.raises(AudioError, match="the process that cancels its echo has ended"):
        heard_again(session, as_recorded(session, {}))


def test_another_process_is_for_long_recordings_without_a_reference(session: Session) -> None:
    long = np.zeros((LEAST_FRAMES * 160, 2), np.int16)
    assert not worthwhile(session)
    assert worthwhile(replace(session, sound=long)) is (len(os.sched_getaffinity(0)) > 1)
    assert not worthwhile(replace(session, sound=np.zeros((len(long), 3), np.int16)))
