"""`edge-voice replay`: a recording, heard and thought through again by this version."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from edge import __version__
from edge.config import Config, load
from edge.errors import EX_FAILED, ConfigError, UsageError
from edge.replay.again import steps
from edge.replay.decisions import Decision, Row, compared, of_core, of_front, of_run, sounds
from edge.replay.ears import heard_again
from edge.replay.simulation import Simulation
from edge.sessions.reading import Session, read

MOST_ROWS = 60


@dataclass(slots=True)
class Result:
    """What a replay has found. `theirs` is the recording, or with `--set` the recording as this version does it."""

    session: Session
    rows: list[Row] = field(default_factory=list)
    decisions: int = 0
    other_effects: int = 0  # events whose effects differ, decisions or not
    other_sounds: int = 0
    with_sound: bool = True
    took_s: dict[str, float] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.rows or self.other_effects or self.other_sounds)


def replay(options: argparse.Namespace) -> int:
    """Print what differs; 0 if nothing does, 1 if something does, as `diff`."""
    session = read(options.file)
    config = as_recorded(session, {})
    if options.set:
        result = with_changes(session, config, as_recorded(session, changes(options.set)))
    else:
        result = as_it_was(session, config, sound=not options.events)
    print(json.dumps(_plain(result)) if options.json else _text(options.file, result, options.set or []))
    return 0 if result.same else EX_FAILED


def as_recorded(session: Session, env: Mapping[str, str]) -> Config:
    """The recorded configuration, with some of its keys set otherwise; raises ConfigError for what cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(str(session.header["config"]))
        try:
            return load(file, env)
        except ConfigError as error:
            told = [problem.replace(str(file), "the recorded configuration") for problem in error.problems]
            raise ConfigError(told) from None


def changes(given: list[str]) -> dict[str, str]:
    """`conversation.end_silence_ms=500` as the variables of the environment that mean the same."""
    env = {}
    for one in given:
        path, equals, value = one.partition("=")
        section, dot, key = path.strip().partition(".")
        if not (equals and dot):
            raise UsageError(f"--set takes SECTION.KEY=VALUE, such as conversation.end_silence_ms=500, not {one!r}.")
        env[f"EDGE_VOICE_{section}__{key.replace('.', '__')}".upper()] = value.strip()
    return env


def as_it_was(session: Session, config: Config, *, sound: bool) -> Result:
    """Front end and core each on what they were told then: on the same version nothing differs."""
    result = Result(session, with_sound=sound)
    began = time.perf_counter()
    theirs, ours = list[Decision](), list[Decision]()
    for step in steps(session, config):
        result.other_effects += step.theirs != step.ours
        theirs += of_core(step.t, step.theirs)
        ours += of_core(step.t, step.ours)
    result.took_s["events"] = round(time.perf_counter() - began, 2)
    if sound:
        began = time.perf_counter()
        again = heard_again(session, config)
        theirs += of_front(session.lines)
        ours += of_front(again)
        checks = zip_longest(sounds(session.lines), sounds(again))
        result.other_sounds = sum(one != other for one, other in checks)
        result.took_s["sound"] = round(time.perf_counter() - began, 2)
    result.decisions = len(theirs)
    result.rows = compared(_by_time(theirs), _by_time(ours))
    return result


def with_changes(session: Session, config: Config, changed: Config) -> Result:
    """The whole device as it was configured, and as it might be."""
    began = time.perf_counter()
    theirs, ours = (of_run(Simulation(session, one).run()) for one in (config, changed))
    result = Result(session, compared(theirs, ours), len(theirs))
    result.took_s["both"] = round(time.perf_counter() - began, 2)
    return result


def _by_time(decisions: list[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda one: one.t)


# --- output ---------------------------------------------------------------------------------------------


def _zero(session: Session) -> float:
    return float(session.lines[0]["t"]) if session.lines else 0.0


def seconds(session: Session) -> float:
    """How long the recording is."""
    return float(session.lines[-1]["t"]) - _zero(session) if session.lines else 0.0


def _plain(result: Result) -> dict[str, object]:
    zero = _zero(result.session)

    def one(decision: Decision | None) -> dict[str, object] | None:
        if decision is None:
            return None
        detail = json.loads(decision.detail) if decision.detail else {}
        return {"t": round(decision.t - zero, 4), "what": decision.kind, "detail": detail}

    return {
        "same": result.same, "version": __version__, "recorded_version": result.session.header["version"],
        "seconds": round(seconds(result.session), 2), "decisions": result.decisions,
        "differences": [{"theirs": one(row.theirs), "ours": one(row.ours)} for row in result.rows],
        "events_that_differ": result.other_effects, "sounds_that_differ": result.other_sounds,
        "with_sound": result.with_sound, "took_s": result.took_s,
    }  # fmt: skip


def _text(path: Path, result: Result, changed: list[str]) -> str:
    header, events = result.session.header, [line for line in result.session.lines if "effects" in line]
    what = f"{os.fspath(path)}: {seconds(result.session):.1f} s, {len(events)} events, recorded by version"
    lines = [f"{what} {header['version']} with engine {header['engine']}."]
    if result.same:
        heard = "" if result.with_sound else " The sound was left out."
        lines.append(f"Nothing differs: {result.decisions} decisions, each at the same time.{heard}")
        return "\n".join(lines)
    lines += [f"With {', '.join(changed)}:" if changed else f"This is version {__version__}:"]
    lines += _table(result.rows, _zero(result.session), ("as it was", "changed") if changed else ("then", "now"))
    if result.other_effects:
        lines.append(f"{result.other_effects} events have other effects than then.")
    if result.other_sounds:
        lines.append(f"{result.other_sounds} pieces of the cleaned sound are not the same.")
    return "\n".join(lines)


def _table(rows: list[Row], zero: float, heads: tuple[str, str]) -> list[str]:
    table = [f"{heads[0]:>10}  {heads[1]:>10}  decision"]
    for row in rows[:MOST_ROWS]:
        either = row.ours or row.theirs
        assert either is not None
        times = [f"{one.t - zero:.3f} s" if one is not None else "-" for one in row]
        table.append(f"{times[0]:>10}  {times[1]:>10}  {either.kind}{_difference(row)}")
    if len(rows) > MOST_ROWS:
        table.append(f"... and {len(rows) - MOST_ROWS} more (--json tells them all)")
    return table


def _difference(row: Row) -> str:
    """What is other about two decisions of one kind, beside the time."""
    details = [one.detail if one is not None else "" for one in row]
    if row.theirs is None or row.ours is None:
        return f" {''.join(details)}" if "{}" not in details else ""
    return f" {details[0]} -> {details[1]}" if details[0] != details[1] else ""
