"""The adapters, one after another."""

from __future__ import annotations

import pytest

from tests.agents.chained.tts.benches import BENCHES, Bench, quicken


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bench:
    quicken(monkeypatch)
    return BENCHES[request.param]()
