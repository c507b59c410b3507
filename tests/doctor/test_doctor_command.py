"""`edge-voice doctor` as its user meets it, on a machine with nothing on it."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from edge import __version__
from edge.doctor import command
from edge.doctor.checks import State, fail, skipped, warn, well
from edge.doctor.site import Site
from edge.errors import EX_CONFIG, EX_FAILED

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "edge", "doctor"]
LIMIT_S = 60
NAMES = ["configuration", "daemon", "engine", "models", "microphone", "loudspeaker", "calibration", "wake word",
         "tools", "panel", "network", "relay", "clock", "state", "temperature", "priority"]  # fmt: skip


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No configuration, no daemon, no models, no PortAudio."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME")
    return {**keep, **dict.fromkeys(places, str(tmp_path)), "PYTHONPATH": f"{tmp_path / 'fake'}:{ROOT}"}


def doctor(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words], env=env, cwd=env["HOME"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done


def results(done: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, Any]]]:
    told = json.loads(done.stdout)
    assert told["exit_code"] == done.returncode
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in told["results"]:
        by_name.setdefault(one["check"], []).append(one)
    return by_name


def test_everything_is_looked_at_and_what_is_missing_says_what_to_do(env: dict[str, str]) -> None:
    done = doctor(env, "--json")
    assert (done.returncode, done.stderr) == (EX_FAILED, "")
    found = results(done)
    assert list(found) == NAMES
    assert found["configuration"][0]["found"] == "No file: all defaults."
    assert found["engine"][0]["found"] == "local, since no key is seen from here."
    assert "edge-voice models fetch" in found["models"][0]["todo"]
    for device in ("microphone", "loudspeaker"):
        assert found[device] == [{"check": device, "state": "fail", "todo": found[device][0]["todo"],
                                  "found": "The library PortAudio is missing here; install it: apt install "
                                           "libportaudio2."}]  # fmt: skip
    assert found["calibration"][0]["state"] == "warn"
    assert found["panel"][0]["found"] == "No button and no light is configured."
    assert found["network"][0]["found"] == "Not needed by local."
    assert json.loads(done.stdout)["version"] == __version__
    assert found["state"][0]["state"] == "well"


def test_for_a_person_it_is_aligned_in_80_columns_without_colour(env: dict[str, str]) -> None:
    done = doctor(env)
    assert done.returncode == EX_FAILED
    first, blank, *lines, empty, last = done.stdout.splitlines()
    assert first.startswith("edge-voice ")
    assert (blank, empty) == ("", "")
    assert last.endswith((".", "warnings."))
    assert "\x1b" not in done.stdout
    assert [line[8:23].rstrip() for line in lines if line[8:9] not in {"", " "}] == NAMES
    assert all(len(line) <= 80 for line in lines if "/" not in line)  # a path is not broken


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_it_has_colour_and_the_terminals_width(
    env: dict[str, str], more: dict[str, str], *, coloured: bool
) -> None:
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    with subprocess.Popen([*COMMAND], env={**env, **more}, cwd=env["HOME"], stdout=side, stderr=side) as process:
        os.close(side)
        raw = b""
        try:
            while data := os.read(main, 4096):
                raw += data
        except OSError:  # the other end is closed
            pass
        assert process.wait(LIMIT_S) == EX_FAILED
    os.close(main)
    text = raw.decode()
    assert ("\x1b[31;1mFAIL\x1b[0m" in text) is coloured
    plain = text.replace("\x1b[31;1m", "").replace("\x1b[33m", "").replace("\x1b[32m", "").replace("\x1b[2m", "")
    assert all(len(line) <= 70 for line in plain.replace("\x1b[0m", "").splitlines() if "/" not in line)


def test_a_bad_configuration_is_exit_78_and_the_rest_is_looked_at(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[audio]\nvolum = 5\n[conversation]\nbarge_in = "shout"\n')
    done = doctor(env, "--json", "--config", str(tmp_path / "bad.toml"))
    assert done.returncode == EX_CONFIG
    found = results(done)
    assert [one["found"].partition(": ")[2] for one in found["configuration"]] == [
        "[audio] has no key volum. Did you mean volume?",
        "conversation.barge_in = 'shout' must be one of duck, stop, button, off.",
    ]
    states = {name: [one["state"] for one in found[name]] for name in NAMES}
    assert all(states[name] == ["skipped"] for name in NAMES[2:9])
    assert states["clock"] == states["state"] == ["well"]


def test_a_service_that_is_installed_is_looked_at_in_its_own_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its state directory, and its models below that; as the owner's shell does not know by itself."""
    monkeypatch.setattr(command, "SERVICE", tmp_path)
    monkeypatch.setattr(command, "daemon_state", lambda: tmp_path)
    monkeypatch.setenv("EDGE_VOICE_SOCKET", str(tmp_path / "none.sock"))
    monkeypatch.setenv("EDGE_VOICE_AUDIO__INPUT", "nonsense")
    monkeypatch.setenv("EDGE_VOICE_AUDIO__OUTPUT", "nonsense")
    monkeypatch.setenv("EDGE_VOICE_ENGINE__USE", "local")
    monkeypatch.setenv("STATE_DIRECTORY", "")  # so that it is put back
    options = argparse.Namespace(config=None, json=True, thorough=False, engines=False)
    assert command.doctor(options) == EX_FAILED
    found = json.loads(capsys.readouterr().out)["results"]
    assert any(one["found"].endswith(f"is missing in {tmp_path}/models.") for one in found)
    assert any(one["found"].startswith(f"{tmp_path}: can be written") for one in found)


def test_exit_codes() -> None:
    assert command.exit_code([well("a"), skipped("b"), warn("c")], bad_config=False) == 0
    assert command.exit_code([well("a"), fail("b")], bad_config=False) == EX_FAILED
    assert command.exit_code([fail("b")], bad_config=True) == EX_CONFIG


def test_thorough_may_take_longer_and_nothing_else_may(tmp_path: Path) -> None:
    for thorough in (False, True):
        site = Site(None, [], tmp_path, tmp_path / "c.sock", thorough=thorough)
        checks = [check for part in command.checks_of(site, None) for check in part]
        assert [check.name for check in checks if check.name != "loop"] == NAMES
        assert [check.name for check in checks if check.limit_s > 5] == (["models", "loop"] if thorough else [])
        assert thorough == ("loop" in [check.name for check in checks])


def test_a_state_has_a_word_for_scripts() -> None:
    assert [str(state) for state in State] == ["well", "skipped", "warn", "fail"]
