"""Ansible callback: what became of each device, as lines of JSON in the file that $EDGE_VOICE_FLEET_REPORT names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: fleet_report
type: aggregate
short_description: What became of each device, for provision/fleet
description:
  - One line of JSON for each result that tells something, in the file named by EDGE_VOICE_FLEET_REPORT.
"""

KEPT = ("msg", "rc", "not_now", "stdout", "stderr", "edge_voice")


class CallbackModule(CallbackBase):
    """Writes nothing without the variable."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fleet_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._path = os.environ.get("EDGE_VOICE_FLEET_REPORT", "")

    def _note(self, what: str, result: Any) -> None:
        if not self._path:
            return
        task, said, host = result._task, result._result, result._host  # noqa: SLF001  there is no other way to them
        fields = {} if task.no_log else {key: said[key] for key in KEPT if key in said}
        line = {"host": host.get_name(), "what": what, "task": task.get_name(), "tags": list(task.tags),
                "changed": bool(said.get("changed")), **fields}  # fmt: skip
        with Path(self._path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Only what has something to tell."""
        said = result._result  # noqa: SLF001  as above
        if said.get("changed") or "edge_voice" in said or "stdout" in said:
            self._note("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Also what a rescue catches."""
        self._note("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The device is away."""
        self._note("unreachable", result)
