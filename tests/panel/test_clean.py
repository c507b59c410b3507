import pytest

from edge.panel.clean import clean


@pytest.mark.parametrize(("raw", "shown"), [
    ("plain words, ünïcödé 你好 😀", "plain words, ünïcödé 你好 😀"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b]0;title\x07after", "after"),
    ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x1bPdevice\x1b\\x", "x"),
    ("\x1bcreset", "reset"),
    ("\x9b31mc1", "c1"),
    ("\x1b]0;never ended", "0;never ended"),
    ("a\nb\tc\r\nd", "a b c  d"),
    ("bell\x07 null\x00 delete\x7f", "bell null delete"),
    ("\u202eevil\u2066 zero\u200bwidth\u2028line", "evil zerowidth line"),
    ("half \ud83d", "half "),
    ("[bold]markup[/bold]", "[bold]markup[/bold]"),
    (42, "42"),
])  # fmt: skip
def test_only_signs_are_left(raw, shown):
    assert clean(raw) == shown


def test_what_is_clean_stays_so():
    once = clean("\x1b\x1b[31m[31m\x1b")
    assert clean(once) == once
    assert "\x1b" not in once
