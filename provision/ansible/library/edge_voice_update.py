"""Ansible module: has the device's own updater take a bundle over, and tells what has become of it."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: edge_voice_update
short_description: Take a bundle of edge-voice over
description:
  - The device's updater does all of it, and goes back by itself.
  - A device that has the bundle or a later one is left alone.
options:
  bundle:
    description: The bundle on the device.
    type: path
    required: true
  sequence:
    description: The bundle's number.
    type: int
    required: true
  updater:
    description: The updater's command, as a list of words.
    type: list
    elements: str
    default: [/usr/local/sbin/edge-voice-update]
  install:
    description: Set a blank machine up.
    type: bool
    default: false
  now:
    description: Also while somebody is talking, and outside of the window.
    type: bool
    default: false
  wait:
    description: Seconds to wait while it is not the time.
    type: int
    default: 0
"""

NOT_NOW = 75
AGAIN_S = 20
LIMIT_S = 2 * 3600  # a trial is watched for an hour at most


def run(words: list[str], limit: float = LIMIT_S) -> tuple[int, str, str]:
    """Exit code, output and the last line of either."""
    try:
        done = subprocess.run(words, capture_output=True, timeout=limit, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        return 127, "", str(error)
    lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    return done.returncode, done.stdout.decode(errors="replace"), lines[-1] if lines else ""


def status(updater: list[str]) -> dict[str, Any]:
    """What the updater says; nothing installed where there is none."""
    try:
        return json.loads(run([*updater, "status", "--json"], 60)[1])
    except ValueError:
        return {"sequence": 0, "state": "none"}


def apply(params: dict[str, Any]) -> tuple[int, str]:
    """Once, and again as long as it is not the time and there is patience."""
    flags = [flag for flag in ("install", "now") if params[flag]]
    words = [*params["updater"], "apply", params["bundle"], *(f"--{flag}" for flag in flags)]
    end = time.monotonic() + params["wait"]
    while True:
        code, _, line = run(words)
        if code != NOT_NOW or time.monotonic() >= end:
            return code, line
        time.sleep(min(AGAIN_S, max(1, end - time.monotonic())))


def main() -> None:
    """As Ansible calls it."""
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "bundle": {"type": "path", "required": True}, "sequence": {"type": "int", "required": True},
        "updater": {"type": "list", "elements": "str", "default": ["/usr/local/sbin/edge-voice-update"]},
        "install": {"type": "bool", "default": False}, "now": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 0},
    })  # fmt: skip
    params = module.params
    before = status(params["updater"])
    if before["sequence"] >= params["sequence"]:
        module.exit_json(changed=False, edge_voice={"update": before})
    difference = {"before": f"{before['sequence']}\n", "after": f"{params['sequence']}\n"}
    if module.check_mode:
        module.exit_json(changed=True, diff=difference, edge_voice={"update": before})
    code, line = apply(params)
    after = status(params["updater"])
    if code:
        module.fail_json(
            msg=line or f"exit code {code}", rc=code, not_now=code == NOT_NOW, edge_voice={"update": after}
        )
    module.exit_json(changed=True, msg=line, diff=difference, edge_voice={"update": after})


if __name__ == "__main__":
    main()
