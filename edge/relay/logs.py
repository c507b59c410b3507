"""Log lines of the relay: a static event name and its fields, without secrets.

Fields go to the journal as fields of their own (edge.host.journal), and into a line of JSON where that is wanted.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping

LONGEST = 300  # characters of a field
HIDDEN = "[key]"
# The relay's own secrets: tokens, cookies, codes and tickets in addresses, passwords in them, headers of requests.
_LOOKS = re.compile(
    r"\bev[a-z]_[A-Za-z0-9_-]{16,}"
    r"|(?<=edge-voice=)[A-Za-z0-9_-]{16,}"
    r"|(?<=[?&#]ticket=)[^\s&'\"]+|(?<=[?&#]code=)[^\s&'\"]+|(?<=[#&?]setup=)[^\s&'\"]+|(?<=[#&?]invite=)[^\s&'\"]+"
    r"|(?<=://)[^\s/@]*:[^\s/@]+(?=@)"
    r"|(?<=authorization: )[^\r\n]+|(?<=cookie: )[^\r\n]+",
    re.IGNORECASE,
)


def event(log: logging.Logger, level: int, name: str, /, **fields: object) -> None:
    """One line, such as `device_paired who=... device=...`; fields that are None are left out."""
    if not log.isEnabledFor(level):
        return
    said = {key: _one_line(value) for key, value in fields.items() if value is not None}
    text = " ".join([name, *(f"{key}={value}" for key, value in said.items())])
    journal = {"EVENT": name, **{_field(key): value for key, value in said.items()}}
    log.log(level, "%s", text, extra={"journal": journal, "event": name, "fields": said})


def clean(text: str) -> str:
    """Without what looks like one of the relay's secrets."""
    return _LOOKS.sub(HIDDEN, text)


class Clean(logging.Filter):
    """On a handler, beside the one that knows the vendors' keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  arguments that do not fit: logging itself only complains
            text = str(record.msg)
        record.msg, record.args = clean(text), None
        for name in ("journal", "fields"):
            values = getattr(record, name, None)
            if isinstance(values, Mapping):
                setattr(record, name, {key: clean(str(value)) for key, value in values.items()})
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_text = clean(record.exc_text) if record.exc_text else None
        return True


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        said: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower(),
            "event": getattr(record, "event", None), "message": record.getMessage(),
        }  # fmt: skip
        said |= dict(getattr(record, "fields", {}))
        if record.exc_text:
            said["traceback"] = record.exc_text
        return json.dumps({key: value for key, value in said.items() if value is not None}, ensure_ascii=False)


def set_up(style: str) -> None:
    """After edge.host.journal.set_up, which has made the handler."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every line that is no HTTP: see wire.Http
    for handler in logging.getLogger().handlers:
        handler.addFilter(Clean())
        if style == "json":
            handler.setFormatter(Json())


def _one_line(value: object) -> str:
    """What came from outside must not be able to forge a line of its own."""
    return "".join(c if c.isprintable() else " " for c in str(value))[:LONGEST]


def _field(name: str) -> str:
    """A name that journald takes."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper()).lstrip("_0123456789") or "FIELD"
