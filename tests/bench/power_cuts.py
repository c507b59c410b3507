"""Updates cut off from power at random moments: `python -m tests.bench power_cuts [--count 300] [--seed 1]`.

Without a brick in n cuts the true rate is below 3/n, with 95 % certainty. The mutant is the same updater without fsync:
it must brick.
"""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.provision import cuts, evb


def run(count: int = 300, seed: int = 1) -> None:
    """The whole, and a fifth as many cuts of the mutant."""
    if lacking := cuts.missing():
        print(f"power cuts need {lacking}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = evb.Maker(folder, evb.make_keys(folder))
        with ExitStack() as stack:
            with quietly():
                disk = stack.enter_context(cuts.Disk(folder, maker))
            for title, unsafe, times in (("with fsync", False, count), ("without", True, count // 5)):
                series(title, disk, random.Random(seed), times, unsafe=unsafe)


def series(title: str, disk: cuts.Disk, chance: random.Random, count: int, *, unsafe: bool) -> None:
    begin, after, troubles = time.monotonic(), Counter[str](), Counter[str]()
    done = 0
    while done < count:
        with quietly():
            outcomes = [disk.outcome(copy) for copy in disk.update(unsafe=unsafe, chance=chance)]
        done += len(outcomes)
        after.update(outcome.release or "none" for outcome in outcomes)
        troubles.update(outcome.trouble for outcome in outcomes if outcome.trouble)
    bricks = sum(troubles.values())
    runs = ", ".join(f"{name} {times}" for name, times in sorted(after.items()))
    print(f"{title:12} {done} cuts, {bricks} bricks; runs afterwards: {runs}; {time.monotonic() - begin:.0f} s")
    for trouble, times in troubles.most_common(5):
        print(f"{'':12} {times} x {trouble}")


def quietly() -> contextlib.redirect_stdout[io.StringIO]:
    return contextlib.redirect_stdout(io.StringIO())
