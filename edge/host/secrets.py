"""Keeps keys out of whatever is written down."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

HIDDEN = "[key]"
SHORTEST = 8  # characters: less is a placeholder, and would take words out of every line
# How keys look, should one reach a line that we do not know: OpenAI's and Anthropic's, Google's, and in headers and
# addresses.
_LOOKS = re.compile(
    r"\b(?:sk|rk|ek)[-_][A-Za-z0-9_-]{8,}|\bAIza[A-Za-z0-9_-]{20,}"
    r"|(?<=bearer )[^\s'\",]{8,}|(?<=token )[A-Za-z0-9_.~+/=-]{16,}"
    r"|(?<=key=)[^\s&'\"]{8,}|(?<=token=)[^\s&'\"]{8,}|(?<=xi-api-key: )\S{8,}",
    re.IGNORECASE,
)
_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")


def known(env: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Every secret that this process has been given: systemd's credentials, and variables named like one."""
    folder = env.get("CREDENTIALS_DIRECTORY")
    for path in sorted(Path(folder).glob("*")) if folder else []:
        with suppress(OSError, UnicodeDecodeError):
            yield path.read_text().strip()
    for name, value in env.items():
        if _NAMES.search(name):
            yield value.strip()


class Redact(logging.Filter):
    """On a handler: each record as it will be written, its traceback included, without keys."""

    def __init__(self, secrets: Iterator[str] | list[str]) -> None:
        super().__init__()
        longest_first = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        """The text without keys."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _LOOKS.sub(HIDDEN, text)

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  arguments that do not fit: logging itself only complains
            text = str(record.msg)
        record.msg, record.args = self.clean(text), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_text = self.clean(record.exc_text) if record.exc_text else None
        return True
