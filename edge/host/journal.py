"""What happens, as log lines: an event's name and its fields. No transcript unless the owner wants it."""

from __future__ import annotations

import logging
import os
import sys

from edge.ports import Fields

_log = logging.getLogger("edge-voice")
_WORDS = frozenset({"user_transcript", "reply_transcript"})


def set_up(level: str) -> None:
    """Log to stderr; under systemd that is the journal, which adds the time itself."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    form = "%(message)s" if under_systemd else "%(asctime)s %(message)s"
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format=form, datefmt="%H:%M:%S", force=True)
    logging.getLogger("websockets").setLevel(logging.WARNING)


class Journal:
    """A Watcher."""

    def __init__(self, *, transcripts: bool) -> None:
        self._transcripts = transcripts

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event in _WORDS and not self._transcripts:
            return
        if event == "tool" and not self._transcripts:
            fields = {key: value for key, value in fields.items() if key != "arguments"}
        level = logging.WARNING if event == "error" else logging.INFO
        _log.log(level, "%s %s", event, " ".join(f"{key}={_one_line(value)}" for key, value in fields.items()))


def _one_line(value: object) -> str:
    """What a person or a model said must not be able to forge a line of its own."""
    return "".join(c if c.isprintable() else " " for c in str(value))
