"""The command line as its user meets it: a process, its output and its exit code. Never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__
from edge.errors import EX_CONFIG, EX_FAILED, EX_USAGE
from edge.remote import REMOTE

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "talk",
    "run",
    "status",
    "watch",
    *REMOTE,
    "timers",
    "settings",
    "volume",
    "say",
    "ask",
    "selftest",
    "turns",
    "usage",
    "metrics",
    "record",
    "replay",
    "pair",
    "enrol",
    "unenrol",
    "devices",
    "calibrate",
    "transcribe",
    "doctor",
    "config",
    "relay",
    "models",
)
LIMIT_S = 60


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A machine with nothing on it."""
    keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    return {**keep, **home, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path / "data")}


def edge(env: dict[str, str], *words: str | bytes, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `edge-voice`; whatever it does, it may not show its insides."""
    command = [sys.executable, "-m", "edge", *words]
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd or env["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


# --- help ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(env: dict[str, str], command: str) -> None:
    done = edge(env, command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"edge-voice {command}" in done.stdout.partition("example")[2]


def test_help_and_version(env: dict[str, str]) -> None:
    done = edge(env, "--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"    {command} " in done.stdout
    assert "example: edge-voice talk" in done.stdout
    assert edge(env, "--version").stdout == f"edge-voice {__version__}\n"


# --- usage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("config",), "the following arguments are required: what"),
        (("config", "destroy"), "invalid choice: 'destroy'"),
        (("say",), "the following arguments are required: text"),
        (("settings", "louder"), "'louder' is no KEY=VALUE"),
        (("status", "--yaml"), "unrecognized arguments: --yaml"),
        (("talk", "--engine", "nonsense"), "There is no engine 'nonsense'; there are: local, realtime, chained, none."),
        (("talk", "--text", b"caf\xe9", "--engine", "none"), "That text is not UTF-8"),
    ],
)
def test_wrong_use_is_exit_2_and_one_line(env: dict[str, str], words: tuple[str, ...], message: str) -> None:
    done = edge(env, *words)
    assert done.returncode == EX_USAGE
    assert message in done.stderr
    assert done.stderr.startswith("edge-voice: ")
    assert done.stderr.count("\n") == 1


# --- sound ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("devices",), ("run",)])
def test_a_torn_sound_configuration_is_told_in_a_line(env: dict[str, str], tmp_path: Path, words: tuple[str]) -> None:
    (tmp_path / ".asoundrc").write_text('pcm.!default {\n  type plug\n  slave.pcm "hw:0')
    done = edge(env, *words)
    assert done.returncode == EX_FAILED
    assert "Is ~/.asoundrc, or /etc/asound.conf, cut short" in done.stderr
    assert done.stderr.count("edge-voice: ") == 1


# --- configuration -------------------------------------------------------------------------------------


def test_three_mistakes_are_three_lines_and_exit_78(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[audio]\nvolum = 5\nchannel = 99\n[conversation]\nbarge_in = "shout"\n')
    for words in (("config", "check"), ("config", "show"), ("run",), ("talk", "--engine", "none")):
        done = edge(env, *words, "--config", str(file))
        assert done.returncode == EX_CONFIG
        lines = done.stderr.removeprefix("edge-voice: ").splitlines()
        assert len(lines) == 3
        assert lines[0] == f"{file}: [audio] has no key volum. Did you mean volume?"
        assert done.stdout == ""


def test_a_missing_file(env: dict[str, str], tmp_path: Path) -> None:
    done = edge(env, "config", "check", "--config", str(tmp_path / "gone.toml"))
    assert done.returncode == EX_CONFIG
    assert done.stderr == f"edge-voice: {tmp_path / 'gone.toml'}: cannot be read: No such file or directory.\n"


def test_a_good_one(env: dict[str, str], tmp_path: Path) -> None:
    assert edge(env, "config", "check").stdout == "The configuration is good (all defaults).\n"
    (tmp_path / "edge-voice").mkdir()
    (tmp_path / "edge-voice/config.toml").write_text("[audio]\nvolume = 5\n")
    done = edge({**env, "EDGE_VOICE_AUDIO__CHANNEL": "2"}, "config", "show")
    assert done.returncode == 0
    assert "volume = 5  #" in done.stdout
    assert "channel = 2  #" in done.stdout


def test_a_time_zone_that_is_none(env: dict[str, str]) -> None:
    done = edge({**env, "EDGE_VOICE_DEVICE__TIMEZONE": "Mars/Base"}, "talk", "--engine", "none", "--text", "hello")
    assert done.returncode == EX_CONFIG
    assert "Mars/Base" in done.stderr


# --- sound files ---------------------------------------------------------------------------------------


def test_sound_files_that_are_none(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello " * 100)
    reasons = {"empty.wav": "is empty (0 bytes)", "gone.wav": "does not exist.", "text.wav": "is not a sound file"}
    reasons["."] = "is a folder"
    for name, reason in reasons.items():
        done = edge(env, "talk", "--engine", "none", "--input", str(tmp_path / name))
        assert done.returncode == EX_FAILED
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1


def test_an_output_that_cannot_be_written_is_told(env: dict[str, str], tmp_path: Path) -> None:
    words = ("talk", "--engine", "none", "--text", "hello", "--output", str(tmp_path / "no/where.wav"))
    done = edge(env, *words)
    assert done.returncode == EX_FAILED


# --- talking -------------------------------------------------------------------------------------------


def test_a_typed_turn_to_no_engine_ends_and_fails(env: dict[str, str]) -> None:
    done = edge(env, "talk", "--engine", "none", "--text", "hello", "--text", "again", "--output", "o.wav")
    assert done.returncode == EX_FAILED  # nobody has answered
    assert "you:   hello" in done.stdout
    assert "you:   again" in done.stdout


def test_json_is_one_event_a_line_and_nothing_else(env: dict[str, str]) -> None:
    done = edge(env, "talk", "--engine", "none", "--text", "grüß dich", "--json", "--output", "o.wav")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"event": "user_transcript", "text": "grüß dich", "final": True, "turn": 1} in events
    assert events[-1]["event"] == "state"
    assert done.stderr == ""


def test_without_models_it_is_said_what_to_do(env: dict[str, str]) -> None:
    done = edge(env, "talk", "--engine", "local", "--text", "hello", "--output", "o.wav")
    assert done.returncode == EX_FAILED
    assert "edge-voice models fetch" in done.stdout + done.stderr


# --- without a daemon ----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("status",), ("watch",), ("press",), ("volume", "5"), ("say", "hello"), ("mute",)])
def test_no_daemon_is_one_line(env: dict[str, str], words: tuple[str, ...], tmp_path: Path) -> None:
    done = edge({**env, "EDGE_VOICE_SOCKET": str(tmp_path / "none.sock")}, *words)
    assert done.returncode == EX_FAILED
    assert done.stderr == (
        f"edge-voice: No edge-voice daemon is running here (no answer at {tmp_path}/none.sock). "
        "Start one: edge-voice run, or systemctl start edge-voice.\n"
    )


def test_devices_lists_or_says_that_there_are_none(env: dict[str, str]) -> None:
    done = edge(env, "devices")
    assert done.returncode == (0 if done.stdout else EX_FAILED)
    assert done.stdout or "sound" in done.stderr.lower()


@pytest.mark.parametrize("words", [("devices",), ("calibrate",), ("run",), ("talk",)])
def test_a_machine_without_portaudio(env: dict[str, str], tmp_path: Path, words: tuple[str, ...]) -> None:
    """The library is Debian's and may be missing; importing sounddevice is then an OSError."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    bare = {**env, "PYTHONPATH": f"{tmp_path / 'fake'}:{ROOT}", "EDGE_VOICE_ENGINE__USE": "none"}
    done = edge(bare, *words, *(("--text", "hello") if words == ("talk",) else ()))
    if words == ("talk",):
        assert "you:   hello" in done.stdout
    else:
        assert "libportaudio2" in done.stderr
    assert done.returncode == EX_FAILED


# --- pipes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["config show", "--help", "talk --engine none --text x", "talk --json --engine none --text x"]
)
def test_a_reader_that_has_gone_is_no_error_message(env: dict[str, str], words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "edge", *words.split()]
    done = subprocess.run(
        command, env=env, cwd=env["HOME"], stdout=writing, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode in {0, EX_FAILED}


def test_stopping_with_ctrl_c(env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "edge", "run"]
    process = subprocess.Popen(
        command, env={**env, "EDGE_VOICE_ENGINE__USE": "none"}, cwd=env["HOME"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines = []
    while "started" not in (line := process.stderr.readline()):
        lines.append(line)
        assert line, lines
    process.send_signal(2)
    _, rest = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert "Traceback" not in "".join(lines) + rest
    assert "stopped" in rest


def test_no_output_at_all_is_no_error(env: dict[str, str]) -> None:
    command = f"{sys.executable} -m edge config show >&-"
    done = subprocess.run(command, shell=True, env=env, cwd=env["HOME"], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
