import io

import pytest
from rich.console import Console
from rich.text import Text

from edge.panel.terminal.region import Region
from tests.fakes.screen import Screen
from tests.panel.views import console_on


@pytest.mark.parametrize("width", [30, 47, 79, 120])
def test_a_changed_width_leaves_no_copies(width):
    screen = Screen(100)
    console = console_on(screen, 100)
    region = Region(console)
    region.say(Text("said before"))
    region.draw([Text("─" * 78), Text("state " * 10), Text("keys " * 9)])
    screen.width = console.width = width
    region.draw([Text("rule"), Text("state"), Text("keys")])
    assert screen.lines == ["said before", "rule", "state", "keys"]
    region.close()
    assert screen.text.strip() == "said before"


def test_only_changed_rows_are_written():
    out = io.StringIO()
    region = Region(Console(file=out, force_terminal=True, width=80, _environ={}))
    region.draw([Text("one"), Text("two"), Text("three")])
    before = out.tell()
    region.draw([Text("one"), Text("two"), Text("three")])
    assert out.tell() == before
    region.draw([Text("one"), Text("2"), Text("three")])
    assert "2" in out.getvalue()[before:]
    assert "three" not in out.getvalue()[before:]


def test_a_terminal_that_went_away_is_no_error():
    class Gone(io.StringIO):
        def write(self, _text):
            raise OSError(5, "Input/output error")

    region = Region(Console(file=Gone(), force_terminal=True, width=80))
    region.draw([Text("one")])
    region.say(Text("two"))
    region.close()
    assert region.gone
