"""Recording: only with consent, only at rest, never while muted, within its limits, and gone when it is forgotten."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.config import Config, Record
from edge.core.events import ForgetAsked, MuteSet
from edge.errors import AudioError, UsageError
from edge.sessions.reading import read
from edge.sessions.recorder import Recorder
from edge.testing import ScriptedAgent, SimulatedDevice
from tests.sessions.recording import ALLOWED, LAMP, converse, recorded, recording, seen
from tests.waiting import wait_until


def test_it_needs_consent_an_open_microphone_and_space(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent()) as device:
            reality = seen(device)
            recorder = Recorder(reality, device.clock, tmp_path)
            with pytest.raises(UsageError, match="consent"):
                recorder.command("on")
            reality.config = ALLOWED
            device.daemon.post(MuteSet(on=True))
            await device.run(0.1)
            with pytest.raises(UsageError, match="muted"):
                recorder.command("on")
            device.daemon.post(MuteSet(on=False))
            await device.run(0.1)
            reality.config = replace(Config(), record=Record(allowed=True, most_mb=10))
            (tmp_path / "2026-01-01T00-00-00Z.zip").write_bytes(bytes(10_000_000))
            with pytest.raises(UsageError, match="no space"):
                recorder.command("on")
            with pytest.raises(UsageError, match="not 'maybe'"):
                recorder.command("maybe")
            assert not recorder.on
            assert device.watcher.of("record") == []

    asyncio.run(main())


def test_it_tells_and_ends_when_it_is_muted(tmp_path: Path) -> None:
    async def main() -> None:
        async with recording(tmp_path) as (device, recorder):
            assert device.watcher.of("record")[-1]["on"] is True
            assert recorder.command("status")["on"] is True
            await device.run(1.0)
            device.daemon.post(MuteSet(on=True))
            await device.run(0.1)
            assert not recorder.on
            assert device.daemon.tap is None
            before = read(Path(await recorder.finish()))
            device.daemon.post(MuteSet(on=False))
            await converse(device)
            assert read(Path(recorder.last)).lines == before.lines  # it does not begin again by itself
            told = {"on": False, "waiting": False, "file": recorder.last, "why": "muted"}
            assert device.watcher.of("record")[-1] == told
            assert "MuteSet" in json.dumps(before.lines)
            assert before.lines[-1]["end"] == "muted"

    asyncio.run(main())


def test_a_turn_is_never_cut_in_two(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent(), ALLOWED) as device:
            recorder = Recorder(seen(device), device.clock, tmp_path)
            device.daemon.ports.watchers.append(recorder)
            device.press()
            await device.run(0.1)
            assert recorder.command("on")["waiting"] is True
            assert recorder.on  # the light says so already
            await device.run(1.0)
            assert recorder.stats()["waiting"] is True
            device.press()
            await device.until("idle")
            await wait_until(lambda: not recorder.stats()["waiting"])
            await recorder.finish()

    asyncio.run(main())


def test_consent_that_is_taken_back_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with recording(tmp_path) as (_, recorder):
            recorder.look()
            assert recorder.on
            vars(recorder)["_device"].config = Config()
            recorder.look()
            assert not recorder.on

    asyncio.run(main())


def test_it_ends_by_itself_when_the_disk_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(free=9_000_000)

    async def main() -> None:
        async with recording(tmp_path) as (_, recorder):
            monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
            await wait_until(lambda: not recorder.on)
            assert "nearly full" in recorder.ended

    asyncio.run(main())


def test_it_ends_by_itself_after_its_minutes(tmp_path: Path) -> None:
    async def main() -> None:
        config = replace(ALLOWED, record=replace(ALLOWED.record, minutes=1))
        async with recording(tmp_path, config) as (_, recorder):
            timer = vars(recorder)["_making"].timer
            assert 0 < timer.when() - asyncio.get_running_loop().time() <= 60
            timer._callback(*timer._args)
            assert not recorder.on
            assert recorder.ended == "1 minutes are over"

    asyncio.run(main())


@pytest.mark.parametrize("way", ["forget", "wipe"])
def test_what_is_forgotten_is_gone(way: str, tmp_path: Path) -> None:
    recorded(tmp_path)

    async def main() -> None:
        async with recording(tmp_path) as (device, recorder):
            await device.run(0.5)
            if way == "forget":
                device.daemon.post(ForgetAsked(everything=True))
                await device.run(0.1)
            else:
                assert recorder.command("wipe")["wiped"] == 2
            assert not recorder.on
            await recorder.finish()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


def test_the_self_test_forgets_nothing_of_the_owner(tmp_path: Path) -> None:
    async def main() -> None:
        async with recording(tmp_path) as (device, recorder):
            device.daemon.publish("selftest", {"ok": True})
            device.daemon.post(ForgetAsked())
            await device.run(0.1)
            assert recorder.on

    asyncio.run(main())


def test_it_is_the_owners_alone_and_holds_no_room(tmp_path: Path) -> None:
    """Open formats; at rest nothing is kept of the room but how loud it is."""
    folder = tmp_path / "recordings"
    file = recorded(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    session = read(file)
    assert session.header["version"]
    kept = [line["ats"] for line in session.lines if line.get("front") == "frames"]
    first = min(float(line["t"]) for line in session.lines if "Pressed" in line.get("event", {}))
    assert min(at for ats in kept for at in ats) >= first - 0.6  # the pre-roll


async def _idle(folder: Path) -> None:
    async with recording(folder) as (device, recorder):
        device.press()
        await device.hear(LAMP)
        vars(recorder)["_making"].writer.close()  # as if the process ended here


def test_what_a_killed_process_has_left_is_packed(tmp_path: Path) -> None:
    asyncio.run(_idle(tmp_path))
    [part] = tmp_path.iterdir()
    assert part.name.endswith(".part.tar")
    before = read(part)

    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent(), ALLOWED) as device:
            recorder = Recorder(seen(device), device.clock, tmp_path)
            recorder.tidy()
            await wait_until(lambda: not recorder.stats()["packing"])

    asyncio.run(main())
    [whole] = tmp_path.iterdir()
    assert whole.suffix == ".zip"
    after = read(whole)
    assert (after.lines, after.header) == (before.lines, before.header)
    assert (after.sound == before.sound).all()


def test_cut_off_anywhere_it_can_be_read_up_to_there(tmp_path: Path) -> None:
    asyncio.run(_idle(tmp_path))
    [part] = tmp_path.iterdir()
    data = part.read_bytes()
    whole = read(part)
    with tarfile.open(part) as archive:
        start = archive.getmembers()[1].offset  # behind session.json
    read_at_all = 0
    for length in range(0, len(data), len(data) // 40):
        part.write_bytes(data[:length])
        if length < start:  # nothing was written yet
            with pytest.raises(AudioError, match="not a recording"):
                read(part)
            continue
        session = read(part)
        read_at_all += 1
        assert session.lines == whole.lines[: len(session.lines)]
        frames = sum(line.get("count", 0) for line in session.lines)
        assert frames * 160 <= len(session.sound)
    assert read_at_all > 10
