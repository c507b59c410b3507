"""`edge-voice run` at its end: a fault of ours is one line in the log, with its place and without a key."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import service
from edge.errors import ControlError, EdgeVoiceError
from edge.host.journal import OURS

KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """As it was before."""
    root = logging.getLogger()
    before = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *OURS)}
    yield
    root.handlers[:], levels = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def ended_by(error: Exception, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    async def serve(*_: object) -> None:
        raise error

    monkeypatch.setattr(service, "_serve", serve)
    (folder / "config.toml").write_text("")
    service.serve(folder / "config.toml")


def test_a_fault_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EdgeVoiceError, match="the log says where") as caught:
        ended_by(ZeroDivisionError(f"with {KEY}"), monkeypatch, tmp_path)
    told = capfd.readouterr().err
    assert len(told.splitlines()) == 1
    assert "died error=ZeroDivisionError('with [key]') where=" in told
    assert "test_serving.py:" in told
    assert KEY not in told + str(caught.value)


def test_what_is_told_in_words_already_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="already running"):
        ended_by(ControlError("It is already running."), monkeypatch, tmp_path)
