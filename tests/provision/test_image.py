"""provision/image on small images: what is in them afterwards, file by file, and that twice is once."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from provision.updater.layout import Layout
from tests.provision import card

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(card.missing()), reason=card.missing())]
WIFI = "etc/NetworkManager/system-connections/edge-voice-wifi.nmconnection"
PLACE = "var/lib/edge-voice-first-boot"
PROGRAM = "usr/local/lib/edge-voice-first-boot"
CODE = "evc_0123456789abcdef"
PASSPHRASE = "correct horse battery"
REGION = ("--timezone", "Europe/Berlin", "--locale", "de_DE.UTF-8", "--keyboard", "de")
FLEET = """
[fleet]
user = "fleet-admin"
keys = ["{key}"]
secrets = "secrets.yml"
[update]
window = "02:00-05:00"
[relay]
url = "https://voice.example.org"
[wifi.home]
ssid = "Zuhause äöü"
passphrase = "wifi_home"
country = "DE"
[defaults]
wifi = "home"
relay = true
[defaults.config.device]
timezone = "Europe/Berlin"
[devices.bedroom]
ring = 7
config.audio.volume = 40
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> card.Kit:
    made = card.kit(tmp_path_factory.mktemp("kit"))
    (made.folder / "passphrase").write_text(f"{PASSPHRASE}\n")
    (made.folder / "code").write_text(f"{CODE}\n")
    return made


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kit: card.Kit) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    path = card.image(folder / "card.img", card.skeleton(folder / "root", request.param))
    done = kit.prepare(path, *everything(kit))
    assert done.returncode == 0, done.stderr
    return path


def everything(kit: card.Kit) -> list[object]:
    return ["--ssid", "Home", "--passphrase-file", kit.folder / "passphrase", "--country", "DE", *REGION, "--read-only",
            "--relay", "https://voice.example.org", "--enrol-code-file", kit.folder / "code"]  # fmt: skip


def test_every_file_is_as_it_should_be(prepared: Path, kit: card.Kit) -> None:
    with card.opened(prepared) as root:
        trixie = (root / "etc/cloud").is_dir()
        texts = {
            "etc/hostname": "kitchen\n",
            "etc/hosts": "127.0.0.1\tlocalhost\n::1\t\tlocalhost\n\n127.0.1.1\tkitchen\n",
            "etc/timezone": "Europe/Berlin\n",
            "etc/locale.conf" if trixie else "etc/default/locale": "LANG=de_DE.UTF-8\n",
            "etc/locale.gen": "de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n",
            "etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n',
            "etc/sudoers.d/010_edge-voice-operator": "operator ALL=(ALL) NOPASSWD: ALL\n",
            "home/operator/.ssh/authorized_keys": kit.ssh_key.read_text(),
            "home/operator/.bashrc": "# mine\n",
            "etc/subuid": "operator:100000:65536\n",
            "etc/gshadow": "root:*::\naudio:*::operator,pulse\npi:!::\n",
        }  # fmt: skip
        assert {name: (root / name).read_text() for name in texts} == texts
        assert str((root / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Europe/Berlin"
        assert (root / "etc/cloud/cloud-init.disabled").exists() == trixie
        for name in card.LINKS:
            assert name == "etc/localtime" or not (root / name).is_symlink(), name
        assert not (root / "etc/sudoers.d/010_pi-nopasswd").exists()
        wants = root / "etc/systemd/system/multi-user.target.wants"
        assert sorted(path.name for path in wants.iterdir()) == [
            "edge-voice-first-boot.service", "edge-voice-host-key.service", "ssh.service"
        ]  # fmt: skip
        assert (wants / "edge-voice-first-boot.service").resolve().is_file()
        assert (root / f"{PLACE}/bundle.evb").read_bytes() == kit.bundle.read_bytes()
        assert (root / "etc/edge-voice/keys/fleet.pub").read_text() == kit.trust.read_text()


def test_only_a_key_lets_in(prepared: Path) -> None:
    with card.opened(prepared) as root:
        passwd = (root / "etc/passwd").read_text()
        assert "operator:x:1000:1000:,,,:/home/operator:/bin/bash\n" in passwd
        assert "pi:" not in passwd
        shadow = dict(line.split(":")[:2] for line in (root / "etc/shadow").read_text().splitlines())
        assert set(shadow.values()) == {"*"}
        # sshd's own reading of it: the first value of a keyword counts, and ours come first.
        config = root / "etc/ssh/sshd_config.d/10-edge-voice.conf"
        assert config.name == min(path.name for path in config.parent.iterdir())
        lines = dict(line.split(" ", 1) for line in config.read_text().splitlines() if not line.startswith("#"))
    wanted = {"AllowUsers": "operator", "PermitRootLogin": "no", "PasswordAuthentication": "no",
              "KbdInteractiveAuthentication": "no", "AuthenticationMethods": "publickey"}  # fmt: skip
    assert {key: lines[key] for key in wanted} == wanted


@pytest.mark.skipif(shutil.which("/usr/sbin/sshd") is None, reason="needs openssh-server")
def test_sshd_likes_its_configuration(prepared: Path, tmp_path: Path) -> None:
    with card.opened(prepared) as root:
        text = (root / "etc/ssh/sshd_config.d/10-edge-voice.conf").read_text()
    card.do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    (tmp_path / "config").write_text(text.replace("/etc/ssh/ssh_host_ed25519_key", str(tmp_path / "key")))
    Path("/run/sshd").mkdir(exist_ok=True)
    shown = card.do("/usr/sbin/sshd", "-T", "-f", tmp_path / "config", "-C", "user=operator,host=x,addr=10.0.0.1")
    assert "passwordauthentication no\n" in shown
    assert "authenticationmethods publickey\n" in shown


def test_the_wifi_key_is_for_root_alone(prepared: Path) -> None:
    found = card.everything(prepared)
    assert found[WIFI][:3] == (0o600, 0, 0)
    assert found[str(Path(WIFI).parent)][:3] == (0o700, 0, 0)
    assert found[PLACE][:3] == (0o700, 0, 0)
    assert found[f"{PLACE}/code"][:3] == found[f"{PLACE}/plan.json"][:3] == (0o600, 0, 0)
    assert found["home/operator"][:3] == found["home/operator/.ssh"][:3] == (0o700, 1000, 1000)
    assert found["home/operator/.ssh/authorized_keys"][:3] == (0o600, 1000, 1000)
    assert found["etc/shadow"][:3] == (0o640, 0, 42)
    assert found["etc/sudoers.d/010_edge-voice-operator"][0] == 0o440
    with card.opened(prepared) as root:
        text = (root / WIFI).read_text()
    assert "ssid=Home\n" in text
    # IEEE 802.11's own example of the derivation, with our words.
    assert f"psk={hashlib.pbkdf2_hmac('sha1', PASSPHRASE.encode(), b'Home', 4096, 32).hex()}\n" in text


def test_no_secret_is_in_the_clear(prepared: Path) -> None:
    data = prepared.read_bytes()
    assert PASSPHRASE.encode() not in data
    boot = data[card.BEGIN : card.BEGIN + card.BOOT_MB * card.MB]
    assert CODE.encode() not in boot
    assert CODE.encode() in data
    assert card.cmdline(prepared) == card.CMDLINE.strip() + " cfg80211.ieee80211_regdom=DE\n"


def test_what_systemd_reads_is_good(prepared: Path) -> None:
    with card.opened(prepared) as root:
        assert "RuntimeWatchdogSec=14s" in (root / "etc/systemd/system.conf.d/90-edge-voice.conf").read_text()
        journald = (root / "etc/systemd/journald.conf.d/90-edge-voice.conf").read_text()
        assert "Storage=volatile\nRuntimeMaxUse=32M\n" in journald
        units = [root / f"etc/systemd/system/{name}" for name in ("edge-voice-first-boot.service",
                 "edge-voice-host-key.service", "edge-voice-read-only.service")]  # fmt: skip
        text = "".join(unit.read_text() for unit in units)
        for line in text.splitlines():
            if line.startswith("ExecStart="):
                program = next(word for word in line.removeprefix("ExecStart=").split() if PROGRAM in word)
                assert (root / program.lstrip("/")).stat().st_mode & 0o100, line


def test_the_clock_starts_at_a_time_that_has_passed(prepared: Path) -> None:
    found = card.everything(prepared)
    assert found["var/lib/systemd/timesync/clock"][1:3] == (997, 996)
    with card.opened(prepared) as root:
        for path in (Layout(root).clock, root / "usr/lib/clock-epoch"):
            assert time.time() - 600 < path.stat().st_mtime <= time.time()


def test_the_second_time_there_is_nothing_to_do(prepared: Path, kit: card.Kit) -> None:
    before, digest = card.everything(prepared), hashlib.sha256(prepared.read_bytes()).hexdigest()
    dry = kit.prepare(prepared, *everything(kit), "--dry-run")
    assert hashlib.sha256(prepared.read_bytes()).hexdigest() == digest
    again = kit.prepare(prepared, *everything(kit))
    for done in (dry, again):
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 1
        assert done.stdout.startswith("Nothing to do")
    assert card.everything(prepared) == before


def test_a_dry_run_changes_nothing(tmp_path: Path, kit: card.Kit) -> None:
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"), root_mb=100)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    dry = kit.prepare(path, *everything(kit), "--dry-run")
    assert "changes would be made" in dry.stdout
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    done = kit.prepare(path, *everything(kit))
    assert done.stdout.splitlines()[:-1] == dry.stdout.splitlines()[:-1]
    assert PASSPHRASE not in dry.stdout + done.stdout
    assert CODE not in dry.stdout + done.stdout


def test_a_card_can_become_another_device(tmp_path: Path, kit: card.Kit) -> None:
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"), root_mb=100)
    assert kit.prepare(path, *everything(kit)).returncode == 0
    with card.opened(path, write=True) as root:
        (root / f"{PLACE}/done").write_text("2026-11-01T00:00:00Z\n")
    done = kit.prepare(path, "--name", "attic", "--user", "anna")
    assert done.returncode == 0, done.stderr
    with card.opened(path) as root:
        assert (root / "home/anna/.bashrc").read_text() == "# mine\n"
        assert not (root / "home/operator").exists()
        assert not (root / WIFI).exists()
        assert not (root / f"{PLACE}/code").exists()
        assert not (root / f"{PLACE}/done").exists()
        assert json.loads((root / f"{PLACE}/plan.json").read_text())["read_only"] is False
        group = (root / "etc/group").read_text()
    assert "audio:x:29:anna,pulse\n" in group
    assert "\nanna:x:1000:\n" in group


def test_root_may_be_the_one_who_logs_in(tmp_path: Path, kit: card.Kit) -> None:
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"), root_mb=100)
    assert kit.prepare(path, "--user", "root").returncode == 0
    with card.opened(path) as root:
        assert (root / "root/.ssh/authorized_keys").read_text() == kit.ssh_key.read_text()
        text = (root / "etc/ssh/sshd_config.d/10-edge-voice.conf").read_text()
    assert "AllowUsers root\nPermitRootLogin prohibit-password\n" in text


def test_a_device_of_the_inventory(tmp_path: Path, kit: card.Kit) -> None:
    pytest.importorskip("yaml", reason="secrets are read by ansible")
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"), root_mb=100)
    (tmp_path / "fleet.toml").write_text(FLEET.format(key=kit.trust))
    (tmp_path / "secrets.yml").write_text(f"secrets:\n  wifi_home: {PASSPHRASE}\n")
    done = kit.prepare(path, "--device", "bedroom", "--fleet", tmp_path / "fleet.toml")
    assert done.returncode == 0, done.stderr
    with card.opened(path) as root:
        assert (root / "etc/hostname").read_text() == "bedroom\n"
        assert "volume = 40" in (root / "etc/edge-voice/config.toml").read_text()
        assert "ring = 7\nwindow = 02:00-05:00\n" in (root / "etc/edge-voice/update.conf").read_text()
        assert "fleet-admin" in (root / "etc/passwd").read_text()
        assert str((root / "etc/localtime").readlink()).endswith("Europe/Berlin")
        name = "".join(f"{byte};" for byte in "Zuhause äöü".encode())
        assert f"ssid={name}\n" in (root / WIFI).read_text()
        assert json.loads((root / f"{PLACE}/plan.json").read_text())["relay"] == "https://voice.example.org"
    wrong = kit.prepare(path, "--device", "bathroom", "--fleet", tmp_path / "fleet.toml")
    assert (wrong.returncode, wrong.stderr) == (2, wrong.stderr)
    assert "There is no device bathroom" in wrong.stderr


def test_an_image_grows_where_the_bundle_does_not_fit(tmp_path: Path, kit: card.Kit) -> None:
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"))
    before = path.stat().st_size
    done = kit.prepare(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("grow ")
    assert path.stat().st_size > before
    listed = json.loads(card.do("sfdisk", "--json", path))["partitiontable"]["partitions"][1]
    assert (listed["start"] + listed["size"]) * 512 == path.stat().st_size
    with card.opened(path) as root:
        room = shutil.disk_usage(root)
    assert room.total > 40 * card.MB
    loop = card.do("losetup", "--find", "--show", "--offset", listed["start"] * 512, path).strip()
    try:
        assert subprocess.run(["e2fsck", "-f", "-n", loop], capture_output=True, check=False).returncode == 0
    finally:
        card.do("losetup", "--detach", loop)
