"""What happens, as log lines: an event's name and its fields. No transcript unless the owner wants it.

Under systemd each line is a journal entry with fields: EVENT, TURN, TRACE, STATE, DEVICE, ENGINE, LATENCY_FIRST_SOUND
(in milliseconds, as all stages'), so that `journalctl -t edge-voice TRACE=ID` shows one exchange.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from edge.host.secrets import Redact, known
from edge.ports import Fields

IDENTIFIER = "edge-voice"
OURS = ("edge-voice", "edge")  # loggers; others may log requests, and with them what was said
# syslog's severities, by Python's levels
PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_log = logging.getLogger("edge-voice")
_WORDS = frozenset({"user_transcript", "reply_transcript", "timers", "ringing"})  # timers have names
_BY_DEVICE = frozenset({"microphone", "speaker"})
_PLAIN = frozenset({"turn", "trace", "state", "kind", "where", "tokens", "cost"})

Send = Callable[..., object]
About = Callable[[], Mapping[str, str]]


def set_up(level: str, env: Mapping[str, str] = os.environ) -> None:
    """Log to the journal, with fields where systemd-python is there, or to stderr."""
    under_systemd = in_journal(env)
    send = _sender() if under_systemd else None
    handler: logging.Handler = logging.StreamHandler(sys.stderr) if send is None else _Entries(send)
    if under_systemd:  # the journal adds the time itself
        handler.setFormatter(logging.Formatter("%(message)s") if send else _Prefixed("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.addFilter(Redact(list(known(env))))
    logging.basicConfig(handlers=[handler], force=True)
    set_level(level)


def set_level(level: str) -> None:
    """What of our own is shown; of others' libraries only warnings, whatever the level."""
    wanted = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(wanted, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)


def in_journal(env: Mapping[str, str]) -> bool:
    """Whether standard error is the journal: a child's may be a file although it has inherited the variable."""
    try:
        there = os.fstat(2)
    except OSError:
        return False
    return env.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _sender() -> Send | None:
    try:
        send: Send = import_module("systemd.journal").send
    except ImportError:  # no python3-systemd: lines without fields
        return None
    return send


class _Prefixed(logging.Formatter):
    """sd-daemon(3)'s "<4>" in front of every line."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{priority(record.levelno)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


class _Entries(logging.Handler):
    """Journal entries through systemd-python. One that cannot be written costs nothing but itself."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"PRIORITY": priority(record.levelno), "SYSLOG_IDENTIFIER": IDENTIFIER}
        if record.name not in OURS:
            fields["LOGGER"] = record.name
        fields |= getattr(record, "journal", {})
        try:
            self._send(self.format(record), **fields)
        except Exception:  # noqa: BLE001  as logging's own handlers
            self.handleError(record)


def priority(level: int) -> int:
    """The severity (syslog) of a Python level."""
    return next((number for least, number in PRIORITIES.items() if level >= least), 7)


class Journal:
    """A Watcher. `about` gives what holds for every entry: STATE, ENGINE, MICROPHONE, SPEAKER."""

    def __init__(self, *, transcripts: bool, about: About = dict) -> None:
        self.transcripts, self.about = transcripts, about

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event in _WORDS and not self.transcripts:
            return
        if event == "tool" and not self.transcripts:
            fields = {key: value for key, value in fields.items() if key != "arguments"}
        level = logging.WARNING if event == "error" else logging.INFO
        text = " ".join(f"{key}={_one_line(value)}" for key, value in fields.items())
        _log.log(level, "%s %s", event, text, extra={"journal": entry(event, fields, self.about())})


def entry(event: str, fields: Fields, about: Mapping[str, str]) -> dict[str, str]:
    """The journal's fields of an event; what was said is in none of them, only in the message."""
    device = event if event in _BY_DEVICE else fields.get("where")
    found: dict[str, object] = {"EVENT": event, "ENGINE": about.get("ENGINE"), "STATE": about.get("STATE")}
    if device in _BY_DEVICE:
        found["DEVICE"] = about.get(str(device).upper()) or device
    found |= {name.upper(): fields[name] for name in _PLAIN & fields.keys()}
    latencies = fields.get("latency_ms")
    if isinstance(latencies, Mapping):
        found |= {f"LATENCY_{re.sub(r'[^A-Z0-9]', '_', str(stage).upper())}": ms for stage, ms in latencies.items()}
    return {name: _one_line(value) for name, value in found.items() if value is not None and value != ""}


def _one_line(value: object) -> str:
    """What a person or a model said must not be able to forge a line of its own."""
    return "".join(c if c.isprintable() else " " for c in str(value))
