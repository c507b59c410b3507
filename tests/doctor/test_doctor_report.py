"""How it looks: aligned, within the terminal's width, coloured only where that is wanted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.doctor.checks import fail, skipped, warn, well
from edge.doctor.report import as_json, lines, summary

LONG = "The daemon's audio thread may not run at nice -11: other programs' work can make gaps in replies."
TODO = "For the service: systemctl edit edge-voice, with [Service] LimitNICE=-11"


def test_it_is_aligned_in_80_columns() -> None:
    assert lines("priority", [warn(LONG, TODO)], 80, colour=False) == [
        "  warn  priority       The daemon's audio thread may not run at nice -11: other",
        "                       programs' work can make gaps in replies.",
        "                       -> For the service: systemctl edit edge-voice, with",
        "                          [Service] LimitNICE=-11",
    ]


def test_the_name_stands_once_and_each_state_has_its_word() -> None:
    results = [well("a"), skipped("b"), warn("c"), fail("d", "e")]
    assert lines("daemon", results, 80, colour=False) == [
        "  well  daemon         a",
        "  -                    b",
        "  warn                 c",
        "  FAIL                 d",
        "                       -> e",
    ]


def test_colour_changes_nothing_but_the_colour() -> None:
    results = [well("a"), skipped("b"), warn(LONG, TODO), fail("d")]
    coloured = lines("daemon", results, 80, colour=True)
    assert "\x1b[31;1mFAIL\x1b[0m" in coloured[-1]
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == lines("daemon", results, 80, colour=False)


@given(st.text(st.characters(codec="ascii"), max_size=300), st.integers(80, 200))
def test_no_line_is_wider_than_the_terminal_and_no_text_moves_the_cursor(text: str, width: int) -> None:
    words = " ".join(word[:40] for word in text.split())  # a path is not broken, and may be wider
    for line in lines("daemon", [fail(words, words)], width, colour=False):
        assert len(line) <= min(width, 100)
        assert line.isprintable()


def test_a_devices_name_cannot_paint_the_screen() -> None:
    (line,) = lines("microphone", [well("Mic\x1b[2J\r\nwell  daemon: fine")], 80, colour=False)
    assert line == "  well  microphone     Mic  well  daemon: fine"


def test_a_path_is_never_broken() -> None:
    path = "/very/" + "long/" * 30 + "file-with-hyphens.toml"
    assert any(path in line for line in lines("state", [warn("x", f"chmod 600 {path}")], 80, colour=False))


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([well("a"), skipped("b")], "All is well."),
        ([warn("a"), well("b")], "1 warning."),
        ([warn("a"), fail("b"), fail("c")], "2 failures and 1 warning."),
    ],
)
def test_the_last_line(results: list, text: str) -> None:
    assert summary(results) == text


def test_for_programs() -> None:
    assert as_json([("daemon", [well("a"), fail("b", "c")])], 1) == {
        "exit_code": 1,
        "results": [
            {"check": "daemon", "state": "well", "found": "a", "todo": ""},
            {"check": "daemon", "state": "fail", "found": "b", "todo": "c"},
        ],
    }
