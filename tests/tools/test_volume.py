"""The volume stays within bounds, and comes back as it was after the sound was off."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.registry import Registry
from edge.tools.volume import volume_tools

NOW = datetime(2026, 11, 24, 15, 10, tzinfo=UTC)


class Speaker:
    """A speaker that keeps the last volume it was given."""

    def __init__(self, percent: int = 40) -> None:
        self.percent = percent
        self.tools = Registry(volume_tools(lambda: self.percent, self.put))

    def put(self, percent: int) -> None:
        self.percent = percent

    def run(self, tool: str, **arguments: object):
        return self.tools.run(tool, arguments, NOW)


def test_set_and_ask():
    speaker = Speaker()
    assert speaker.run("set_volume", percent=70) == {"percent": 70, "before": 40}
    assert speaker.run("get_volume") == {"percent": 70}


@pytest.mark.parametrize(("delta", "percent"), [(15, 55), (-15, 25), (100, 100), (-100, 0)])
def test_change_stays_within_bounds(delta, percent):
    assert Speaker().run("change_volume", delta=delta)["percent"] == percent


def test_restore_brings_back_what_was_heard_last():
    speaker = Speaker()
    speaker.run("set_volume", percent=0)
    speaker.run("set_volume", percent=0)
    assert speaker.run("restore_volume")["percent"] == 40
    assert speaker.run("restore_volume")["percent"] == 40
    assert Speaker(0).run("restore_volume")["percent"] > 0


@pytest.mark.parametrize("percent", [-1, 101, "loud", None])
def test_bad_percents_change_nothing(percent):
    speaker = Speaker()
    assert "percent" in speaker.run("set_volume", percent=percent)["error"]
    assert speaker.percent == 40


def test_a_speaker_that_fails_is_told():
    def gone(_: int) -> None:
        raise OSError("no such device")

    tools = Registry(volume_tools(lambda: 40, gone))
    assert tools.run("set_volume", {"percent": 50}, NOW) == {"error": "The tool set_volume has failed"}


@given(st.lists(st.tuples(st.sampled_from(["set_volume", "change_volume", "restore_volume"]), st.integers(-150, 150))))
def test_the_volume_is_always_a_percentage(steps):
    speaker = Speaker()
    for tool, number in steps:
        speaker.run(tool, percent=number, delta=number)
        assert 0 <= speaker.percent <= 100
