"""The faults that tests on machines put into a release still fit the sources: those tests seldom run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machines.bundles import FAULTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_place(fault: str) -> None:
    name, old, new = FAULTS[fault]
    assert old != new
    assert old in (ROOT / name).read_text()
