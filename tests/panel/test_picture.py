import io
import json
import re
import sys
import xml.etree.ElementTree as ET

import pytest

from edge.panel.terminal import picture
from edge.ports import Fields
from tests.panel.views import LATENCY, STATUS

EVENTS: list[Fields] = [
    {"event": "state", "state": "listening"},
    {"event": "user_transcript", "text": "What is <two> & two?", "final": True},
    {"event": "reply_transcript", "text": "Four."},
    {"event": "state", "state": "speaking"},
    {"event": "turn", "kind": "tap", "latency_ms": LATENCY},
    {"event": "status", **STATUS, "microphone": {"microphone": "usbmic", "open": True, "level_db": -42.0}},
]


def words(svg):
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter()).replace("\xa0", " ")


def test_the_picture_shows_the_conversation_and_the_device():
    text = words(picture.picture(EVENTS))
    for part in ("What is <two> & two?", "Four.", "speaking", "-42 dB", "usbmic", "sound", "1040 ms", "quit"):
        assert part in text


def test_the_picture_loads_nothing():
    svg = picture.picture(EVENTS)
    assert set(re.findall(r"https?://[^\s\"'<]+", svg)) == {"http://www.w3.org/2000/svg"}
    assert "@font-face" not in svg
    assert set(re.findall(r"url\((.)", svg)) == {"#"}


def test_no_text_begins_with_a_space_that_some_viewers_drop():
    assert not re.findall(r">&#160;+[^&<]", picture.picture(EVENTS))


def test_the_command_writes_the_file(tmp_path, monkeypatch):
    out = tmp_path / "talk.svg"
    monkeypatch.setattr(sys, "argv", ["picture", str(out)])
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, EVENTS)) + "\n"))
    picture.main()
    assert out.read_text(encoding="utf-8").startswith("<svg")


def test_the_command_tells_its_usage(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["picture"])
    with pytest.raises(SystemExit, match="usage"):
        picture.main()
