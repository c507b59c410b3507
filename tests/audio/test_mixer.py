"""Mixers: what their programs print, on real answers, and which one is chosen.

tests/data/mixer: pulse.txt was printed by amixer 1.2.8 here; the others are from bug reports of three sound cards,
and the last entry of hda.txt has another report's lines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from edge.audio import mixer
from edge.audio.mixer import CardMixer, PipeWireMixer, ServerMixer, Unavailable, controls, find, playback_percent

DATA = Path(__file__).parents[1] / "data" / "mixer"
USB = "USB Audio Device: - (hw:1,0)"
VOLUME = "Volume: front-left: 24248 /  37% / -25.91 dB,   front-right: 24248 /  37% / -25.91 dB\n        balance 0.00\n"
SINKS = "0\tspk\tmodule-null-sink.c\ts16le 1ch 48000Hz\tIDLE\n1\tmicfeed\tmodule-null-sink.c\ts16le 1ch 48000Hz\tIDLE\n"


def answer(name: str) -> str:
    return (DATA / f"{name}.txt").read_text()


def of(name: str, control: str) -> str:
    """What `amixer sget` prints of one control."""
    [block] = [each for each in answer(name).split("Simple mixer control ") if each.startswith(f"'{control}'")]
    return f"Simple mixer control {block}"


def system(**answers: str | Callable[[Sequence[str]], str]) -> tuple[mixer.Run, list[list[str]]]:
    """The programs that are there, by name, and every call of them."""
    calls: list[list[str]] = []

    def run(command: Sequence[str]) -> str:
        calls.append(list(command))
        if command[0] not in answers:
            raise Unavailable(command[0])
        there = answers[command[0]]
        return there if isinstance(there, str) else there(command)

    return run, calls


def card(name: str) -> Callable[[Sequence[str]], str]:
    def run(command: Sequence[str]) -> str:
        return answer(name) if "scontents" in command else of(name, command[command.index("-c") + 3])

    return run


# --- answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("pulse", ["Master"]),
        ("usb_pnp", ["PCM"]),
        ("softvol", ["PCM"]),
        ("hda", ["Master", "Headphone", "Front Mic", "Front Mic Boost", "Line Both"]),
    ],
)
def test_controls_with_a_volume_for_playing(name: str, names: list[str]) -> None:
    assert controls(answer(name)) == names


@pytest.mark.parametrize(
    ("name", "control", "percent"),
    [
        ("pulse", "Master", 40),
        ("usb_pnp", "PCM", 11),
        ("softvol", "PCM", 20),
        ("hda", "Master", 100),
        ("hda", "Front Mic", 0),
        ("hda", "Line Both", 30),  # not the 91 % of recording
    ],
)
def test_the_volume_of_a_control(name: str, control: str, percent: int) -> None:
    assert playback_percent(of(name, control)) == percent


@pytest.mark.parametrize("control", ["Mic", "Auto Gain Control"])
def test_a_control_without_one(control: str) -> None:
    with pytest.raises(Unavailable):
        playback_percent(of("usb_pnp", control))


def test_the_servers_volume() -> None:
    run, calls = system(pactl=VOLUME)
    assert ServerMixer(run=run).read() == 37
    ServerMixer("spk", run).write(40)
    assert calls[1] == ["pactl", "set-sink-volume", "spk", "40%"]
    with pytest.raises(Unavailable):
        ServerMixer(run=system(pactl="")[0]).read()
    assert ServerMixer(run=system(pactl=VOLUME.replace("37%", "150%"))[0]).read() == 100


def test_pipewires_volume() -> None:
    assert PipeWireMixer(system(wpctl="Volume: 0.40 [MUTED]\n")[0]).read() == 40
    run, calls = system(wpctl="Volume: 1.20\n")
    assert PipeWireMixer(run).read() == 100
    PipeWireMixer(run).write(5)
    assert calls[1] == ["wpctl", "set-volume", "@DEFAULT_AUDIO_SINK@", "0.05"]
    with pytest.raises(Unavailable):
        PipeWireMixer(system(wpctl="what?")[0]).read()


def test_a_cards_control_is_set_and_switched_on() -> None:
    run, calls = system(amixer=card("usb_pnp"))
    CardMixer("1", "PCM", run).write(60)
    assert calls[-1] == ["amixer", "-M", "-c", "1", "sset", "PCM", "60%", "unmute"]
    CardMixer("1", "PCM", run).write(0)
    assert calls[-1] == ["amixer", "-M", "-c", "1", "sset", "PCM", "0%"]
    run, calls = system(amixer=card("softvol"))  # it has no switch, and amixer would refuse
    CardMixer("1", "PCM", run).write(60)
    assert calls[-1] == ["amixer", "-M", "-c", "1", "sset", "PCM", "60%"]


# --- which one -------------------------------------------------------------------------------------------


def chosen(wanted: str, device: str, **answers: str | Callable[[Sequence[str]], str]) -> str | None:
    found = find(wanted, device, system(**answers)[0])
    return None if found is None else found.name


def test_a_card_is_set_by_its_own_control() -> None:
    assert chosen("auto", USB, amixer=card("usb_pnp"), pactl=VOLUME) == "PCM of card 1"
    assert chosen("auto", USB, amixer=card("hda")) == "Master of card 1"
    assert chosen("Headphone", USB, amixer=card("hda")) == "Headphone of card 1"


@pytest.mark.parametrize("device", ["default", "pulse", "pipewire"])
def test_the_servers_devices_are_set_by_the_server(device: str) -> None:
    assert chosen("auto", device, pactl=VOLUME) == "the sound server's output"
    assert chosen("auto", device, wpctl="Volume: 0.40") == "the sound server's output"
    assert isinstance(find("auto", device, system(wpctl="Volume: 0.40")[0]), PipeWireMixer)


def test_an_output_of_the_server_by_its_name() -> None:
    both = {"pactl": lambda command: SINKS if "list" in command else VOLUME}
    assert chosen("micfeed", "usbspk", **both) == "micfeed"
    assert chosen("another", "usbspk", **both) is None


def test_where_there_is_none_the_program_does_it_itself() -> None:
    assert chosen("software", USB, amixer=card("usb_pnp")) is None
    assert chosen("auto", USB) is None
    assert chosen("auto", "usbspk", pactl=VOLUME) is None  # who knows where that leads
    assert chosen("auto", "default", pactl="Connection refused") is None
    assert chosen("Treble", USB, amixer=card("usb_pnp")) is None
    assert chosen("auto", USB, amixer="Simple mixer control 'Mic',0\n  Capabilities: cvolume\n") is None


# --- running programs -----------------------------------------------------------------------------------


def test_a_program_answers_or_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixer, "CALL_S", 5.0)
    code = "import os; print(os.environ['LC_ALL'], b'\\xff'.decode(errors='replace'))"
    assert mixer.run([sys.executable, "-c", code]).startswith("C ")
    with pytest.raises(Unavailable):
        mixer.run([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(Unavailable):
        mixer.run(["/nonexistent/amixer"])
    monkeypatch.setattr(mixer, "CALL_S", 0.2)
    with pytest.raises(Unavailable):
        mixer.run([sys.executable, "-c", "import time; time.sleep(60)"])
