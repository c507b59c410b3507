"""Realtime had from the relay that the device is linked to: chosen without a vendor's key, opened with its token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.realtime.line import Address
from edge.agents.realtime.refusal import Refused
from edge.config import Config, Realtime, Relay
from edge.engines import by_relay, order
from edge.host.link_home import Home

RELAY = "https://voice.example"


@pytest.fixture(autouse=True)
def _nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    for name in ("OPENAI_API_KEY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def of(relay: str, realtime: str) -> Config:
    return replace(Config(), relay=Relay(relay), realtime=replace(Realtime(), url=realtime))


@pytest.mark.parametrize(
    ("relay", "realtime", "so"),
    [
        (RELAY, "wss://voice.example/v1/realtime", True),
        (f"{RELAY}/", "wss://VOICE.example:443/v1/realtime?model=x", True),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/realtime", True),
        (RELAY, "ws://voice.example/v1/realtime", False),  # the token would go there in the clear
        (RELAY, "wss://voice.example.evil.example/v1/realtime", False),
        (RELAY, "wss://voice.example:8443/v1/realtime", False),
        (RELAY, "", False),
        ("", "wss://voice.example/v1/realtime", False),
    ],
)
def test_the_token_goes_to_the_relay_alone(relay: str, realtime: str, so: bool) -> None:
    config = of(relay, realtime)
    assert by_relay(config) is so
    assert ("realtime" in order(config)) is so


def test_a_relay_that_enrol_has_named_counts(tmp_path: Path) -> None:
    Home(tmp_path).name_relay(RELAY)
    assert by_relay(of("", "wss://voice.example/v1/realtime"))


def test_each_opening_has_the_token_of_the_moment() -> None:
    tokens = ["", "evd_one", "evd_two"]
    at = Address("wss://voice.example/v1/realtime", bearer=lambda: tokens.pop(0))
    with pytest.raises(Refused, match="has not let this device in") as refused:
        at.opening()
    assert (refused.value.retryable, refused.value.local) == (True, True)
    assert at.opening() == {"Authorization": "Bearer evd_one"}
    assert at.opening() == {"Authorization": "Bearer evd_two"}
    assert "evd" not in repr(at)
