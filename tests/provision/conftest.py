"""What the tests under emulation took, and loudly that they were not run."""

from __future__ import annotations

import pytest

from tests.provision.arm64 import measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [one for one in terminalreporter.stats.get("skipped", []) if "provision/test_arm64" in one.nodeid]
    if skipped:
        terminalreporter.write_line(f"NOT RUN: {len(skipped)} tests on arm64: {skipped[0].longrepr[2]}", red=True)
    for what, seconds in measured:
        terminalreporter.write_line(f"{what:<58} {seconds:6.2f} s")
