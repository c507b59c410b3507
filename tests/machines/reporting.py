"""Which tests of machines are left out here, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest


def leave_out(items: Iterable[pytest.Item], folder: Path, marker: str, lacks: str) -> None:
    """Those of the folder that have the marker, if something is lacking."""
    for item in items:
        if lacks and folder in item.path.parents and item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=f"machines in containers need {lacks}"))


def tell(reporter: pytest.TerminalReporter, folder: Path, lacks: str, measured: Iterable[tuple[str, float]]) -> None:
    """Loudly: a run without these tests must not look like one with them. And the table of what was measured."""
    place = f"tests/{folder.name}/"
    if skipped := [one for one in reporter.stats.get("skipped", []) if place in one.nodeid] if lacks else []:
        reporter.write_line(f"NOT RUN: {len(skipped)} tests in {place}; they need {lacks}", red=True)
    for what, seconds in measured:
        reporter.write_line(f"{what:<58} {seconds:6.2f} s")
