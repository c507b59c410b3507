"""The whole program on the Realtime engine, as a process of its own; the server is the fake one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.audio.files import load
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime

LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
LIMIT_S = 40


async def talk(server: FakeRealtime, folder: Path, *arguments: str, **settings: str) -> list[dict[str, Any]]:
    """`edge-voice talk`, whose voice goes to out.wav; the events that it printed."""
    env = {
        **os.environ,
        "OPENAI_API_KEY": "sk-of-the-test",
        "EDGE_VOICE_REALTIME__URL": server.url,
        "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0",
        "XDG_STATE_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "edge",
        "talk",
        "--engine",
        "realtime",
        "--json",
        "--output",
        str(folder / "out.wav"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert b"Traceback" not in errors, errors.decode()
    assert b"sk-of-the-test" not in out + errors
    return [json.loads(line) for line in out.splitlines()]


def of(events: list[dict[str, Any]], kind: str, field: str) -> list[Any]:
    return [event[field] for event in events if event["event"] == kind]


@pytest.mark.parametrize("connection", ["warm", "cold"])
@pytest.mark.parametrize("turns", ["device", "server"])
def test_a_recorded_question_is_answered_aloud(turns: str, connection: str, tmp_path: Path) -> None:
    async def main() -> None:
        reply = Reply("It is on.")
        async with FakeRealtime([reply], ["turn on the living room lamp"]) as server:
            settings = {"EDGE_VOICE_REALTIME__TURNS": turns, "EDGE_VOICE_REALTIME__CONNECTION": connection}
            events = await talk(server, tmp_path, "--input", str(LAMP), **settings)
            assert "".join(of(events, "reply_transcript", "text")) == reply.text
            assert of(events, "user_transcript", "text")[-1] == "turn on the living room lamp"
            assert of(events, "error", "message") == []
            assert server.violations == []
            assert len(server.attempts) == 1
            assert len(server.audio_received()) / 2 / 24_000 > 1.0
            assert np.abs(load(tmp_path / "out.wav")).max() > 1000

    asyncio.run(main())


def test_a_drop_in_the_middle_of_the_answer_is_not_heard(tmp_path: Path) -> None:
    async def main() -> None:
        replies = [Reply("one two three four five six", pace=Pace(speed=2.0)), Reply("and seven.")]
        async with FakeRealtime(replies) as server:
            server.faults.cut_mid_delta(3)
            events = await talk(server, tmp_path, "--text", "count to seven")
            assert "".join(of(events, "reply_transcript", "text")).endswith("and seven.")
            assert of(events, "error", "message") == []
            assert len(server.attempts) == 2

    asyncio.run(main())


def test_a_wrong_key_is_told_in_words(tmp_path: Path) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.settings.api_keys = {"another"}
            events = await talk(server, tmp_path, "--text", "hello")
            assert "refuses the key" in of(events, "error", "message")[0]
            assert server.audio_received() == b""

    asyncio.run(main())
