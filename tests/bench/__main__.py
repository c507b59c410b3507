"""`python -m tests.bench [PART]...`: all of PARTS when none is named; OTHERS need a server of somebody else's."""

from __future__ import annotations

import importlib
import os
import platform
import sys

PARTS = ("resources", "realtime", "turns", "words", "endpointing", "barge_in")
OTHERS = ("interop",)


def main(names: list[str]) -> None:
    """Run the parts named."""
    unknown = [name for name in names if name not in PARTS + OTHERS]
    if unknown:
        sys.exit(f"There is no measurement {unknown[0]!r}; there are: {', '.join(PARTS + OTHERS)}.")
    python = platform.python_version()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, load {os.getloadavg()[0]:.2f}")
    for name in names or PARTS:
        importlib.import_module(f"tests.bench.{name}").run()


if __name__ == "__main__":
    main(sys.argv[1:])
