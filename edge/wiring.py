"""The composition root: reads in start order, and everything is taken down in the mirror of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge.accounts import Accounts
from edge.audio.arrays import wish
from edge.audio.frontend import FrontEnd
from edge.audio.keeper import Keeper, Line, Source
from edge.audio.loudness import Loudness, finder
from edge.audio.microphone import AudioThread, Ear, Sessions
from edge.audio.profile import NAME, Profile, concerns
from edge.audio.profile import load as load_profile
from edge.audio.sounds import Sounds
from edge.audio.speaker import QueueSpeaker
from edge.commands import Commands
from edge.config import ENGINES, Audio, Config, secret, show
from edge.config.places import state_dir
from edge.core.conversation import Conversation
from edge.core.events import AgentWarned, Event, MuteSet, SayGiven
from edge.core.gestures import Gestures, GestureSettings
from edge.core.indicator import Sight
from edge.core.liveness import Liveness, Vitals
from edge.core.summary import summary
from edge.daemon import Daemon, Ports
from edge.engines import choose_engine, engine, spoken_language, warnings
from edge.errors import AudioError, UsageError
from edge.fitting import conversation_settings, front_end, with_words
from edge.host.network import Network
from edge.host.notify import Systemd
from edge.host.state import Dial, Latch
from edge.linking import Linkage
from edge.memory import Memory
from edge.ports import Clock, Desk, Fields, Host, Panel, Post, Watcher
from edge.selftest import SelfTest
from edge.sessions.recorder import Recorder, installed
from edge.tools.mcp import attached, called_here
from edge.tools.own import add_own
from edge.tools.toolbox import Toolbox

FIRST_FRAME_S, LEAST_OFTEN_S = 0.02, 0.5  # between looks whether the microphone has been heard

OpenSink = Callable[[QueueSpeaker], Line | None]


@dataclass(slots=True)
class Lines:
    """Where sound comes from and goes to; None is silence. `names` tells both devices' names, if they are any.

    `real`: what sounds is a loudspeaker, whose volume a mixer may set and which is remembered.
    """

    source: Source | None
    sink: OpenSink
    rescan: Callable[[], None] = lambda: None
    names: Callable[[], tuple[str, str] | None] = lambda: None
    real: bool = False


@dataclass(slots=True)
class Assembly:
    """A running device."""

    config: Config
    daemon: Daemon
    commands: Commands
    speaker: QueueSpeaker
    front: FrontEnd
    keeper: Keeper
    host: Systemd
    sounds: Sounds
    linkage: Linkage
    recorder: Recorder | None = None

    @property
    def level(self) -> float:
        """Of the microphone, in dBFS."""
        return self.front.level

    def apply(self, config: Config) -> None:
        """Take over what can change while running: conversation times and volume."""
        if config.audio.volume != self.config.audio.volume:  # else what was set by voice or command stays
            self.speaker.volume = config.audio.volume
        self.config = config
        wakes = self.daemon.conversation.settings.wakes  # the word's model is loaded at the start
        self.daemon.conversation.settings = conversation_settings(config, wakes=wakes)
        self.sounds.volume = config.sounds.volume
        if self.recorder is not None:
            self.recorder.look()


class _Inbox:
    """Lets adapters be made before the daemon that they post to."""

    daemon: Daemon | None = None

    def post(self, event: Event) -> None:
        if self.daemon is not None:
            self.daemon.post(event)

    def fail(self, error: Exception) -> None:
        if self.daemon is not None:
            self.daemon.fail(error)

    def trace(self, turn: int) -> str:
        return self.daemon.trace(turn) if self.daemon is not None else ""


@dataclass(slots=True)
class _Greeter:
    """The Host port, and a word of welcome from a device that has become ready: its microphone has been heard."""

    host: Host
    post: Post
    greeting: str
    hears: Callable[[], bool]
    _waiting: asyncio.Task[None] | None = None

    def ready(self) -> None:
        if self.hears():
            self._welcome()
        else:
            self._waiting = asyncio.ensure_future(self._wait())

    def stopping(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self.host.stopping()

    async def _wait(self) -> None:
        wait = FIRST_FRAME_S
        while not self.hears():
            await asyncio.sleep(wait)
            wait = min(1.1 * wait, LEAST_OFTEN_S)
        self._welcome()

    def _welcome(self) -> None:
        self.host.ready()
        if self.greeting:
            self.post(SayGiven(self.greeting))


class _CalibratedEar(Ear):
    """The Microphone port, whose `stats` tell what calibration found and which words were heard as well."""

    profile: Profile | None = None

    def stats(self) -> Fields:
        """See ports.Microphone."""
        found = self.profile
        words = self._front.words
        spotted: Fields = {} if words is None else words.stats()
        if self._front.wordless:
            spotted = {"words_problem": self._front.wordless}
        return {**super().stats(), **spotted, "calibration": f"{found.day}: {found.verdict}" if found else None}


def device_lines(config: Config) -> Lines:
    """The configured sound devices."""
    from edge.audio.device import DeviceSink, DeviceSource, choose, rescan

    audio = config.audio
    source = DeviceSource(audio.input, audio.input_rate, wish(audio))

    def names() -> tuple[str, str] | None:
        with suppress(AudioError):
            return choose(audio.input, output=False).name, choose(audio.output, output=True).name
        return None

    return Lines(source, lambda speaker: DeviceSink(speaker, audio.output, audio.output_rate), rescan, names, real=True)


def _calibration(lines: Lines) -> Profile | None:
    """What calibration found of these very devices."""
    names = lines.names()
    found = load_profile(state_dir() / NAME) if names is not None else None
    return found if found is not None and names is not None and found.is_of(*names) else None


@asynccontextmanager
async def assembled(
    config: Config,
    lines: Lines,
    watchers: tuple[Watcher, ...] = (),
    control: Path | None = None,
    clock: Clock = time.monotonic,
) -> AsyncIterator[Assembly]:
    """A device, running but for `daemon.run()`; taken down at the end."""
    async with AsyncExitStack() as stack:
        inbox = _Inbox()
        speaker = QueueSpeaker(inbox.post, clock, config.audio.volume)
        loudness = _loudness(stack, config, speaker) if lines.real else None
        sounds = Sounds(speaker, config.device.language, config.sounds.volume)
        sessions = Sessions(inbox.post, asyncio.get_running_loop().call_soon_threadsafe)
        front = with_words(config, front_end(config, sessions, speaker), inbox.post)
        sink = lines.sink(speaker)
        thread = AudioThread(front, speaker, inbox.fail, lines.source, sink)
        keeper = Keeper(lines.source, sink, inbox.post, front.attach, lines.rescan, lambda: speaker.busy, inbox.fail)
        thread.stops.tell = keeper.look

        def needed() -> None:
            keeper.need_output()
            thread.wake()

        speaker.needed = needed
        host = Systemd(lambda: summary(conversation, agent.name))
        stack.callback(host.close)
        greeter = _Greeter(host, inbox.post, config.conversation.greeting, lambda: daemon.is_well and keeper.hears)
        memory = _memory(stack, config, inbox, keeps=control is not None)
        toolbox = await _toolbox(stack, config, speaker, memory, keeps=control is not None)
        linkage = Linkage()
        agent = engine(config, inbox.post, toolbox, stack, linkage.token, memory, inbox.trace)
        ear = _CalibratedEar(front, sessions, thread, keeper)
        ports = Ports(ear, speaker, agent, toolbox, greeter, [*watchers, host], sounds)
        conversation = Conversation(conversation_settings(config, wakes=front.wakes))
        daemon = inbox.daemon = Daemon(conversation, _gestures(config), ports, clock)
        commands = Commands(daemon, lambda: show(assembly.config))
        assembly = Assembly(config, daemon, commands, speaker, front, keeper, host, sounds, linkage)
        ports.watchers += [commands] if loudness is None else [commands, _telling(loudness, daemon)]
        _equip(stack, assembly, clock, memory)
        if control is not None:
            await _serve_control(stack, assembly, control, clock)
        ear.profile = _calibration(lines)  # before the keeper's thread, which may make PortAudio look again
        _attach_panels(stack, assembly, lines.source, clock)
        stack.callback(keeper.close)
        keeper.start()
        stack.callback(thread.close)
        thread.start()
        beating = asyncio.ensure_future(_beat(host, thread, keeper))
        stack.push_async_callback(_cancel, beating)
        stack.push_async_callback(agent.close)
        await agent.open()
        told = concerns(ear.profile, config) if ear.profile else []
        for message in (*warnings(config, datetime.now(UTC).date()), *map(str, told), *filter(None, [front.wordless])):
            inbox.post(AgentWarned(message))
        network = Network(linkage.begin(stack, assembly, toolbox, service=control is not None))
        stack.callback(network.close)
        network.open()
        stack.push_async_callback(_cancel, asyncio.ensure_future(toolbox.ring(inbox.post)))
        yield assembly


def _memory(stack: AsyncExitStack, config: Config, inbox: _Inbox, *, keeps: bool) -> Memory:
    memory = Memory(config, keeps=keeps)
    memory.post = inbox.post
    stack.callback(memory.close)
    memory.open()
    return memory


async def _toolbox(
    stack: AsyncExitStack, config: Config, speaker: QueueSpeaker, memory: Memory, *, keeps: bool
) -> Toolbox:
    """A conversation in a terminal keeps no timers: those on the disk are the service's."""
    folder = state_dir() if keeps else None
    put_volume, zone = partial(setattr, speaker, "volume"), config.device.timezone
    shelf = folder / "timers.json" if folder is not None else None
    toolbox = Toolbox(lambda: speaker.volume, put_volume, zone, shelf, memory.tools())
    toolbox.language = spoken_language(config)
    add_own(toolbox.registry, config.shell)
    toolbox.servers = await attached(called_here(config.mcp, secret), toolbox.registry, stack, folder)
    return toolbox


def _gestures(config: Config) -> Gestures:
    times = config.panel
    return Gestures(GestureSettings(times.hold_ms / 1000, times.long_ms / 1000, times.double_ms / 1000))


def _loudness(stack: AsyncExitStack, config: Config, speaker: QueueSpeaker) -> Loudness:
    """The volume as it was left, else as configured; 100, the default, leaves a mixer as it stands."""
    audio = config.audio
    dial = Dial(state_dir() / "volume.json", audio.volume) if audio.remember else None
    left = dial.load() if dial is not None else None
    if left is not None:
        speaker.volume = left
    known = left is not None or audio.volume != Audio().volume
    loudness = Loudness(speaker, finder(audio.mixer), dial.keep if dial is not None else lambda _: None, known=known)
    stack.callback(loudness.close)
    loudness.start()
    return loudness


def _telling(loudness: Loudness, daemon: Daemon) -> Loudness:
    """So that whoever watches the device sees a volume that was changed elsewhere."""
    loop = asyncio.get_running_loop()

    def tell(percent: int) -> None:
        daemon.publish("volume", {"percent": percent})

    loudness.moved_to = lambda percent: loop.call_soon_threadsafe(tell, percent)
    return loudness


def _equip(stack: AsyncExitStack, assembly: Assembly, clock: Clock, memory: Memory) -> None:
    """With what remembers, tests and records it."""
    assembly.commands.parts["memory"] = memory.stats
    assembly.daemon.ports.watchers.append(memory)
    selftest = SelfTest(assembly.daemon, assembly.front, assembly.speaker)
    assembly.commands.also("selftest", selftest.start)
    assembly.daemon.ports.watchers.append(selftest)
    stack.push_async_callback(selftest.close)
    assembly.recorder = installed(stack, assembly, clock)


def _remember_mute(assembly: Assembly, volatile: Path, clock: Clock) -> None:
    """Before the microphone is opened, and before a switch is asked, which wins."""
    daemon = assembly.daemon

    def failed(message: str) -> None:
        daemon.publish("error", {"where": "mute", "message": message})

    places = (state_dir() / "muted", volatile / "muted")  # the second survives a crash when the disk is full or broken
    latch = Latch(places, lambda: daemon.conversation.switch is not None, failed)
    if latch.load():
        daemon.feed(MuteSet(on=True), clock())
    daemon.ports.watchers.append(latch)


def _attach_panels(stack: AsyncExitStack, assembly: Assembly, source: Source | None, clock: Clock) -> None:
    """Before the microphone is opened: a mute switch counts from the start."""
    daemon, front = assembly.daemon, assembly.front
    commands, first = assembly.commands, choose_engine(assembly.config)

    def sight() -> Sight:
        talk, name = daemon.conversation, daemon.ports.agent.name
        broken = bool(talk.mic_problem or talk.speaker_problem)
        wakes = talk.settings.wakes
        recording = assembly.recorder is not None and assembly.recorder.on
        lesser = name == "local" != first
        return Sight(talk.state, talk.muted, broken, talk.ready, lesser=lesser, wakes=wakes, recording=recording)

    def turn_up(percent: int) -> None:
        before = int(str(commands.do("volume")["percent"]))
        commands.do("volume", min(100, max(0, before + percent)))

    shut = partial(_is_shut, source)
    desk = Desk(daemon.post, daemon.publish, sight, shut, lambda: front.level, turn_up)
    for panel in [watcher for watcher in daemon.ports.watchers if isinstance(watcher, Panel)]:
        stack.callback(panel.detach)
        for event in panel.attach(desk):
            daemon.feed(event, clock())


def _is_shut(source: Source | None) -> bool:
    return source is not None and not source.gate


async def _serve_control(stack: AsyncExitStack, assembly: Assembly, path: Path, clock: Clock) -> None:
    from edge.host.control import ControlServer

    _remember_mute(assembly, path.parent, clock)
    accounts = Accounts(assembly.config, assembly.daemon, assembly.commands, path.parent)
    server = ControlServer(path, assembly.commands.do, lambda: assembly.front.level, accounts.gauges.text)
    stack.push_async_callback(server.close)
    await server.open()
    stack.push_async_callback(accounts.close)
    accounts.open()
    assembly.daemon.ports.watchers.append(server)


async def _beat(host: Systemd, thread: AudioThread, keeper: Keeper) -> None:
    liveness = Liveness()
    await host.beat(lambda: liveness.moved(Vitals(thread.turns, *keeper.pulse)))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def unknown_engine(name: str) -> UsageError:
    """For `--engine`."""
    return UsageError(f"There is no engine {name!r}; there are: {', '.join(ENGINES)}.")
