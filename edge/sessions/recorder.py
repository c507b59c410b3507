"""Records conversations with the owner's consent: begins at rest, ends by itself, and never while muted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from edge import __version__
from edge.audio.convert import Samples
from edge.audio.far import FarEnd
from edge.audio.frontend import Detectors, FrontEnd
from edge.audio.speaker import QueueSpeaker
from edge.audio.tape import Tape
from edge.commands import Commands
from edge.config import Config, show
from edge.config.places import state_dir
from edge.core.effects import Effect
from edge.core.events import ButtonDown, ButtonUp, Event, ForgetAsked
from edge.core.notation import Plain, written
from edge.core.snapshot import at_rest, taken
from edge.daemon import Daemon
from edge.errors import UsageError
from edge.fitting import detectors
from edge.ports import Clock, Fields
from edge.sessions.reading import FORMAT
from edge.sessions.scrubbing import scrubbed
from edge.sessions.shelf import Shelf, is_part, whole_name
from edge.sessions.writer import MB, Limits, Writer

FOLDER = "recordings"
NOT_ALLOWED = (
    "Recording needs the owner's consent first: allowed = true under [record] in the configuration, then "
    "`systemctl reload edge-voice` (or a restart)."
)
MUTED = "The microphone is muted: nothing would be recorded. Unmute it first (edge-voice unmute)."
FULL = "There is no space for a recording: {used} MB of [record] most_mb = {most} are used. edge-voice record wipe."


class Device(Protocol):
    """What is recorded (wiring.Assembly)."""

    config: Config
    daemon: Daemon
    commands: Commands
    speaker: QueueSpeaker
    front: FrontEnd


@dataclass(slots=True)
class _Making:
    """A recording that is made."""

    writer: Writer
    tape: Tape
    timer: asyncio.TimerHandle
    began: float


class Recorder:
    """The command `record`, a Watcher, and the daemon's tap while it records. In the loop but for `_put`."""

    def __init__(self, device: Device, clock: Clock, folder: Path) -> None:
        self._device, self._clock, self.shelf = device, clock, Shelf(folder)
        self._making: _Making | None = None
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self._packing: asyncio.Task[None] | None = None
        self._not_his = 0  # forgets of the self-test, which are nobody's wish
        self.last, self.ended = "", ""  # the newest recording, and why it ended

    @property
    def on(self) -> bool:
        """Whether something is recorded, or about to be."""
        return self._wanted or self._making is not None

    # --- the command ----------------------------------------------------------------------------------

    def command(self, argument: object = None) -> Fields:
        """`on`, `off`, `wipe` or `status`; raises UsageError for what cannot be."""
        match argument:
            case "on":
                self.begin()
            case "off":
                self.end("off")
            case "wipe":
                return {**self.stats(), "wiped": self.wipe()}
            case None | "status":
                pass
            case _:
                raise UsageError(f"record is on, off, status or wipe, not {argument!r}.")
        return self.stats()

    def stats(self) -> Fields:
        """For `status`."""
        making, files = self._making, self.shelf.files()
        seconds = round(self._clock() - making.began, 1) if making is not None else 0.0
        return {
            "on": self.on, "waiting": self._wanted and making is None, "file": self.last, "seconds": seconds,
            "ended": self.ended, "packing": self._packing is not None and not self._packing.done(),
            "minutes": self._device.config.record.minutes, "files": len(files), "folder": str(self.shelf.folder),
            "mb": round(self.shelf.used() / MB, 1),
        }  # fmt: skip

    def begin(self) -> None:
        """Now, or when the device is at rest."""
        config = self._device.config.record
        if not config.allowed:
            raise UsageError(NOT_ALLOWED)
        if self._device.daemon.conversation.muted:
            raise UsageError(MUTED)
        used = self.shelf.used() // MB
        if used >= config.most_mb:
            raise UsageError(FULL.format(used=used, most=config.most_mb))
        if not self.on:
            self._wanted, self.ended = True, ""
            self._tell()
            self._try()

    def end(self, why: str) -> None:
        """Now. Harmless when nothing is recorded."""
        making, self._making = self._making, None
        wanted, self._wanted = self._wanted, False
        if making is not None:
            self._device.daemon.tap = None
            self._device.front.untape()
            making.timer.cancel()
            last = {"t": self._clock(), "end": why}
            self._pack([making.writer.path], lambda: making.writer.close(last))
        if wanted or making is not None:
            self.ended = why
            self._tell()

    def wipe(self) -> int:
        """Remove all recordings, also the one that is made: what is not there any more is not packed either."""
        count = self.shelf.wipe()
        self.end("wiped")
        self.last = ""
        return count

    def look(self) -> None:
        """The configuration may have changed."""
        if self.on and not self._device.config.record.allowed:
            self.end("no longer allowed ([record] allowed)")

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "mute" and fields.get("on") and self.on:
            self.end("muted")
        elif event == "selftest":
            self._not_his += 1
        elif event == "forgotten":
            self._forgotten(everything=bool(fields.get("everything")))
        elif event == "state" and self._wanted and self._making is None:
            asyncio.get_running_loop().call_soon(self._try)

    def _forgotten(self, *, everything: bool) -> None:
        if self._not_his and not everything:
            self._not_his -= 1
        elif everything and (self.on or self.shelf.files()):
            self.wipe()

    def _tell(self) -> None:
        told = {"on": self.on, "waiting": self._wanted, "file": self.last, "why": "" if self.on else self.ended}
        self._device.daemon.publish("record", told)

    # --- beginning --------------------------------------------------------------------------------------

    def _try(self) -> None:
        idle = self._task is None or self._task.done()
        if self._wanted and idle and at_rest(self._device.daemon.conversation):
            self._task = asyncio.ensure_future(self._begin())

    async def _begin(self) -> None:
        """Detectors as new as those that will hear it again; then, if still nobody has a turn, it begins at once."""
        device = self._device
        before = device.speaker.far
        fresh = await asyncio.to_thread(new_detectors, device.config, device.speaker)
        if device.speaker.far is None:
            device.speaker.far = FarEnd()
        talk = device.daemon.conversation
        if not (self._wanted and at_rest(talk)):
            device.speaker.far = before
            return
        try:
            self._open(fresh, device.speaker.far)
        except OSError as error:
            self.end(f"{self.shelf.folder} cannot be written to: {error.strerror}")

    def _open(self, fresh: Detectors, far: FarEnd) -> None:
        device, config = self._device, self._device.config
        loop, limits = asyncio.get_running_loop(), config.record
        path = self.shelf.place()
        room = Limits(limits.most_mb * MB - self.shelf.used(), limits.keep_free_mb * MB)

        def failed(why: str) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self.end, why)

        writer = Writer(path, self._header(), room, failed)
        clock = self._clock

        def put(line: Plain, sound: Samples | None) -> None:
            now = clock()
            writer.put(lambda: {"t": now, **line}, sound)

        tape = Tape(put, far, asked=fresh.guard is not None)
        if fresh.guard is not None:
            fresh.guard.far = tape.far
        timer = loop.call_later(60.0 * limits.minutes, self.end, f"{limits.minutes} minutes are over")
        self._making, self._wanted = _Making(writer, tape, timer, clock()), False
        self.last = str(whole_name(path))
        device.front.renew(fresh, tape)
        device.daemon.tap = self._tap
        writer.start()
        self._tell()

    def _header(self) -> Plain:
        device = self._device
        talk = device.daemon.conversation
        return {
            "format": FORMAT, "version": __version__, "engine": device.daemon.ports.agent.name,
            "began": datetime.now(UTC).isoformat(timespec="seconds"), "clock": self._clock(),
            "wakes": talk.settings.wakes, "conversation": taken(talk), "config": scrubbed(show(device.config)),
        }  # fmt: skip

    def _tap(self, event: Event, now: float, effects: list[Effect]) -> None:
        making = self._making
        if making is None:
            return
        if isinstance(event, ForgetAsked) and event.everything:
            return  # it is about to be wiped
        if isinstance(event, ButtonDown | ButtonUp):
            making.writer.put(lambda: {"t": now, "button": type(event).__name__})
        else:
            making.writer.put(lambda: _line(event, now, effects))

    # --- ending -----------------------------------------------------------------------------------------

    def _pack(self, parts: list[Path], finish: Callable[[], None] = lambda: None) -> None:
        """Beside everything else, and one after the other."""
        before = self._packing

        async def pack() -> None:
            if before is not None:
                await asyncio.gather(before, return_exceptions=True)
            await asyncio.to_thread(finish)
            await asyncio.to_thread(self.shelf.pack, parts)

        self._packing = asyncio.ensure_future(pack())

    def tidy(self) -> None:
        """Pack what a process has left that was killed."""
        if parts := [path for path in self.shelf.files() if is_part(path)]:
            self._pack(parts)

    async def finish(self) -> str:
        """End it and wait until it is packed; returns where it is, "" if there is none."""
        self.end("off")
        if self._packing is not None:
            await self._packing
        return self.last

    async def close(self) -> None:
        """The device ends: complete what is made, and leave the packing to the next start."""
        making, self._making, self._wanted = self._making, None, False
        self._device.daemon.tap = None
        if making is not None:
            making.timer.cancel()
            await asyncio.to_thread(making.writer.close, {"t": self._clock(), "end": "the device was stopped"})
        for task in filter(None, (self._task, self._packing)):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _line(event: Event, now: float, effects: list[Effect]) -> Plain:
    return {"t": now, "event": written(event), "effects": [written(effect) for effect in effects]}


def new_detectors(config: Config, speaker: QueueSpeaker) -> Detectors:
    """As new as after a restart, and with everything loaded that they need. Work for a thread: 50 ms."""
    fresh = detectors(config, speaker, lambda load: load())
    if fresh.guard is not None:
        fresh.guard.prepare()
    return fresh


def installed(stack: AsyncExitStack, device: Device, clock: Clock) -> Recorder:
    """A device that can record; ends with `stack`."""
    recorder = Recorder(device, clock, state_dir() / FOLDER)
    device.commands.more({"record": recorder.command})
    device.commands.parts["recording"] = recorder.stats
    device.daemon.ports.watchers.append(recorder)
    stack.push_async_callback(recorder.close)
    recorder.tidy()
    return recorder
