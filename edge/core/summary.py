"""The device in one line of words, for the service manager's status. Pure."""

from __future__ import annotations

from edge.core.stage import Stage


def summary(talk: Stage, engine: str) -> str:
    """State, engine in use, and what is wrong: "Idle, engine local: The engine is not ready yet."."""
    line = f"{talk.state.capitalize()}, engine {engine}"
    if talk.muted and talk.state != "muted":
        line += ", muted"
    found = problems(talk)
    return " ".join(f"{line}: {' '.join(found)}".split()) if found else line


def problems(talk: Stage) -> list[str]:
    """Everything that stands in the way of a turn, or of hearing it."""
    engine = "" if talk.ready else talk.agent_away or "The engine is not ready yet."
    return [problem for problem in (talk.mic_problem, engine, talk.speaker_problem) if problem]
