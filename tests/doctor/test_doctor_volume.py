"""What is told of the mixers."""

from __future__ import annotations

from edge.audio.settings import Setting
from edge.doctor import volume
from edge.doctor.checks import fail, warn, well

FOUND = well("USB Audio: 48000 Hz, volume 70; it takes sound.")
HEARD = Setting("PCM of card 1", 40, off=False, remedy="")
OFF = Setting("PCM of card 1", 40, off=True, remedy="amixer -M -c 1 sset PCM unmute")
DOWN = Setting("Mic of card 1", 0, off=False, remedy="amixer -M -c 1 sset Mic 70%")


def test_a_mixer_that_is_well_takes_no_line() -> None:
    assert volume.speaker(FOUND, None) == [FOUND]
    assert volume.speaker(FOUND, HEARD) == [
        well("USB Audio: 48000 Hz, volume 70; it takes sound; PCM of card 1 is at 40 %.")
    ]
    assert volume.microphone(None) == volume.microphone(HEARD) == []


def test_a_loudspeaker_that_nobody_hears_is_a_failure() -> None:
    assert volume.speaker(FOUND, OFF) == [
        FOUND, fail("Nothing will be heard: PCM of card 1 is switched off.", OFF.remedy)
    ]  # fmt: skip
    assert volume.speaker(FOUND, DOWN)[1] == fail("Nothing will be heard: Mic of card 1 is at 0 %.", DOWN.remedy)


def test_a_failure_of_the_loudspeaker_is_left_as_it_is() -> None:
    broken = fail('"USB Audio" takes no sound.')
    assert volume.speaker(broken, HEARD) == [broken]


def test_a_microphone_that_is_off_fails_and_one_that_is_down_may_hear() -> None:
    assert volume.microphone(OFF) == [fail("In the mixer, PCM of card 1 is switched off.", OFF.remedy)]
    assert volume.microphone(DOWN) == [warn("In the mixer, Mic of card 1 is at 0 %.", DOWN.remedy)]
