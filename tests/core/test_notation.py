"""Every event and effect can be written down and, for events, read again."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from edge.core import effects as do
from edge.core import events as ev
from edge.core.notation import number, plain, read_event, written
from edge.core.reports import Problem

SAMPLES: dict[Any, object] = {
    str: "words", bool: True, int: 3, float: 0.1 + 0.2, bytes: b"\0" * 320, bool | None: None,
    dict[str, object]: {"name": "tea", "minutes": [3, 4.5]}, dict[str, int]: {"in": 3}, float | None: 0.25,
    dict[str, str]: {"response": "resp_1"},
}  # fmt: skip


def sample(kind: type[ev.Event]) -> ev.Event:
    hints = get_type_hints(kind)
    return kind(**{field.name: SAMPLES[hints[field.name]] for field in fields(kind)})


@pytest.mark.parametrize("kind", [*ev.kinds(), ev.ButtonDown, ev.ButtonUp])
def test_an_event_comes_back_as_it_was(kind: type[ev.Event]) -> None:
    event = sample(kind)
    assert read_event(json.loads(json.dumps(written(event), allow_nan=False))) == event


def test_sound_is_written_as_its_length_and_read_as_silence() -> None:
    noted = written(ev.MicAudio(b"\1\2" * 160))
    assert noted == {"MicAudio": {"pcm": {"bytes": 320}}}
    assert read_event(noted) == ev.MicAudio(bytes(320))


def test_effects_are_plain() -> None:
    assert written(do.Report(Problem.KEY)) == {"Report": {"problem": "key"}}
    assert written(do.SetEars(do.Ears.LISTEN, 2.5)) == {"SetEars": {"mode": "listen", "since": 2.5}}
    told = written(do.Publish("usage", {"tokens": {"in": 3}, "names": ("a", "b"), "odd": {1}}))
    assert told == {"Publish": {"event": "usage", "fields": {"tokens": {"in": 3}, "names": ["a", "b"], "odd": "{1}"}}}


@pytest.mark.parametrize("value", [math.inf, -math.inf, 0.1 + 0.2, 5.0])
def test_a_number_survives(value: float) -> None:
    assert number(json.loads(json.dumps(plain(value), allow_nan=False))) == value


def test_what_another_version_has_written_is_read() -> None:
    assert read_event({"Spent": {"of_turn": 3, "colour": "red"}}) == ev.Spent(3)


@pytest.mark.parametrize("noted", [{}, {"Sneezed": {}}, {"MicAudio": {}}])
def test_nonsense_is_refused(noted: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValueError, match=r"event|MicAudio"):
        read_event(noted)
