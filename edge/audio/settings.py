"""What the mixers of the devices in use are set to, and the command that makes them heard. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from edge.audio.mixer import (
    BY_SERVER,
    CARD,
    CardMixer,
    Mixer,
    PipeWireMixer,
    Run,
    ServerMixer,
    Unavailable,
    find,
    loudest,
    run,
)  # fmt: skip

ENOUGH = 70  # percent, for a command to be copied
# What takes part in recording, names as in the kernel's drivers; the first that a card has is in the way of the others.
CAPTURES = ("Capture", "Mic", "Headset", "Digital", "ADC", "PCM", "Line")
ABLE = frozenset({"cvolume", "cswitch"})  # `volume` is of both ways, and mostly for playing


@dataclass(frozen=True, slots=True)
class Setting:
    """`percent` is None where only a switch is there. `off`: silent by switch or mute, whatever the volume.

    `remedy` is the command that makes it heard; "" when nothing is wrong.
    """

    name: str
    percent: int | None
    off: bool
    remedy: str

    @property
    def is_silent(self) -> bool:
        """Nothing gets through."""
        return self.off or self.percent == 0


def of_speaker(wanted: str, device: str, run: Run = run) -> Setting | None:
    """Of an output device (its PortAudio name); None where nobody knows. `wanted` is audio.mixer.

    With `software` the system's own mixer is still in the way, so that is looked at.
    """
    found = find("auto" if wanted == "software" else wanted, device, run)
    try:
        return None if found is None else _of_mixer(found, run)
    except Unavailable:
        return None


def of_microphone(device: str, run: Run = run) -> Setting | None:
    """Of an input device (its PortAudio name); None where nobody knows."""
    card = CARD.search(device)
    looks: list[Callable[[], Setting]] = []
    if device in BY_SERVER:
        looks += [lambda: _of_server("source", "@DEFAULT_SOURCE@", "the sound server's input", run),
                  lambda: _of_pipewire("@DEFAULT_AUDIO_SOURCE@", "the sound server's input", run)]  # fmt: skip
    elif card is not None:
        looks.append(lambda: _of_capture(card[1], run))
    for look in looks:
        try:
            return look()
        except Unavailable:
            continue
    return None


def _of_mixer(found: Mixer, run: Run) -> Setting | None:
    if isinstance(found, ServerMixer):
        return _of_server("sink", found.sink, found.name, run)
    if isinstance(found, PipeWireMixer):
        return _of_pipewire("@DEFAULT_AUDIO_SINK@", found.name, run)
    if isinstance(found, CardMixer):
        said = run(["amixer", "-M", "-c", found.card, "sget", found.control])
        words = f"amixer -M -c {found.card} sset {_quoted(found.control)}"
        return _judged(found.name, found.read(), _is_off(said, "Playback"), _Words(f"{words} {ENOUGH}%",
                                                                                  f"{words} unmute"))  # fmt: skip
    return None


@dataclass(frozen=True, slots=True)
class _Words:
    """The commands for the volume and for the switch."""

    louder: str
    on: str


def _judged(name: str, percent: int | None, off: bool, words: _Words) -> Setting:
    wrong = [*([words.louder] if percent == 0 else []), *([words.on] if off else [])]
    return Setting(name, percent, off, "; ".join(wrong))


def _of_server(kind: str, name: str, called: str, run: Run) -> Setting:
    percent = loudest(run(["pactl", f"get-{kind}-volume", name]))
    off = run(["pactl", f"get-{kind}-mute", name]).strip().endswith("yes")
    words = _Words(f"pactl set-{kind}-volume {name} {ENOUGH}%", f"pactl set-{kind}-mute {name} 0")
    return _judged(called, percent, off, words)


def _of_pipewire(node: str, called: str, run: Run) -> Setting:
    said = run(["wpctl", "get-volume", node])
    found = re.search(r"Volume: (\d+(?:\.\d+)?)", said)
    if found is None:
        raise Unavailable(f"wpctl tells no volume: {said[:60]!r}")
    percent = min(100, round(float(found[1]) * 100))
    words = _Words(f"wpctl set-volume {node} {ENOUGH / 100}", f"wpctl set-mute {node} 0")
    return _judged(called, percent, "[MUTED]" in said, words)


def _of_capture(card: str, run: Run) -> Setting:
    blocks = _blocks(run(["amixer", "-M", "-c", card, "scontents"]))
    there = [name for name in CAPTURES if ABLE & set(_capabilities(blocks.get(name, "")))]
    if not there:
        raise Unavailable(f"card {card} has no control of recording")
    name, said = there[0], blocks[there[0]]
    percents = [int(one) for part in _parts(said, "Capture") for one in re.findall(r"(\d+)%", part)]
    words = f"amixer -M -c {card} sset {_quoted(name)}"
    percent = max(percents, default=None)
    return _judged(f"{name} of card {card}", percent, _is_off(said, "Capture"), _Words(f"{words} {ENOUGH}%",
                                                                                      f"{words} cap"))  # fmt: skip


def _blocks(answer: str) -> dict[str, str]:
    """The controls in what `amixer scontents` prints, by their names."""
    found = {}
    for block in answer.split("Simple mixer control ")[1:]:
        name = re.match(r"'(.+?)',0", block)
        if name:
            found[name[1]] = block
    return found


def _capabilities(block: str) -> list[str]:
    found = re.search(r"Capabilities:(.*)", block)
    names = found[1].split() if found else []
    return [name.removesuffix("-joined").removesuffix("-exclusive") for name in names]


def _parts(said: str, way: str) -> list[str]:
    """What stands after Playback or Capture in the channels' lines; both share a control without such a word."""
    parts = []
    for line in said.splitlines():
        name, _, values = line.strip().partition(":")
        if name not in {"Capabilities", "Limits"} and "[" in values:
            pieces = re.split(r"\b(Playback|Capture)\b", values)
            parts += [text for word, text in zip(pieces[1::2], pieces[2::2], strict=True) if word == way]
            parts += [values] if len(pieces) == 1 else []
    return parts


def _is_off(said: str, way: str) -> bool:
    text = " ".join(_parts(said, way))
    return "[off]" in text and "[on]" not in text


def _quoted(control: str) -> str:
    return f"'{control}'" if " " in control else control
