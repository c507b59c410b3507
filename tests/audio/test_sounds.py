"""The recorded sentences that come with the program, and what the configuration makes of the sounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.audio import adpcm, sounds
from edge.audio.chimes import chime
from edge.audio.convert import level_db
from edge.audio.sounds import FOLDER, path_of, sound_settings
from edge.config import Config, Device
from edge.config import Sounds as Section
from edge.core.effects import Tone
from edge.core.reports import SENTENCES, Problem
from tests.audio.test_speaker import RATE, Output


@pytest.mark.parametrize("language", SENTENCES)
def test_every_sentence_is_recorded_short_and_at_one_level(language: str) -> None:
    for problem in Problem:
        clip = adpcm.read(path_of(problem, language))
        sound = clip.decode()
        assert 0.5 < clip.seconds < 2.6, problem
        voiced = sound[np.abs(sound) > 1000]
        assert level_db(voiced) == pytest.approx(-19, abs=2.5), problem
        assert np.abs(sound[:10]).max() < 300  # no click
        assert np.abs(sound[-10:]).max() < 300


def test_together_they_are_small_and_nothing_else_is_there() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    assert len(files) == len(SENTENCES) * len(Problem)
    assert sum(file.stat().st_size for file in files) < 330_000


def test_a_chime_is_made_for_the_output_and_softened() -> None:
    out = Output()
    sounds.Sounds(out.speaker, "en", 50).play(Tone.ERROR)
    whole = chime(Tone.ERROR, RATE)
    heard = out.run(0.5)[: len(whole)]
    assert np.abs(heard - whole / 4).max() <= 1


def test_a_sentence_is_said_and_hushed() -> None:
    out = Output()
    port = sounds.Sounds(out.speaker, "de", 100)
    port.play(Problem.NO_INTERNET)
    out.run(0.6)
    assert level_db(out.heard[RATE // 10 :]) > -30
    port.hush()
    out.run(0.05)
    assert not out.run(0.5).any()


def test_by_default_only_what_the_light_does_not_tell_is_heard() -> None:
    wanted = sound_settings(Config())
    assert wanted.tones == {Tone.MUTE, Tone.UNMUTE, Tone.ERROR, Tone.OFFLINE, Tone.THINKING, Tone.TIMER}
    assert set(wanted.clips) == set(Problem) - {Problem.WAIT}
    assert wanted.clips[Problem.MUTED] == adpcm.read(path_of(Problem.MUTED, "en")).seconds


def test_everything_can_be_turned_off_or_on() -> None:
    off = dict.fromkeys(("start", "end", "mute", "error", "offline", "thinking", "check", "timer", "reports"), False)
    assert not sound_settings(replace(Config(), sounds=Section(**off))).any
    on = sound_settings(replace(Config(), sounds=Section(**dict.fromkeys(off, True))))
    assert on.tones == set(Tone)
    assert set(on.clips) == set(Problem)


def test_a_sentence_that_cannot_be_read_is_left_to_the_chime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sounds, "FOLDER", tmp_path)
    wanted = sound_settings(replace(Config(), device=Device(language="fr")))
    assert wanted.clips == {}
    assert Tone.ERROR in wanted.tones
