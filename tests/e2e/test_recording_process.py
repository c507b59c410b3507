"""The whole program records what comes by a sound card, is killed, and the recording is heard again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Rig, Running, missing, rig, wait_for

LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
pytestmark = [pytest.mark.pulse, pytest.mark.skipif(bool(missing()), reason=f"needs {', '.join(missing())}")]


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as started:
        yield started


def edge(running: Running, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *words], env=running.env, capture_output=True, text=True, timeout=40, check=False
    )


def test_recorded_killed_and_heard_again(sound: Rig) -> None:
    consent = {"EDGE_VOICE_ENGINE__USE": "none", "EDGE_VOICE_RECORD__ALLOWED": "true"}
    running = Running(sound, **consent)
    running.wait_ready()
    on = edge(running, "record", "on")
    assert (on.returncode, on.stderr) == (0, "")
    wait_for(lambda: running.status()["recording"]["file"], 30, "the recording to begin", running.text)
    assert "recording:  yes" in edge(running, "status").stdout
    wait_for(lambda: "record on=True waiting=False" in running.text(), 30, "its beginning to be in the journal")
    edge(running, "press")
    sound.speak(LAMP)
    running.wait_count("state", 3, 40)  # listening, thinking, and what follows
    folder = Path(running.status()["recording"]["folder"])
    [part] = list(folder.iterdir())
    wait_for(lambda: b"SpeechEnded" in part.read_bytes(), 30, "the end of the question to be on the disk")
    running.process.kill()
    running.process.wait(10)
    again = edge(running, "replay", str(part), "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    told = json.loads(again.stdout)
    assert told["same"]
    assert told["decisions"] > 5
    assert edge(running, "replay", str(part), "--set", "conversation.end_silence_ms=300").returncode == 1

    later = Running(sound, **consent)
    later.wait_ready()
    wait_for(lambda: [path.suffix for path in folder.iterdir()] == [".zip"], 30, "the recording to be packed")
    edge(later, "record", "on")
    wait_for(lambda: "record on=True waiting=False" in later.text(), 30, "another one to begin")
    edge(later, "record", "off")
    wait_for(lambda: "record on=False" in later.text(), 30, "its end to be in the journal")
    wait_for(lambda: [path.suffix for path in folder.iterdir()] == [".zip"] * 2, 30, "both to be packed")
    assert "2 recordings are removed" in edge(later, "record", "wipe").stdout
    assert list(folder.iterdir()) == []


def test_without_consent_nothing_is_recorded(sound: Rig) -> None:
    running = Running(sound, EDGE_VOICE_ENGINE__USE="none")
    running.wait_ready()
    refused = edge(running, "record", "on")
    assert (refused.returncode, "consent" in refused.stderr) == (1, True)
    assert "Nothing is recorded" in edge(running, "record", "status").stdout
