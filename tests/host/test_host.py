"""What systemd is told, and what the journal gets to see."""

from __future__ import annotations

import logging
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from edge.host.journal import Journal, set_up
from edge.host.notify import Systemd
from edge.ports import Fields


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """A service manager's socket, and systemd-python's `notify` that writes to it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)

    def notify(text: str) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), str(tmp_path / "notify"))
        return True

    package, module = ModuleType("systemd"), ModuleType("systemd.daemon")
    module.notify = notify  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "systemd", package)
    monkeypatch.setitem(sys.modules, "systemd.daemon", module)
    return listener


def test_systemd_hears_ready_state_and_stopping(manager: socket.socket, tmp_path: Path) -> None:
    host = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    host.ready()
    host.published("state", {"state": "listening", "turn": 3})
    host.published("user_transcript", {"text": "secret", "final": True})
    host.stopping()
    told = [manager.recv(1000).decode() for _ in range(3)]
    assert told == ["READY=1\nSTATUS=Ready: press the button and talk.", "STATUS=listening", "STOPPING=1"]
    with pytest.raises(BlockingIOError):
        manager.recv(1000)


def test_without_a_service_manager_nobody_is_told(manager: socket.socket) -> None:
    host = Systemd({})
    host.ready()
    host.stopping()
    host.published("state", {"state": "idle"})
    with pytest.raises(BlockingIOError):
        manager.recv(1000)


def test_without_systemd_python_it_is_said_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "systemd", None)
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    Systemd({"NOTIFY_SOCKET": "/nowhere"}).ready()
    assert "python3-systemd" in caplog.text


# --- the journal ---------------------------------------------------------------------------------------

TALK: list[tuple[str, Fields]] = [
    ("user_transcript", {"text": "my secret question", "final": True, "turn": 1}),
    ("reply_transcript", {"text": "my secret answer", "turn": 1}),
    ("tool", {"name": "set_timer", "arguments": {"name": "secret surprise"}, "turn": 1}),
    ("turn", {"kind": "tap", "latency_ms": {"turn_end": 550}}),
    ("error", {"where": "engine", "message": "The line is dead."}),
]


def logged(caplog: pytest.LogCaptureFixture, *, transcripts: bool) -> list[str]:
    caplog.set_level(logging.INFO)
    journal = Journal(transcripts=transcripts)
    for event, fields in TALK:
        journal.published(event, dict(fields))
    return [record.getMessage() for record in caplog.records]


def test_what_was_said_is_not_in_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, transcripts=False)
    assert "secret" not in " ".join(lines)
    assert lines == [
        "tool name=set_timer turn=1",
        "turn kind=tap latency_ms={'turn_end': 550}",
        "error where=engine message=The line is dead.",
    ]
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.INFO, logging.WARNING]


def test_unless_the_owner_wants_it(caplog: pytest.LogCaptureFixture) -> None:
    assert "my secret question" in " ".join(logged(caplog, transcripts=True))


def test_nothing_said_can_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = "hello\nerror where=door message=open\r\x1b[31m\u2028and"
    Journal(transcripts=True).published("user_transcript", {"text": text, "final": True})
    Journal(transcripts=False).published("error", {"message": text})
    for record in caplog.records:
        assert len(record.getMessage().splitlines()) == 1
        assert "\x1b" not in record.getMessage()


def test_levels_of_the_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
        set_up("warning")
        Journal(transcripts=False).published("state", {"state": "idle"})
        Journal(transcripts=False).published("error", {"message": "broken"})
        assert capsys.readouterr().err == "error message=broken\n"
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
