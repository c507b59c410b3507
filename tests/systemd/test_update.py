"""A blank machine installed from a bundle without a network, and updated to releases that are good and bad.

After test_uninstall, so the machine is blank (alone it is anyway). The bad releases are the real one with a fault.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.machines.blank import UPDATE, Blank
from tests.machines.bundles import Bundles
from tests.machines.device import UNIT, measured
from tests.machines.machine import Machine
from tests.provision import evb
from tests.rig import Rig

pytestmark = [pytest.mark.nspawn, pytest.mark.long, pytest.mark.skipif(bool(evb.missing()), reason=evb.missing())]
BACK_S = 30
OWN = ("edge-voice-trial.service", "edge-voice-update.service", "edge-voice-update.timer", "edge-voice-health.service",
       "edge-voice-health.timer")  # fmt: skip


@pytest.fixture(scope="module")
def blank(machine: Machine, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Blank:
    device = Blank(machine, rig, Bundles(tmp_path_factory.mktemp("fleet")))
    machine.run("systemctl", "reset-failed")
    device.configure()
    measured.append(("blank machine -> ready, from a bundle, without network", device.install_bundle()))
    device.settings(0.1)
    return device


def test_a_blank_machine_is_ready(blank: Blank) -> None:
    machine = blank.machine
    assert blank.status()["ready"]
    assert blank.ask("--version", user="nobody").returncode == 0
    enabled = machine.call("systemctl", "is-enabled", UNIT, "edge-voice-trial.service", "edge-voice-update.timer",
                           "edge-voice-health.timer").stdout.split()  # fmt: skip
    assert enabled == ["enabled"] * 4
    said = blank.update_status()
    assert (said["sequence"], said["state"], said["last"]["result"]) == (1, "committed", "good")
    assert machine.run("systemctl", "--failed", "--no-legend") == ""


def test_the_units_are_good(blank: Blank) -> None:
    machine = blank.machine
    done = machine.call("systemd-analyze", "verify", *OWN, UNIT, "edge-voice-relay.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for unit in OWN:
        if unit.endswith(".service"):
            done = machine.call("systemd-analyze", "security", "--threshold=35", unit)
            assert done.returncode == 0, done.stdout[-200:]


def test_a_good_release_takes_over_within_seconds(blank: Blank) -> None:
    old = blank.pid
    done = blank.apply(blank.take("good"))
    assert done.returncode == 0, done.stderr + blank.machine.journal()
    assert blank.pid != old
    assert blank.update_status()["sequence"] == blank.number
    gap = blank.unavailable()
    measured.append(("update: speech unavailable", gap))
    assert gap < 10  # a busy machine; how long it took is in the table
    assert blank.status()["ready"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "ended by itself"), ("never", "not ready within 25 s"), ("dies", "The service "),
        ("deaf", "no turn could be held"),
    ],
)  # fmt: skip
def test_a_bad_release_is_gone_back_from(blank: Blank, fault: str, words: str) -> None:
    before = blank.update_status()
    blank.settings(1)
    bundle = blank.take(fault)
    machine = blank.machine
    with subprocess.Popen(
        machine.words(*UPDATE, "apply", bundle), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as updater:
        assert updater.stdout is not None
        switched = next(time.monotonic() for line in updater.stdout if line.startswith("switching"))
        assert updater.stderr is not None
        said = updater.stderr.read()
    assert updater.returncode == 1, said
    assert words in said
    blank.machine.until(lambda: blank.state == "active", BACK_S, "back")
    measured.append((f"release that is bad ({fault}): switch -> old one ready", time.monotonic() - switched))
    after = blank.update_status()
    assert (after["sequence"], after["state"]) == (before["sequence"], "committed")
    assert blank.status()["ready"]
    again = blank.apply(bundle)
    assert (again.returncode, "not tried again" in again.stderr) == (1, True)
    blank.settings(0.1)


def test_a_release_that_does_not_like_the_configuration_is_not_switched_to(blank: Blank) -> None:
    old = blank.pid
    done = blank.apply(blank.take("picky"))
    assert done.returncode == 1
    assert "no configuration pleases me" in done.stderr
    assert blank.pid == old


def test_it_waits_while_somebody_talks(blank: Blank) -> None:
    bundle = blank.take("good")
    release = f"/opt/edge-voice/releases/0.1.0+{blank.number}"
    blank.ask("hold")
    blank.until_text("Listening, engine none")
    with subprocess.Popen(blank.machine.words(*UPDATE, "apply", bundle), stdout=subprocess.DEVNULL) as updater:
        blank.machine.until(lambda: blank.machine.call("test", "-e", release).returncode == 0, 60, "unpacked")
        time.sleep(5)
        assert blank.text == "Listening, engine none"
        waits = updater.poll() is None and blank.update_status()["state"] == "committed"
        blank.ask("release")
        assert updater.wait(60) == 0
    assert waits
    assert blank.update_status()["sequence"] == blank.number


def test_killed_in_a_trial_the_health_timer_sees_it_through(blank: Blank) -> None:
    blank.settings(5)
    bundle = blank.take("good")
    blank.machine.run("systemd-run", "--quiet", "--unit=trying", *UPDATE, "apply", bundle)
    blank.machine.until(lambda: blank.update_status()["state"] == "trial", 120, "on trial")
    blank.machine.run("systemctl", "kill", "--signal=KILL", "trying")
    blank.machine.run("systemctl", "reset-failed", "trying")
    blank.settings(0.05)
    blank.machine.run("systemctl", "restart", "edge-voice-trial.service")  # as a boot would
    assert blank.update_status()["state"] == "trial"
    blank.machine.run("systemctl", "start", "edge-voice-health.service", timeout=120)
    said = blank.update_status()
    assert (said["sequence"], said["state"]) == (blank.number, "committed"), blank.machine.journal()
    assert json.loads(blank.machine.run("cat", "/opt/edge-voice/health.json"))["at"] > 0


def test_rolling_back_by_hand(blank: Blank) -> None:
    before = blank.update_status()
    assert blank.machine.run(*UPDATE, "rollback").endswith("runs again.\n")
    blank.machine.until(lambda: blank.state == "active", 30, "ready")
    assert blank.update_status()["sequence"] == before["sequence"] - 1


def test_pulled_from_a_web_server_in_its_sandbox(blank: Blank, tmp_path: Path) -> None:
    machine, key = blank.machine, blank.bundles.key
    blank.number += 1
    shutil.move(blank.bundles.make(blank.number, "good"), tmp_path)
    words = (Path(__file__).parents[2] / "provision/bundle", "--channel", tmp_path, "--key", key)
    subprocess.run([*words, "--percentage", "100"], check=True, capture_output=True)
    machine.run("mkdir", "-p", "/srv/www")
    for path in tmp_path.iterdir():
        blank.bring(path, f"/srv/www/{path.name}")
    machine.run(
        "systemd-run", "--quiet", "--unit=www", "--working-directory=/srv/www", "python3", "-m", "http.server", "8000"
    )
    machine.until(lambda: ":8000" in machine.run("ss", "-Hltn"), 10, "served")
    blank.settings(0.05, "channel = http://127.0.0.1:8000/channel.json\n")
    machine.run("systemctl", "start", "edge-voice-update.service", timeout=240)
    assert blank.update_status()["sequence"] == blank.number, machine.journal("-t", "edge-voice-update")
    machine.run("systemctl", "stop", "www")


def test_nothing_of_it_is_left_in_the_way(blank: Blank) -> None:
    releases = blank.machine.run("ls", "-A", "/opt/edge-voice/releases").split()
    assert len(releases) <= 3
    assert not [name for name in releases if name.startswith(".")]
    assert blank.machine.run("systemctl", "--failed", "--no-legend") == ""
