"""The microphone's channels in the configuration: every mistake at once, and what is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Audio, Config, load, show
from edge.errors import ConfigError


def audio(tmp_path: Path, lines: str, **env: str) -> Audio:
    (tmp_path / "c.toml").write_text(f"[audio]\n{lines}\n")
    return load(tmp_path / "c.toml", {f"EDGE_VOICE_AUDIO__{key.upper()}": value for key, value in env.items()}).audio


def problems(tmp_path: Path, lines: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        audio(tmp_path, lines, **env)
    return caught.value.problems


def test_an_array_of_ones_own(tmp_path: Path) -> None:
    lines = """
        reference = 1
        microphones = [2, 3]
        positions_mm = ["-20,0", "20,0"]
        beam = "off"
        echo = "array"
    """
    expected = replace(
        Audio(), reference=1, microphones=(2, 3), positions_mm=("-20,0", "20,0"), beam="off", echo="array"
    )
    assert audio(tmp_path, lines) == expected


def test_the_same_by_variables(tmp_path: Path) -> None:
    got = audio(tmp_path, "", microphones="2, 3", positions_mm="-20 0, 20 0", reference="1", array="plain")
    assert (got.microphones, got.positions_mm, got.reference) == ((2, 3), ("-20 0", "20 0"), 1)


def test_one_microphone_may_be_written_without_a_list(tmp_path: Path) -> None:
    assert audio(tmp_path, "microphones = 2").microphones == (2,)


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    config = replace(Config(), audio=replace(Audio(), microphones=(1, 4), positions_mm=("-30,0", "30,0")))
    (tmp_path / "c.toml").write_text(show(config))
    assert load(tmp_path / "c.toml", {}).audio == config.audio


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    lines = """
        array = "respeaker-4mic"
        channel = 3
        processed = 1
        reference = 3
        microphones = [1, 2, 2, 65, 0]
        positions_mm = ["0,0", "left", "0,501"]
        beam = "on"
        echo = "pulse"
    """
    told = problems(tmp_path, lines)
    file = tmp_path / "c.toml"
    assert told == [
        f"{file}: audio.beam = 'on' must be one of auto, off.",
        f"{file}: audio.echo = 'pulse' must be one of auto, own, array, system, off.",
        "audio.array: there is no array 'respeaker-4mic'. Did you mean respeaker-4mic-usb?",
        "audio.microphones: channel 65 must be between 1 and 64.",
        "audio.microphones: channel 0 must be between 1 and 64.",
        "audio: channel 1 has more than one role of processed, reference and microphones.",
        "audio: channel 2 has more than one role of processed, reference and microphones.",
        "audio.channel must not be audio.reference: that is what the loudspeaker plays.",
        "audio.positions_mm: 'left' is no place; one looks like \"-32,0\", at most 500 mm from the middle.",
        "audio.positions_mm: '0,501' is no place; one looks like \"-32,0\", at most 500 mm from the middle.",
        "audio.positions_mm must have one place for each channel in audio.microphones, in the same order.",
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('microphones = ["1"]', "must be a list of whole numbers"),
        ("microphones = [true]", "must be a list of whole numbers"),
        ("microphones = [1.5]", "must be a list of whole numbers"),
        ("positions_mm = [1, 2]", "must be a list of texts"),
        ("processed = -1", "must be between 0 and 64"),
        ('array = "zzz"', "There are: plain, ps-eye, respeaker-4mic-usb, xvf3800."),
    ],
)
def test_one_mistake(tmp_path: Path, lines: str, words: str) -> None:
    (one,) = problems(tmp_path, lines)
    assert words in one


def test_a_variable_that_is_no_list_of_numbers(tmp_path: Path) -> None:
    assert problems(tmp_path, "", microphones="2, x") == [
        "EDGE_VOICE_AUDIO__MICROPHONES: '2, x' is not a list of whole numbers."
    ]
