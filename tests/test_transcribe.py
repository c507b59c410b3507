"""`edge-voice transcribe` as its user meets it."""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge import transcribe as module
from edge.agents.chained import lifecycle
from edge.agents.chained.recorded import Passage
from edge.config import load
from edge.errors import AudioError, ConfigError, ModelError, UsageError
from edge.transcribe import Table, transcribe
from tests.fakes.recordings import FakeRecordings
from tests.speech import models_present

SPEECH = Path(__file__).parent / "data" / "speech"
SCRIPT = ((0.5, 1.2, "Who is there?", "A"), (1.5, 2.8, "Ärger.", "B"))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one.wav", tmp_path / "two.ogg"]
    for path in paths:
        soundfile.write(path, np.zeros((3 * 44_100, 2)), 44_100)
    return paths


@pytest.fixture(autouse=True)
def _nobodys_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("DEEPGRAM", "ASSEMBLYAI", "OPENAI"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)


def options(files: list[Path], **more: Any) -> argparse.Namespace:
    return argparse.Namespace(
        **({"files": files, "engine": "local", "speakers": False, "json": False, "config": None} | more)
    )


class Elsewhere:
    """The fake in a thread of its own: the command has its own loop."""

    def __init__(self, server: FakeRecordings) -> None:
        self.server, self._loop = server, asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeRecordings:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self._loop).result(5)
        return self.server

    def __exit__(self, *_exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.__aexit__(None, None, None), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def by_deepgram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[Path], **more: Any) -> None:
    with Elsewhere(FakeRecordings(*SCRIPT)) as server:
        config = tmp_path / "config.toml"
        config.write_text(f'[stt.deepgram]\nurl = "{server.url}"\n')
        monkeypatch.setenv("DEEPGRAM_API_KEY", server.key)
        assert transcribe(options(files, engine="deepgram", config=config, **more)) == 0


# --- by a service ------------------------------------------------------------------------------------


def test_a_table(tmp_path, monkeypatch, files, capsys):
    by_deepgram(tmp_path, monkeypatch, files[:1], speakers=True)
    assert capsys.readouterr().out.splitlines() == [
        "  start      end  speaker  text",
        " 0:00.5   0:01.2  A        Who is there?",
        " 0:01.5   0:02.8  B        Ärger.",
    ]


def test_several_files_have_their_names_on_them(tmp_path, monkeypatch, files, capsys):
    by_deepgram(tmp_path, monkeypatch, files)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{files[0]}:"
    assert lines[2].split()[2] == "-", "nobody asked for speakers"
    assert lines[4:6] == ["", f"{files[1]}:"]


def test_lines_for_programs(tmp_path, monkeypatch, files, capsys):
    by_deepgram(tmp_path, monkeypatch, files, speakers=True, json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4
    assert lines[1] == {
        "file": str(files[0]),
        "start": 1.5,
        "end": 2.8,
        "speaker": "B",
        "text": "Ärger.",
        "sentiment": None,
    }


def test_a_model_that_goes_is_told(monkeypatch, files, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setattr(lifecycle, "warning", lambda model, _today: f"model {model} was shut down")
    module._by(load(None), options(files, engine="openai"))
    assert capsys.readouterr().err == "edge-voice: Warning: model gpt-4o-transcribe-diarize was shut down.\n"


def test_without_a_key_nothing_is_read(files):
    with pytest.raises(ConfigError, match="ASSEMBLYAI_API_KEY"):
        transcribe(options(files, engine="assemblyai"))


def test_nobody_of_this_name(files):
    with pytest.raises(UsageError, match="'foo'"):
        transcribe(options(files, engine="foo"))


def test_a_file_that_cannot_be_read_is_found_before_anything_is_sent(tmp_path, monkeypatch, files):
    with pytest.raises(AudioError, match="does not exist"):
        by_deepgram(tmp_path, monkeypatch, [*files, tmp_path / "three.wav"])


# --- offline -----------------------------------------------------------------------------------------


def test_without_the_model(tmp_path, monkeypatch, files):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="edge-voice models fetch"):
        transcribe(options(files))


def test_without_the_packages(monkeypatch, files):
    monkeypatch.setattr("edge.agents.local.models.state_of", lambda *_: "ok")
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match=r"ctranslate2, tokenizers missing.*edge-voice\[local\]"):
        transcribe(options(files))


@pytest.mark.slow
@pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch")
def test_a_recording_is_read_offline(capsys):
    assert transcribe(options([SPEECH / "jfk.flac"], json=True, speakers=True)) == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    words = " ".join(line["text"] for line in lines).lower()
    assert "fellow americans" in words
    assert "your country can do for you" in words
    assert all(line["speaker"] is None for line in lines)
    assert lines[0]["start"] < 0.6
    assert all(before["end"] <= after["start"] for before, after in pairwise(lines))
    assert "does not tell speakers apart" in told.err


@pytest.mark.slow
@pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch")
def test_a_recording_in_which_nobody_speaks(files, capsys):
    assert transcribe(options(files[:1])) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nobody speaks in it."


# --- the table ---------------------------------------------------------------------------------------


def test_long_text_is_wrapped_on_a_terminal_only():
    passage = Passage(0.04, 59.96, "one two three four five six seven eight nine ten", "A")
    assert Table(60.0, None).row(passage) == (
        " 0:00.0   1:00.0  A        one two three four five six seven eight nine ten"
    )
    assert Table(60.0, 50).row(passage).splitlines() == [
        " 0:00.0   1:00.0  A        one two three four five",
        "                           six seven eight nine",
        "                           ten",
    ]
    assert all(len(line) <= 27 + 20 for line in Table(60.0, 10).row(passage).splitlines())


def test_hours_are_told_where_there_are_some():
    table = Table(7200.0, None)
    assert table.row(Passage(3661.25, 3725.0, "hello")) == "1:01:01.2  1:02:05.0  -        hello"
    assert table.head() == "    start        end  speaker  text"


def test_sentiment_is_told_where_there_is_one():
    assert Table(9.0, None).row(Passage(0.0, 1.0, "No.", "", "negative")).endswith("-        No. (negative)")
