"""A hub and a registry on this machine."""

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import ModelServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """The one and the other; the hub is where the environment says it is."""
    with ModelServer() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield running
