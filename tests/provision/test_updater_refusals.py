"""What is refused, each before anything is unpacked."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provision.bundling.building import Release, listed, manifest
from provision.bundling.signing import sign
from provision.updater import archive
from provision.updater.errors import Refused
from provision.updater.layout import Layout
from provision.updater.manifest import parse
from provision.updater.releases import Builder
from tests.provision import evb
from tests.provision.rehearsal import EPOCH, NOWHERE, Played, run

pytestmark = pytest.mark.skipif(bool(evb.missing()), reason=f"needs {evb.missing()}")


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("refused")
    return evb.Maker(folder, evb.make_keys(folder))


@pytest.fixture(scope="session")
def good(maker: evb.Maker) -> bytes:
    return maker.make(5).read_bytes()


@pytest.fixture
def device(tmp_path: Path, maker: evb.Maker) -> Layout:
    return evb.blank(tmp_path / "device", maker.key)


def refused(layout: Layout, bundle: Path | bytes, capsys, service: Played | None = None) -> str:
    """What it says; and nothing but its lock has changed."""
    if isinstance(bundle, bytes):
        path = layout.root / "bundle.evb"
        path.write_bytes(bundle)
    else:
        path = bundle
    before = evb.contents(layout.root)
    capsys.readouterr()
    assert run(layout, "apply", path, "--install", service=service) == 1
    after = evb.contents(layout.root)
    after.pop("opt/edge-voice/.lock", None)
    before.pop("opt/edge-voice/.lock", None)
    assert after == before
    return capsys.readouterr().err


def resigned(maker: evb.Maker, good: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The bundle with another manifest, rightly signed: what a stolen key, or a mistake of ours, could do."""
    with tarfile.open(fileobj=io.BytesIO(good)) as there:
        first, _, *members = there.getmembers()
        said = json.loads(good[first.offset_data :][: first.size])
        rest = [(member, good[member.offset_data :][: member.size]) for member in members]
    change(said)
    data = json.dumps(said).encode()
    out = io.BytesIO()
    time = archive.seconds(evb.CREATED)
    for name, content in (("manifest.json", data), ("manifest.json.minisig", sign(data, maker.key, "test"))):
        out.write(archive.header(name, len(content), 0o644, time) + content + bytes(archive.padding(len(content))))
    for member, content in rest:
        out.write(member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(archive.padding(len(content))))
    return out.getvalue() + archive.END


def test_the_helper_of_these_tests_makes_bundles_that_are_taken(device: Layout, maker: evb.Maker, good: bytes) -> None:
    path = device.root / "bundle.evb"
    path.write_bytes(resigned(maker, good, lambda said: None))
    assert run(device, "apply", path, "--install") == 0


# ---- the signature ---------------------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_taken(tmp_path: Path, maker: evb.Maker, good: bytes, capsys) -> None:
    assert "no public key" in refused(evb.blank(tmp_path / "other"), good, capsys)


def test_a_key_that_is_none(device: Layout, good: bytes, capsys) -> None:
    (device.keys / "other.pub").write_text("untrusted comment: nothing\nAAAA\n")
    assert "cannot be read" in refused(device, good, capsys)


def test_another_key(tmp_path: Path, good: bytes, capsys) -> None:
    other = evb.make_keys(tmp_path / "keys", "other")
    assert "does not know" in refused(evb.blank(tmp_path / "device2", other), good, capsys)


def test_the_second_of_two_keys_is_good(tmp_path: Path, maker: evb.Maker, good: bytes) -> None:
    layout = evb.blank(tmp_path / "device2", evb.make_keys(tmp_path / "keys", "another"), maker.key)
    (layout.root / "bundle.evb").write_bytes(good)
    assert run(layout, "apply", layout.root / "bundle.evb", "--install") == 0


def test_a_key_with_the_number_of_ours(tmp_path: Path, maker: evb.Maker, good: bytes, capsys) -> None:
    other = evb.make_keys(tmp_path / "keys", "other")
    layout = evb.blank(tmp_path / "device2", maker.key)
    ours, theirs = (base64.b64decode(key.with_suffix(".pub").read_text().splitlines()[1]) for key in (maker.key, other))
    forged = base64.b64encode(ours[:10] + theirs[10:]).decode()
    (layout.keys / "fleet.pub").write_text(f"untrusted comment: forged\n{forged}\n")
    assert "does not hold" in refused(layout, good, capsys)


def test_a_changed_manifest(device: Layout, good: bytes, capsys) -> None:
    assert "does not hold" in refused(device, good.replace(b'"version": "0.5.0"', b'"version": "0.6.0"', 1), capsys)


def test_a_changed_trusted_comment(device: Layout, good: bytes, capsys) -> None:
    assert b"edge-voice 0.5.0 5" in good
    assert "does not hold" in refused(device, good.replace(b"edge-voice 0.5.0 5", b"edge-voice 0.5.0 6", 1), capsys)


def test_no_signature(device: Layout, maker: evb.Maker, capsys) -> None:
    assert "cannot be read" in refused(device, replace(maker, folder=maker.folder / "x", signed=False).make(5), capsys)


def test_the_legacy_kind_of_signature(device: Layout, good: bytes, capsys) -> None:
    """Made over the file itself: openssl could check it, but no device needs two ways."""
    at = good.index(b"untrusted comment: edge-voice\n") + len(b"untrusted comment: edge-voice\n")
    assert good[at : at + 2] == b"RU"  # how "ED" begins in base 64; "Ed" is RW
    assert "cannot be read" in refused(device, good[:at] + b"RW" + good[at + 2 :], capsys)


# ---- for whom, and when ----------------------------------------------------------------------------------------------


def test_another_class(device: Layout, maker: evb.Maker, capsys) -> None:
    assert "of class debug" in refused(device, maker.make(5, kind="debug"), capsys)
    (device.etc / "update.conf").write_text("[update]\nclass = debug\n")
    assert run(device, "apply", maker.make(5, kind="debug"), "--install") == 0


def test_another_machine_or_python(device: Layout, maker: evb.Maker, good: bytes, capsys) -> None:
    def other(said: dict[str, Any]) -> None:
        said["targets"] = {"riscv64-3.12": said["targets"].popitem()[1]}

    assert f"this device is {evb.TARGET}" in refused(device, resigned(maker, good, other), capsys)


def test_expired(device: Layout, maker: evb.Maker, capsys) -> None:
    late = Played(device, EPOCH + 400 * 86400)
    assert "expired, on 2027-11-01" in refused(device, maker.make(5), capsys, late)


def test_a_clock_at_1970_does_not_stop_an_update(device: Layout, maker: evb.Maker) -> None:
    assert run(device, "apply", maker.make(5), "--install", service=Played(device, 0.0)) == 0


def test_a_clock_at_1970_does_not_make_an_expired_bundle_good(device: Layout, maker: evb.Maker, capsys) -> None:
    """As far as the device can know: systemd notes the time now and then, and so does the updater."""
    device.clock.parent.mkdir(parents=True)
    device.clock.touch()
    os.utime(device.clock, times=(EPOCH + 400 * 86400,) * 2)
    assert "expired" in refused(device, maker.make(5), capsys, Played(device, 0.0))


def test_what_was_installed_last_tells_the_time_too(device: Layout, maker: evb.Maker, capsys) -> None:
    run(device, "apply", maker.make(5, days=3650), "--install", service=Played(device, EPOCH + 400 * 86400))
    assert "expired" in refused(device, maker.make(6), capsys, Played(device, 0.0))


def test_a_window_needs_a_clock(device: Layout, maker: evb.Maker, capsys) -> None:
    run(device, "apply", maker.make(5), "--install")
    (device.etc / "update.conf").write_text("[update]\nwindow = 00:00-23:59\n")
    assert run(device, "apply", maker.make(6), service=Played(device, 0.0)) == 75
    assert "clock is not set" in capsys.readouterr().err
    hour = datetime.fromtimestamp(EPOCH, UTC).astimezone().hour
    (device.etc / "update.conf").write_text(f"[update]\nwindow = {(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00\n")
    assert run(device, "apply", maker.make(6)) == 75
    assert "outside of the window" in capsys.readouterr().err
    assert run(device, "apply", maker.make(6), "--now") == 0


def test_a_downgrade(device: Layout, maker: evb.Maker, capsys) -> None:
    run(device, "apply", maker.make(5), "--install")
    assert "not newer" in refused(device, maker.make(4), capsys)


def test_another_bundle_of_the_same_number(device: Layout, maker: evb.Maker, capsys) -> None:
    run(device, "apply", maker.make(5), "--install")
    assert "from another bundle" in refused(device, maker.make(5, "dies"), capsys)


def test_no_room(device: Layout, maker: evb.Maker, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.updater.applying.free_bytes", lambda layout: 1 << 20)
    assert "1 MB free" in refused(device, maker.make(5), capsys)


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    device: Layout, maker: evb.Maker, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Builder, "_compile", full)
    assert run(device, "apply", maker.make(5), "--install") == 1
    assert "No space left" in capsys.readouterr().err
    assert list(device.releases.iterdir()) == []
    monkeypatch.undo()
    assert run(device, "apply", maker.make(5), "--install") == 0  # not held against it


# ---- the container ---------------------------------------------------------------------------------------------------


def test_cut_off_anywhere(device: Layout, good: bytes, capsys) -> None:
    for size in (0, 100, 511, 512, 1500, 3000, len(good) // 2, len(good) - 1025, len(good) - 1024, len(good) - 1):
        assert "Traceback" not in refused(device, good[:size], capsys)


def test_more_than_there_should_be(device: Layout, good: bytes, capsys) -> None:
    assert "end where it should" in refused(device, good + b"x", capsys)
    assert "end where it should" in refused(device, good + bytes(512), capsys)


@pytest.mark.parametrize("piece", range(12))
def test_a_changed_bit_anywhere(device: Layout, good: bytes, capsys, piece: int) -> None:
    at = len(good) * piece // 12 + 300
    refused(device, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], capsys)


def member(name: str = "wheels/x", kind: bytes = tarfile.REGTYPE, size: int = 0, target: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mtime = kind, size, target, archive.seconds(evb.CREATED)
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "header",
    [
        member("../../etc/passwd"), member("/etc/passwd"), member(kind=tarfile.SYMTYPE, target="/etc"),
        member(kind=tarfile.LNKTYPE, target="/etc/passwd"), member(kind=tarfile.CHRTYPE), member(kind=tarfile.BLKTYPE),
        member(kind=tarfile.FIFOTYPE), member(kind=tarfile.DIRTYPE), member(size=(8 << 30) - 1),
        member(kind=b"x", size=1 << 32), member(kind=b"L", size=1 << 32), bytes(512),
    ],
)  # fmt: skip
def test_foreign_members_in_the_place_of_ours(device: Layout, good: bytes, capsys, header: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(good)) as there:
        at = there.getmembers()[4].offset
        first = there.getmembers()[0].offset
    assert "something else" in refused(device, good[:at] + header + good[at + 512 :], capsys)
    assert "not a bundle" in refused(device, good[:first] + header + good[first + 512 :], capsys)
    assert "something else" in refused(device, good[:at] + header + good[at:], capsys)


def test_a_manifest_that_claims_to_be_huge_and_no_bundle_at_all(device: Layout, good: bytes, capsys) -> None:
    header = archive.header("manifest.json", 5 << 20, 0o644, archive.seconds(evb.CREATED))
    assert "larger than any" in refused(device, header + good[512:], capsys)
    assert "not a bundle" in refused(device, os.urandom(5000), capsys)
    assert "No such file" in refused(device, Path("/nowhere/bundle.evb"), capsys)


# ---- a manifest that is rightly signed, and wrong --------------------------------------------------------------------


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        said["files"] = {new if path == old else path: about for path, about in said["files"].items()}

    return change


def setting(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda said: said.update(values)


@pytest.mark.parametrize(
    "change",
    [
        renamed("LICENSE", "../LICENSE"), renamed("LICENSE", "/etc/passwd"), renamed("LICENSE", "units/../../x"),
        renamed("LICENSE", ".hidden"), renamed("LICENSE", "bin/edge-voice"), renamed("LICENSE", "a\nb"),
        renamed("LICENSE", ""), setting(product="other"), setting(format=2), setting(version="../1"),
        setting(version="1/2"), setting(sequence=0), setting(sequence=-1), setting(sequence="7"),
        setting(sequence=True),
        setting(sequence=1e300), setting(expires="soon"), setting(expires="2027-01-01"),
        setting(targets={evb.TARGET: ["absent.whl"]}), setting(targets=[]), setting(files=[]),
        setting(files={"LICENSE": {"size": -1, "sha256": "0" * 64, "mode": 420}}),
        setting(files={"LICENSE": {"size": 9 << 30, "sha256": "0" * 64, "mode": 420}}),
        setting(files={"LICENSE": {"size": 1, "sha256": "0" * 64, "mode": 0o4755}}),
        setting(files={"LICENSE": {"size": 1, "sha256": "x", "mode": 420}}),
        setting(files={f"f{n}": {"size": 0, "sha256": "0" * 64, "mode": 420} for n in range(10_001)}),
        lambda said: said.pop("created"), lambda said: said.clear(),
    ],
)  # fmt: skip
def test_a_wrong_manifest(
    device: Layout, maker: evb.Maker, good: bytes, capsys, change: Callable[[dict[str, Any]], object]
) -> None:
    said = refused(device, resigned(maker, good, change), capsys)
    assert len(said.splitlines()) == 1


def test_a_manifest_that_is_deep_or_no_json(device: Layout, maker: evb.Maker, capsys) -> None:
    for data in (b"[" * 100_000, b"null", b"\xff", b"", b"[]"):
        out, time = io.BytesIO(), archive.seconds(evb.CREATED)
        archive.write(out, data, sign(data, maker.key, "test"), time, ())
        refused(device, out.getvalue(), capsys)


# ---- wheels ----------------------------------------------------------------------------------------------------------


def with_wheel(maker: evb.Maker, write: Callable[[Path], object]) -> bytes:
    """A rightly signed bundle with this wheel in it."""
    sources = maker.sources(5, "good")
    write(sources / "wheels/evil-1-py3-none-any.whl")
    names = [path.name for path in (sources / "wheels").iterdir()]
    release = Release("0.5.0", 5, evb.CREATED, targets={evb.TARGET: names})
    out, data = io.BytesIO(), manifest(release, files := listed(sources))
    opened = ((file, io.BytesIO((sources / file.path).read_bytes())) for file in files)
    archive.write(out, data, sign(data, maker.key, "test"), archive.seconds(evb.CREATED), opened)
    return out.getvalue()


def links(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        info = zipfile.ZipInfo("evil/passwd")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(info, "/etc/passwd")


def twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("evil.py", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("evil.py", "2")


def huge(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("evil.py", bytes(1000))
        out.filelist[0].file_size = 5 << 30


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: evb.wheel(path, {"../../../etc/evil": "x"}), "would write to"),
        (lambda path: evb.wheel(path, {"/etc/evil": "x"}), "would write to"),
        (lambda path: evb.wheel(path, {"evil.data/scripts/../../../x": "x"}), "would write to"),
        (lambda path: path.write_bytes(b"PK not a zip"), "is not a wheel"),
        (links, "something else than files"),
        (twice, "something else than files"),
        (huge, "larger than any"),
        (lambda path: evb.wheel(path, {"evil.py": "x"}, record={"evil.py": "sha256=AAAA"}), "is not as the RECORD"),
        (lambda path: evb.wheel(path, {"evil.py": "x"}, record={"evil.py": ""}), "is not in the RECORD"),
    ],
)
def test_wheels_that_would_do_harm(
    device: Layout, maker: evb.Maker, capsys, write: Callable[[Path], object], words: str
) -> None:
    path = device.root / "bundle.evb"
    path.write_bytes(with_wheel(maker, write))
    assert run(device, "apply", path, "--install") == 1
    assert words in capsys.readouterr().err
    assert [one for one in device.opt.rglob("*") if one.is_file() and one.name != ".lock"] == []
    assert not (device.root / "etc/evil").exists()


def other_wheel(data: bytes) -> bytes:
    """Another wheel of the same size, sound in itself: an uncompressed file's time is another."""
    at = data.index(b"PK\x03\x04") + 10
    return data[:at] + b"\x21" + data[at + 1 :]


@pytest.mark.parametrize("change", [lambda data: data.replace(b"Apache-2.0", b"Apache-3.0"), other_wheel])
def test_a_bundle_that_changes_while_it_is_read(
    device: Layout, maker: evb.Maker, change: Callable[[bytes], bytes]
) -> None:
    """Between the check and the unpacking, somebody writes to the stick, and knows of RECORD."""
    path = maker.make(5)
    with path.open("rb") as file:
        reader = archive.Reader(file)
        said = parse(reader.manifest)
        reader.check(said)
        builder = Builder(device, said, evb.TARGET, NOWHERE)
        builder.wheels(reader)
        data = path.read_bytes()
        evil = change(data)
        assert len(evil) == len(data)
        path.write_bytes(evil)
        with pytest.raises(Refused, match="has changed"):
            builder.build(reader)
    assert list(device.releases.iterdir()) == []
