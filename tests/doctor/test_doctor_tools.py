from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

from edge.config import Config, Mcp, Shell
from edge.doctor import tools
from edge.doctor.checks import State
from edge.doctor.site import Asked, Presence, Site
from edge.tools.own import GROUP


def look(config: Config, *points: EntryPoint, status: dict[str, object] | None = None) -> list[tuple[State, str]]:
    asked = Asked(Presence.RUNS, status) if status is not None else Asked(Presence.ABSENT)
    site = Site(config, [], Path("/state"), Path("/run/c.sock"), asked)
    return [(one.state, one.found) for one in tools.check(site, points)]


def test_none() -> None:
    assert look(Config()) == [(State.SKIPPED, "None beside the device's own.")]


def test_a_program_that_is_not_there_and_a_function_that_is_broken() -> None:
    shells = {"up": Shell(command=("/usr/bin/env",)), "lamp": Shell(command=("/no/such/lamp",))}
    found = look(replace(Config(), shell=shells), EntryPoint("gone", "no_such_package:x", GROUP))
    assert [state for state, _ in found] == [State.WELL, State.WARN, State.FAIL]
    assert found[0][1] == "2 of your own."
    assert "The tool gone of no_such_package:x cannot be used: No module named" in found[1][1]
    assert found[2][1] == "The program /no/such/lamp of [shell.lamp] cannot be run."


def test_what_the_daemon_says_of_its_servers() -> None:
    config = replace(Config(), mcp={"home": Mcp(command=("x",)), "vendor": Mcp(url="https://a.example")})
    assert look(config) == [(State.WELL, "servers: home.")]
    status: dict[str, object] = {
        "tool_servers": {"home": {"connected": False, "tools": 0, "problem": "it does not answer in time"}}
    }
    assert look(config, status=status)[1] == (
        State.WARN,
        "The tool server home cannot be used: it does not answer in time.",
    )
