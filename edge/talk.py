"""`edge-voice talk`: a conversation in the terminal, with real sound, with files, or typed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from edge.audio.files import FileSink, FileSource, load
from edge.audio.speaker import QueueSpeaker
from edge.commands import checked_text
from edge.config import ENGINES, Config, Sounds
from edge.config import load as load_config
from edge.core.events import Event, ForgetAsked, MuteSet, Pressed, TextGiven
from edge.errors import DeviceGone, UsageError
from edge.panel.plain import JsonView, PlainView
from edge.ports import Fields, Watcher
from edge.wiring import Assembly, Lines, assembled, device_lines, unknown_engine

BUNDLED = ("turn_on_the_living_room_lamp.flac", "when_a_man_looks.flac")
REPLY_FILE = Path("edge-voice-reply.wav")
SILENT = Sounds(mute=False, error=False, offline=False, thinking=False, timer=False, reports=False)
QUIT_S = 0.2  # lets the last words reach the view


class View(Watcher, Protocol):
    """How the conversation is shown."""

    def close(self) -> None:
        """Leave the terminal tidy."""


@dataclass(slots=True)
class Plan:
    """Which parts of this conversation are real."""

    config: Config
    lines: Lines
    recordings: FileSource | None = None
    reply: FileSink | None = None
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def scripted(self) -> bool:
        """Whether it ends by itself."""
        return self.recordings is not None or bool(self.texts)


def talk(options: argparse.Namespace) -> int:
    """Run the conversation; returns the exit code."""
    plan = make_plan(options)
    return asyncio.run(_talk(plan, options))


def make_plan(options: argparse.Namespace) -> Plan:
    """Decide on microphone and speaker; raises AudioError for a bad file."""
    config = load_config(options.config)
    if options.engine is not None:
        if options.engine not in ENGINES:
            raise unknown_engine(options.engine)
        config = replace(config, engine=replace(config.engine, use=(options.engine,)))
    plan = Plan(config, Lines(None, lambda _: None), texts=tuple(checked_text(text) for text in options.text or ()))
    microphone, speaker = _present(config)
    notes = list[str]()
    if options.input:
        plan.recordings = FileSource([load(path) for path in options.input], ", ".join(map(str, options.input)))
    elif not plan.texts and not microphone:
        folder = Path(__file__).parent / "data"
        plan.recordings = FileSource([load(folder / name) for name in BUNDLED], "the bundled recordings")
        notes.append("No microphone here, so a bundled recording asks the questions.")
    path = options.output
    if path is None and not speaker:
        path = REPLY_FILE
        notes.append(f"No speaker here, so the replies are written to {path}.")
    _connect(plan, path, with_microphone=not plan.scripted)
    plan.notes = tuple(notes)
    return plan


def _connect(plan: Plan, path: Path | None, *, with_microphone: bool) -> None:
    """Real devices where there are any and nothing else was asked for."""
    real = device_lines(plan.config) if with_microphone or path is None else plan.lines
    source = real.source if with_microphone else plan.recordings
    if path is not None:  # a file of answers has nothing else in it
        plan.config = replace(plan.config, sounds=SILENT)

    def to_file(speaker: QueueSpeaker) -> FileSink:
        plan.reply = FileSink(speaker, path, time.monotonic)
        return plan.reply

    plan.lines = Lines(source, real.sink if path is None else to_file, real.rescan, real=path is None)


def _present(config: Config) -> tuple[bool, bool]:
    """Whether a microphone and a speaker can be found."""
    try:
        from edge.audio.device import choose
    except DeviceGone:  # no PortAudio library on this machine
        return False, False
    found = []
    for wanted, output in ((config.audio.input, False), (config.audio.output, True)):
        try:
            choose(wanted, output=output)
        except DeviceGone:
            found.append(False)
        else:
            found.append(True)
    return found[0], found[1]


class Session:
    """Drives a scripted conversation and ends it; a Watcher, so that it sees what the person sees."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._texts = list(plan.texts)
        self._assembly: Assembly | None = None
        self.replies = 0
        self.failed = ""

    def begin(self, assembly: Assembly) -> None:
        """The device runs: start talking."""
        self._assembly = assembly
        if self._plan.scripted:
            self._next()

    def post(self, event: Event) -> None:
        """Pass a key on."""
        if self._assembly is not None:
            self._assembly.daemon.post(event)

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "turn":
            self.replies += 1
        elif event == "error":
            self.failed = str(fields["message"])
        elif event == "state" and self._plan.scripted:
            asyncio.get_running_loop().call_soon(self._go_on, str(fields["state"]))

    def _go_on(self, state: str) -> None:
        recordings = self._plan.recordings
        if state in {"listening", "connecting"} and recordings is not None and not recordings.playing:
            if not recordings.cue():
                self.end()
        elif state in {"idle", "error"}:
            self._next()

    def _next(self) -> None:
        if self._texts:
            self.post(TextGiven(self._texts.pop(0)))
        elif self._plan.recordings is not None and self._plan.recordings.left:
            self.post(Pressed())
        else:
            self.end()

    def end(self) -> None:
        """Stop soon."""
        if self._assembly is not None:
            asyncio.get_running_loop().call_later(QUIT_S, self._assembly.daemon.stop)

    def key(self, key: str) -> None:
        """A key of the terminal."""
        key = key.lower()
        events: dict[str, Event] = {" ": Pressed(), "m": MuteSet(None), "f": ForgetAsked()}
        if key in events:
            self.post(events[key])
        elif key == "r":
            self._record()
        elif key in {"q", "\x03", "\x04"}:
            self.end()

    def _record(self) -> None:
        """Begin to record, or end it."""
        assembly = self._assembly
        if assembly is None or assembly.recorder is None:
            return
        try:
            assembly.recorder.command("off" if assembly.recorder.on else "on")
        except UsageError as error:
            assembly.daemon.publish("note", {"message": str(error)})


async def _talk(plan: Plan, options: argparse.Namespace) -> int:
    session = Session(plan)
    view = _view(options, plan)
    try:
        async with assembled(plan.config, plan.lines, (view, session)) as assembly:
            with ExitStack() as stack:
                _hear_keys(stack, session)
                for note in plan.notes:
                    assembly.daemon.publish("note", {"message": note})
                session.begin(assembly)
                _attach(view, assembly)
                await assembly.daemon.run()
    finally:
        _tell_reply_file(plan, view)
        view.close()
    return 0 if session.replies or not plan.scripted else 1


def _hear_keys(stack: ExitStack, session: Session) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, session.end)
    if sys.stdin.isatty():
        from edge.panel.keyboard import Keyboard

        stack.enter_context(Keyboard(session.key))


def _view(options: argparse.Namespace, plan: Plan) -> View:
    if options.json:
        return JsonView(sys.stdout)
    if sys.stdout.isatty():
        try:
            from edge.panel.terminal import TerminalView
            from edge.panel.terminal.gauges import Sight

            by_voice = plan.config.conversation.barge_in in {"duck", "stop"}
            return TerminalView(Sight(scripted=plan.scripted, by_voice=by_voice))
        except ImportError:
            pass  # without the extra `talk`: plain lines
    return PlainView(sys.stdout)


def _attach(view: View, assembly: Assembly) -> None:
    """Let a live view read levels."""
    watch = getattr(view, "watch", None)
    if watch is not None:
        watch(lambda: assembly.front.level, assembly.commands.status)


def _tell_reply_file(plan: Plan, view: View) -> None:
    reply = plan.reply
    if reply is None:
        return
    reply.finish()
    if reply.problem:
        view.published("error", {"message": reply.problem})
    elif reply.seconds:
        view.published("note", {"message": f"{reply.seconds:.1f} s of speech are in {reply.path}."})
