"""What the journal gets to see. The entries themselves are read back in tests/systemd."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from edge.host import journal
from edge.host.journal import Journal, entry, in_journal, priority, set_up
from edge.host.secrets import Redact
from edge.ports import Fields

TALK: list[tuple[str, Fields]] = [
    ("user_transcript", {"text": "my secret question", "final": True, "turn": 1}),
    ("reply_transcript", {"text": "my secret answer", "turn": 1}),
    ("tool", {"name": "set_timer", "arguments": {"name": "secret surprise"}, "turn": 1}),
    ("turn", {"kind": "tap", "latency_ms": {"turn_end": 550, "first_sound": 910}, "turn": 1}),
    ("error", {"where": "microphone", "message": "It has stopped.", "turn": 1}),
]
ABOUT = {"ENGINE": "local", "STATE": "speaking", "MICROPHONE": "USB Mic", "SPEAKER": "USB Speaker"}


@pytest.fixture
def _logging() -> Iterator[None]:
    """As it was before."""
    root = logging.getLogger()
    before = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *journal.OURS)}
    yield
    root.handlers[:], levels = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def stderr_is_the_journal() -> str:
    there = os.fstat(2)
    return f"{there.st_dev}:{there.st_ino}"


def logged(caplog: pytest.LogCaptureFixture, *, transcripts: bool) -> list[logging.LogRecord]:
    caplog.set_level(logging.INFO)
    watcher = Journal(transcripts=transcripts, about=lambda: ABOUT)
    for event, fields in TALK:
        watcher.published(event, dict(fields))
    return caplog.records


def test_what_was_said_is_not_in_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    records = logged(caplog, transcripts=False)
    assert [record.getMessage() for record in records] == [
        "tool name=set_timer turn=1",
        "turn kind=tap latency_ms={'turn_end': 550, 'first_sound': 910} turn=1",
        "error where=microphone message=It has stopped. turn=1",
    ]
    assert "secret" not in "".join(str(vars(record)) for record in records)
    assert [record.levelno for record in records] == [logging.INFO, logging.INFO, logging.WARNING]


def test_unless_the_owner_wants_it(caplog: pytest.LogCaptureFixture) -> None:
    messages = " ".join(record.getMessage() for record in logged(caplog, transcripts=True))
    assert all(words in messages for words in ("my secret question", "my secret answer", "secret surprise"))


def test_the_owner_may_change_his_mind_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watcher = Journal(transcripts=False)
    watcher.published(*TALK[0])
    watcher.transcripts = True
    watcher.published(*TALK[1])
    assert [record.getMessage() for record in caplog.records] == ["reply_transcript text=my secret answer turn=1"]


def test_nothing_said_can_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = "hello\nerror where=door message=open\r\x1b[31m\u2028and"
    Journal(transcripts=True).published("user_transcript", {"text": text, "final": True})
    Journal(transcripts=False).published("error", {"message": text})
    for record in caplog.records:
        assert len(record.getMessage().splitlines()) == 1
        assert "\x1b" not in record.getMessage()


@pytest.mark.parametrize(
    ("event", "fields", "more"),
    [
        ("state", {"state": "listening", "turn": 3}, {"STATE": "listening", "TURN": "3"}),
        ("turn", TALK[3][1], {"TURN": "1", "KIND": "tap", "LATENCY_TURN_END": "550", "LATENCY_FIRST_SOUND": "910"}),
        ("error", TALK[4][1], {"TURN": "1", "WHERE": "microphone", "DEVICE": "USB Mic"}),
        ("error", {"where": "engine", "message": "secret"}, {"WHERE": "engine"}),
        ("speaker", {"ok": True}, {"DEVICE": "USB Speaker"}),
        ("user_transcript", TALK[0][1], {"TURN": "1"}),
        ("tool", TALK[2][1], {"TURN": "1"}),
        ("usage", {"turn": 2, "tokens": 40, "cost": None, "today": 0.1}, {"TURN": "2", "TOKENS": "40"}),
        ("state", {"state": "idle\nMESSAGE=forged"}, {"STATE": "idle MESSAGE=forged"}),
    ],
)
def test_fields_of_an_entry(event: str, fields: Fields, more: dict[str, str]) -> None:
    assert entry(event, fields, ABOUT) == {"EVENT": event, "ENGINE": "local", "STATE": "speaking", **more}


def test_a_device_that_was_never_opened_has_its_kind_for_a_name() -> None:
    assert entry("error", {"where": "speaker"}, {})["DEVICE"] == "speaker"


@pytest.mark.usefixtures("_logging")
def test_an_entry_is_sent_with_its_fields_and_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last step, systemd-python's, is left out."""
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(journal, "_sender", lambda: lambda message, **fields: sent.append((message, fields)))
    set_up("info", {"JOURNAL_STREAM": stderr_is_the_journal(), "ACME_API_KEY": "planted-secret"})
    Journal(transcripts=False).published("error", {"where": "engine", "message": "refused planted-secret", "turn": 3})
    logging.getLogger("edge.agents").warning("llm_cut %s", "planted-secret")
    assert sent == [
        (
            "error where=engine message=refused [key] turn=3",
            {"PRIORITY": 4, "SYSLOG_IDENTIFIER": "edge-voice", "EVENT": "error", "WHERE": "engine", "TURN": "3"},
        ),
        ("llm_cut [key]", {"PRIORITY": 4, "SYSLOG_IDENTIFIER": "edge-voice", "LOGGER": "edge.agents"}),
    ]


@pytest.mark.usefixtures("_logging")
def test_without_systemd_python_the_severity_is_a_prefix(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journal, "_sender", lambda: None)
    set_up("warning", {"JOURNAL_STREAM": stderr_is_the_journal()})
    Journal(transcripts=False).published("state", {"state": "idle"})
    Journal(transcripts=False).published("error", {"message": "broken"})
    logging.getLogger("edge.tools").error("two\nlines")
    assert capfd.readouterr().err == "<4>error message=broken\n<3>two\n<3>lines\n"


@pytest.mark.usefixtures("_logging")
def test_at_a_terminal_there_is_the_time(capfd: pytest.CaptureFixture[str]) -> None:
    set_up("info", {"JOURNAL_STREAM": "8:1"})
    Journal(transcripts=False).published("state", {"state": "idle"})
    line = capfd.readouterr().err
    assert line.endswith(" state state=idle\n")
    assert line[2] == line[5] == ":"


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize(("level", "shown"), [("debug", "abcd"), ("info", "acd"), ("error", "d")])
def test_others_libraries_only_warn(level: str, shown: str, capfd: pytest.CaptureFixture[str]) -> None:
    """They log requests, and with them what was said."""
    set_up(level, {})
    logging.getLogger("edge.agents").debug("b")
    logging.getLogger("openai").debug("the whole request")
    logging.getLogger("httpx").info("the address")
    logging.getLogger("edge-voice").info("a")
    logging.getLogger("websockets").warning("c")
    logging.getLogger("edge.audio").error("d")
    assert sorted(line[-1] for line in capfd.readouterr().err.splitlines()) == sorted(shown)


def test_the_journal_is_told_from_a_file_with_its_variable() -> None:
    assert in_journal({"JOURNAL_STREAM": stderr_is_the_journal()})
    assert not in_journal({"JOURNAL_STREAM": "8:1"})
    assert not in_journal({})


@pytest.mark.parametrize(
    ("level", "number"), [(50, 2), (40, 3), (35, 4), (30, 4), (20, 6), (10, 7), (5, 7)]
)  # fmt: skip
def test_severities(level: int, number: int) -> None:
    assert priority(level) == number


def test_the_filter_survives_arguments_that_do_not_fit() -> None:
    record = logging.LogRecord("edge", logging.ERROR, "x.py", 1, "%d %s", ("one",), None)
    assert Redact([]).filter(record)
    assert record.getMessage() == "%d %s"
