"""Keys are kept out of whatever is written down."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge.host.secrets import Redact, known

SECRET = "planted-0123456789"


def test_what_this_process_was_given_is_known(tmp_path: Path) -> None:
    (tmp_path / "openai_api_key").write_text(f"{SECRET}\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    env = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "ACME_API_KEY": "from-acme",
        "HF_TOKEN": "from-hub",
        "PATH": "/usr/bin",
        "KEYBOARD": "english",
    }
    assert set(known(env)) == {SECRET, "from-acme", "from-hub"}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"refused {SECRET}: no", "refused [key]: no"),
        ("sk-abcdefgh12345678", "[key]"),
        ("Incorrect API key provided: sk-proj-abcd_efgh-1234.", "Incorrect API key provided: [key]."),
        ("Authorization: Bearer abcdef.ghijkl-123", "Authorization: Bearer [key]"),
        ("Authorization: Token 0123456789abcdef0123", "Authorization: Token [key]"),
        ("GET /v1?key=AbCdEfGhIjKl&x=1", "GET /v1?key=[key]&x=1"),
        ("xi-api-key: 0123456789abcdef", "xi-api-key: [key]"),
        ("AIzaSyA1234567890abcdefghijk", "[key]"),
        ("turn kind=tap latency_ms={'first_token': 310}", "turn kind=tap latency_ms={'first_token': 310}"),
        ("usage tokens=40 task-force risk-averse-people", "usage tokens=40 task-force risk-averse-people"),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_a_line(text: str, clean: str) -> None:
    assert Redact([SECRET, "short"]).clean(text) == clean


def test_a_short_secret_takes_no_words_out_of_other_lines() -> None:
    assert Redact(["a", ""]).clean("a state") == "a state"


def test_of_two_keys_the_longer_goes_whole() -> None:
    assert Redact(["12345678", "12345678-tail"]).clean("12345678-tail") == "[key]"


def test_arguments_and_tracebacks_are_cleaned() -> None:
    with pytest.raises(ValueError, match="server said") as caught:
        int(f"server said {SECRET}")
    trace = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("edge", logging.ERROR, "x.py", 1, "failed %s %s", (SECRET, 1), trace)
    assert Redact([SECRET]).filter(record)
    text = logging.Formatter("%(message)s").format(record)
    assert text.startswith("failed [key] 1\nTraceback")
    assert text.endswith("'server said [key]'")
