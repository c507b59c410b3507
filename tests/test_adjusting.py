"""Settings changed while the device runs: within bounds, all mistakes at once, nothing half done."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from edge.adjusting import KEYS, Adjusting, adjusted
from edge.config import Config
from edge.config.merging import merge
from edge.errors import UsageError
from edge.host.state import Wishes


class Holder:
    def __init__(self, shelf: Wishes | None = None, config: Config | None = None) -> None:
        self.config = config or Config()
        self.adjusting = Adjusting(lambda: self.config, self.take, shelf)

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


FOLLOW, END = "conversation.follow_up_s", "conversation.end_silence_ms"


def configured(**conversation: object) -> Config:
    problems: list[str] = []
    config = merge(Config(), {"conversation": dict(conversation)}, "a file", problems)
    assert not problems
    return config


def test_what_was_set_outlives_a_restart_until_the_configuration_changes(tmp_path: Path) -> None:
    shelf = Wishes(tmp_path / "settings.json")
    Holder(shelf).adjusting.settings({FOLLOW: 9, END: 800})
    again = adjusted(Config(), shelf.load())
    assert (again.conversation.follow_up_s, again.conversation.end_silence_ms) == (9, 800)
    edited = adjusted(configured(follow_up_s=3), shelf.load())
    assert (edited.conversation.follow_up_s, edited.conversation.end_silence_ms) == (3, 800)


def test_back_to_what_is_configured(tmp_path: Path) -> None:
    shelf = Wishes(tmp_path / "settings.json")
    Holder(shelf, configured(follow_up_s=4)).adjusting.settings({FOLLOW: 9, END: 800})
    holder = Holder(shelf, adjusted(configured(follow_up_s=4), shelf.load()))
    shown = holder.adjusting.settings()["settings"]
    assert isinstance(shown, dict)
    assert (shown[FOLLOW]["value"], shown[FOLLOW]["configured"]) == (9, 4)
    holder.adjusting.settings({FOLLOW: None})
    assert holder.config.conversation.follow_up_s == 4
    assert list(shelf.load()) == [END]
    holder.adjusting.settings({END: Config().conversation.end_silence_ms})
    assert shelf.load() == {}


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"conversation.follow_up_s": 9}', '{"x.y": [1, 2]}', "\x00"])
def test_a_file_that_says_nothing_of_use_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    shelf = Wishes(tmp_path / "settings.json")
    assert adjusted(Config(), shelf.load()) == Config()
    assert Holder(shelf).adjusting.settings({FOLLOW: 9})


def test_a_wish_that_is_out_of_bounds_by_now_is_left_out() -> None:
    assert adjusted(Config(), {FOLLOW: (900, Config().conversation.follow_up_s)}) == Config()
