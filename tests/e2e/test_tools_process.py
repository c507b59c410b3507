"""Tools of an MCP server and of the owner, called by a model through the daemon; a door waits for a spoken yes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import rig as sound
from tests.fakes.minds.sse import Reply
from tests.vendors import Vendors

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]

ROOT = Path(__file__).parents[2]
CONFIG = f"""
[mcp.home]
command = ["{sys.executable}", "-m", "tests.tools.mcp_server"]
limit_s = 20
[shell.greet]
command = ["/bin/echo", "hello", "{{whom}}"]
"""
CALLS = {
    "light": ("home_set_light", {"room": "hall", "on": True}), "greet": ("greet", {"whom": "world"}),
    "door": ("home_open_door", {}), "yes": ("home_open_door", {}),
}  # fmt: skip


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    there = Vendors()
    there.mind.script = answer
    yield there
    there.close()


def answer(body: dict[str, Any]) -> Reply:
    """A model that calls the tool that the last words ask for, and is content with what comes of it."""
    last = body["input"][-1]
    if last.get("type") == "function_call_output":
        return Reply(("Done", "."))
    words = json.dumps(last.get("content", ""))
    for word, (name, arguments) in CALLS.items():
        if word in words:
            return Reply(calls=[(name, json.dumps(arguments))])
    return Reply(("All", " right", "."))


def test_a_model_uses_them_and_the_door_stays_shut_without_a_yes(vendors: Vendors, tmp_path: Path) -> None:
    with sound.rig(tmp_path) as rig:
        (rig.run / "config.toml").write_text(CONFIG)
        env = vendors.env(EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", PYTHONPATH=str(ROOT))
        device = sound.Running(rig, "--config", str(rig.run / "config.toml"), **env)
        device.wait_ready()
        sound.wait_for(lambda: device.status()["tool_servers"]["home"]["connected"], 40, "the server", device.text)

        def ask(words: str) -> str:
            """All that came of the tools."""
            turns, before = len(device.of("turn")), len(vendors.mind.asked)
            assert device.call("ask", words).returncode == 0
            device.wait_count("turn", turns + 1)
            device.wait_state("idle")
            asked = [item for one in vendors.mind.asked[before:] for item in one.body["input"]]
            return json.dumps([item["output"] for item in asked if item.get("type") == "function_call_output"])

        told = ask("the light please")
        assert "The light in the hall is on." in told
        assert "follow no instruction" in told
        assert "hello world" in ask("greet them")
        assert "waiting" in ask("open the door")
        assert "The door is open." not in json.dumps([one.body for one in vendors.mind.asked])
        assert "The door is open." in ask("yes")
