"""`python -m tests.bench [PART]...`: all of PARTS when none is named; OTHERS need a server of somebody else's.

What goes WITH a part is measured after it, and can be named alone.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys

PARTS = ("resources", "realtime", "chained", "stages", "turns", "words", "endpointing", "barge_in", "panel")
OTHERS = ("interop",)
WITH = {"barge_in": ("double_talk", "barge_in_cards")}


def main(names: list[str]) -> None:
    """Run the parts named."""
    known = [*PARTS, *OTHERS, *(name for more in WITH.values() for name in more)]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"There is no measurement {unknown[0]!r}; there are: {', '.join(known)}.")
    python = platform.python_version()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, load {os.getloadavg()[0]:.2f}")
    for name in dict.fromkeys(each for part in names or PARTS for each in (part, *WITH.get(part, ()))):
        importlib.import_module(f"tests.bench.{name}").run()


if __name__ == "__main__":
    main(sys.argv[1:])
