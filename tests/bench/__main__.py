"""`python -m tests.bench [PART]...`: all of PARTS when none is named; OTHERS need a server of somebody else's.

What goes WITH a part is measured after it, and can be named alone. What is LONG takes most of an hour, and options:
`faults --count 500 --seed 1`, `memory --turns 1000`, `timers --kills 200`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import platform
import sys

PARTS = (
    "resources", "realtime", "chained", "stages", "turns", "words", "endpointing", "barge_in", "panel", "wake",
    "relay_voice", "relay_links", "replay", "insight", "tools",
)  # fmt: skip
OTHERS = ("interop",)
LONG = ("faults", "memory", "power_cuts", "timers", "fleet_waves", "fleet_apply")
WITH = {"resources": ("path",), "barge_in": ("double_talk", "barge_in_cards")}


def main(words: list[str]) -> None:
    """Run the parts named."""
    names, options = _read(words)
    known = [*PARTS, *OTHERS, *LONG, *(name for more in WITH.values() for name in more)]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"There is no measurement {unknown[0]!r}; there are: {', '.join(known)}.")
    python = platform.python_version()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, load {os.getloadavg()[0]:.2f}")
    for name in dict.fromkeys(each for part in names or PARTS for each in (part, *WITH.get(part, ()))):
        run = importlib.import_module(f"tests.bench.{name}").run
        run(**{key: value for key, value in options.items() if key in inspect.signature(run).parameters})


def _read(words: list[str]) -> tuple[list[str], dict[str, int]]:
    """The parts, and the options that are given."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*")
    for option in ("--count", "--seed", "--turns", "--kills"):
        parser.add_argument(option, type=int, default=argparse.SUPPRESS)
    options = vars(parser.parse_args(words))
    return options.pop("parts"), options


if __name__ == "__main__":
    main(sys.argv[1:])
