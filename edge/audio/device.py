"""Sound cards through PortAudio: choosing one, opening it in a form it can do, and its callbacks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edge.audio.convert import Format
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.errors import AudioError, DeviceGone

try:
    import sounddevice as sd
except OSError:
    raise DeviceGone("The library PortAudio is missing here; install it: apt install libportaudio2") from None

RING_S = 10.0
# PortAudio then hands over two blocks at a time: half the idle CPU (0.5 % against 1 %) for 20 ms on average.
INPUT_LATENCY_S = 0.08
BLOCK_S = 0.02  # 10 ms blocks double the idle CPU (2 % against 1 % through PulseAudio) and gain 10 ms
MOST_REAL = 16  # channels; a device that claims more is a sound server, which gives what one asks for
RATES = (48_000, 16_000, 44_100, 32_000, 96_000, 24_000, 8_000)  # 48 -> 16 kHz holds the least back
DTYPES = ("int16", "float32", "int32")
STALL_S = 2.0  # a removed card's callbacks just stop; nothing else tells (measured: no error, still "active")

_WHY = {
    -9985: "is in use by another program",
    -9996: "does not exist",
    -9999: "cannot be opened (is it in use, or unplugged?)",
    -9993: "cannot be opened: the sound server is not running",
}


@dataclass(frozen=True, slots=True)
class Device:
    """One PortAudio device."""

    index: int
    name: str
    inputs: int
    outputs: int
    rate: int


def rescan() -> None:
    """Make PortAudio look again for devices. No stream may be open."""
    with suppress(sd.PortAudioError):
        sd._terminate()  # noqa: SLF001  the only way there is
    with suppress(sd.PortAudioError):
        sd._initialize()  # noqa: SLF001


def devices() -> list[Device]:
    """All devices PortAudio knows; raises DeviceGone when it does not even start (no sound server)."""
    try:
        table = sd.query_devices()
    except sd.PortAudioError as error:
        raise DeviceGone(f"The sound devices cannot be listed ({error.args[0]}): does the sound server run?") from None
    return [
        Device(
            i, str(d["name"]), int(d["max_input_channels"]), int(d["max_output_channels"]), int(d["default_samplerate"])
        )
        for i, d in enumerate(table)
    ]


def choose(wanted: str, *, output: bool) -> Device:
    """The device whose name is or contains `wanted` (or whose index it is); the default one for ""."""
    word = "speaker" if output else "microphone"
    usable = [d for d in devices() if (d.outputs if output else d.inputs)]
    if not usable:
        raise DeviceGone(f"No {word} found. Plug one in, or see `edge-voice devices`.")
    if not wanted:
        default = sd.default.device[1 if output else 0]
        return next((d for d in usable if d.index == default), usable[0])
    exact = [d for d in usable if d.name == wanted or str(d.index) == wanted]
    found = exact or [d for d in usable if wanted.lower() in d.name.lower()]
    if not found:
        names = ", ".join(f'"{d.name}"' for d in usable[:6])
        raise DeviceGone(f'The {word} "{wanted}" is not there. There are: {names}.')
    return found[0]


def _forms(device: Device, rate: int, channel: int | None, *, output: bool) -> Iterator[Format]:
    """What to try, best first: few channels unless one is asked for, int16 before float."""
    most = device.outputs if output else device.inputs
    least = (channel or 0) + 1
    counts = [n for n in dict.fromkeys((least, 2, most)) if least <= n <= most]
    if channel is not None and not output and most <= MOST_REAL:
        counts.reverse()  # an array's channels come all or not at all
    rates = (rate,) if rate else tuple(dict.fromkeys((*RATES, device.rate)))
    for one_rate in rates:
        for count in counts:
            for dtype in DTYPES:
                yield Format(one_rate, count, dtype)


def _open(device: Device, forms: Iterator[Format], stream: Any, check: Any, callback: Any) -> tuple[Any, Format]:
    problem: sd.PortAudioError | None = None
    for form in forms:
        how = {"device": device.index, "samplerate": form.rate, "channels": form.channels, "dtype": form.dtype}
        try:
            check(**how)
            opened = stream(**how, blocksize=round(form.rate * BLOCK_S), callback=callback)
        except sd.PortAudioError as error:
            problem = error
            continue
        try:
            opened.start()
        except sd.PortAudioError as error:
            problem = error
            opened.close()  # or the card stays taken
        else:
            return opened, form
    code = problem.args[1] if problem and len(problem.args) > 1 else 0
    raise DeviceGone(f'"{device.name}" {_WHY.get(code, f"cannot be opened ({problem and problem.args[0]})")}.')


class _Stream:
    """An open PortAudio stream, or none."""

    def __init__(self) -> None:
        self._stream: Any = None

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._stream is not None

    def close(self) -> None:
        """Stop and release the device; may hang when the sound server does. Idempotent."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(sd.PortAudioError):
                stream.abort()
            with suppress(sd.PortAudioError):
                stream.close()


class DeviceSource(_Stream):
    """A microphone. `ring` and `form` describe what comes in after `open`."""

    def __init__(self, wanted: str = "", rate: int = 0, channel: int | None = None) -> None:
        super().__init__()
        self._wanted, self._rate, self.channel = wanted, rate, channel
        self.ring, self.form, self.name = Ring(16_000, 2, RING_S), Format(16_000, 1), ""
        self.overruns = 0
        self.gate = True  # False: whatever the card still delivers is thrown away (mute)

    def open(self) -> None:
        """Open the device; raises DeviceGone."""
        device = choose(self._wanted, output=False)
        if self.channel is not None and self.channel >= device.inputs:
            raise AudioError(
                f'"{device.name}" has {device.inputs} channels, so audio.channel = {self.channel + 1} cannot be.'
            )
        ring: Ring | None = None

        def arrived(data: Any, _frames: int, _time: Any, status: Any) -> None:
            if status.input_overflow:
                self.overruns += 1
            if ring is not None and self.gate:
                ring.write(data, time.monotonic())

        forms = _forms(device, self._rate, self.channel, output=False)
        stream = partial(sd.RawInputStream, latency=INPUT_LATENCY_S)
        self._stream, self.form = _open(device, forms, stream, sd.check_input_settings, arrived)
        self.name = device.name
        ring = self.ring = Ring(self.form.rate, self.form.frame_bytes, RING_S)
        self.ring.stamp = (0, time.monotonic())

    def stalled(self) -> bool:
        """No callback for STALL_S although open."""
        return self._stream is not None and time.monotonic() - self.ring.stamp[1] > STALL_S


class DeviceSink(_Stream):
    """A loudspeaker that pulls from a QueueSpeaker."""

    def __init__(self, speaker: QueueSpeaker, wanted: str = "", rate: int = 0) -> None:
        super().__init__()
        self._speaker, self._wanted, self._rate = speaker, wanted, rate
        self._alive = 0.0

    def open(self) -> None:
        """Open the device; raises DeviceGone."""
        device = choose(self._wanted, output=True)
        form: Format | None = None
        self._alive = time.monotonic()

        def wanted(data: Any, frames: int, _time: Any, status: Any) -> None:
            self._alive = now = time.monotonic()
            self._speaker.underruns += bool(status.output_underflow)
            if form is None:
                data[:] = b"\0" * len(data)
            else:
                data[:] = _spread(self._speaker.render(frames, now), form)

        forms = _forms(device, self._rate, None, output=True)
        stream = partial(sd.RawOutputStream, latency="low")
        self._stream, opened = _open(device, forms, stream, sd.check_output_settings, wanted)
        self._speaker.opened(device.name, opened.rate, float(self._stream.latency))
        form = opened

    def stalled(self) -> bool:
        """No callback for STALL_S although open."""
        return self._stream is not None and time.monotonic() - self._alive > STALL_S


def _spread(mono: Any, form: Format) -> bytes:
    """Mono int16 to the device's channels and sample type."""
    wide = mono if form.channels == 1 else np.repeat(mono, form.channels)
    if form.dtype == "float32":
        return (wide.astype(np.float32) / 32768.0).tobytes()
    if form.dtype == "int32":
        return (wide.astype(np.int32) << 16).tobytes()
    return bytes(wide.tobytes())
