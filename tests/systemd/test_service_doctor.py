"""`edge-voice doctor` beside the real service manager: what the unit is allowed, and what became of it."""

from __future__ import annotations

import json

import pytest

from tests.machines.device import UNIT, Device

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]


def looked(device: Device) -> dict[str, list[tuple[str, str]]]:
    """State and finding of each result, by check."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(device.ask("doctor", "--json").stdout)["results"]:
        found.setdefault(one["check"], []).append((one["state"], one["found"]))
    return found


def test_a_service_that_runs_and_was_started_again(device: Device) -> None:
    device.restart()
    found = looked(device)
    (daemon,) = found["daemon"]
    assert daemon[0] == "well"
    assert daemon[1].startswith("It runs: idle, ready for a turn")
    old = device.pid
    granted = device.machine.run("grep", "nice", f"/proc/{old}/limits").split()[-1] == "31"  # not in every container
    assert [state for state, _ in found["priority"]] == ["well" if granted else "warn"]
    device.machine.run("systemctl", "kill", "-s", "KILL", UNIT)
    device.ready_again(old)
    assert ("warn", "systemd had to start it again once.") in looked(device)["daemon"]


def test_a_service_that_is_stopped_and_what_it_would_be_allowed(device: Device) -> None:
    device.machine.run("systemctl", "stop", UNIT)
    found = looked(device)
    assert found["daemon"] == [("warn", "The service is installed and does not run.")]
    assert found["priority"] == [("well", "The service's audio thread may run at nice -11.")]
    device.drop_in("LimitNICE=-5")
    ((state, _),) = looked(device)["priority"]
    assert state == "warn"


def test_a_service_that_has_failed(device: Device) -> None:
    device.machine.run("systemctl", "stop", UNIT)
    device.configure('[sounds]\nstart = "perhaps"\n')
    device.machine.call("systemctl", "start", UNIT)
    device.machine.until(lambda: device.state == "failed", 30, "failed")
    assert looked(device)["daemon"] == [("fail", "The service has failed (exit-code, exit code 78).")]
