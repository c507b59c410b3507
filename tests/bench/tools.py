"""`python -m tests.bench tools`: what a tool call adds, through the whole daemon.

From the end of the response in which the model calls (`response.done` leaves the fake server) to the result
(`conversation.item.create` is back): the way over loopback, the engine, the core, the tool, and the way back. A tool of
the device, one that writes to the disk, a program, and an MCP server of the device's own.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from edge.host import client
from tests.bench.realtime import Served
from tests.bench.table import median, percentile, show
from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.script import Call, Reply, Request
from tests.fakes.realtime.server import FakeRealtime
from tests.rig import Running, rig, wait_for

CALLS = {
    "get_volume": {}, "set_timer": {"seconds": 900}, "program": {}, "home_set_light": {"room": "hall", "on": True},
}  # fmt: skip
ABOUT = {"set_timer": "writes to the disk", "program": "/bin/true", "home_set_light": "MCP server, by its pipes"}
TIMES = 15
ROOT = Path(__file__).parents[2]
CONFIG = f"""
[shell.program]
command = ["/bin/true"]
[mcp.home]
command = ["{sys.executable}", "-m", "tests.tools.mcp_server"]
"""


class Calling(Served):
    """A model that calls a tool in the first response of each turn."""

    tool = "get_volume"

    def __init__(self) -> None:
        super().__init__()
        self.do(self.fake.down())
        self.fake = FakeRealtime(self._reply, settings=Settings(rtt_ms=0))
        self.do(self.fake.up())
        self.called = True

    def _reply(self, request: Request) -> Reply:
        self.called = not self.called
        if self.called:
            return super()._reply(request)
        return Reply(calls=(Call(self.tool, json.dumps(CALLS[self.tool])),))


def run() -> None:
    """About half a minute."""
    served, rows = Calling(), []
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        (sound.run / "config.toml").write_text(CONFIG)
        device = Running(
            sound, "--config", str(sound.run / "config.toml"), EDGE_VOICE_ENGINE__USE="realtime",
            EDGE_VOICE_REALTIME__URL=served.fake.url, OPENAI_API_KEY="bench", EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0",
            STATE_DIRECTORY=str(sound.run / "state"), PYTHONPATH=str(ROOT),
        )  # fmt: skip
        device.wait_ready()
        wait_for(lambda: device.status()["tool_servers"]["home"]["connected"], 40, "the MCP server", device.text)
        for name in CALLS:
            served.tool = name
            took = sorted(_call(served, device) for _ in range(TIMES))
            rows.append((name, ABOUT.get(name, ""), median(took), percentile(took, 0.95), took[-1]))
    header = ("tool", "", "ms in the middle", "p95", "most")
    show("From the model's call to the result at the server's socket", header, rows)


def _call(served: Calling, device: Running) -> float:
    """Milliseconds."""
    turns, began = len(device.of("turn")), time.monotonic()
    client.call(device.rig.run / "edge-voice" / "control.sock", "ask", "do it")
    device.wait_count("turn", turns + 1)
    device.wait_state("idle")
    done = served.times("response.done", "out", began)[0]
    return (served.next("conversation.item.create", "in", done) - done) * 1000
