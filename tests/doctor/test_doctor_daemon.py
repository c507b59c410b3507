from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import __version__
from edge.doctor import daemon
from edge.doctor.checks import State
from edge.doctor.site import Presence, ask

GOOD = {"ready": True, "state": "idle", "version": __version__, "uptime_s": 7300, "problems": []}


def told(**status: object) -> list[tuple[State, str]]:
    return [(one.state, one.found) for one in daemon.answered({**GOOD, **status})]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 seconds"), (119, "119 seconds"), (130, "2 minutes"), (7300, "2 hours"), (9e5, "10 days")],
)
def test_one_that_is_well(seconds: float, text: str) -> None:
    assert told(uptime_s=seconds) == [(State.WELL, f"It runs: idle, ready for a turn, up {text}.")]


def test_why_it_is_not_ready() -> None:
    assert told(ready=False, problems=["The microphone has stopped.", "No key."]) == [
        (State.FAIL, "The microphone has stopped."), (State.FAIL, "No key."),
    ]  # fmt: skip
    assert [state for state, _ in told(ready=False, muted=True)] == [State.WARN]
    assert [state for state, _ in told(ready=False)] == [State.FAIL]


def test_an_update_that_has_not_been_started() -> None:
    assert told(version="0.0.9") == [(State.WARN, f"It is version 0.0.9, and installed is {__version__}.")]


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        ({}, State.SKIPPED),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, State.SKIPPED),
        ({"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "success"}, State.WARN),
        ({"LoadState": "loaded", "ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}, State.FAIL),
        ({"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"},
         State.FAIL),
        ({"LoadState": "loaded", "ActiveState": "activating", "SubState": "start", "Result": "success"}, State.WARN),
    ],
)  # fmt: skip
def test_what_the_service_does_instead(unit: dict[str, str], state: State) -> None:
    """Values as `systemctl show` gives them (systemd.service, org.freedesktop.systemd1)."""
    assert daemon.absent(unit).state is state


def test_why_the_service_has_failed() -> None:
    unit = {
        "LoadState": "loaded",
        "ActiveState": "failed",
        "Result": "exit-code",
        "ExecMainStatus": "78",
        "NRestarts": "0",
    }
    assert daemon.absent(unit).found == "The service has failed (exit-code, exit code 78)."
    unit |= {"ActiveState": "activating", "Result": "watchdog", "ExecMainStatus": "6", "NRestarts": "3"}
    assert daemon.absent(unit).found == "The service has failed (watchdog, started again 3 times)."


def test_a_service_that_runs_and_what_should_be_known_of_it() -> None:
    well = {"LoadState": "loaded", "ActiveState": "active", "NRestarts": "0", "UnitFileState": "enabled"}
    assert daemon.of_service(well) == daemon.of_service({}) == []
    found = daemon.of_service({**well, "NRestarts": "1", "UnitFileState": "disabled"})
    assert [(one.state, one.found) for one in found] == [
        (State.WARN, "systemd had to start it again once."), (State.WARN, "It will not start with the machine."),
    ]  # fmt: skip
    assert daemon.of_service({**well, "NRestarts": "12"})[0].found == "systemd had to start it again 12 times."


def test_of_a_daemon_that_was_started_by_hand_the_service_says_nothing() -> None:
    assert daemon.of_service({"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}) == []


def test_systemctl_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert daemon.unit_state() == {}
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\necho LoadState=loaded\necho 'ActiveState=failed'\necho\n")
    script.chmod(0o755)
    assert daemon.unit_state() == {"LoadState": "loaded", "ActiveState": "failed"}


# --- asking --------------------------------------------------------------------------------------------


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A socket that somebody listens at."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "c.sock"))
        server.listen()
        yield tmp_path / "c.sock"


def test_nobody_there(tmp_path: Path) -> None:
    assert ask(tmp_path / "none.sock").presence is Presence.ABSENT
    (tmp_path / "file").touch()
    assert ask(tmp_path / "file").presence is Presence.ABSENT
    assert ask(tmp_path / "file/c.sock").presence is Presence.ABSENT


def test_one_that_has_died_without_a_word(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "gone.sock"))
    assert ask(tmp_path / "gone.sock").presence is Presence.ABSENT


def test_one_that_hangs_up_is_silent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "c.sock"))
        server.listen()

        def hang_up() -> None:
            for _ in range(2):
                server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        found = ask(tmp_path / "c.sock")
    assert found.presence is Presence.SILENT
    assert "does not answer" in found.problem


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
def test_somebody_elses(listening: Path) -> None:
    listening.chmod(0)
    found = ask(listening)
    assert found.presence is Presence.SILENT
    assert "another user" in found.problem
