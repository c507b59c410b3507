"""The same command against an engine in the cloud: the server is the fake one, and gets what a device would send."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.fakes.realtime.script import Call, Reply, calling
from tests.fakes.realtime.server import FakeRealtime

LAMP = Path(__file__).parents[2] / "edge/data/turn_on_the_living_room_lamp.flac"
LIMIT_S = 60
SCENARIO = f"""
[[turn]]
audio = "{LAMP}"
heard = ["living room lamp"]
tools = [{{ name = "set_volume", arguments = {{ percent = 30 }} }}]
words = ["thirty"]

[[turn]]
type = "And now?"
tools = []
words = ["nothing"]
not_words = ["thirty"]
"""


async def evals(server: FakeRealtime, folder: Path, file: Path) -> tuple[int | None, dict[str, Any]]:
    env = {
        **os.environ, "OPENAI_API_KEY": "sk-of-the-test", "EDGE_VOICE_REALTIME__URL": server.url,
        "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder),
    }  # fmt: skip
    words = ("-m", "edge", "evals", str(file), "--engine", "realtime", "--json")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *words, env=env, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert b"sk-of-the-test" not in out + errors
    assert errors == b""
    return process.returncode, json.loads(out)["scenarios"][0]


def test_a_cloud_engine_is_tried_as_the_offline_one(tmp_path: Path) -> None:
    file = tmp_path / "lamp.toml"
    file.write_text(SCENARIO)

    async def main() -> None:
        replies = [
            calling(Call("set_volume", '{"percent": 30}')),
            Reply("It is at thirty."),
            Reply("There is nothing else."),
        ]
        async with FakeRealtime(replies, ["turn on the living room lamp"]) as server:
            code, told = await evals(server, tmp_path, file)
            assert told["wrong"] == [[], []]
            assert (code, told["result"], told["engine"]) == (0, "passed", "realtime")
            assert server.violations == []
            assert len(server.audio_received()) / 2 / 24_000 > 1.0

    asyncio.run(main())
