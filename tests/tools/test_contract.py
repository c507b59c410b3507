"""What the offline engine asks of the tools is what they take, and what they answer can be spoken."""

from datetime import UTC, datetime

import pytest

from edge.agents.local.understanding.intents import Context, match, spoken
from edge.tools.clock import clock_tools
from edge.tools.registry import Registry
from edge.tools.timers import Timers, timer_tools
from edge.tools.volume import volume_tools
from tests.agents.local.understanding import phrasebook as book

NOW = datetime(2026, 11, 24, 15, 10, tzinfo=UTC)
CALLS = [
    *("What's the time?", "What's the volume?", "Unmute.", "How much time is left?", "Cancel all timers."),
    *book.TIME_THERE,
    *book.DATES,
    *book.TIMERS_SET,
    *book.VOLUME_SET,
    *book.VOLUME_CHANGE,
]


@pytest.mark.parametrize("text", CALLS)
def test_a_command_is_carried_out_and_answered(text):
    timers = Timers()
    timers.set(0.0, 60, "pasta")
    tools = Registry(
        (*clock_tools(), *timer_tools(timers, lambda: 1.0), *volume_tools(lambda: 40, lambda _: None)),
    )
    intent = match(text, Context(timers=1))
    assert intent is not None
    assert intent.tool
    result = tools.run(intent.tool, intent.arguments, NOW)
    assert "error" not in result
    assert spoken(intent.tool, result) != "Done."
