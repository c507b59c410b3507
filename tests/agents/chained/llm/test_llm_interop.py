"""The models against a mock server that somebody else has written: @copilotkit/aimock, from npm.

Runs where its command `llmock` is found, or where AIMOCK says where it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.config import Llm
from tests.agents.chained.llm.benches import (
    CHAT,
    CLAUDE,
    GEMINI,
    OPENAI,
    WEATHER,
    Bench,
    all_of,
    ask,
    assistant,
    calls,
    result,
    text,
    user,
)
from tests.waiting import wait_until

AIMOCK = os.environ.get("AIMOCK") or shutil.which("llmock")
pytestmark = pytest.mark.skipif(AIMOCK is None, reason="no llmock here (npm install -g @copilotkit/aimock), nor AIMOCK")

FIXTURES = {
    "fixtures": [
        {"match": {"userMessage": "Weather?", "hasToolResult": True}, "response": {"content": "Rain, both of them."}},
        {
            "match": {"userMessage": "Weather?"},
            "response": {
                "content": "Let me look.",
                "toolCalls": [
                    {"name": "weather", "arguments": {"city": "Köln"}},
                    {"name": "weather", "arguments": {"city": "Bonn"}},
                ],
            },
        },
        {"match": {"userMessage": "Hello"}, "response": {"content": "Grüße aus der Ferne, und einen guten Tag. 🙂"}},
    ]
}
PATHS = {OPENAI: "/v1", CHAT: "/v1", CLAUDE: "", GEMINI: "/v1beta"}


@asynccontextmanager
async def aimock(folder: Path) -> AsyncIterator[int]:
    """Its port, once it answers."""
    assert AIMOCK is not None
    fixtures = folder / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES))
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    options = ("-p", str(port), "-f", str(fixtures), "--strict", "--log-level", "warn")
    process = await asyncio.create_subprocess_exec(AIMOCK, *options)
    try:
        await wait_until(lambda: listens(port) or process.returncode is not None)
        yield port
    finally:
        process.terminate()
        await process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("bench", PATHS, ids=lambda bench: bench.name)
def test_text_tools_and_an_answer(bench: Bench, tmp_path: Path) -> None:
    async def main() -> None:
        async with aimock(tmp_path) as port:
            mind = bench.mind(Llm(url=f"http://127.0.0.1:{port}{PATHS[bench]}"))
            mind.prepare()
            assert text(await all_of(mind)) == "Grüße aus der Ferne, und einen guten Tag. 🙂"
            first = await all_of(mind, ask("Weather?", tools=(WEATHER,)))
            found = calls(first)
            assert text(first) == "Let me look."
            assert [call.arguments for call in found] == [{"city": "Köln"}, {"city": "Bonn"}]
            results = [result(call, '{"sky": "rain"}') for call in found]
            whole = ask(user("Weather?"), assistant("Let me look.", *found), *results, tools=(WEATHER,))
            assert text(await all_of(mind, whole)) == "Rain, both of them."
            await mind.close()

    asyncio.run(asyncio.wait_for(main(), 60))
