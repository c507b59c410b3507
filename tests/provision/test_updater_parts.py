"""Models, Debian packages, links, and the updater as a program of its own."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from provision.updater import installing, links
from provision.updater.archive import Part
from provision.updater.layout import Layout
from provision.updater.main import run as run_updater
from tests.provision import evb
from tests.provision.rehearsal import NOWHERE, Played, run

pytestmark = pytest.mark.skipif(bool(evb.missing()), reason=f"needs {evb.missing()}")
UPDATER = evb.ROOT / "provision/updater"


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("parts")
    return evb.Maker(folder, evb.make_keys(folder))


@pytest.fixture
def device(tmp_path: Path, maker: evb.Maker) -> Layout:
    return evb.blank(tmp_path / "device", maker.key)


def test_it_needs_the_standard_library_alone() -> None:
    """A device may have a Python without anything else, and the release's packages are what is being replaced."""
    for path in UPDATER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, path


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["status", "--json"]])
def test_it_is_a_program_wherever_it_lies(tmp_path: Path, words: list[str]) -> None:
    subprocess.run(["cp", "-r", UPDATER, tmp_path / "updater"], check=True)
    done = subprocess.run(
        ["/usr/bin/python3", tmp_path / "updater/edge-voice-update", *words], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_models_come_beside_the_releases_and_only_once(device: Layout, maker: evb.Maker) -> None:
    sources = maker.sources(1, "good")
    (sources / "models/ears").mkdir(parents=True)
    (sources / "models/ears/model.bin").write_bytes(b"x" * 100_000)
    service = Played(device)
    assert run(device, "apply", maker.pack(sources, 1), "--install", service=service) == 0
    there = device.models / "ears/model.bin"
    assert there.stat().st_size == 100_000
    assert "models verify" in service.calls
    time = there.stat().st_mtime_ns
    sources = maker.sources(2, "good")
    (sources / "models/ears").mkdir(parents=True)
    (sources / "models/ears/model.bin").write_bytes(b"x" * 100_000)
    assert run(device, "apply", maker.pack(sources, 2)) == 0
    assert there.stat().st_mtime_ns == time
    (sources / "models/ears/model.bin").write_bytes(b"y" * 100_000)
    assert run(device, "apply", maker.pack(sources, 3)) == 0
    assert hashlib.sha256(there.read_bytes()).digest() == hashlib.sha256(b"y" * 100_000).digest()


def test_debian_packages_that_are_missing_are_named(
    device: Layout, maker: evb.Maker, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = ["libportaudio2"]
    monkeypatch.setattr(installing, "absent", lambda layout: lacking)
    assert run(device, "apply", maker.make(1), "--install") == 1
    assert "apt-get install libportaudio2" in capsys.readouterr().err
    assert not device.current.is_symlink()
    sources = maker.sources(1, "good")
    (sources / "debs").mkdir()
    (sources / "debs/libportaudio2_19_all.deb").write_bytes(b"no package")
    debs = {evb.TARGET: ["libportaudio2_19_all.deb"]}
    ran = []

    def command(words: tuple[object, ...], limit: float, **how: object) -> tuple[int, str]:
        ran.append([str(word) for word in words])
        assert Path(str(words[-1])).read_bytes() == b"no package"
        lacking.clear()
        return 0, ""

    monkeypatch.setattr(installing, "command", command)
    assert run(device, "apply", maker.pack(sources, 1, debs=debs), "--install") == 0
    assert [words[:2] for words in ran] == [["dpkg", "--install"]]


def test_drop_ins_are_for_certain_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tmp_path / "release"
    subprocess.run(["cp", "-r", evb.ROOT / "systemd", tmp_path / "units"], check=True)
    release.mkdir()
    (tmp_path / "units").rename(release / "units")
    place = "etc/systemd/system/edge-voice.service.d/{}.conf"
    assert place.format(254) not in links.wanted(release, 252)
    assert place.format(254) in links.wanted(release, 257)
    assert place.format("jit") not in links.wanted(release, 257)
    (release / "lib/python3.11/site-packages/ctranslate2").mkdir(parents=True)
    for machine, wanted in (("x86_64", True), ("aarch64", False)):
        monkeypatch.setattr("os.uname", lambda machine=machine: type("Uname", (), {"machine": machine}))
        assert (place.format("jit") in links.wanted(release, 257)) is wanted
    assert "etc/systemd/user/edge-voice.service" in links.wanted(release, 252)


def test_linking_says_what_it_does_and_does_it_once(device: Layout, maker: evb.Maker, capsys) -> None:
    assert run(device, "apply", maker.make(1), "--install") == 0
    capsys.readouterr()
    assert run(device, "link") == 0
    assert capsys.readouterr().out == ""
    unit = device.root / "etc/systemd/system/edge-voice.service"
    unit.unlink()
    unit.write_text("[Service]\n")  # as an older provision/install put it there
    stale = device.root / "etc/systemd/system/edge-voice-old.timer"
    stale.symlink_to("/opt/edge-voice/current/units/edge-voice-old.timer")
    other = device.root / "etc/systemd/system/other.service"
    other.symlink_to("/usr/lib/other.service")
    for words, done in ((("link", "--check"), False), (("link",), True)):
        assert run(device, *words) == 0
        assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [
            "/etc/systemd/system/edge-voice.service", "/etc/systemd/system/edge-voice-old.timer",
        ]  # fmt: skip
        assert unit.is_symlink() is done
        assert stale.is_symlink() is not done
    assert other.is_symlink()


def test_a_part_of_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"0123456789")
    with (tmp_path / "whole").open("rb") as file:
        part = Part(file, 2, 5)
        assert (part.read(2), part.tell(), part.read(), part.read()) == (b"23", 2, b"456", b"")
        assert (part.seek(-1, 2), part.read(10)) == (4, b"6")
        assert (part.seek(1), part.seek(1, 1), part.read(1)) == (1, 2, b"4")
        assert (part.seek(99), part.read(1)) == (99, b"")


def test_no_traceback_reaches_anybody(device: Layout, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with faults, at the worst of places."""

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error", "/opt/edge-voice/trial.json")

    monkeypatch.setattr("provision.updater.main.load_trial", broken)
    assert run_updater(["status"], device, Played(device), NOWHERE) == 1
    assert capsys.readouterr().err == "edge-voice-update: /opt/edge-voice/trial.json: Input/output error\n"
    monkeypatch.setattr("provision.updater.main.load_trial", lambda layout: 1 / 0)
    assert run_updater(["status"], device, Played(device), NOWHERE) == 1
    assert "internal error: ZeroDivisionError" in capsys.readouterr().err
