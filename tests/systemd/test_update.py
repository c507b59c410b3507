"""A blank machine installed from a bundle without a network, and updated to releases that are good and bad.

After test_uninstall, so the machine is blank (alone it is anyway). The bad releases are the real one with a fault.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.provision import evb
from tests.systemd.device import UNIT, Device, measured
from tests.systemd.machine import PYTHON, Machine, sources, wheelhouse

pytestmark = [pytest.mark.nspawn, pytest.mark.long, pytest.mark.skipif(bool(evb.missing()), reason=evb.missing())]
BACK_S = 30
UPDATE = ("/usr/local/sbin/edge-voice-update",)
SETTINGS = "[update]\nminutes = {minutes}\n{more}"
OWN = ("edge-voice-trial.service", "edge-voice-update.service", "edge-voice-update.timer", "edge-voice-health.service",
       "edge-voice-health.timer")  # fmt: skip

# Where, what stands there, and what stands there instead.
FAULTS = {
    "crash": ("edge/service.py", "    config = load(path)\n", "    raise SystemExit(3)\n"),
    "never": ("edge/host/notify.py", '        self._ready = True\n        self._tell("READY=1", self._news())\n', ""),
    "dies": (
        "edge/service.py", "    config = load(path)\n",
        "    import os, threading\n    threading.Timer(8, os._exit, (3,)).start()\n    config = load(path)\n",
    ),
    "deaf": (
        "edge/audio/device.py", "        if not count:\n            return\n        data, overflowed",
        "        if not count or time.monotonic() > BROKEN:\n            return\n        data, overflowed",
    ),
    "good": ("edge/service.py", "    config = load(path)\n", "    config = load(path)  # better\n"),
    "picky": (
        "edge/cli.py", "    config = load(options.config)\n    if options.what",
        '    raise UsageError("no configuration pleases me")\n    if options.what',
    ),
}  # fmt: skip


class Bundles:
    """Built as an operator would, from a copy of the tree with a fault in it."""

    def __init__(self, folder: Path) -> None:
        self._tree, self._out = sources(folder / "tree"), folder / "out"
        self.key = evb.make_keys(folder / "keys")
        self._made: dict[tuple[int, str], Path] = {}

    def make(self, sequence: int, fault: str) -> Path:
        name, old, new = FAULTS[fault]
        path = self._tree / name
        whole = path.read_text()
        assert old in whole, f"{name} has changed; so must FAULTS"
        path.write_text(whole.replace(old, new, 1) + ("\nBROKEN = time.monotonic() + 8\n" if fault == "deaf" else ""))
        words = (
            self._tree / "provision/bundle", "--out", self._out, "--arch", os.uname().machine, "--python", PYTHON,
            "--extras", "", "--wheels", wheelhouse("local"), "--sequence", str(sequence), "--key", self.key,
        )  # fmt: skip
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, env=_environment())
            assert done.returncode == 0, done.stderr
        finally:
            path.write_text(whole)
        return next(self._out.glob(f"*+{sequence}.evb"))


def _environment() -> dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": str(int(time.time()) - 3600)}


class Blank(Device):
    """A machine that has been given nothing but a bundle, the updater and two public keys."""

    def __init__(self, machine: Machine, rig: object, bundles: Bundles) -> None:
        super().__init__(machine, rig)  # type: ignore[arg-type]  # the rig, as Device wants it
        self.bundles = bundles
        self.number = 0

    def take(self, fault: str) -> str:
        """A bundle with the next number, brought into the machine; its path there."""
        self.number += 1
        bundle = self.bundles.make(self.number, fault)
        there = f"/var/tmp/{bundle.name}"
        self.bring(bundle, there)
        bundle.unlink()
        return there

    def bring(self, path: Path, there: str) -> None:
        """A file of this machine into that one."""
        with path.open("rb") as file:
            subprocess.run(self.machine.words("tee", there), stdin=file, stdout=subprocess.DEVNULL, check=True)

    def apply(self, path: str, *options: str) -> subprocess.CompletedProcess[str]:
        done = self.machine.call(*UPDATE, "apply", path, *options, timeout=240)
        self.machine.call("rm", path)
        return done

    def settings(self, minutes: float, more: str = "") -> None:
        self.machine.write("/etc/edge-voice/update.conf", SETTINGS.format(minutes=minutes, more=more))

    def update_status(self) -> dict:
        return json.loads(self.machine.run(*UPDATE, "status", "--json"))

    def unavailable(self) -> float:
        """How long no turn could be held at the last switch, by systemd's clock."""
        left, back = (
            int(self.machine.property(name))
            for name in ("ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        )
        return (back - left) / 1e6


@pytest.fixture(scope="module")
def blank(machine: Machine, rig: object, tmp_path_factory: pytest.TempPathFactory) -> Blank:
    bundles = Bundles(tmp_path_factory.mktemp("fleet"))
    device = Blank(machine, rig, bundles)
    machine.shell("mkdir -p /etc/edge-voice/keys; systemctl reset-failed")
    machine.write("/etc/edge-voice/keys/fleet.pub", bundles.key.with_suffix(".pub").read_text())
    device.configure()
    bundle = device.take("good")
    # What lies beside the bundle on a card: the updater, straight from it.
    machine.shell(f"mkdir -p /run/first && tar -xf {bundle} -C /run/first updater")
    begin = time.monotonic()
    done = machine.call("/run/first/updater/edge-voice-update", "apply", bundle, "--install", timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr + machine.journal()
    machine.until(lambda: device.state == "active", 30, "ready")
    measured.append(("blank machine -> ready, from a bundle, without network", time.monotonic() - begin))
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
        ("crash", "ended by itself"), ("never", "not ready within 30 s"), ("dies", "The service "),
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
