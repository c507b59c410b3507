"""`edge-voice evals` as a process: its verdicts, its report, and the ready scenarios on the real offline engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

from edge.evals.command import READY
from tests.speech import models_present

needs_models = pytest.mark.skipif(not models_present(), reason="the offline models are not here: models fetch")


def evals(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "evals", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)


def test_no_answer_where_none_is_wanted_passes_and_is_told(tmp_path: Path) -> None:
    result = evals(READY / "08-noise.toml", "--engine", "none", "--report", tmp_path / "out", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["passed"]
    assert told["scenarios"][0]["result"] == "passed"
    assert json.loads((tmp_path / "out/results.json").read_text()) == told
    sound, rate = soundfile.read(tmp_path / "out/08-noise.flac", dtype="int16")
    assert rate == 24_000
    assert sound.shape[1] == 2
    assert abs(sound[:, 0]).max() > 1000  # the person's side; nobody has answered
    assert not sound[:, 1].any()


def test_what_fails_is_told_and_the_page_has_nothing_from_elsewhere(tmp_path: Path) -> None:
    scenario = tmp_path / "a&b.toml"
    scenario.write_text('about = "<script>"\n[[turn]]\ntype = "1 < 2"\nwords = ["<b>yes</b>"]')
    result = evals(tmp_path, "--engine", "none", "--report", tmp_path / "out")
    assert result.returncode == 1
    assert "turn 1: there was no answer" in result.stdout
    assert "1 failed of 1" in result.stdout
    page = (tmp_path / "out/index.html").read_text()
    assert "1 &lt; 2" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=.(?:https?:|//)", page)
    assert "prefers-color-scheme: dark" in page
    _Balanced().feed(page)


def test_bad_files_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[turn]]\nsya = "x"')
    (tmp_path / "b.toml").write_text("nonsense")
    result = evals(tmp_path)
    assert result.returncode == 2
    assert "Did you mean say?" in result.stderr
    assert "b.toml is not TOML" in result.stderr
    assert evals("--engine", "alexa").returncode == 2


@needs_models
@pytest.mark.slow
def test_two_ready_scenarios_pass_offline() -> None:
    result = evals(READY / "04-sum.toml", READY / "10-stop.toml", "--engine", "local")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed of 2 with engine local" in result.stdout


@needs_models
@pytest.mark.long
def test_the_ready_scenarios_pass_offline(tmp_path: Path) -> None:
    result = evals("--engine", "local", "--report", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(list(tmp_path.glob("*.flac"))) == 10


class _Balanced(HTMLParser):
    """Complains of elements that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag not in {"meta", "link", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
