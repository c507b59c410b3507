"""Tools of the owner: functions of packages, and programs of the configuration. A broken one costs only itself."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.config import Shell
from edge.tools import own
from edge.tools.own import add_own, from_function
from edge.tools.registry import Registry, Tool
from tests.rig import wait_for

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


# --- what a package offers ----------------------------------------------------------------------------


def blinds(room: Literal["kitchen", "hall"], percent: int = 100) -> str:
    """Open or close the blinds of a room."""
    return f"{room} {percent}"


async def garden(minutes: float, beds: list[str]) -> dict[str, object]:
    """Water the garden."""
    await asyncio.sleep(0)
    return {"minutes": minutes, "beds": beds}


def wipe() -> str:
    """Forget all."""
    return "gone"


setattr(wipe, "confirm", "Shall I forget all?")  # noqa: B010  a function has no such attribute, says mypy


def broken() -> str:
    """Fail."""
    raise RuntimeError("x")


def vague(thing: object) -> str:
    """Do a thing."""
    return str(thing)


def mute() -> str:
    return ""


def point(name: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{name}", own.GROUP)


def registry(*points: EntryPoint, **shells: Shell) -> tuple[Registry, list[str]]:
    made = Registry([Tool("get_time", "Tell the time.", lambda _, __: {})])
    return made, add_own(made, shells, points)


def run(made: Registry, name: str, **arguments: object) -> dict[str, Any]:
    return asyncio.run(made.run_within(name, arguments, NOW))


def test_functions_are_tools_by_their_annotations() -> None:
    made, problems = registry(point("blinds"), point("garden"), point("wipe"))
    assert problems == []
    specs = {spec["name"]: spec for spec in made.specs()}
    assert specs["blinds"] == {
        "type": "function",
        "name": "blinds",
        "description": "Open or close the blinds of a room.",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string", "enum": ["kitchen", "hall"]}, "percent": {"type": "integer"}},
            "required": ["room"],
            "additionalProperties": False,
        },
    }
    assert run(made, "blinds", room="hall") == {"result": "hall 100"}
    assert "has to be one of kitchen, hall" in run(made, "blinds", room="attic")["error"]
    assert run(made, "garden", minutes=2.5, beds=["roses"]) == {"minutes": 2.5, "beds": ["roses"]}
    fitting = made.fitting("wipe", {})
    assert not isinstance(fitting, str)
    assert fitting.tool.confirm is not None
    assert fitting.tool.confirm({}) == "Shall I forget all?"


def test_a_broken_one_is_named_and_costs_no_other() -> None:
    odd = [point("vague"), point("mute"), point("missing"), EntryPoint("gone", "no_such_package:x", own.GROUP)]
    made, problems = registry(*odd, point("broken"), point("blinds"))
    assert [spec["name"] for spec in made.specs()] == ["get_time", "broken", "blinds"]
    assert [problem.split()[2] for problem in problems] == ["vague", "mute", "missing", "gone"]
    assert "the argument thing needs an annotation" in problems[0]
    assert "it has no docstring" in problems[1]
    assert run(made, "broken") == {"error": "The tool broken has failed"}
    assert run(made, "blinds", room="hall")


def test_a_function_that_takes_its_time_keeps_nobody_waiting() -> None:
    def slow() -> str:
        """Sleep."""
        time.sleep(0.5)
        return "done"

    made = Registry([from_function(slow), Tool("get_time", "Tell the time.", lambda _, __: {"time": 1})])

    async def scene() -> None:
        waiting = asyncio.ensure_future(made.run_within("slow", {}, NOW))
        await asyncio.sleep(0)
        assert await made.run_within("get_time", {}, NOW) == {"time": 1}
        assert not waiting.done()
        assert await waiting == {"result": "done"}

    asyncio.run(scene())


# --- programs ------------------------------------------------------------------------------------------


def shell(*command: str, **more: Any) -> Shell:
    return Shell(command=command, **more)


def test_a_program_gets_its_arguments_as_they_are_and_no_shell() -> None:
    made, _ = registry(say=shell("/bin/echo", "in the {room}:", "{what}", choices=("room=hall|kitchen",)))
    found = run(made, "say", room="hall", what="$(id); `id` && rm * | x")
    assert "in the hall: $(id); `id` && rm * | x" in found["data"]
    assert "one of hall, kitchen" in run(made, "say", room="attic", what="x")["error"]
    assert "may not begin with -" in run(made, "say", room="hall", what="-n")["data"]
    assert "what is missing" in run(made, "say", room="hall")["error"]
    assert "at most 200 characters" in run(made, "say", room="hall", what="x" * 201)["error"]


def test_a_program_sees_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    made, _ = registry(env=shell("/usr/bin/env"))
    found = run(made, "env")["data"]
    assert "PATH=" in found
    assert "sk-secret" not in found


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/bin/sh", "-c", "echo no lamp >&2; exit 3"), "no lamp"),
        (("/bin/false",), "It ended with 1"),
        (("/no/such/program",), "cannot be started"),
    ],
)
def test_a_program_that_fails_says_why(command: tuple[str, ...], words: str) -> None:
    made, _ = registry(lamp=shell(*command))
    assert words in run(made, "lamp")["data"]


def test_a_program_is_ended_in_time_with_all_that_it_started(tmp_path: Path) -> None:
    made, _ = registry(slow=shell("/bin/sh", "-c", f"sleep 4242 & echo $! >{tmp_path}/pid; sleep 4242", limit_s=0.5))
    assert "took longer than 0.5 seconds" in run(made, "slow")["error"]
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    wait_for(lambda: not stat.exists() or ") Z " in stat.read_text(), 20, "its end")


def test_what_says_too_much_is_cut_and_ended() -> None:
    made, _ = registry(noisy=shell("/bin/sh", "-c", "yes"))
    found = run(made, "noisy")
    assert found["truncated"]
    assert len(str(found)) < 6000


def test_one_that_cannot_be_undone_asks() -> None:
    made, _ = registry(off=shell("/bin/true", description="switch the heating off", confirm=True))
    fitting = made.fitting("off", {})
    assert not isinstance(fitting, str)
    assert fitting.tool.confirm is not None
    assert fitting.tool.confirm({}) == "Shall I really do this: switch the heating off?"
