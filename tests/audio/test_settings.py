"""What the mixers are set to: on the answers of real cards and servers (tests/data/mixer, see test_mixer)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest

from edge.audio.mixer import Run, Unavailable
from edge.audio.settings import Setting, of_microphone, of_speaker
from tests.audio.test_mixer import USB, VOLUME, answer, card, system

SERVER = "@DEFAULT_SINK@"


def server(volume: str = VOLUME, mute: str = "Mute: no\n") -> Run:
    """As `pactl` 16 answers."""
    return system(pactl=lambda command: mute if "mute" in command[1] else volume)[0]


def usb(old: str = "", new: str = "") -> Run:
    """The card of usb_pnp.txt, with another setting."""

    def amixer(command: Sequence[str]) -> str:
        return card("usb_pnp")(command).replace(old, new)

    return system(amixer=amixer)[0]


def test_a_speaker_that_is_heard() -> None:
    assert of_speaker("auto", USB, usb()) == Setting("PCM of card 1", 11, off=False, remedy="")
    assert of_speaker("auto", "default", server()) == Setting("the sound server's output", 37, off=False, remedy="")
    found = of_speaker("auto", "pipewire", system(wpctl="Volume: 0.40\n")[0])
    assert found == Setting("the sound server's output", 40, off=False, remedy="")
    assert not found.is_silent


def test_a_cards_switch_that_is_off_and_its_volume_at_nothing() -> None:
    found = of_speaker("auto", USB, usb("[11%] [-25.38dB] [on]", "[11%] [-25.38dB] [off]"))
    assert found == Setting("PCM of card 1", 11, off=True, remedy="amixer -M -c 1 sset PCM unmute")
    assert found.is_silent
    found = of_speaker("auto", USB, usb("[11%]", "[0%]"))
    assert found == Setting("PCM of card 1", 0, off=False, remedy="amixer -M -c 1 sset PCM 70%")
    assert found.is_silent


def test_one_channel_that_is_on_is_heard() -> None:
    found = of_speaker("auto", USB, usb("Front Left: Playback 16 [11%] [-25.38dB] [on]",
                                        "Front Left: Playback 0 [0%] [-30.00dB] [off]"))  # fmt: skip
    assert found is not None
    assert (found.percent, found.off) == (11, False)


def test_the_switch_of_playing_is_not_that_of_recording() -> None:
    """Line Both plays nothing, and records."""
    found = of_speaker("Line Both", USB, system(amixer=card("hda"))[0])
    assert found == Setting("Line Both of card 1", 30, off=True, remedy="amixer -M -c 1 sset 'Line Both' unmute")


def test_a_control_without_a_switch_is_on() -> None:
    found = of_speaker("auto", USB, system(amixer=card("softvol"))[0])
    assert found == Setting("PCM of card 1", 20, off=False, remedy="")


def test_a_servers_mute() -> None:
    found = of_speaker("auto", "default", server(mute="Mute: yes\n"))
    assert found is not None
    assert (found.off, found.remedy) == (True, f"pactl set-sink-mute {SERVER} 0")
    found = of_speaker("auto", "default", server(VOLUME.replace("37%", "0%"), "Mute: yes\n"))
    assert found is not None
    assert found.remedy == f"pactl set-sink-volume {SERVER} 70%; pactl set-sink-mute {SERVER} 0"


def test_pipewires_mute() -> None:
    found = of_speaker("auto", "default", system(wpctl="Volume: 0.00 [MUTED]\n")[0])
    assert found is not None
    assert (found.percent, found.off) == (0, True)
    assert found.remedy == "wpctl set-volume @DEFAULT_AUDIO_SINK@ 0.7; wpctl set-mute @DEFAULT_AUDIO_SINK@ 0"


def test_behind_the_softwares_volume_the_card_is_looked_at_all_the_same() -> None:
    found = of_speaker("software", USB, usb("[on]", "[off]"))
    assert found is not None
    assert found.off


@pytest.mark.parametrize("device", [USB, "default", "usbspk"])
def test_where_nobody_knows(device: str) -> None:
    assert of_speaker("auto", device, system()[0]) is None
    assert of_microphone(device, system()[0]) is None


def test_a_server_too_old_to_tell_of_its_mute() -> None:
    def pactl(command: Sequence[str]) -> str:
        if command[1] == "get-sink-mute":
            raise Unavailable("pactl: No valid command specified.")
        return VOLUME

    assert of_speaker("auto", "default", system(pactl=pactl)[0]) is None


# --- the microphone ------------------------------------------------------------------------------------


def test_a_microphone_that_hears() -> None:
    assert of_microphone(USB, usb()) == Setting("Mic of card 1", 81, off=False, remedy="")
    assert of_microphone("default", server()) == Setting("the sound server's input", 37, off=False, remedy="")


def test_a_microphone_that_is_switched_off() -> None:
    found = of_microphone(USB, usb("[19.34dB] [on]", "[19.34dB] [off]"))
    assert found == Setting("Mic of card 1", 81, off=True, remedy="amixer -M -c 1 sset Mic cap")
    found = of_microphone("pulse", server(mute="Mute: yes\n"))
    assert found is not None
    assert found.remedy == "pactl set-source-mute @DEFAULT_SOURCE@ 0"
    found = of_microphone("pipewire", system(wpctl="Volume: 1.00 [MUTED]")[0])
    assert found is not None
    assert found.remedy == "wpctl set-mute @DEFAULT_AUDIO_SOURCE@ 0"


def test_a_card_that_records_by_a_switch_alone() -> None:
    said = "Simple mixer control 'Capture',0\n  Capabilities: cswitch\n  Front Left: Capture [off]\n"
    found = of_microphone(USB, system(amixer=said)[0])
    assert found == Setting("Capture of card 1", None, off=True, remedy="amixer -M -c 1 sset Capture cap")


def test_a_card_without_recording() -> None:
    assert of_microphone(USB, system(amixer=answer("softvol"))[0]) is None
    assert of_microphone("pipewire", system(wpctl="what?")[0]) is None


@pytest.mark.parametrize("setting", [usb("[on]", "[off]"), usb("[11%]", "[0%]")])
def test_the_command_is_one_that_a_shell_takes_apart_well(setting: Run) -> None:
    found = of_speaker("auto", USB, setting)
    assert found is not None
    said = subprocess.run(["bash", "-nc", found.remedy], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
