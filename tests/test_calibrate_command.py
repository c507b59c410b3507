from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge import calibrate, cli
from edge.audio.calibration import Finding, Report, analyse
from edge.audio.profile import load
from edge.calibrate import Heard
from edge.config import Config
from edge.errors import EX_CONFIG, EX_USAGE, DeviceGone
from edge.host import client
from edge.ports import Fields
from tests.audio.synthetic import Room

TABLE = """\
A sound will be played for 7 seconds; keep quiet meanwhile.

microphone      USB Mic
loudspeaker     USB Speaker, volume 100
noise           -60.0 dBFS
delay           40.0 ms
echo return     6.0 dB of what is played
a reply's echo  -12.0 dBFS at the microphone
highest peak    -3.3 dBFS
clipped         0.25 % (quieter sweep 0 %)
distortion      -40.0 dB
reverberation   0.31 s (60 dB)
after 80 ms     -22.0 dB of the echo's energy
clock drift     +12.3 ppm, within 0.5

Interrupting by voice is safe up to volume 50. It is 100 now.
At full volume a reply is 16 dB louder at the microphone than a person. Move the microphone away from the loudspeaker, \
or turn one away from the other.
The microphone is overdriven by loud sounds. Turn its input gain down, and measure again.

Kept in {path}.
"""
REPORT = Report(
    Finding.HEARD, -60.0, 100, 40.0, 6.0, -12.0, 0.31, -22.0, -3.3, 0.0, 0.0025, None, -40.0, -0.5, 12.3, 0.5,
)  # fmt: skip


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No daemon, no configuration, a state directory of its own."""
    for name in [name for name in os.environ if name.startswith("EDGE_VOICE")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


def measuring(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    monkeypatch.setattr(calibrate, "measure", lambda _config: Heard(report, "USB Mic", "USB Speaker"))


@pytest.fixture(scope="module")
def real() -> Report:
    """With all its curves."""
    return analyse(Room().record())


def kept(tmp_path: Path) -> Path:
    return tmp_path / "edge-voice/calibration.json"


def test_the_table_the_verdict_and_the_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring(monkeypatch, REPORT)
    assert cli.main(["calibrate", "--yes"]) == 0
    told = capsys.readouterr()
    assert told.out == TABLE.format(path=kept(tmp_path))
    assert not told.err
    found = load(kept(tmp_path))
    assert found is not None
    assert (found.microphone, found.volume_limit, found.safety) == ("USB Mic", 50, "limited")


def test_json_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], real: Report
) -> None:
    measuring(monkeypatch, real)
    assert cli.main(["calibrate", "--json", "--plot"]) == 0
    told = capsys.readouterr()
    facts = json.loads(told.out)
    assert facts["finding"] == "heard"
    assert facts["safety"] == "safe"
    assert facts["delay_ms"] == pytest.approx(40, abs=0.2)
    assert len(facts["levels_db"]) == 60
    assert facts["sentences"]
    assert "will be played" in told.err


def test_the_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], real: Report
) -> None:
    measuring(monkeypatch, real)
    assert cli.main(["calibrate", "--plot", "--png", str(tmp_path / "room.png")]) == 0
    out = capsys.readouterr().out
    assert "█" in out
    assert "1000 Hz" in out
    assert (tmp_path / "room.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("finding", [Finding.NOTHING, Finding.DEAF, Finding.BROKEN])
def test_what_could_not_be_measured_fails_and_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], finding: Finding
) -> None:
    measuring(monkeypatch, Report(finding, -60.0, 100))
    assert cli.main(["calibrate", "--plot", "--png", str(tmp_path / "room.png")]) == 1
    assert not kept(tmp_path).exists()
    assert not (tmp_path / "room.png").exists()
    assert "delay" not in capsys.readouterr().out


@pytest.mark.parametrize("finding", [Finding.CANCELLED, Finding.GATED])
def test_a_system_that_does_it_already_is_a_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, finding: Finding
) -> None:
    measuring(monkeypatch, Report(finding, -60.0, 100))
    assert cli.main(["calibrate"]) == 0
    assert load(kept(tmp_path)) is not None


def test_a_profile_that_cannot_be_kept_is_said_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "edge-voice").write_text("a file where the folder should be")
    measuring(monkeypatch, REPORT)
    assert cli.main(["calibrate"]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("edge-voice: The result cannot be kept in ")
    assert "Kept" not in told.out


def test_a_png_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], real: Report
) -> None:
    measuring(monkeypatch, real)
    assert cli.main(["calibrate", "--png", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("cannot be written: Is a directory.\n")


def silent(_config: Config) -> Heard:
    raise AssertionError("nothing may be played")


def test_a_folder_that_is_not_there_is_said_before_the_sound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibrate, "measure", silent)
    assert cli.main(["calibrate", "--png", str(tmp_path / "no/room.png")]) == EX_USAGE
    assert "is no folder" in capsys.readouterr().err


def test_beside_a_daemon_nothing_is_played(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def call(_path: Path, _command: str) -> Fields:
        return {"state": "idle"}

    monkeypatch.setattr(client, "call", call)
    monkeypatch.setattr(calibrate, "measure", silent)
    assert cli.main(["calibrate"]) == 1
    told = capsys.readouterr()
    assert told.err.endswith("Stop it first: systemctl stop edge-voice.\n")
    assert not told.out


def test_a_device_in_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def taken(_config: Config) -> Heard:
        raise DeviceGone('"USB Mic" is in use by another program.')

    monkeypatch.setattr(calibrate, "measure", taken)
    assert cli.main(["calibrate"]) == 1
    assert capsys.readouterr().err == 'edge-voice: "USB Mic" is in use by another program.\n'


def test_a_bad_configuration(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[audio]\nvolume = 300\n")
    assert cli.main(["calibrate", "--config", str(tmp_path / "bad.toml")]) == EX_CONFIG


@pytest.mark.parametrize(("words", "asked"), [([], True), (["--yes"], False)])
def test_on_a_terminal_it_waits_for_the_person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], asked: bool
) -> None:
    class Terminal:
        read = 0

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            self.read += 1
            return "\n"

    terminal = Terminal()
    monkeypatch.setattr("sys.stdin", terminal)
    measuring(monkeypatch, REPORT)
    assert cli.main(["calibrate", *words]) == 0
    assert terminal.read == asked
    assert ("Enter starts it" in capsys.readouterr().out) is asked
