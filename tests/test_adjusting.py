"""Settings changed while the device runs: within bounds, all mistakes at once, nothing half done."""

from __future__ import annotations

from dataclasses import fields

import pytest

from edge.adjusting import KEYS, Adjusting
from edge.config import Config
from edge.errors import UsageError


class Holder:
    def __init__(self) -> None:
        self.config = Config()
        self.adjusting = Adjusting(lambda: self.config, self.take)

    def take(self, config: Config) -> None:
        self.config = config


def test_every_key_is_one_of_the_configuration() -> None:
    for path in KEYS:
        section, _, key = path.partition(".")
        assert key in {one.name for one in fields(getattr(Config(), section))}, path


def test_told_with_bounds_and_changed_within_them() -> None:
    holder = Holder()
    told = holder.adjusting.settings()
    found = told["settings"]
    assert isinstance(found, dict)
    assert found["conversation.follow_up_s"] == {
        "value": 6.0, "low": 0, "high": 120,
        "about": "how long to go on listening after a reply; 0 turns it off",
    }  # fmt: skip
    changed = holder.adjusting.settings({"conversation.follow_up_s": 9, "sounds.mute": False})["settings"]
    assert isinstance(changed, dict)
    assert (changed["conversation.follow_up_s"]["value"], holder.config.sounds.mute) == (9, False)
    assert holder.config.conversation.end_silence_ms == Config().conversation.end_silence_ms


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"conversation.follow_up_s": 121}, "between 0 and 120"),
        ({"conversation.follow_up_s": "long"}, "must be a number"),
        ({"realtime.url": "wss://evil.example"}, "realtime.url is not set from here"),
        ({"relay.transcripts": True}, "relay.transcripts is not set from here"),
        ({"conversation.follow_up_s": 9, "x": 1}, "x is not set from here"),
        ({}, "look like"),
        ("conversation.follow_up_s", "look like"),
        ([1], "look like"),
    ],
)
def test_what_is_wrong_changes_nothing(given: object, words: str) -> None:
    holder = Holder()
    with pytest.raises(UsageError, match=words):
        holder.adjusting.settings(given)
    assert holder.config == Config()
