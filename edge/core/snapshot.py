"""A conversation at rest as plain data, and back: where a recording begins. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from edge.core.conversation import Conversation, ConversationSettings, State
from edge.core.notation import Plain, number, plain
from edge.core.pauses import TURNS, Pauses
from edge.core.reports import Problem

# With what is looked at below, all that a conversation at rest consists of but its settings.
SIMPLE = (
    "muted", "switch", "ready", "engine_ends", "engine_judges", "mic_problem", "mic_silent", "agent_problem",
    "agent_away", "speaker_problem", "_silence_s", "_turns", "_filling",
)  # fmt: skip
LEARNT = ("usual_s", "_last", "_at", "_longest")  # of the person's pauses


def at_rest(talk: Conversation) -> bool:
    """Whether nobody's turn is under way, and no timer waits to be told of."""
    return talk.turn is None and talk.wake_at is None and not talk.rings


def taken(talk: Conversation) -> Plain:
    """The conversation as it is; it has to be at rest."""
    assert at_rest(talk), "a turn is under way"
    now, pauses = vars(talk), talk.pauses
    learnt = {name: plain(getattr(pauses, name)) for name in LEARNT}
    return {
        **{name: plain(now[name]) for name in SIMPLE},
        "state": str(talk.state),
        "_audible_until": plain(now["_audible_until"]),
        "_told_at": plain(now["_told_at"]),
        "pauses": {"start_s": pauses.settings.start_s, **learnt},
    }


def restored(noted: Mapping[str, Any], settings: ConversationSettings) -> Conversation:
    """One that goes on from there; raises ValueError where the notes are none of a conversation."""
    talk = Conversation(settings)
    try:
        vars(talk).update({name: noted[name] for name in SIMPLE})
        talk.state = State(noted["state"])
        vars(talk)["_audible_until"] = number(noted["_audible_until"])
        vars(talk)["_told_at"] = {Problem(name): number(at) for name, at in noted["_told_at"].items()}
        if noted["pauses"]["start_s"] == settings.pauses.start_s:  # another patience begins anew
            _learn(talk.pauses, noted["pauses"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"these are no notes of a conversation: {error!r}") from None
    return talk


def _learn(pauses: Pauses, noted: Mapping[str, Any]) -> None:
    for name in LEARNT:
        value = noted[name]
        setattr(pauses, name, deque(value, TURNS) if isinstance(value, list) else value)
