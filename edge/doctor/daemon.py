"""Whether the daemon is there, and could hold a turn."""

from __future__ import annotations

from typing import Any

from edge import __version__
from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.site import Presence, Site, ask, output

UNIT = "edge-voice.service"
PROPERTIES = "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,UnitFileState,LimitNICE"
LOG = "See why: journalctl -u edge-voice -n 30"


def check(site: Site) -> Results:
    """Asks it and systemd, and leaves the answers for the others."""
    site.daemon, site.unit = ask(site.socket), unit_state()
    if site.daemon.presence is Presence.SILENT:
        return [fail(site.daemon.problem, "Run this with sudo, or: systemctl restart edge-voice")]
    if site.daemon.presence is Presence.ABSENT:
        return [absent(site.unit)]
    return [*answered(site.daemon.status), *of_service(site.unit)]


def answered(status: dict[str, Any]) -> list[Result]:
    """What `status` means."""
    told = [] if status.get("ready") else [*_why_not_ready(status)]
    version = status.get("version")
    if version != __version__:
        told.append(warn(f"It is version {version}, and installed is {__version__}.", "systemctl restart edge-voice"))
    return told or [well(f"It runs: {status.get('state')}, ready for a turn, up {_span(status.get('uptime_s', 0))}.")]


def _why_not_ready(status: dict[str, Any]) -> list[Result]:
    muted = [warn("It is muted, and hears nobody.", "edge-voice unmute")] if status.get("muted") else []
    problems = [fail(str(problem)) for problem in status.get("problems", ())]
    return muted + problems or [
        fail("It runs, and is not ready for a turn.", "Models take a while; see: edge-voice status")
    ]


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def unit_state() -> dict[str, str]:
    """What systemd says of the service; empty where there is no systemd."""
    said = output("systemctl", "show", UNIT, f"--property={PROPERTIES}")
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def of_service(unit: dict[str, str]) -> list[Result]:
    """What the owner should know of the running service; its daemon runs well otherwise."""
    if unit.get("LoadState") != "loaded" or unit.get("ActiveState") not in {"active", "reloading"}:
        return []  # the daemon was started by hand
    told = []
    if times := _restarts(unit):
        told.append(warn(f"systemd had to start it again {times}.", LOG))
    if unit.get("UnitFileState") == "disabled":
        told.append(warn("It will not start with the machine.", "systemctl enable edge-voice"))
    return told


def _restarts(unit: dict[str, str]) -> str:
    """Since somebody last started it."""
    count = unit.get("NRestarts", "0")
    return "" if count == "0" else "once" if count == "1" else f"{count} times"


def absent(unit: dict[str, str]) -> Result:
    """No daemon: what the service is doing instead."""
    if unit.get("LoadState") != "loaded":
        return skipped("No daemon runs here. To have one: edge-voice run")
    active, result = unit.get("ActiveState"), unit.get("Result")
    if active == "failed" or result not in {"success", "", None}:
        code, again = unit.get("ExecMainStatus", "0"), _restarts(unit)
        how = ", ".join(filter(None, (result, f"exit code {code}" if result == "exit-code" else "",
                                      f"started again {again}" if again else "")))  # fmt: skip
        return fail(f"The service has failed ({how}).", LOG)
    if active in {"activating", "active", "reloading"}:
        return warn(f"The service is {unit.get('SubState')}, and does not answer yet.", f"Wait. {LOG}")
    return warn("The service is installed and does not run.", "systemctl enable --now edge-voice")
