"""What the relay writes down: fields, and no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay.logs import Clean, Json, clean, event

LOG = logging.getLogger("tests.relay.logs")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Clean())
    handler.setFormatter(Json())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    yield stream
    LOG.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token evd_abcdefghijklmnopqrstuvwxyz012345", "evd_abc"),
        ("token=evc_abcdefghijklmnopqrstuvwxyz012345", "evc_abc"),
        ("GET /api/devices/a/live?ticket=abcdef-_123 HTTP", "abcdef-_123"),
        ("https://voice.example/#setup=abcdef", "abcdef"),
        ("https://voice.example/#invite=abcdef", "abcdef"),
        ("cookie: edge-voice=abcdef; other=1", "abcdef"),
        ("Set-Cookie edge-voice=0123456789abcdefghij;", "0123456789abcdefghij"),
        ("Authorization: Bearer whatever", "whatever"),
        ("redis://:hunter2@localhost:6379", "hunter2"),
    ],
)
def test_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret not in clean(text)


def test_an_ordinary_line_stays_as_it_is() -> None:
    text = "device_paired who=e349e54c device=abcd path=/api/devices?most=3 https://voice.example/page"
    assert clean(text) == text


def test_a_line_of_json_has_its_fields(written: io.StringIO) -> None:
    event(LOG, logging.INFO, "device_paired", device="abc", count=3, nothing=None)
    said = json.loads(written.getvalue())
    assert said.pop("time")
    assert said == {
        "level": "info", "event": "device_paired", "message": "device_paired device=abc count=3",
        "device": "abc", "count": "3",
    }  # fmt: skip


def test_a_secret_in_a_field_or_a_traceback_is_hidden(written: io.StringIO) -> None:
    event(LOG, logging.INFO, "refused", path="/x?ticket=planted-one")
    LOG.error("fault", exc_info=ValueError("evd_planted0123456789abcdef"))
    assert "planted" not in written.getvalue()
    assert "ValueError" in written.getvalue()


def test_journal_fields_have_names_that_journald_takes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edge-voice"):
        event(logging.getLogger("edge-voice"), logging.INFO, "a", **{"call.id": 1, "_who": 2})
    assert caplog.records[-1].journal == {"EVENT": "a", "CALL_ID": "1", "WHO": "2"}  # type: ignore[attr-defined]  # extra


@given(st.text())
def test_no_field_forges_a_line(value: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    LOG.addHandler(handler)
    LOG.propagate = False
    try:
        event(LOG, logging.WARNING, "a", value=value)
    finally:
        LOG.removeHandler(handler)
    assert stream.getvalue().removesuffix("\n").isprintable()
