"""provision/bundle: the same bytes each time, a tar for everybody, and what is in it told."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from provision.bundling import packages, sbom
from provision.bundling.main import main
from provision.updater.manifest import parse
from tests.machines.machine import PYTHON, wheelhouse
from tests.provision import evb

pytestmark = pytest.mark.skipif(bool(evb.missing()), reason=f"needs {evb.missing()}")
LOCK = (evb.ROOT / "requirements.lock").read_text()


def build(out: Path, key: Path, *more: str) -> Path:
    """As a person does, from the wheels that the nspawn tests have fetched."""
    words = (
        evb.ROOT / "provision/bundle", "--out", out, "--arch", os.uname().machine, "--python", PYTHON, "--extras", "",
        "--wheels", wheelhouse("local link"), "--key", key, *more,
    )  # fmt: skip
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.evb"))


@pytest.mark.slow
def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    key = evb.make_keys(tmp_path)
    first = build(tmp_path / "a", key)
    os.utime(evb.ROOT / "provision/bundling/main.py")  # file times do not matter
    second = build(tmp_path / "b", key)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as there:
        members = there.getmembers()
        names = there.getnames()
        said = there.extractfile("manifest.json")
        listed = there.extractfile("sbom.cdx.json")
        assert said is not None
        assert listed is not None
        manifest, bom = parse(said.read()), json.load(listed)
    assert names[:2] == ["manifest.json", "manifest.json.minisig"]
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, int(manifest.created.timestamp()))}
    assert {"units/edge-voice.service", "updater/edge-voice-update", "config.reference.toml", "LICENSE"} <= set(names)
    shipped = {component["name"].replace("_", "-").lower() for component in bom["components"]}
    assert {"edge-voice", "numpy", "websockets"} <= shipped
    assert len(bom["components"]) == len([name for name in names if name.startswith("wheels/")])
    numpy = next(component for component in bom["components"] if component["name"] == "numpy")
    assert numpy["hashes"][0]["content"] in LOCK
    assert "licenses" in numpy


def test_pins_by_target() -> None:
    """Each device gets what Debian does not bring, and nothing that would have to be compiled there."""

    def names(machine: str, minor: int) -> set[str]:
        pins = packages.pins(LOCK, ["local", "pi", "strips"], packages.Target(machine, minor))
        assert all("--hash=sha256:" in pin for pin in pins)
        assert not any(";" in pin for pin in pins)
        return {pin.partition("==")[0] for pin in pins}

    assert "lgpio" in names("aarch64", 11)
    assert "lgpio" not in names("aarch64", 13)
    for machine, minor in (("aarch64", 11), ("aarch64", 13), ("x86_64", 11)):
        assert {"numpy", "gpiozero"} <= names(machine, minor)
        assert not {"systemd-python", "spidev", "colorama"} & names(machine, minor)


def test_names_that_are_too_long_for_a_tar() -> None:
    name = "one_package_ours-1.2.3-cp311-cp311-manylinux_2_26_aarch64.manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl"
    assert packages.short(name) == "one_package_ours-1.2.3-cp311-cp311-manylinux_2_26_aarch64.whl"
    assert packages.short("numpy-1-cp311-cp311-a.b.whl") == "numpy-1-cp311-cp311-a.b.whl"


def test_mistakes_are_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    for words, expected in (
        (["--channel", str(tmp_path)], "give --key"),
        (["--channel", str(tmp_path), "--key", "x"], "no bundle"),
        (["--wheels", str(tmp_path / "nowhere"), "--arch", "x86_64", "--python", "3.11"], "could not be fetched"),
    ):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert expected in said
        assert len(said.splitlines()) == 1


def test_licences_as_packages_tell_them(tmp_path: Path) -> None:
    info = {"tiny-1.dist-info/METADATA": "Name: Ti_ny\nVersion: 1\nLicense-Expression: MIT\n"}
    path = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for name, text in info.items():
            out.writestr(name, text)
    said = sbom.wheel(path)
    assert (said["purl"], said["licenses"]) == ("pkg:pypi/ti-ny@1", [{"expression": "MIT"}])
