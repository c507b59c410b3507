"""The owner's tools: packages' functions, programs and MCP servers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import EntryPoint

from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.tools.mcp import called_here
from edge.tools.own import add_own
from edge.tools.registry import Registry


def check(site: Site, points: Sequence[EntryPoint] | None = None) -> Results:
    """Loads the functions, looks for the programs; of servers a running daemon knows."""
    if site.config is None:
        return [BAD_CONFIG]
    registry = Registry([])
    problems = [warn(f"{problem}.", "Mend the package, or uninstall it.") for problem in
                add_own(registry, site.config.shell, points)]  # fmt: skip
    absent = [
        fail(f"The program {shell.command[0]} of [shell.{name}] cannot be run.", "Install it, or take the section out.")
        for name, shell in site.config.shell.items()
        if not os.access(shell.command[0], os.X_OK)
    ]
    servers = [server.name for server in called_here(site.config.mcp, lambda _: "")]
    told = [f"{len(registry.specs())} of your own"] if registry.specs() else []
    told += [f"servers: {', '.join(servers)}"] if servers else []
    if not (told or problems):
        return [skipped("None beside the device's own.")]
    return [well(f"{'; '.join(told)}."), *problems, *absent, *_of_servers(site)] if told else problems


def _of_servers(site: Site) -> list[Result]:
    if site.daemon.presence is not Presence.RUNS:
        return []
    return [
        warn(
            f"The tool server {name} cannot be used: {about['problem']}.", f"See [mcp.{name}] and the server's own log."
        )
        for name, about in site.daemon.of("tool_servers").items()
        if isinstance(about, dict) and about.get("problem")
    ]
