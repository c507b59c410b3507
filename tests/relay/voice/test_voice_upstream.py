"""Where the vendor is, and what its refusals mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.config import Config, Realtime
from edge.relay.voice.upstream import by_status, upstream


def config(url: str = "", model: str = Realtime().model) -> Config:
    return replace(Config(), realtime=replace(Realtime(), url=url, model=model))


def test_the_vendor_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert upstream(config()) is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    found = upstream(config(model="gpt-realtime-2.1-mini"))
    assert found is not None
    assert found.socket == "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1-mini"
    assert found.http == "https://api.openai.com/v1/realtime/calls"
    assert found.sideband("rtc_1") == "wss://api.openai.com/v1/realtime?call_id=rtc_1"
    assert found.hangup("rtc_1") == "https://api.openai.com/v1/realtime/calls/rtc_1/hangup"
    assert found.headers == {"Authorization": "Bearer sk-one"}


def test_another_server_without_a_key() -> None:
    found = upstream(config(url="ws://127.0.0.1:9/v1/realtime?model=mine"))
    assert found is not None
    assert (found.model, found.http, found.headers) == ("mine", "http://127.0.0.1:9/v1/realtime/calls", {})


@pytest.mark.parametrize(("status", "body", "code", "http"), [
    (401, b"", "upstream_refused", 502), (403, b"{}", "upstream_refused", 502), (404, b"[]", "upstream_refused", 502),
    (429, b'{"error":{"code":"insufficient_quota"}}', "upstream_refused", 502), (429, b"", "rate_limit_exceeded", 503),
    (500, b"\xff", "service_unavailable", 503), (302, b"", "service_unavailable", 503),
])  # fmt: skip
def test_refusals(status: int, body: bytes, code: str, http: int) -> None:
    ending = by_status(status, body, "12")
    assert (ending.code, ending.status) == (code, http)
    assert ending.wait_s == (12 if http == 503 else 0)


def test_no_key_in_the_vendors_words() -> None:
    ending = by_status(400, b'{"error":{"message":"Bad key sk-secret given"}}', "")
    assert ending.message == "The vendor refuses: Bad key ... given"
