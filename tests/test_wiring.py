"""The composition root: everything that is started is ended, in every order, and parts know of each other."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edge import service
from edge.config import Config, Conversation, Engine
from edge.core.events import MuteSet, SayGiven
from edge.errors import ControlError
from edge.host import client
from edge.host.journal import Journal
from edge.testing import Published, tone
from edge.wiring import Assembly, Lines, assembled
from tests.fakes.lines import FakeLine, FakeSource
from tests.waiting import wait_until

BARE = replace(Config(), engine=Engine(("none",)))


def threads() -> set[str]:
    """Ours, by name."""
    return {t.name for t in threading.enumerate()} & {"audio", "devices", "file-microphone", "file-speaker", "close"}


def test_everything_that_is_opened_is_closed(tmp_path: Path) -> None:
    source, sink = FakeSource("Mic"), FakeLine("Speaker")

    async def main() -> None:
        control = tmp_path / "c.sock"
        async with assembled(BARE, Lines(source, lambda _: sink), (), control) as assembly:
            assert source.is_open
            assert threads() == {"audio", "devices"}
            status = await asyncio.to_thread(client.call, control, "status")
            assert status["microphone"]["microphone"] == "Mic"
            assembly.daemon.stop()
            await assembly.daemon.run()
        assert len(asyncio.all_tasks()) == 1
        assert not control.exists()

    asyncio.run(main())
    assert threads() == set()
    assert not source.is_open


def test_a_second_one_is_refused_before_it_touches_the_microphone(tmp_path: Path) -> None:
    source = FakeSource("Mic")

    async def main() -> None:
        async with assembled(BARE, Lines(None, lambda _: None), (), tmp_path / "c.sock"):
            with pytest.raises(ControlError, match="already running"):
                async with assembled(BARE, Lines(source, lambda _: None), (), tmp_path / "c.sock"):
                    pass

    asyncio.run(main())
    assert source.opened == 0
    assert threads() == set()


def test_what_is_said_while_muted_opens_the_speaker() -> None:
    """Nobody listens then, so it is the sound itself that has to ask for the output."""
    sink = FakeLine("Speaker")

    async def main() -> None:
        async with assembled(BARE, Lines(FakeSource("Mic"), lambda _: sink)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            assembly.daemon.post(MuteSet(on=True))
            await wait_until(lambda: assembly.daemon.conversation.muted)
            assembly.speaker.play(1, tone(1.0), 24_000)
            await wait_until(lambda: sink.is_open)
            assert assembly.keeper._playing()  # and keeps it open however long it lasts
            assembly.daemon.stop()
            await running

    asyncio.run(main())


def test_events_reach_the_watchers() -> None:
    seen = Published()

    async def main() -> None:
        async with assembled(BARE, Lines(None, lambda _: None), (seen,)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            assembly.daemon.post(SayGiven("hello"))
            await wait_until(lambda: [f for f in seen.of("state") if f["state"] == "idle"])
            assembly.daemon.stop()
            await running

    asyncio.run(main())
    assert [fields["state"] for fields in seen.of("state")][:1] == ["thinking"]


def test_a_greeting_is_said_once_when_a_turn_could_be_held() -> None:
    """And never by a device that nobody has told to."""

    async def main(greeting: str) -> list[object]:
        seen = Published()
        config = replace(BARE, conversation=Conversation(greeting=greeting))
        async with assembled(config, Lines(None, lambda _: None), (seen,)) as assembly:
            serving = asyncio.create_task(assembly.daemon.run())
            await wait_until(lambda: assembly.daemon.conversation.ready)
            await asyncio.sleep(0.05)
            assembly.daemon.stop()
            await serving
        return [fields["state"] for fields in seen.of("state")]

    assert asyncio.run(main("Good morning."))[:2] == ["thinking", "idle"]
    assert asyncio.run(main("")) == []


# --- reading the configuration again -------------------------------------------------------------------


def test_ready_waits_for_the_first_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspended card can be opened, and a turn could not be held."""
    source, manager = FakeSource("Mic"), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    told: list[str] = []

    def is_ready() -> bool:
        with suppress(BlockingIOError):
            while True:
                told.append(manager.recv(1000).decode())
        return any("READY=1" in one for one in told)

    async def main() -> None:
        async with assembled(BARE, Lines(source, lambda _: None)) as assembly:
            running = asyncio.ensure_future(assembly.daemon.run())
            await wait_until(lambda: assembly.daemon.is_well)
            await wait_until(lambda: is_ready() or "STATUS=Idle, engine none" in told)
            assert not is_ready()
            source.deliver()
            await wait_until(is_ready)
            assembly.daemon.stop()
            await running

    asyncio.run(main())
    manager.close()


def reloaded(text: str, tmp_path: Path) -> Assembly:
    """What `systemctl reload` makes of this file."""
    file = tmp_path / "config.toml"
    file.write_text(text)

    async def main() -> Assembly:
        async with assembled(BARE, Lines(None, lambda _: None)) as assembly:
            service._reload(assembly, file, Journal(transcripts=False))
            return assembly

    return asyncio.run(main())


def test_volume_and_times_change_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assembly = reloaded('[audio]\nvolume = 33\n[conversation]\nno_speech_s = 5\n[log]\nlevel = "info"\n', tmp_path)
    assert assembly.speaker.volume == 33
    assert assembly.daemon.conversation.settings.no_speech_s == 5.0
    assert "reloaded (restart for: engine)" in caplog.text


def test_a_bad_file_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assembly = reloaded("[audio]\nvolume = 333\n", tmp_path)
    assert assembly.speaker.volume == 100
    assert "not_reloaded" in caplog.text
    assert "volume = 333 must be between 0 and 100" in caplog.text


def test_an_audio_thread_that_dies_ends_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look well and hear nothing; systemd can start it anew."""

    async def main() -> None:
        async with assembled(BARE, Lines(FakeSource("Mic"), lambda _: None)) as assembly:

            def broken() -> bool:
                raise RuntimeError("a bug in the front end")

            monkeypatch.setattr(assembly.front, "work", broken)
            await asyncio.wait_for(assembly.daemon.run(), 5)

    with pytest.raises(RuntimeError, match="a bug in the front end"):
        asyncio.run(main())
    assert threads() == set()
