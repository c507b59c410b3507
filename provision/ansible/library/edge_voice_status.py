"""Ansible module: how edge-voice is on this device, in one look. Changes nothing."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: edge_voice_status
short_description: How edge-voice is on this device
options:
  updater:
    description: The updater's command.
    type: path
    default: /usr/local/sbin/edge-voice-update
  wait:
    description: Seconds to wait until a turn could be held.
    type: int
    default: 0
"""

LIMIT_S = 30
HEALTH = Path("/opt/edge-voice/health.json")
THERMAL = "/sys/class/thermal/thermal_zone0/temp"


def said(*words: str) -> Any:
    """The JSON that a program prints, or None."""
    try:
        done = subprocess.run(words, capture_output=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL)
        return json.JSONDecoder().raw_decode(done.stdout.decode())[0]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def temperature() -> float | None:
    """In degrees; None on a machine that has no such sensor."""
    try:
        return int(Path(THERMAL).read_text().strip()) / 1000
    except (OSError, ValueError):
        return None


def health() -> Any:
    """What the health timer has last found red; None before its first time."""
    try:
        return json.loads(HEALTH.read_text())
    except (OSError, ValueError):
        return None


def is_well(daemon: Any) -> bool:
    """A turn can be held, or only the person's own mute is in the way."""
    return bool(daemon) and bool(daemon.get("ready") or (daemon.get("muted") and not daemon.get("problems")))


def main() -> None:
    """As Ansible calls it."""
    options = {"updater": {"type": "path", "default": "/usr/local/sbin/edge-voice-update"},
               "wait": {"type": "int", "default": 0}}  # fmt: skip
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    end = time.monotonic() + module.params["wait"]
    daemon = said("/usr/local/bin/edge-voice", "status", "--json")
    while not is_well(daemon) and time.monotonic() < end:
        time.sleep(0.5)
        daemon = said("/usr/local/bin/edge-voice", "status", "--json")
    update = said(module.params["updater"], "status", "--json") or {"version": "", "sequence": 0, "state": "none"}
    module.exit_json(changed=False, edge_voice={
        "update": update, "daemon": daemon, "well": is_well(daemon), "health": health(), "at": time.time(),
        "temperature": temperature(),
    })  # fmt: skip


if __name__ == "__main__":
    main()
