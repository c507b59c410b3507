"""The progress line."""

import io

from edge.agents.local.models.bar import Bar
from edge.agents.local.models.fetch import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def show(out: io.StringIO, steps: list[tuple[float, int]], total: int = 200_000_000) -> str:
    clock = Clock()
    bar = Bar(out, clock)
    for clock.now, done in steps:
        bar(Progress("m", "f", done, total))
    bar.end()
    return out.getvalue()


def test_a_terminal_gets_one_live_line() -> None:
    text = show(Terminal(), [(0, 0), (0.05, 1), (2, 100_000_000), (4, 200_000_000)])
    assert text.count("\n") == 1
    assert text.count("\r") == 3  # the second one came too soon to draw
    assert text.endswith("m [########################] 100 % 200/200 MB 50.0 MB/s 0:00 left\x1b[K\n")
    assert "m [############............]  50 % 100/200 MB 50.0 MB/s 0:02 left" in text


def test_elsewhere_a_line_every_tenth() -> None:
    text = show(io.StringIO(), [(step / 100, step * 200_000) for step in range(1001)])
    assert len(text.splitlines()) == 11
    assert "\r" not in text
    assert text.splitlines()[5].startswith("m  50 % 100/200 MB 20.0 MB/s 0:05 left")


def test_going_back_writes_nothing_twice() -> None:
    assert len(show(io.StringIO(), [(0, 0), (1, 90), (2, 0), (3, 90), (4, 100)], 100).splitlines()) == 3


def test_resuming_counts_only_what_came_now() -> None:
    assert "10.0 MB/s" in show(io.StringIO(), [(0, 150_000_000), (5, 200_000_000)])


def test_a_note_stands_on_its_own_line() -> None:
    out = Terminal()
    bar = Bar(out, Clock())
    bar(Progress("m", "f", 0, 10))
    bar(Progress("m", "", 0, 10, "waiting"))
    bar.end()
    assert out.getvalue().endswith("\nm: waiting\n")
