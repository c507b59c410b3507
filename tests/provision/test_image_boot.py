"""A prepared image boots: installed without a network, gone on with where it was cut off, then left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provision.imaging import disk
from tests.machines.machine import PYTHON, ROOT, SUITE, Machine, cached, digest, missing, root_file_system, wheelhouse
from tests.provision import card, evb

LACKS = missing() or card.missing() or evb.missing()
pytestmark = [pytest.mark.nspawn, pytest.mark.slow, pytest.mark.skipif(bool(LACKS), reason=f"needs {LACKS}")]
ROOT_MB = 1400
CONFIG = '[engine]\nuse = ["none"]\n'
PLACE = "var/lib/edge-voice-first-boot"
UNIT = "edge-voice-first-boot.service"
INSTALL_S = 180  # on a busy machine; how long it took is in the table


def stock() -> Path:
    """Debian with what makes it look like Raspberry Pi OS, as an image file that is made once."""

    base = root_file_system()  # before: there is one lock for all that is made

    def make(folder: Path) -> None:
        folder.mkdir()
        path = card.image(folder / "card.img", base, root_mb=ROOT_MB)
        with card.opened(path, write=True) as root:
            for name in ("boot/firmware", "usr/share/zoneinfo/Etc"):
                (root / name).mkdir(parents=True, exist_ok=True)
            (root / "usr/share/zoneinfo/Etc/UTC").touch()
            (root / "etc/rpi-issue").write_text(card.FILES["etc/rpi-issue"])
            for name in ("etc/resolv.conf", "etc/machine-id"):
                (root / name).unlink(missing_ok=True)
                (root / name).write_text("")

    return cached(f"card_{SUITE}-{digest(base.name, ROOT_MB)}", make) / "card.img"


class Card(Machine):
    """The machine that a card makes: each time it is entered, it boots."""

    def __init__(self, folder: Path, image: Path) -> None:
        super().__init__(folder, {})
        self.image = image

    def _overlay(self) -> None:
        root = disk.look(self.image).root
        self.root.mkdir(parents=True)
        where = f"loop,offset={root.begin},sizelimit={root.size}"
        card.do("mount", "-o", where, self.image, self.root)
        self._stack.callback(self._settle)

    def _settle(self) -> None:
        card.do("umount", self.root)
        self.root.rmdir()

    def until_booted(self) -> None:
        """Only as far as it answers: the first boot takes its time."""
        nspawn = self._nspawn
        end = time.monotonic() + 60
        while True:
            assert nspawn.poll() is None, (self.folder / "console").read_text(errors="replace")
            assert time.monotonic() < end, (self.folder / "console").read_text(errors="replace")
            children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
            if children:
                self._leader = int(children[0])
                if self.call("systemctl", "is-system-running").stdout.strip() in {"starting", "running", "degraded"}:
                    return
            time.sleep(0.05)

    def cut(self) -> None:
        """Everything in it ends at once."""
        os.kill(self._leader, signal.SIGKILL)
        self._nspawn.wait(10)

    def there(self, path: str) -> bool:
        """Seen from outside, without asking it."""
        return os.path.lexists(self.root / path)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> card.Kit:
    """With the whole product in the bundle."""
    folder = tmp_path_factory.mktemp("kit")
    key = evb.make_keys(folder)
    words = (ROOT / "provision/bundle", "--out", folder, "--arch", os.uname().machine, "--python", PYTHON, "--extras",
             "", "--wheels", wheelhouse("local link"), "--sequence", "1", "--key", key)  # fmt: skip
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(time.time()) - 3600)}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    card.do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", folder / "me")
    (folder / "config.toml").write_text(CONFIG)
    return card.Kit(folder, next(folder.glob("*.evb")), key.with_suffix(".pub"), folder / "me.pub")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory, kit: card.Kit) -> Iterator[Card]:
    """Prepared, and not booted yet."""
    folder = tmp_path_factory.mktemp("card")
    card.do("cp", "--reflink=auto", "--sparse=always", stock(), folder / "card.img")
    done = kit.prepare(folder / "card.img", "--config", kit.folder / "config.toml", "--read-only")
    assert done.returncode == 0, done.stderr
    yield Card(folder, folder / "card.img")
    (folder / "card.img").unlink()


def wait(done: Callable[[], object], device: Card, what: str) -> None:
    end = time.monotonic() + INSTALL_S
    while not done():
        assert time.monotonic() < end, f"{what}\n{device.journal()}"
        time.sleep(0.01)


def test_cut_off_at_several_points_it_is_finished_by_the_next_boot(device: Card) -> None:
    moments = {
        "unpacking": lambda: any((device.root / "opt/edge-voice/releases").glob(".*.partial/*")),
        "installed": lambda: device.there("opt/edge-voice/current"),
        "linked": lambda: device.there("etc/systemd/system/edge-voice.service"),
    }
    for what, moment in moments.items():
        with device:
            wait(moment, device, what)
            device.cut()
            assert not device.there(f"{PLACE}/done"), f"too late for {what}"
    with device:
        wait(lambda: device.there(f"{PLACE}/done"), device, "finished")
        device.until(lambda: device.property("ActiveState", UNIT) == "inactive", 20, "ended")
        assert_installed(device)


def assert_installed(device: Card) -> None:
    assert "everything as planned" in device.run("cat", f"/{PLACE}/done")
    assert not device.there(f"{PLACE}/bundle.evb")
    update = json.loads(device.run("/usr/local/sbin/edge-voice-update", "status", "--json"))
    assert (update["sequence"], update["state"]) == (1, "committed")
    assert device.run("ls", "-A", "/opt/edge-voice/releases").split() == ["0.1.0+1"]
    assert device.run("systemctl", "is-enabled", "edge-voice").strip() == "enabled"
    assert_waits_for_a_microphone(device)
    assert device.run("hostname").strip() == "kitchen"
    assert device.run("id", "-nG", "operator").split() == ["operator-user"]


def assert_waits_for_a_microphone(device: Card) -> None:
    """There is no sound card in this machine, and the service says so instead of ending."""
    device.until(lambda: "No microphone" in device.property("StatusText"), 60, "tells what it waits for")
    assert device.property("ActiveState") == "activating"
    assert device.property("NRestarts") == "0"


def test_the_second_boot_does_nothing_and_the_root_is_read_only(device: Card) -> None:
    with device:
        assert_waits_for_a_microphone(device)
        assert device.property("ConditionResult", UNIT) == "no"
        assert device.property("ExecMainStartTimestamp", UNIT) == ""
        assert device.run("systemctl", "--failed", "--no-legend") == ""
        for path in ("/usr/x", "/etc/x", "/x", "/boot/x", "/var/lib/x"):
            assert "Read-only file system" in device.call("touch", path).stderr, path
        for path in ("/opt/edge-voice", "/etc/edge-voice", "/etc/systemd/system", "/var/lib/edge-voice",
                     "/var/lib/systemd", "/var/tmp", "/home/operator", "/root", "/tmp", "/var/log"):  # fmt: skip
            device.run("touch", f"{path}/x")
        assert json.loads(device.run("/usr/local/sbin/edge-voice-update", "status", "--json"))["sequence"] == 1
        device.run("systemctl", "start", "edge-voice-health.service", timeout=120)
        assert not device.there("var/log/x")
        assert device.call("ls", "/var/log/journal").returncode != 0
        assert "/run/log/journal" in device.run("journalctl", "--header")


def test_what_is_kept_is_kept_and_the_rest_is_not(device: Card) -> None:
    with device:
        assert device.there("var/lib/systemd/x")
        assert device.there("opt/edge-voice/x")
        assert device.there("var/tmp/x")
        assert not device.there("var/log/x")
        assert device.property("ConditionResult", UNIT) == "no"
