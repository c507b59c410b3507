"""No password of the configuration gets into a recording, wherever its owner has put it."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config, Mcp, Realtime, show
from edge.replay.command import as_recorded
from edge.sessions.reading import read
from edge.sessions.scrubbing import scrubbed
from tests.sessions.recording import ALLOWED, recording


@pytest.mark.parametrize(
    "text",
    [
        'url = "https://anna:hunter2@home.example/mcp?x=1"  # where',
        'url = "wss://hunter2@home.example"',
        'url = "https://home.example/mcp?api_key=hunter2&x=1"',
        'url = "https://home.example/mcp?x=1&Access-Token=hunter2"',
        'headers = { Authorization = "Bearer hunter2", X-Key = "a \\" hunter2" }  # sent along',
        'headers = ["Authorization: Bearer hunter2"]',
        '[mcp.home.headers]\nAuthorization = "Bearer hunter2"',
        'env = { HOME_TOKEN = "hunter2" }',
        'args = ["--password", "hunter2"]',
        'my_api_key = "hunter2"',
        '"Proxy-Authorization" = "hunter2"',
    ],
)
def test_a_secret_is_left_out_and_the_rest_is_as_it_was(text: str) -> None:
    clean = scrubbed(text)
    assert "hunter2" not in clean
    assert "***" in clean
    assert clean.count("  # ") == text.count("  # ")
    tomllib.loads(clean)


def test_what_is_no_secret_stays() -> None:
    text = show(replace(Config(), realtime=Realtime(url="wss://home.example/v1/realtime?model=x@y")))
    assert scrubbed(text) == text


def test_a_recording_has_no_password_and_is_heard_again(tmp_path: Path) -> None:
    url = "wss://anna:hunter2@home.example/v1/realtime?token=hunter2&model=m"
    config = replace(ALLOWED, realtime=Realtime(url=url), mcp={"home": Mcp(url="https://anna:hunter2@home.example/")})

    async def main() -> Path:
        async with recording(tmp_path, config) as (device, recorder):
            await device.run(0.5)
            return Path(await recorder.finish())

    session = read(asyncio.run(main()))
    assert "hunter2" not in str(session.header)
    again = as_recorded(session, {})
    assert again.realtime.url == "wss://***@home.example/v1/realtime?token=***&model=m"
    assert again.conversation == ALLOWED.conversation
