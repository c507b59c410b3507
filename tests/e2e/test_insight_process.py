"""Turns on the real daemon: told while it runs, kept when it is killed, drawn, and read by Prometheus."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

import pytest

from tests import rig as sound
from tests.speech import models_present

pytestmark = [
    pytest.mark.long,
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]


def scraped(path: Path) -> tuple[http.client.HTTPResponse, str]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(path))
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(line)
        response.begin()
        return response, response.read().decode()


def test_a_killed_daemon_forgets_no_turn(tmp_path: Path) -> None:
    with sound.rig(tmp_path) as rig:
        settings = {"EDGE_VOICE_LOCAL__LLM": "off", "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0"}
        device = sound.Running(rig, **settings)
        device.wait_ready()
        device.call("ask", "what time is it")
        device.wait_count("turn", 1)
        before = json.loads(device.call("turns", "--json").stdout)
        assert [(turn["turn"], turn["kind"], turn["engine"]) for turn in before] == [(1, "text", "local")]
        assert before[0]["latency_ms"]["first_sound"] > 0
        found = list(tmp_path.rglob("control.sock"))
        response, text = scraped(found[0])
        assert (response.status, response.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert 'edge_voice_turns_total{engine="local",kind="text"} 1' in text
        assert not list(tmp_path.rglob("insight.db"))  # nothing is written to the card per turn
        device.process.kill()
        device.process.wait(20)

        again = sound.Running(rig, **settings)
        again.wait_ready()
        assert json.loads(again.call("turns", "--json").stdout) == before
        assert "Today 0.0000 USD" in again.call("usage").stdout
        assert again.call("turns", "--plot", str(tmp_path / "t.png")).returncode == 0
        assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
        again.process.terminate()
        assert again.process.wait(20) == 0
        assert len(list(tmp_path.rglob("insight.db"))) == 1
        assert "time" not in next(iter(tmp_path.rglob("insight.db"))).read_bytes().decode("latin-1").lower()  # no words
