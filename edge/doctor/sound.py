"""Microphone and loudspeaker: opened for real, or asked of the daemon that holds them. Nothing is heard of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import numpy as np

from edge.audio.arrays import PRESETS, fitting, wish
from edge.audio.settings import Setting, of_microphone, of_speaker
from edge.config import Audio
from edge.doctor import volume
from edge.doctor.capture import Capture, channels, judge
from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.errors import AudioError, ControlError
from edge.host import client

FIRST_S = 2.0  # to the first sample
SETTLE_S = 0.2  # a card's and a sound server's first blocks come in bursts
CAPTURE_S = 0.5
PLAYED_S = 0.4  # more than a card's whole buffer takes without playing it (device.OUTPUT_S)
PLAYING_S = 2.5
LOOK_S = 0.01
ASK_S, ASKS = 0.3, 3  # the daemon looks at the level 4 times a second
SILENCE_DB = -95.0  # its level of digital silence is -96
RATE = 48_000
FD = 2
HELD = "Who holds it: fuser -v /dev/snd/*"
LOOK = "See `edge-voice devices`. " + HELD
UNKNOWN = "The daemon holds the devices, and does not say how they are."


def check_microphone(site: Site) -> Results:
    """Half a second of it."""
    if site.config is None:
        return [BAD_CONFIG]
    if site.daemon.presence is Presence.SILENT:
        return [skipped(UNKNOWN)]
    try:
        mixed = volume.microphone(_gain(site))
        if site.daemon.presence is Presence.RUNS:
            return [held_microphone(site), *mixed]
        captured = _record(site.config.audio)
    except (AudioError, ControlError) as error:
        return [_failed(error)]
    return [*judge(captured), *mixed, *_array(captured, site.config.audio)]


def _failed(error: Exception) -> Result:
    """Most errors say what to do after what has happened."""
    found, _, todo = str(error).partition(". ")
    return fail(f"{found.rstrip('.')}.", todo or LOOK)


def _record(audio: Audio) -> Capture:
    """Raises AudioError."""
    from edge.audio.device import DeviceSource
    from edge.audio.measuring import FULL_SCALE

    source = DeviceSource(audio.input, audio.input_rate, wish(audio))
    with closing(source):
        source.open()
        if not _until(lambda: source.ring.written > 0, source.pump, FIRST_S):
            raise AudioError(f'"{source.name}" gives no sound. Is it unplugged, suspended or in use? {HELD}')
        _until(lambda: False, source.pump, SETTLE_S)
        begin, at = source.ring.written, time.monotonic()
        _until(lambda: False, source.pump, CAPTURE_S)
        took = time.monotonic() - at
        raw, _ = source.ring.read(begin, source.ring.capacity)
        roles, form = source.roles, source.form
    table = np.frombuffer(raw.tobytes(), form.dtype).reshape(-1, form.channels) / FULL_SCALE[form.dtype]
    near = roles.near if roles is not None else tuple(range(form.channels))
    return Capture(source.name, np.asarray(table, np.float64), form.rate, took, near)


def _until(done: Callable[[], bool], pump: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        pump()
        time.sleep(LOOK_S)
    return True


def _array(captured: Capture, audio: Audio) -> Iterator[Result]:
    """An array that is not told of, and one that shows other channels than its preset knows."""
    known = fitting(captured.name)
    if known and not audio.array:
        yield warn(f"{captured.name} is an array that is known here.", f'Set audio.array = "{known}".')
    layouts = PRESETS[audio.array].layouts if audio.array else {}
    if layouts and captured.channels not in layouts:
        counts = " or ".join(str(count) for count in sorted(layouts))
        yield warn(f'It has {channels(captured.channels)}, and audio.array = "{audio.array}" is known with {counts}.',
                   "Is it that array? Its firmware decides how many channels it shows (hardware.md).")  # fmt: skip


def held_microphone(site: Site) -> Result:
    """The daemon's view of it."""
    microphone = site.daemon.of("microphone")
    if site.daemon.status.get("muted"):
        return skipped("The daemon has closed it: it is muted.")
    if not microphone.get("open"):
        return fail("The daemon has no microphone open.", "See `edge-voice devices`, and audio.input.")
    levels = [float(microphone.get("level_db", 0.0))]
    for _ in range(ASKS - 1):
        time.sleep(ASK_S)
        levels.append(float(client.call(site.socket, "status")["microphone"].get("level_db", 0.0)))
    name = microphone.get("microphone")
    if max(levels) < SILENCE_DB:
        return fail(
            f"{name} hears nothing at all, not even noise (asked of the daemon).", "Is it muted? See alsamixer."
        )
    return well(f"{name}: {microphone.get('rate')} Hz, {channels(int(microphone.get('channels', 1)))}, level "
                f"{max(levels):.0f} dBFS (asked of the daemon).")  # fmt: skip


def check_speaker(site: Site) -> Results:
    """Whether it takes sound, which is silence."""
    if site.config is None:
        return [BAD_CONFIG]
    if site.daemon.presence is Presence.SILENT:
        return [skipped(UNKNOWN)]
    audio = site.config.audio
    try:
        found = held_speaker(site) if site.daemon.presence is Presence.RUNS else _play(audio)
    except AudioError as error:
        return [_failed(error)]
    if site.daemon.of("speaker").get("volume", audio.volume):
        return volume.speaker(found, _setting(site, audio))
    return [found, warn("The volume is 0: nothing will be heard.", "edge-voice volume 70; at the start, audio.volume.")]


def _gain(site: Site) -> Setting | None:
    with suppress(AudioError):
        return of_microphone(microphone_name(site))
    return None


def _setting(site: Site, audio: Audio) -> Setting | None:
    with suppress(AudioError):
        return of_speaker(audio.mixer, speaker_name(site))
    return None


def _play(audio: Audio) -> Result:
    """Raises AudioError."""
    from edge.audio.device import DeviceSink
    from edge.audio.speaker import QueueSpeaker
    from edge.core.events import Event, PlayoutEnded

    events: list[Event] = []
    speaker = QueueSpeaker(events.append, time.monotonic, audio.volume)
    sink = DeviceSink(speaker, audio.output, audio.output_rate)

    def pump() -> None:
        sink.pump()
        speaker.tick()

    with closing(sink):
        sink.open()
        speaker.play(1, bytes(2 * round(PLAYED_S * RATE)), RATE)
        speaker.finish(1)
        if not _until(lambda: PlayoutEnded(1) in events, pump, PLAYING_S):
            return fail(f'"{speaker.name}" takes no sound.', f"Is it unplugged, suspended or in use? {HELD}")
    return well(f"{speaker.name}: {speaker.rate} Hz, volume {audio.volume}; it takes sound.")


def held_speaker(site: Site) -> Result:
    """The daemon's view of it, or its name: the daemon opens it when there is something to say."""
    speaker = site.daemon.of("speaker")
    if speaker.get("problem"):
        return fail(str(speaker["problem"]), "See `edge-voice devices`, and audio.output.")
    name, speaks = speaker_name(site), speaker.get("device") not in {"none", None}
    how = f"{speaker.get('rate')} Hz" if speaks else "not opened yet"
    return well(f"{name}: {how}, volume {speaker.get('volume')} (asked of the daemon).")


def microphone_name(site: Site) -> str:
    """Of the one in use; raises AudioError."""
    from edge.audio.device import choose

    assert site.config is not None
    return str(site.daemon.of("microphone").get("microphone") or choose(site.config.audio.input, output=False).name)


def speaker_name(site: Site) -> str:
    """Of the one in use; raises AudioError."""
    from edge.audio.device import choose

    assert site.config is not None
    device = site.daemon.of("speaker").get("device", "none")
    return str(device) if device != "none" else choose(site.config.audio.output, output=True).name


@contextmanager
def quiet() -> Iterator[None]:
    """ALSA and JACK write to standard error from C each time that devices are looked for."""
    try:
        before = -1 if os.environ.get("EDGE_VOICE_DEBUG") else os.dup(FD)
    except OSError:  # there is no standard error
        before = -1
    if before < 0:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, FD)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(before, FD)
        os.close(before)
