"""The mixer behind the loudspeaker: a sound server's output or a card's control, through the system's own programs.

Everything here waits for a program (for CALL_S at most): never call it in the loop.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.errors import AudioError

CALL_S = 2.0  # a healthy answer takes 5 to 20 ms; a server that hangs would never give one
# Of a card's controls, the one that is in the way of everything; names as in the kernel's drivers.
CONTROLS = ("Master", "PCM", "Speaker", "Headphone", "Digital", "Playback", "Line Out", "Line")
BY_SERVER = frozenset({"default", "sysdefault", "pulse", "pipewire"})  # ALSA's devices that a sound server plays
CARD = re.compile(r"\(hw:(\d+),\d+\)")
_PERCENT = re.compile(r"(\d+)%")

Run = Callable[[Sequence[str]], str]


class Unavailable(AudioError):
    """The program is not there, or does not answer, or refuses."""


class Mixer(Protocol):
    """One volume control. Both raise Unavailable."""

    @property
    def name(self) -> str:
        """As a person knows it."""

    def read(self) -> int:
        """In percent."""

    def write(self, percent: int) -> None:
        """0 to 100."""

    @property
    def watcher(self) -> Sequence[str]:
        """The program that prints a line whenever it may have changed; () where there is none."""


def run(command: Sequence[str]) -> str:
    """What a program prints; raises Unavailable."""
    try:
        done = subprocess.run(  # noqa: S603  fixed programs; a name from the configuration is one argument, no shell
            command, capture_output=True, text=True, errors="replace", timeout=CALL_S, check=True,
            stdin=subprocess.DEVNULL, env=plain_env(),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{command[0]}: {error}") from None
    return done.stdout


def plain_env() -> dict[str, str]:
    """For programs that would translate their answers."""
    return {**os.environ, "LC_ALL": "C"}


class ServerMixer:
    """A sink of PulseAudio, or of PipeWire that speaks its protocol, through `pactl`."""

    def __init__(self, sink: str = "@DEFAULT_SINK@", run: Run = run) -> None:
        self.sink, self._run = sink, run

    @property
    def name(self) -> str:
        """See Mixer."""
        return "the sound server's output" if self.sink.startswith("@") else self.sink

    def read(self) -> int:
        """See Mixer."""
        return loudest(self._run(["pactl", "get-sink-volume", self.sink]))

    def write(self, percent: int) -> None:
        """See Mixer."""
        self._run(["pactl", "set-sink-volume", self.sink, f"{percent}%"])

    @property
    def watcher(self) -> Sequence[str]:
        """See Mixer."""
        return ("pactl", "subscribe")


class PipeWireMixer:
    """PipeWire's default sink through `wpctl`, where `pactl` is not installed."""

    name = "the sound server's output"
    watcher = ()  # wpctl has nothing of the kind

    def __init__(self, run: Run = run) -> None:
        self._run = run

    def read(self) -> int:
        """See Mixer."""
        text = self._run(["wpctl", "get-volume", "@DEFAULT_AUDIO_SINK@"])
        found = re.search(r"Volume: (\d+(?:\.\d+)?)", text)
        if found is None:
            raise Unavailable(f"wpctl tells no volume: {text[:60]!r}")
        return min(100, round(float(found[1]) * 100))

    def write(self, percent: int) -> None:
        """See Mixer."""
        self._run(["wpctl", "set-volume", "@DEFAULT_AUDIO_SINK@", f"{percent / 100:.2f}"])


class CardMixer:
    """A control of an ALSA card through `amixer`, on the scale of alsamixer: a step is as loud as any other."""

    def __init__(self, card: str, control: str, run: Run = run) -> None:
        self.card, self.control, self._run = card, control, run

    @property
    def name(self) -> str:
        """See Mixer."""
        return f"{self.control} of card {self.card}"

    def read(self) -> int:
        """See Mixer."""
        return playback_percent(self._call("sget"))

    def write(self, percent: int) -> None:
        """See Mixer. A control with a switch is switched on: one that was off would stay silent."""
        on = ["unmute"] if percent and "pswitch" in self._call("sget") else []
        self._call("sset", f"{percent}%", *on)

    @property
    def watcher(self) -> Sequence[str]:
        """See Mixer. Into a pipe, amixer would keep its lines back until there are many."""
        return ("stdbuf", "-oL", "amixer", "-c", self.card, "events")

    def _call(self, verb: str, *values: str) -> str:
        return self._run(["amixer", "-M", "-c", self.card, verb, self.control, *values])


def playback_percent(answer: str) -> int:
    """The volume in what `amixer sget` prints; raises Unavailable where the control has none for playing."""
    lines = [line.split("Capture")[0] for line in answer.splitlines() if _is_of_playing(line)]
    return loudest("\n".join(lines))


def _is_of_playing(line: str) -> bool:
    """A channel's line: of playing, or (capability `volume`) of both directions at once."""
    name, colon, values = line.strip().partition(":")
    return bool(colon) and name not in {"Capabilities", "Limits"} and not values.strip().startswith("Capture")


def loudest(text: str) -> int:
    """The highest percentage in an answer, 100 at most; raises Unavailable where there is none."""
    percents = [int(found) for found in _PERCENT.findall(text)]
    if not percents:
        raise Unavailable("there is no volume in the answer")
    return min(100, max(percents))


def controls(answer: str) -> list[str]:
    """The controls with a volume for playing, in what `amixer scontents` prints."""
    found = []
    for block in answer.split("Simple mixer control ")[1:]:
        name = re.match(r"'(.+?)',\d+", block)
        capabilities = re.search(r"Capabilities:(.*)", block)
        if name and capabilities and {"pvolume", "volume"} & set(capabilities[1].split()):
            found.append(name[1])
    return found


def find(wanted: str, device: str, run: Run = run) -> Mixer | None:
    """The mixer of an output device (its PortAudio name), or the one that is `wanted`; None: the software's gain."""
    if wanted == "software":
        return None
    card = CARD.search(device)
    candidates: list[Callable[[], Mixer]] = []
    if wanted != "auto":
        candidates.append(lambda: _sink(wanted, run))
    elif device in BY_SERVER:
        candidates += [lambda: ServerMixer(run=run), lambda: PipeWireMixer(run)]
    if card is not None:
        candidates.append(lambda: _control(card[1], wanted, run))
    for candidate in candidates:
        try:
            mixer = candidate()
            mixer.read()
        except Unavailable:
            continue
        return mixer
    return None


def _sink(name: str, run: Run) -> Mixer:
    names = [line.split("\t")[1] for line in run(["pactl", "list", "short", "sinks"]).splitlines() if "\t" in line]
    if name not in names:
        raise Unavailable(f"there is no output {name}")
    return ServerMixer(name, run)


def _control(card: str, wanted: str, run: Run) -> Mixer:
    there = controls(run(["amixer", "-c", card, "scontents"]))
    names = CONTROLS if wanted == "auto" else (wanted,)
    for name in names:
        if name in there:
            return CardMixer(card, name, run)
    raise Unavailable(f"card {card} has no control {' or '.join(names)}")
