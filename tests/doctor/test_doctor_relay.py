"""What is told of the link to the relay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.config import Config
from edge.doctor import relay
from edge.doctor.checks import Result, State
from edge.doctor.site import Asked, Presence, Site


def of(standing: str, **more: Any) -> Result:
    return relay.judged({"standing": standing, "relay": "https://voice.example", "problem": "", "for_s": 7, **more})


@pytest.mark.parametrize(
    ("standing", "problem", "state", "words"),
    [
        ("off", "", State.SKIPPED, "No relay"),
        ("unpaired", "", State.WARN, "not known"),
        ("pairing", "", State.WARN, "code"),
        ("online", "", State.WELL, "Linked to https://voice.example, for 7 s"),
        ("unknown", "The relay does not know this device.", State.FAIL, "does not know"),
        ("connecting", "", State.WARN, "dialled"),
        ("connecting", "There is no network.", State.FAIL, "no network"),
        ("offline", "The relay does not answer.", State.FAIL, "does not answer"),
        ("offline", "", State.FAIL, "no link"),
    ],
)
def test_each_standing(standing: str, problem: str, state: State, words: str) -> None:
    found = of(standing, problem=problem)
    assert found.state is state
    assert words in found.found
    assert bool(found.todo) == (state in {State.WARN, State.FAIL})


def test_without_a_daemon_nothing_is_known() -> None:
    site = Site(Config(), [], Path(), Path())
    for presence in (Presence.ABSENT, Presence.SILENT):
        site.daemon = Asked(presence)
        assert relay.check(site)[0].state is State.SKIPPED
    site.daemon = Asked(Presence.RUNS, {"link": {"standing": "online", "relay": "https://voice.example"}})
    assert relay.check(site)[0].state is State.WELL
