"""What systemd is told, through systemd-python; nothing at all when no service manager listens."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)


class Systemd:
    """The Host port."""

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        self._notify: Callable[[str], object] | None = None
        if env.get("NOTIFY_SOCKET"):
            try:
                from systemd.daemon import notify

                self._notify = notify
            except ImportError:
                _log.warning("no systemd-python: install python3-systemd or the extra edge-voice[pi]")

    def ready(self) -> None:
        """See ports.Host."""
        self._tell("READY=1\nSTATUS=Ready: press the button and talk.")

    def stopping(self) -> None:
        """See ports.Host."""
        self._tell("STOPPING=1")

    def published(self, event: str, fields: Mapping[str, object]) -> None:
        """A watcher too: the state is the service's status line."""
        if event == "state":
            self._tell(f"STATUS={fields['state']}")

    def _tell(self, text: str) -> None:
        if self._notify is not None:
            self._notify(text)
