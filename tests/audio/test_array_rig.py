"""An array of six channels on real PortAudio and a real sound server: the roles fall to the right channels."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edge.audio.arrays import Roles, Wish
from edge.audio.device import DeviceSource, rescan
from edge.audio.pickup import Pickup
from tests import rig as sound
from tests.signals import pitch, sine

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]

RATE, CHANNELS = 16_000, 6
MAP = "front-left,front-right,rear-left,rear-right,front-center,lfe"  # as ALSA counts six channels
SINK = "load-module module-null-sink sink_name=array rate={rate} channels=6 channel_map={map} norewinds=1\n"
PCM = 'pcm.usbarray { type pulse device array.monitor hint { show on description "Array" } }\n'
HERTZ = (440, 600, 700, 800, 900, 1000)


@pytest.fixture
def rig(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[sound.Rig]:
    """A server with an array, on whose channels different tones are heard."""
    one = sound.Rig(tmp_path_factory.mktemp("rig"))
    for name, text in (("default.pa", SINK.format(rate=RATE, map=MAP)), ("asound.conf", PCM)):
        with (one.run / name).open("a") as file:
            file.write(text)
    with one:
        for name, value in one.env().items():
            monkeypatch.setitem(os.environ, name, value)
        rescan()
        yield one


def sing(rig: sound.Rig, seconds: float) -> None:
    """A tone on each channel, from now on."""
    table = np.stack([sine(seconds, hertz, RATE, 0.25) for hertz in HERTZ], axis=1)
    path = rig.run / "tones.raw"
    path.write_bytes((table * 32767).astype(np.int16).tobytes())
    rig.child(["pacat", "-d", "array", f"--rate={RATE}", "--channels=6", f"--channel-map={MAP}", "--format=s16le",
               "--raw", str(path)])  # fmt: skip


def heard(source: DeviceSource, seconds: float) -> np.ndarray:
    """What comes out of the pick-up, from half a second before the end on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        source.pump()
        time.sleep(0.02)
    raw, _ = source.ring.read(0, source.ring.capacity)
    return Pickup(source.form, source.roles)(raw)[-8000:]


@pytest.mark.parametrize(
    ("wish", "roles", "hertz"),
    [
        (Wish("respeaker-4mic-usb"), Roles((0,), 5), (440, 1000)),
        (Wish(processed=2, reference=4, microphones=(3,)), Roles((1,), 3), (600, 800)),
        (Wish(channel=5, reference=6), Roles((4,), 5), (900, 1000)),
    ],
)
def test_processed_channel_and_reference_are_those_that_are_meant(
    rig: sound.Rig, wish: Wish, roles: Roles, hertz: tuple[int, int]
) -> None:
    source = DeviceSource("usbarray", wish=wish)
    sing(rig, 10.0)
    source.open()
    try:
        out = heard(source, 1.5)
    finally:
        source.close()
    assert source.roles == roles
    assert [pitch(column, 16_000) for column in out.T] == pytest.approx(hertz, abs=3)
