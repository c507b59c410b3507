"""The first boot in a folder instead of a machine: killed at its system calls it is finished by the next one."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from provision.firstboot import hostkey
from provision.firstboot import main as first_boot
from provision.firstboot.plan import Card
from provision.firstboot.steps import FirstBoot
from provision.updater.errors import UpdateError
from provision.updater.layout import Layout
from tests.provision import cuts, evb
from tests.provision.first import CODE, PLAN, STEPS, assert_finished, go, linked, played, prepared

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(evb.missing()), reason=evb.missing())]
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
CALLS = ("rename", "fsync", "unlink", "symlink", "mkdir", "write", "chmod")
STEP, MOST = int(os.environ.get("EDGE_VOICE_TEST_STEP", "61")), 2000
CUTS = int(os.environ.get("EDGE_VOICE_TEST_CUTS", "8"))


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("maker")
    return evb.Maker(folder, evb.make_keys(folder), files=1)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, maker: evb.Maker) -> Path:
    """A card as provision/image leaves it, to be copied."""
    return prepared(tmp_path_factory.mktemp("fresh") / "root", maker)


@pytest.fixture
def card(fresh: Path, tmp_path: Path) -> Card:
    return copied(fresh, tmp_path / "root")


def copied(fresh: Path, root: Path) -> Card:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(fresh, root, symlinks=True)
    return Card(Layout(root))


def test_all_steps_and_then_never_again(card: Card) -> None:
    assert card.status() == "not done yet; finished: nothing"
    assert go(card.layout.root) == 0
    assert card.finished() == STEPS
    assert_finished(card)
    assert card.status().startswith("done: 20")
    before = {path: path.lstat().st_mtime_ns for path in card.layout.root.rglob("*")}
    assert go(card.layout.root) == 0
    assert {path: path.lstat().st_mtime_ns for path in card.layout.root.rglob("*")} == before


def test_a_step_that_was_not_noted_is_done_again(fresh: Path, card: Card) -> None:
    assert go(card.layout.root) == 0
    kept = shutil.copytree(card.layout.root, card.layout.root.with_name("kept"), symlinks=True)
    for step in range(len(STEPS) - 1):
        again = copied(kept, card.layout.root)
        again.done.unlink()
        (again.folder / "finished.json").write_text(json.dumps(STEPS[:step]))
        shutil.copy(Card(Layout(fresh)).bundle, again.bundle)
        (again.folder / "code").write_text(f"{CODE}\n")
        assert go(again.layout.root) == 0, STEPS[step]
        assert_finished(again)


@needs_strace
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_the_next_boot_finishes(fresh: Path, tmp_path: Path, call: str) -> None:
    number, kills = 1, 0
    while True:
        card = copied(fresh, tmp_path / "root")
        words = (
            "strace", "-qq", "-o", "/dev/null", "-e", f"trace=?{call},?{call}at", "-e", "signal=none",
            "-e", f"inject=?{call},?{call}at:signal=KILL:when={number}",
            sys.executable, "-m", "tests.provision.first", card.layout.root,
        )  # fmt: skip
        code = subprocess.run(words, cwd=evb.ROOT, capture_output=True, check=False).returncode
        if code == 0:
            break
        assert code in {-9, 137}, code
        kills += 1
        # The stamp is never there before everything is.
        if card.done.exists():
            assert_finished(card)
        assert go(card.layout.root) == 0, f"{call} {number}"
        assert_finished(card)
        assert not [path for path in card.layout.releases.iterdir() if path.name.startswith(".")]
        number += STEP
        assert number < MOST
    assert kills, f"{call} is never called"


def test_without_a_network_the_rest_is_done_and_the_code_kept(card: Card) -> None:
    (card.folder / "finished.json").write_text("[]")
    with pytest.raises(UpdateError, match=r"not enrolled yet: The relay cannot be reached\.$"):
        go_offline(card)
    assert not card.done.exists()
    assert card.finished() == STEPS[: STEPS.index("enrol")]
    assert card.code.read_text() == f"{CODE}\n"
    (card.layout.current / "bin/edge-voice.offline").unlink()
    assert go(card.layout.root) == 0
    assert_finished(card)


def go_offline(card: Card) -> None:
    """The boot installs, and then the relay cannot be reached."""

    def run_offline(words: tuple[Any, ...], limit: float, **how: Any) -> tuple[int, str]:
        done = played(words, limit, **how)
        if "apply" in words:
            (card.layout.current / "bin/edge-voice.offline").touch()
        return done

    FirstBoot(card, run_offline, lambda _: None).go()


def test_a_code_that_has_expired_is_given_up_and_told(card: Card) -> None:
    (card.folder / "plan.json").write_text(json.dumps(PLAN | {"code_until": time.time() - 1}))
    assert go(card.layout.root) == 0
    assert "the enrolment code had expired" in card.done.read_text()
    assert not card.code.exists()
    assert not linked(card).exists()


def test_a_code_is_overwritten_before_it_goes(card: Card) -> None:
    kept = card.folder.with_name("kept")
    os.link(card.code, kept)
    card.scrub(card.code)
    assert not card.code.exists()
    assert kept.read_bytes() == bytes(len(CODE) + 1)


def test_a_bundle_that_is_no_good_is_told(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(card.bundle.read_bytes())
    data[-3000] ^= 1
    card.bundle.write_bytes(data)
    assert go(card.layout.root) == 1
    assert "not installed" in capsys.readouterr().err
    assert card.finished() == STEPS[: STEPS.index("install")]


def test_a_plan_that_cannot_be_read_is_told(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    (card.folder / "plan.json").write_text('{"channel": ""')
    assert first_boot.main([], card) == 1
    said = capsys.readouterr().err
    assert "Prepare the card again." in said
    assert len(said.splitlines()) == 1
    assert first_boot.main(["dance"], card) == 2


@pytest.mark.skipif(bool(cuts.missing()), reason=f"needs {cuts.missing()}")
@pytest.mark.parametrize("unsafe", [False, True])
def test_a_power_cut_leaves_a_card_that_finishes(tmp_path: Path, maker: evb.Maker, *, unsafe: bool) -> None:
    """The mutant, which does not sync, must fail: otherwise this would show nothing."""
    chance, troubles = random.Random(11), []
    do, host = cuts.do, tmp_path / "host"
    do("truncate", "-s", f"{cuts.XFS_MB}M", tmp_path / "xfs")
    do("mkfs.xfs", "-q", "-m", "reflink=1", tmp_path / "xfs")
    with cuts.mounted(tmp_path / "xfs", host):
        do("truncate", "-s", f"{cuts.EXT4_MB}M", host / "base")
        do("mkfs.ext4", "-q", host / "base")
        with cuts.mounted(host / "base", tmp_path / "base") as root:
            prepared(root / "root", maker)
        begin = time.monotonic()
        boot_and_cut(tmp_path, [], unsafe=False)
        took = time.monotonic() - begin
        end = took + cuts.AFTER_S if unsafe else took * 1.2
        moments = sorted(chance.uniform(took * 0.2, end) for _ in range(CUTS))
        copies = boot_and_cut(tmp_path, moments, unsafe=unsafe)
        for copy in copies:
            with cuts.mounted(copy, tmp_path / "cut") as root:
                troubles += trouble(Card(Layout(root / "root")))
    assert bool(troubles) == unsafe, troubles


def boot_and_cut(folder: Path, moments: list[float], *, unsafe: bool) -> list[Path]:
    """The first boot on a copy of the base; the disk as it was at each of the moments."""
    host, copies = folder / "host", []
    cuts.do("cp", "--reflink=always", host / "base", host / "disk")
    words = (sys.executable, "-m", "tests.provision.first", folder / "disk/root")
    env = {**os.environ, "EDGE_VOICE_TEST_UNSAFE": "1" if unsafe else ""}
    with cuts.mounted(host / "disk", folder / "disk", "commit=1"):
        begin = time.monotonic()
        with subprocess.Popen(words, cwd=evb.ROOT, env=env, stdout=subprocess.DEVNULL) as boot:
            for number, moment in enumerate(moments):
                time.sleep(max(0.0, begin + moment - time.monotonic()))
                copies.append(host / f"cut{number}")
                cuts.do("cp", "--reflink=always", host / "disk", copies[-1])
            assert boot.wait(cuts.UPDATE_S) == 0
    return copies


def trouble(card: Card) -> list[str]:
    """Power comes back, and the card boots: what is wrong then."""
    try:
        if card.done.exists():
            assert_finished(card)
        assert go(card.layout.root) == 0
        assert_finished(card)
    except (AssertionError, OSError):
        return [traceback.format_exc()[-400:]]
    return []


# ---- from the network ------------------------------------------------------------------------------------------------


def test_from_a_channel(card: Card, tmp_path: Path, maker: evb.Maker) -> None:
    web = tmp_path / "web"
    web.mkdir()
    shutil.move(card.bundle, web / "edge-voice-0.1.0+1.evb")
    words = (evb.ROOT / "provision/bundle", "--channel", web, "--key", maker.key)
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
    plan = PLAN | {"channel": (web / "channel.json").as_uri()}
    (card.folder / "plan.json").write_text(json.dumps(plan))
    assert go(card.layout.root) == 0
    assert_finished(card)


# ---- the host key ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs openssh-client")
def test_a_host_key_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "etc/ssh"
    folder.mkdir(parents=True)
    key = folder / "ssh_host_ed25519_key"
    hostkey.make(tmp_path)
    first = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"]
    hostkey.make(tmp_path)
    assert key.read_bytes() == first
    key.write_bytes(b"")
    (folder / ".ssh_host_ed25519_key.new").write_bytes(b"half")
    hostkey.make(tmp_path)
    assert key.read_bytes() not in {b"", first}
    second = key.read_bytes()
    (folder / "ssh_host_ed25519_key.pub").unlink()
    hostkey.make(tmp_path)
    assert key.read_bytes() != second
