"""`status`: what a device says of itself, as a row of a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provision.fleeting.playing import Seen

COLUMNS = ("device", "room", "version", "state", "last turn", "engine", "latency", "errors", "temp", "mic", "speaker")
HOT = 80.0  # degrees, where a Raspberry Pi begins to slow down
MICROPHONE, SPEAKER = {"microphone", "input"}, {"speaker", "output"}


def row(name: str, room: str, seen: Seen) -> dict[str, Any]:
    """All that is known, for --json too. `state` is unreachable, not installed, down, trial, or the daemon's own."""
    look = seen.look
    update, daemon = look.get("update") or {}, look.get("daemon") or {}
    installed = bool(update.get("sequence"))
    turn = daemon.get("last_turn") or {}
    red = (look.get("health") or {}).get("red") or []
    problems = [str(problem) for problem in daemon.get("problems", ())]
    return {
        "device": name, "room": room, "reachable": seen.state == "ok",
        "version": f"{update.get('version')}+{update.get('sequence')}" if installed else "",
        "sequence": update.get("sequence", 0), "previous": update.get("previous", ""), "ring": update.get("ring"),
        "state": _state(seen, installed=installed), "well": bool(look.get("well")), "engine": _engine(daemon),
        "last_turn": turn, "latency_ms": _latency(turn), "errors": [*problems, *(_red(one) for one in red)],
        "temperature": look.get("temperature"), "microphone": _health(daemon, red, "microphone", MICROPHONE),
        "speaker": _health(daemon, red, "speaker", SPEAKER), "why": seen.why,
        "last_update": update.get("last"), "linked": _linked(daemon),
    }  # fmt: skip


def _state(seen: Seen, *, installed: bool) -> str:
    if seen.state != "ok":
        return "unreachable" if seen.state == "unreachable" else "failed"
    daemon = seen.look.get("daemon")
    if not installed:
        return "not installed"
    if (seen.look.get("update") or {}).get("state") == "trial":
        return "trial"
    return str(daemon.get("state", "?")) if daemon else "down"


def _engine(daemon: Mapping[str, Any]) -> str:
    return str((daemon.get("engine") or {}).get("engine", ""))


def _latency(turn: Mapping[str, Any]) -> float | None:
    """From the end of speech to the first sound, where the turn has measured that; else the longest that it has."""
    times = turn.get("latency_ms")
    if isinstance(times, Mapping):
        known = [float(value) for value in times.values() if isinstance(value, (int, float))]
        return float(times["response"]) if isinstance(times.get("response"), (int, float)) else max(known, default=None)
    return float(times) if isinstance(times, (int, float)) else None


def _linked(daemon: Mapping[str, Any]) -> bool | None:
    """None where it has no relay, or its release does not tell."""
    link = daemon.get("link")
    if not isinstance(link, Mapping) or not link.get("relay", True):
        return None
    return link.get("standing") == "online"


def _red(check: Mapping[str, Any]) -> str:
    return f"{check.get('check')}: {check.get('found')}"


def _health(daemon: Mapping[str, Any], red: Sequence[Mapping[str, Any]], part: str, checks: set[str]) -> str:
    """What is wrong in a few words, else "ok" or "muted"; "" where nobody knows."""
    bad = next((str(one.get("found")) for one in red if str(one.get("check")).split()[0] in checks), "")
    if bad or not daemon:
        return bad
    said = next((str(problem) for problem in daemon.get("problems", ()) if part in str(problem).lower()), "")
    if said:
        return said
    return "muted" if part == "microphone" and daemon.get("muted") else "ok"


def lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table, and below it what does not fit into one."""
    cells = [COLUMNS, *(_cells(one) for one in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(COLUMNS))]
    found = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    notes = [f"{one['device']}: {text}" for one in rows for text in _notes(one)]
    away = [str(one["device"]) for one in rows if not one["reachable"]]
    total = (
        f"{len(rows) - len(away)} of {len(rows)} reachable, {sum(bool(one['well']) for one in rows)} could hold a turn."
    )
    return "\n".join([*found, "", *notes, total])


def _notes(one: Mapping[str, Any]) -> list[str]:
    hot = [f"{one['temperature']:.0f} degrees"] if (one["temperature"] or 0) >= HOT else []
    return [*([one["why"]] if one["why"] else []), *one["errors"], *hot]


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    latency, temperature = one["latency_ms"], one["temperature"]
    return (
        str(one["device"]), str(one["room"]), str(one["version"]) or "-", str(one["state"]),
        str(one["last_turn"].get("at", one["last_turn"].get("result", ""))) or "-", str(one["engine"]) or "-",
        "-" if latency is None else f"{latency:.0f} ms", str(len(one["errors"])),
        "-" if temperature is None else f"{temperature:.0f} C", _short(one["microphone"]), _short(one["speaker"]),
    )  # fmt: skip


def _short(health: str) -> str:
    return health if health in {"ok", "muted"} else "bad" if health else "-"
