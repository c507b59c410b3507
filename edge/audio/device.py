"""Sound cards through PortAudio: choosing one, opening it in a form it can do, reading and writing.

No callbacks: the audio thread calls `pump`, which moves what can be moved without waiting. PortAudio's
own thread cost 0.8 % of a core at rest, and kept 40 ms of silence in the output in front of every reply.
"""

from __future__ import annotations

import atexit
import ctypes
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from edge.audio.arrays import Roles, Wish
from edge.audio.convert import Format, Samples
from edge.audio.draining import Draining
from edge.audio.feed import AHEAD_S, LOW_S, TAIL_S, Feed
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.errors import AudioError, DeviceGone

try:
    import sounddevice as sd
except OSError:
    raise DeviceGone("The library PortAudio is missing here; install it: apt install libportaudio2") from None
except Exception as fault:  # noqa: BLE001  an error of its own, gone with the module that starts PortAudio at once
    raise DeviceGone(
        f"PortAudio does not start ({fault.args[0]}). Is ~/.asoundrc, or /etc/asound.conf, cut short or damaged?"
    ) from None
# PortAudio's own end at exit hangs where the sound server does; we close what we open, and the kernel frees the rest.
atexit.unregister(sd._exit_handler)  # noqa: SLF001  the only way there is

RING_S = 10.0
# The card keeps this much, so that at rest four looks a second are enough (idle: 0.3 % of a core).
INPUT_S = 1.0
INPUT_BLOCK_S = 0.01  # a read waits for a whole period
# The output's buffer is larger than what is kept in it, and starts with its first period.
OUTPUT_S = 0.25
MOST_AHEAD_S = 0.2  # a machine that lets the audio thread wait gets more of a reply at a time, 10 ms per underrun
# What is left in a card is told in whole periods: 10 ms would save 0.2 % of a core in the sound server's library, but
# the far end's stamps would be 5 ms more in doubt, which no canceller bears.
OUTPUT_BLOCK_S = 0.005
PIECE_S = 0.08
# A sound server still plays what it fetches within this time from an order to drop everything. With it, a duck and a
# pause play 0.2 ms too little on average (deviation 2.9); going by what the card told, 4.5 ms are played twice.
FLUSH_S = 0.0035
LOOK_S = 0.012  # between two looks while a piece is missing
PERIODS = 100  # PortAudio makes 4 of any buffer: a period of 260 ms for 1 s, and reads that wait so long
REST_S = 0.5  # from the last sample to a fresh start of the card; longer than any sound server holds samples
RATES = (48_000, 16_000, 44_100, 32_000, 96_000, 24_000, 8_000)  # 48 -> 16 kHz holds the least back
DTYPES = ("int16", "float32", "int32")
DRY_S = 0.5  # the same while somebody is listened to: so long they may speak in vain; of looks, for we may be late too
STALL_S = 2.0  # a suspended card just delivers and takes nothing more; nothing else tells (measured: no error)

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
        raise DeviceGone(
            f"The sound devices cannot be listed ({error.args[0]}): does the sound server run, and is "
            "~/.asoundrc whole?"
        ) from None
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


def _forms(device: Device, rate: int, counts: list[int]) -> Iterator[Format]:
    """What to try, best first: by the numbers of channels, and int16 before float."""
    rates = (rate,) if rate else tuple(dict.fromkeys((*RATES, device.rate)))
    for one_rate in rates:
        for count in counts:
            for dtype in DTYPES:
                yield Format(one_rate, count, dtype)


def _many_periods() -> None:
    """Let PortAudio divide buffers finely; without ALSA there is nothing to tell."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(sd._libname).PaAlsa_SetNumPeriods(PERIODS)  # noqa: SLF001  the library that is loaded already


def _open(device: Device, forms: Iterator[Format], stream: Any, check: Any, times: tuple[float, float]) -> _Opened:
    latency, block = times
    problem: sd.PortAudioError | None = None
    _many_periods()
    for form in forms:
        how = {"device": device.index, "samplerate": form.rate, "channels": form.channels, "dtype": form.dtype}
        try:
            check(**how)
            opened = stream(**how, blocksize=round(form.rate * block), latency=latency)
        except sd.PortAudioError as error:
            problem = error
            continue
        try:
            opened.start()
        except sd.PortAudioError as error:
            problem = error
            opened.close()  # or the card stays taken
        else:
            return _Opened(opened, form, round(form.rate * block))
    code = problem.args[1] if problem and len(problem.args) > 1 else 0
    raise DeviceGone(f'"{device.name}" {_WHY.get(code, f"cannot be opened ({problem and problem.args[0]})")}.')


@dataclass(slots=True)
class _Opened:
    """A stream and whoever is inside it: the lock is its own, for one whose close hangs keeps it."""

    stream: Any
    form: Format
    block: int  # frames of a period
    lock: Lock = field(default_factory=Lock)


class _Stream:
    """An open PortAudio stream, or none."""

    def __init__(self) -> None:
        self._opened: _Opened | None = None
        self._broken = False  # PortAudio has refused it

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._opened is not None

    def close(self) -> None:
        """Stop and release the device; may hang when the sound server does. Idempotent."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with opened.lock:
                with suppress(sd.PortAudioError):
                    opened.stream.abort()
                with suppress(sd.PortAudioError):
                    opened.stream.close()

    def pump(self) -> float | None:
        """Move what can be moved now; in how many seconds it wants to be called again, if it does.

        The audio thread's. It never waits.
        """
        opened = self._opened
        if opened is None or self._broken or not opened.lock.acquire(blocking=False):
            return None
        try:
            return self._move(opened, time.monotonic())
        except sd.PortAudioError:
            self._broken = True  # unplugged, or the sound server has ended
            return None
        finally:
            opened.lock.release()

    def _move(self, opened: _Opened, now: float) -> float | None:
        raise NotImplementedError


class DeviceSource(_Stream):
    """A microphone. `ring` and `form` describe what comes in after `open`."""

    def __init__(self, wanted: str = "", rate: int = 0, wish: Wish | None = None) -> None:
        super().__init__()
        self._wanted, self._rate, self._wish = wanted, rate, wish or Wish()
        self.roles: Roles | None = None
        self.ring, self.form, self.name = Ring(16_000, 2, RING_S), Format(16_000, 1), ""
        self.overruns = 0
        self.gate = True  # False: whatever the card still delivers is thrown away (mute)
        self.hurried = False  # somebody is listened to
        self._dry_since: float | None = None  # the first look since which nothing has come

    def open(self) -> None:
        """Open the device; raises DeviceGone."""
        device = choose(self._wanted, output=False)
        for key, number in self._wish.numbers.items():
            if number > device.inputs:
                raise AudioError(f'"{device.name}" has {device.inputs} channels, so audio.{key} = {number} cannot be.')
        forms = _forms(device, self._rate, self._wish.counts(device.inputs))
        opened = _open(device, forms, sd.RawInputStream, sd.check_input_settings, (INPUT_S, INPUT_BLOCK_S))
        self.form, self.name = opened.form, device.name
        self.roles = self._wish.roles(self.form.channels)
        self.ring = Ring(self.form.rate, self.form.frame_bytes, RING_S)
        self.ring.stamp, self._dry_since = (0, time.monotonic()), None
        self._opened, self._broken = opened, False

    def _move(self, opened: _Opened, now: float) -> None:
        there = opened.stream.read_available
        # Whole periods only: PortAudio waits for a full one before it hands over the rest of a read.
        count = there - there % opened.block
        if not count:
            if self.ring.written:  # the first frame of some cards takes longer than any later one
                self._dry_since = self._dry_since or now
            return
        self._dry_since = None
        data, overflowed = opened.stream.read(count)
        # After an overrun PortAudio shows a full buffer and raises no flag (measured on 19.6).
        self.overruns += bool(overflowed or there >= INPUT_S * opened.form.rate)
        ring = self.ring
        if self.gate:
            ring.write(data, now - (there - count) / opened.form.rate)
        if not self.gate:  # closed meanwhile, perhaps between the write and the wiping
            ring.wipe()

    def stalled(self) -> bool:
        """No frame for STALL_S although open, or for DRY_S while somebody is listened to, or refused."""
        now = time.monotonic()
        dry = self.hurried and self._dry_since is not None and now - self._dry_since > DRY_S
        return self.is_open and (self._broken or dry or now - self.ring.stamp[1] > STALL_S)


class DeviceSink(_Stream):
    """A loudspeaker, fed from a QueueSpeaker.

    Its card stands still, empty and prepared, until a reply comes: PortAudio starts it with the first
    period that is written, so the first sample sounds at once. Nothing is written between replies.
    """

    def __init__(self, speaker: QueueSpeaker, wanted: str = "", rate: int = 0) -> None:
        super().__init__()
        self._speaker, self._wanted, self._rate = speaker, wanted, rate
        self._feed = Feed(speaker)
        speaker.ahead = self._left_now
        self._size = 0  # frames of the device's buffer
        self._full_until = 0.0  # until then there is no room for a piece
        self._running = False  # something was written since the last fresh start
        self._moved = (0, 0.0)  # what was left in the device, and since when
        self._ahead = AHEAD_S
        self._draining = Draining(0, 1)
        self._silent_at = 0.0  # when only silence is left in it

    def open(self) -> None:
        """Open the device; raises DeviceGone."""
        device = choose(self._wanted, output=True)
        forms = _forms(device, self._rate, Wish().counts(device.outputs))
        opened = _open(device, forms, sd.RawOutputStream, sd.check_output_settings, (OUTPUT_S, OUTPUT_BLOCK_S))
        self._size = opened.stream.write_available
        self._draining = Draining(opened.form.rate, opened.block)
        self._running, self._moved, self._full_until = False, (0, time.monotonic()), 0.0
        self._speaker.opened(device.name, opened.form.rate, OUTPUT_BLOCK_S)
        self._opened, self._broken = opened, False

    def _move(self, opened: _Opened, now: float) -> float | None:
        speaker, rate = self._speaker, opened.form.rate
        urgent = speaker.urgent
        if now < self._full_until and not urgent:
            draining = self._draining
            # With less in it PortAudio may meet an underrun, and repair it.
            if now - draining.told_at > LOOK_S and draining.left(now) > LOW_S * rate:
                draining.told(self._size - opened.stream.write_available, now)
            return self._full_until - now
        left = self._size - opened.stream.write_available  # also at rest, for a card that is gone refuses to tell
        if speaker.waiting() is None and not speaker.unfinished and now >= self._silent_at:
            return self._rest(opened, now)
        self._draining.told(left, now)
        if left and urgent:  # nobody waits for what was given already: it is taken back
            speaker.recall(self._start_afresh(opened))
            left = 0
        if left != self._moved[0]:
            self._moved = (left, now)
        room = min(round(self._ahead * rate), self._size) - left
        # PortAudio waits for a free period before it takes anything; few large pieces cost less than many small ones.
        if room >= (opened.block if left < LOW_S * rate else round(PIECE_S * rate)):
            left += self._write(opened, room, left, now)
        return self._look_again(left / rate, now)

    def _rest(self, opened: _Opened, now: float) -> float | None:
        """Nothing is to be played; whether it wants to be called again."""
        self._full_until = 0.0
        if self._running and now - self._silent_at > REST_S:
            self._start_afresh(opened)
        return max(0.0, self._silent_at + REST_S - now) if self._running else None

    def _look_again(self, left_s: float, now: float) -> float:
        """When there will be room for a piece; what comes late or fails to come is looked at more often."""
        wait = max(LOOK_S, left_s - self._ahead + PIECE_S + 0.001)
        self._full_until = now + wait
        return wait

    def _write(self, opened: _Opened, room: int, left: int, now: float) -> int:
        """Returns how many samples there were."""
        going_on = self._speaker.unfinished
        samples = self._feed.next(room, self._draining.left(now), now)
        if len(samples):
            self._draining.wrote(len(samples))
            underrun = opened.stream.write(_spread(samples, opened.form))
            if underrun and going_on:
                self._speaker.underruns += 1
                self._ahead = min(MOST_AHEAD_S, self._ahead + 0.01)
            self._running, self._moved = True, (left + len(samples), now)
            self._silent_at = now + (left + len(samples)) / opened.form.rate - TAIL_S / 2
        return len(samples)

    def _left_now(self) -> int:
        """Samples in the device, by the clock."""
        left, since = self._moved
        passed = (time.monotonic() - since) * self._speaker.rate
        return max(0, round(left - passed)) if self.is_open else 0

    def _start_afresh(self, opened: _Opened) -> int:
        """Throw away what is in the device, within a millisecond; returns how many samples that were.

        It also leaves the underrun that silence ends in before PortAudio meets it, which costs time and a line of log.
        """
        before = time.monotonic()
        opened.stream.abort()
        thrown = self._draining.whole((before + time.monotonic()) / 2 + FLUSH_S)
        opened.stream.start()
        self._draining.begin()
        self._running, self._moved = False, (0, self._silent_at)
        return thrown

    def stalled(self) -> bool:
        """What is in the device has not become less for STALL_S, or it was refused."""
        left, since = self._moved
        return self.is_open and (self._broken or (left > 0 and time.monotonic() - since > STALL_S))


def _spread(mono: Samples, form: Format) -> bytes:
    """Mono int16 to the device's channels and sample type."""
    wide = mono if form.channels == 1 else np.repeat(mono, form.channels)
    if form.dtype == "float32":
        return (wide.astype(np.float32) / 32768.0).tobytes()
    if form.dtype == "int32":
        return (wide.astype(np.int32) << 16).tobytes()
    return bytes(wide.tobytes())
