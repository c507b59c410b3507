"""`edge-voice evals`: spoken scenarios against an engine, on a device without sound cards."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import EX_FAILED, AudioError, UsageError

if TYPE_CHECKING:
    from edge.audio.convert import Samples
    from edge.config import Config
    from edge.evals.playing import Outcome
    from edge.evals.scenario import Scenario

Run = Callable[[argparse.Namespace], int]
Add = Callable[[str, str, str, Run], argparse.ArgumentParser]
READY = Path(__file__).parents[1] / "data" / "evals"


def commands(add: Add) -> None:
    """The command and its options."""
    about = "play spoken scenarios to an engine, without sound cards, and tell what is not as it should be"
    one = add("evals", about, "edge-voice evals my-scenarios --engine realtime --report out", evals)
    one.add_argument("places", type=Path, nargs="*", metavar="DIR", help="folders of scenarios, or single files; ten "
                     "for the offline engine when left out")  # fmt: skip
    one.add_argument("--engine", metavar="NAME", help="local, realtime or chained; otherwise as configured")
    one.add_argument("--report", type=Path, metavar="DIR", help="write a page with the sound to this folder")
    one.add_argument("--json", action="store_true", help="the results, as JSON")


def evals(options: argparse.Namespace) -> int:
    """Play them all; 0 if all passed, 1 if one failed. Raises UsageError for scenarios that cannot be read."""
    from edge.config import ENGINES, load
    from edge.evals import report
    from edge.evals.scenario import read_all

    problems: list[str] = []
    scenarios = read_all(options.places or [READY], problems)
    if problems:
        raise UsageError("\n".join(problems))
    config = load(options.config)
    if options.engine is not None:
        if options.engine not in ENGINES:
            raise UsageError(f"There is no engine {options.engine!r}; there are: {', '.join(ENGINES)}.")
        config = replace(config, engine=replace(config.engine, use=(options.engine,)))
    outcomes = asyncio.run(_play_all(scenarios, config, quiet=options.json))
    if options.report is not None:
        report.write(options.report, outcomes, f"{datetime.now().astimezone():%Y-%m-%d %H:%M}")
    if options.json:
        sys.stdout.write(json.dumps(report.plain(outcomes), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(report.lines(outcomes)) + "\n")
        if options.report is not None:
            sys.stdout.write(f"To be listened to: {options.report / report.PAGE}\n")
    return 0 if all(one.good for one in outcomes) else EX_FAILED


async def _play_all(scenarios: list[Scenario], config: Config, *, quiet: bool) -> list[Outcome]:
    from edge.evals.playing import play

    voice, outcomes = _Voice(), []
    for n, scenario in enumerate(scenarios, 1):
        if not quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2K{n} of {len(scenarios)}: {scenario.name}")
            sys.stderr.flush()
        outcomes.append(await play(scenario, config, voice.speak))
    if not quiet and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
    return outcomes


class _Voice:
    """Says what a person says in a scenario, offline."""

    def __init__(self) -> None:
        self._voice: Any = None

    def speak(self, text: str) -> Samples:
        """At the core's rate; raises AudioError where there is no such voice."""
        import numpy as np
        import soxr

        from edge.audio.convert import CORE_RATE

        if self._voice is None:
            try:
                from edge.agents.local.worker.voice import Voice
            except ImportError:
                raise AudioError(
                    'A scenario with `say` needs the offline voice: pip install "edge-voice[local]"; or use `audio`.'
                ) from None
            self._voice = Voice()
        pcm = np.frombuffer(b"".join(self._voice.speak(text)), np.int16)
        samples: Samples = soxr.resample(pcm, 24_000, CORE_RATE)
        return samples
