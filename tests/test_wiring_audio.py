"""What the configuration makes of the microphone's side: who cancels the echo, which channels, which array."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge import cli
from edge.audio import device
from edge.audio.arrays import Roles
from edge.audio.device import Device, DeviceSource
from edge.audio.echo import EchoCanceller, Uncancelled
from edge.audio.microphone import Sessions
from edge.audio.speaker import QueueSpeaker
from edge.config import Audio, Config, Conversation
from edge.fitting import front_end
from edge.wiring import device_lines

BY_VOICE = replace(Config(), conversation=replace(Conversation(), barge_in="duck"))


@pytest.mark.parametrize(
    ("echo", "own"), [("auto", True), ("own", True), ("array", False), ("system", False), ("off", False)]
)
def test_only_one_cancels(echo: str, own: bool) -> None:
    config = replace(BY_VOICE, audio=replace(Audio(), echo=echo))
    sessions = Sessions(lambda _: None, lambda call: call())
    front = front_end(config, sessions, QueueSpeaker(lambda _: None, lambda: 0.0), lambda load: load())
    assert front._guard is not None
    assert isinstance(front._guard.echo, EchoCanceller)
    assert isinstance(front._guard.echo._canceller, Uncancelled) is not own


def test_no_canceller_passes_the_near_end_on_and_still_tells_the_levels() -> None:
    echo = EchoCanceller(Uncancelled())
    tone = (8000 * np.sin(np.arange(160) / 3)).astype(np.int16)
    out = [echo.process(tone, tone) for _ in range(50)]
    assert np.abs(out[-1]).max() > 6000
    assert echo.facts.erle_db == pytest.approx(0, abs=0.1)
    assert echo.facts.far_db == pytest.approx(-15.3, abs=0.5)


def test_the_configured_roles_reach_the_device() -> None:
    audio = replace(Audio(), array="respeaker-4mic-usb", channel=2)
    source = device_lines(replace(Config(), audio=audio)).source
    assert isinstance(source, DeviceSource)
    assert source._wish.roles(6) == Roles((1,), 5)


def test_devices_names_the_array_that_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = [
        Device(0, "reSpeaker XVF3800 4-Mic Array: USB Audio (hw:2,0)", 2, 2, 16_000),
        Device(1, "USB PnP Sound Device: Audio (hw:1,0)", 1, 0, 48_000),
        Device(2, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:3,0)", 0, 2, 16_000),
    ]
    monkeypatch.setattr(device, "devices", lambda: table)
    assert cli._devices(SimpleNamespace()) == 0  # type: ignore[arg-type]
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.endswith('(hw:2,0)  ([audio] array = "xvf3800")')
    assert second.endswith("(hw:1,0)")
    assert third.endswith("(hw:3,0)")  # only its loudspeaker
