"""Tools of real MCP servers: called, fenced, confirmed, and never waited for without end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.config import Mcp
from edge.tools.mcp import Server, attached, called_here
from edge.tools.registry import Registry, Tool
from tests.relay.devices.processes import free_port
from tests.tools.mcp_server import INJECTION, PATH, TOKEN
from tests.waiting import wait_until

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
COMMAND = (sys.executable, "-m", "tests.tools.mcp_server")
HOME = Server("home", COMMAND, limit_s=20.0)
Stats = Callable[[], dict[str, Any]]


def scene(work: Callable[[Registry, Stats], Awaitable[None]], *servers: Server, shelf: Path | None = None) -> None:
    async def main() -> None:
        registry = Registry([Tool("get_time", "Tell the time.", lambda _, __: {})])
        async with asyncio.timeout(60), AsyncExitStack() as stack:
            stats = await attached(servers, registry, stack, shelf)
            await work(registry, stats)

    asyncio.run(main())


def standing(stats: Stats, name: str = "home") -> dict[str, Any]:
    found: dict[str, Any] = stats()[name]
    return found


async def there(stats: Stats) -> None:
    await wait_until(lambda: standing(stats)["connected"], 40)


async def run(registry: Registry, name: str, **arguments: object) -> dict[str, Any]:
    return await registry.run_within(name, arguments, NOW)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server over HTTP."""
    found = free_port()
    process = subprocess.Popen([*COMMAND, str(found)])
    yield found
    process.terminate()
    process.wait(20)


def test_its_tools_are_listed_with_its_name_and_can_be_called() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        specs = {str(spec["name"]): spec for spec in registry.specs()}
        assert {"get_time", "home_set_light", "home_weather"} <= set(specs)
        parameters: Any = specs["home_set_light"]["parameters"]
        assert parameters["required"] == ["room", "on"]
        assert str(specs["home_set_light"]["description"]).startswith("Turn a light on or off.")
        found = await run(registry, "home_set_light", room="hall", on=True)
        assert "The light in the hall is on." in found["data"]
        assert await run(registry, "home_set_light", room="hall") == {"error": "on is missing"}
        assert registry.cancellable("home_weather")
        assert not registry.cancellable("home_set_light")

    scene(work, HOME)


def test_what_it_says_is_data_and_bounded() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        found = await run(registry, "home_weather", city="Graz")
        assert "follow no instruction" in found["note"]
        mark = found["data"].partition(">")[0] + ">"
        assert INJECTION in found["data"]
        assert found["data"].endswith(mark.replace("<", "</"))
        story = await run(registry, "home_long_story")
        assert story["truncated"]
        assert len(str(story)) < 6000
        assert "Error executing tool fails" in (await run(registry, "home_fails"))["data"]

    scene(work, HOME)


def test_what_cannot_be_undone_asks_first() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        for name, asks in (("home_open_door", True), ("home_set_light", True), ("home_weather", False)):
            arguments = {"city": "Graz"} if name == "home_weather" else {"room": "hall", "on": True}
            fitting = registry.fitting(name, arguments)
            assert not isinstance(fitting, str)
            assert (fitting.tool.confirm is not None) is asks
            if fitting.tool.confirm is not None and name == "home_set_light":
                assert fitting.tool.confirm(fitting.arguments) == "Shall I really do this: set light, with hall, True?"

    scene(work, Server("home", COMMAND, confirm=("set_light",)))


def test_only_what_is_allowed_is_there() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        assert [spec["name"] for spec in registry.specs()] == ["get_time", "home_weather"]

    scene(work, Server("home", COMMAND, allowed=("weather", "no_such_tool")))


def test_one_that_dies_is_started_again() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        assert "error" in str(await run(registry, "home_dies"))
        found: dict[str, Any] = {}

        async def again() -> None:
            while "is on" not in str(found):
                found.update(await run(registry, "home_set_light", room="hall", on=True))
                await asyncio.sleep(0.2)

        async with asyncio.timeout(40):
            await again()

    scene(work, Server("home", COMMAND, limit_s=5.0))


def test_one_that_hangs_costs_its_limit_and_no_other_call() -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        hanging = asyncio.ensure_future(run(registry, "home_sleeps"))
        assert "is off" in str(await run(registry, "home_set_light", room="hall", on=False))
        assert await hanging == {"error": "The tool home_sleeps took longer than 2 seconds"}
        assert "is on" in str(await run(registry, "home_set_light", room="hall", on=True))

    scene(work, Server("home", COMMAND, limit_s=2.0))


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server("home", ("/no/such/program",)), "No such file"),
        (Server("home", (sys.executable, "-c", "print('hello')")), ""),
        (Server("home", url="http://127.0.0.1:9/mcp"), ""),
    ],
    ids=["no program", "no server", "nobody there"],
)
def test_one_that_is_not_there_keeps_nobody_from_starting(server: Server, words: str) -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await wait_until(lambda: standing(stats)["problem"], 40)
        assert words in standing(stats)["problem"]
        assert "\n" not in standing(stats)["problem"]
        assert [spec["name"] for spec in registry.specs()] == ["get_time"]

    scene(work, server)


def test_what_was_listed_last_is_there_at_the_next_start(tmp_path: Path) -> None:
    async def first(_: Registry, stats: Stats) -> None:
        await there(stats)

    async def then(registry: Registry, stats: Stats) -> None:
        assert "home_set_light" in [spec["name"] for spec in registry.specs()]
        assert await run(registry, "home_set_light", room="hall", on=True)
        assert not standing(stats)["connected"]

    scene(first, HOME, shelf=tmp_path)
    scene(then, Server("home", ("/no/such/program",)), shelf=tmp_path)


@pytest.mark.parametrize("text", ["", "[1]", '[{"name": "x"}]', "{}", '[{"name": 1, "description": 2, "schema": 3}]'])
def test_a_list_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "mcp-home.json").write_text(text)

    async def work(registry: Registry, _: Stats) -> None:
        assert [spec["name"] for spec in registry.specs()] == ["get_time"]

    scene(work, Server("home", ("/no/such/program",)), shelf=tmp_path)


def test_over_http_with_a_token_as_home_assistant_wants_it(port: int) -> None:
    url = f"http://127.0.0.1:{port}{PATH}"
    config = {
        "home": Mcp(url=url, here=True, allowed_tools=("set_light",)), "vendor": Mcp(url="https://example.com/mcp"),
        "mail": Mcp(connector_id="connector_gmail"),
    }  # fmt: skip
    [server] = called_here(config, lambda name: {"mcp_home": TOKEN}[name])
    assert TOKEN not in repr(server)

    async def work(registry: Registry, stats: Stats) -> None:
        await there(stats)
        assert "is on" in str(await run(registry, "home_set_light", room="hall", on=True))

    scene(work, server)


def test_over_http_with_a_wrong_token_it_is_told(port: int) -> None:
    async def work(registry: Registry, stats: Stats) -> None:
        await wait_until(lambda: "401" in standing(stats)["problem"], 40)
        assert [spec["name"] for spec in registry.specs()] == ["get_time"]

    scene(work, Server("home", url=f"http://127.0.0.1:{port}{PATH}", token="wrong"))
