"""`edge-voice turns`, `usage` and `metrics`: what turns took and cost, as tables and pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.errors import EdgeVoiceError

Run = Callable[[argparse.Namespace], int]
Add = Callable[[str, str, str, Run], argparse.ArgumentParser]
Row = Mapping[str, Any]

STAGES = ("turn_end", "transcript", "first_token", "first_audio", "first_sound")
BAR = 30


def commands(add: Add) -> None:
    """Add the commands to the parser."""
    turns = add("turns", "how long each stage of the last turns took, and what they cost", "edge-voice turns --last 50",
                _turns)  # fmt: skip
    turns.add_argument("--last", type=int, default=20, metavar="N", help="how many, at most 1000 (default 20)")
    turns.add_argument("--json", action="store_true", help="everything that is known of them, as JSON")
    turns.add_argument("--plot", type=Path, metavar="FILE", help="draw them to this PNG file")
    usage = add("usage", "what each day has cost, and what the month will", "edge-voice usage --days 7", _usage)
    usage.add_argument("--days", type=int, default=30, metavar="N", help="how many, at most 366 (default 30)")
    usage.add_argument("--json", action="store_true", help="the same by engine, as JSON")
    usage.add_argument("--plot", type=Path, metavar="FILE", help="draw it to this PNG file")
    add("metrics", "the daemon's counters, in Prometheus' text format", "edge-voice metrics", _metrics)


def _ask(command: str, argument: object = None) -> dict[str, Any]:
    from edge.host import client, control

    return client.call(control.socket_path(), command, argument)


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _draw(path: Path, picture: bytes) -> int:
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise EdgeVoiceError(f"{path} cannot be written: {error.strerror or error}.") from None
    return 0


def _metrics(_options: argparse.Namespace) -> int:
    return _say(_ask("metrics")["text"])


def _turns(options: argparse.Namespace) -> int:
    found = _ask("turns", options.last)["turns"]
    if options.json:
        return _say(json.dumps(found) + "\n")
    if options.plot is not None:
        from edge.panel.waterfall import waterfall

        return _draw(options.plot, waterfall([turn["latency_ms"] for turn in found if turn.get("latency_ms")]))
    return _say("\n".join(turns_table(found)) + "\n")


def turns_table(turns: Sequence[Row]) -> list[str]:
    """Milliseconds from the end of speech to each stage; the median and the 95th percentile below."""
    from edge.core.reckoning import at_share

    if not turns:
        return ["No turn is known yet."]
    lines = [f"{'when':<15} {'turn':>5} {'kind':<9} {'engine':<8} {_cells(STAGES)} {'cost':>9}"]
    for turn in turns:
        when = datetime.fromtimestamp(turn["at"]).strftime("%b %d %H:%M:%S")  # noqa: DTZ006  the local time is meant
        times, cost = turn.get("latency_ms") or {}, turn.get("cost")
        told = "-" if cost is None else f"{cost:.5f}"
        cells = _cells(times.get(stage, "-") for stage in STAGES)
        lines.append(f"{when} {turn['turn']:>5} {turn.get('kind', ''):<9} {turn['engine']:<8} {cells} {told:>9}")
    for name, share in (("median", 0.5), ("95 of 100", 0.95)):
        ranked = [
            at_share([t["latency_ms"][stage] for t in turns if stage in (t.get("latency_ms") or {})], share)
            for stage in STAGES
        ]
        lines.append(f"{name:<40} {_cells('-' if ms is None else ms for ms in ranked)}")
    return [*lines, "ms from the end of speech"]


def _cells(values: Any) -> str:
    return " ".join(f"{value:>11}" for value in values)


def _usage(options: argparse.Namespace) -> int:
    told = _ask("usage", options.days)
    if options.plot is not None:
        from edge.panel.spending import spending

        return _draw(options.plot, spending(told))
    return _say(json.dumps(told) + "\n" if options.json else "\n".join(usage_table(told)) + "\n")


def usage_table(told: Row) -> list[str]:
    """A row and a bar for each day, and the month."""
    currency, days = told["currency"], told["days"]
    most = max((day["cost"] for day in days), default=0.0)
    lines = [f"{'day':<10} {'turns':>6} {currency:>10}"]
    for day in days:
        bar = "█" * round(BAR * day["cost"] / most) if most else ""
        unknown = f"  ({day['unpriced']} without a known price)" if day["unpriced"] else ""
        lines.append(f"{day['day']:<10} {day['turns']:>6} {day['cost']:>10.4f} {bar}{unknown}".rstrip())
    limit = f" of {told['daily']:.2f}" if told["daily"] else ""
    today = f"Today {told['today']:.4f}{limit} {currency}"
    end = f"about {told['forecast']:.2f} at its end if days go on like the last seven"
    return [*lines, f"{today}; this month {told['month']:.4f}, {end}."]
