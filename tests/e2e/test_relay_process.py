"""A real relay and a real daemon on sound cards: paired by code, talked to from the page, removed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import rig as sound
from tests.fakes.realtime.script import Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.relay.devices.linked import later
from tests.relay.devices.processes import Person, free_port, planted_owner, relay_process
from tests.waiting import wait_until

LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
KEY = "sk-planted-at-the-relay"

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


class Device:
    """A daemon that has nothing but the relay's address."""

    def __init__(self, rig: sound.Rig, origin: str) -> None:
        self.rig, self.running = rig, sound.Running(
            rig, EDGE_VOICE_RELAY__URL=origin, EDGE_VOICE_RELAY__TRANSCRIPTS="true",
            EDGE_VOICE_REALTIME__URL=f"{origin.replace('http', 'ws')}/v1/realtime",
            EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", EDGE_VOICE_ENGINE__USE="realtime", OPENAI_API_KEY="",
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edge", *words]
        return self.rig.child(command, env=self.running.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def link(self) -> dict[str, Any]:
        found: dict[str, Any] = self.running.status()["link"]
        return found

    def until(self, standing: str, limit: float = 20.0) -> None:
        sound.wait_for(lambda: self.link()["standing"] == standing, limit, standing, self.running.text)


def paired(device: Device, person: Person) -> str:
    """As a person does it: reads the code off the terminal, and types it on the page. The device's id."""
    sound.wait_for(lambda: device.running.call("status").returncode != 2 and _runs(device), 30, "the daemon")
    pairing = device.start("pair")
    assert pairing.stdout is not None
    told = pairing.stdout.readline().decode()
    code = told.split()[-1]
    answer = person.page().post("/api/devices/pair", json={"code": code})
    assert answer.status_code == 201, (told, answer.text)
    assert b"paired" in pairing.stdout.readline()
    assert pairing.wait(10) == 0
    return str(answer.json()["id"])


def _runs(device: Device) -> bool:
    return bool(device.running.call("status", "--json").stdout)


def test_from_the_code_to_the_removal(tmp_path: Path) -> None:
    async def main() -> None:
        port, secret = free_port(), planted_owner(tmp_path / "relay")
        person = Person(f"http://127.0.0.1:{port}", secret)
        replies = [Reply("It is on."), Reply("Dinner is ready.")]
        async with FakeRealtime(replies, ["turn on the living room lamp"]) as vendor:
            vendor.settings.api_keys = {KEY}
            env = {"OPENAI_API_KEY": KEY, "EDGE_VOICE_REALTIME__URL": vendor.url}
            around = relay_process(tmp_path / "relay", port, **env)
            process = await later(around.__enter__)
            try:
                with sound.rig(tmp_path) as rig:
                    await talked_to(Device(rig, person.origin), person, vendor)
                    nowhere = [path for path in rig.run.rglob("*") if path.is_file() and KEY in _text(path)]
                    assert nowhere == []
            finally:
                process.terminate()
                await later(around.__exit__, None, None, None)

    asyncio.run(main())


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


async def talked_to(device: Device, person: Person, vendor: FakeRealtime) -> None:
    name = await later(paired, device, person)
    await later(device.running.wait_ready)
    await later(lambda: person.page().patch(f"/api/devices/{name}", json={"transcripts": True}))
    recorder = device.rig.record()
    async with person.viewer(name) as page:
        assert (await page.until("status"))["ready"] is True
        await page.until("level", 2)

        # a turn through the relay, begun from the page
        assert (await page.do("press"))["ok"] is True
        await wait_until(lambda: any(one["state"] == "listening" for one in page.of("state")))
        await later(device.rig.speak, LAMP)
        await page.until("turn")
        assert page.of("user_transcript")[-1]["text"] == "turn on the living room lamp"
        assert "".join(one["text"] for one in page.of("reply_transcript")) == "It is on."
        await wait_until(lambda: page.of("state")[-1]["state"] == "idle")
        assert np.abs(recorder.samples()).max() > 1000
        assert len(vendor.audio_received()) / 2 / 24_000 > 1.0

        # the other commands
        assert (await page.do("mute"))["ok"] is True
        assert (await page.until("mute"))["on"] is True
        assert (await later(device.running.status))["muted"] is True
        assert (await page.do("unmute"))["ok"] is True
        assert (await page.do("volume", 40))["result"] == {"percent": 40}
        assert (await page.do("say", "Dinner is ready."))["ok"] is True
        await page.until("turn", 2)
        settings = await page.do("settings", {"conversation.follow_up_s": 9})
        assert settings["result"]["settings"]["conversation.follow_up_s"]["value"] == 9
        assert "between 0 and 120" in (await page.do("settings", {"conversation.follow_up_s": 900}))["error"]
        assert (await page.do("timers"))["result"] == {"timers": []}

        # in the same process, from its start
        assert (await page.do("restart"))["ok"] is True
        await wait_until(lambda: [one["online"] for one in page.of("presence")][-2:] == [False, True], 30)
        assert device.running.process.poll() is None
        await later(device.running.wait_ready)
        settings = await page.do("settings")  # it outlasted that
        follow_up = settings["result"]["settings"]["conversation.follow_up_s"]
        assert (follow_up["value"], follow_up["configured"]) == (9, 0)
        await later(device.running.call, "settings", "conversation.follow_up_s=")
        told = await later(device.running.call, "settings", "--json")
        assert json.loads(told.stdout)["conversation.follow_up_s"]["value"] == 0

        # removed: the link is cut, and what the relay has given the device is good no more
        await later(lambda: person.page().delete(f"/api/devices/{name}"))
        await wait_until(lambda: page.socket.close_code == 4403)
    await later(device.until, "unknown")
    told = await later(device.running.call, "status")
    assert "edge-voice pair" in told.stdout
    done = await later(device.running.call, "unenrol")
    assert "forgotten its relay" in done.stdout
    state = device.rig.run / "state" / "edge-voice"
    assert not (state / "identity").exists()
    assert not [path for path in state.rglob("*") if path.is_file() and ("evd_" in _text(path) or name in _text(path))]
    assert json.loads((await later(device.running.call, "status", "--json")).stdout)["link"]["standing"] == "unpaired"
