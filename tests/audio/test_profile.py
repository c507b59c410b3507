from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audio.advice import advise
from edge.audio.calibration import Finding, Report
from edge.audio.profile import NAME, VERSION, Profile, concerns, load, profile, save
from edge.config import Audio, Config, Conversation

REPORT = Report(Finding.HEARD, -61.5, 80, delay_ms=41.25, return_db=-9.5, echo_dbfs=-31.4, drift_ppm=12.5,
                drift_error_ppm=0.5)  # fmt: skip
FOUND = profile(REPORT, advise(REPORT), "USB Mic", "Lautsprecher Süd", datetime(2026, 11, 24, 12, 30, tzinfo=UTC))


def test_what_is_kept() -> None:
    expected = Profile(
        "2026-11-24T12:30:00+00:00", "USB Mic", "Lautsprecher Süd", "heard", "safe", 80, 100, -61.5, 41.25, -9.5,
        -31.4, 12.5, 0.5,
    )  # fmt: skip
    assert expected == FOUND


@pytest.mark.parametrize(
    "found", [FOUND, replace(FOUND, delay_ms=None, return_db=None, echo_dbfs=None, drift_ppm=None)]
)
def test_there_and_back(tmp_path: Path, found: Profile) -> None:
    path = tmp_path / "new/folder" / NAME
    save(found, path)
    assert load(path) == found
    assert [file.name for file in path.parent.iterdir()] == [NAME]


def test_saved_anew(tmp_path: Path) -> None:
    for found in (FOUND, replace(FOUND, volume=30)):
        save(found, tmp_path / NAME)
    assert load(tmp_path / NAME) == replace(FOUND, volume=30)


def test_a_failed_save_leaves_the_old_one(tmp_path: Path) -> None:
    save(FOUND, tmp_path / NAME)
    (tmp_path / NAME).with_suffix(".partial").mkdir()
    with pytest.raises(OSError, match="directory"):
        save(replace(FOUND, volume=1), tmp_path / NAME)
    assert load(tmp_path / NAME) == FOUND


def test_none_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / NAME) is None
    assert load(tmp_path) is None


WHOLE: dict[str, Any] = {"version": VERSION, **asdict(FOUND)}
DAMAGED: list[Any] = [
    [], 5, None, "text", {}, {**WHOLE, "version": 2}, {**WHOLE, "extra": 1}, {**WHOLE, "volume": 101},
    {**WHOLE, "volume": -1}, {**WHOLE, "volume": 50.5}, {**WHOLE, "volume": True}, {**WHOLE, "volume_limit": None},
    {**WHOLE, "noise_dbfs": None}, {**WHOLE, "noise_dbfs": "-60"}, {**WHOLE, "delay_ms": float("nan")},
    {**WHOLE, "return_db": float("inf")}, {**WHOLE, "drift_ppm": True}, {**WHOLE, "safety": "perhaps"},
    {**WHOLE, "finding": "much"}, {**WHOLE, "date": "yesterday"}, {**WHOLE, "microphone": 3},
    {name: value for name, value in WHOLE.items() if name != "speaker"},
    {name: value for name, value in WHOLE.items() if name != "version"},
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_one_is_none(tmp_path: Path, content: Any) -> None:
    (tmp_path / NAME).write_text(json.dumps(content))
    assert load(tmp_path / NAME) is None


@pytest.mark.parametrize("cut", range(0, len(json.dumps(WHOLE)), 7))
def test_half_a_file_is_none(tmp_path: Path, cut: int) -> None:
    (tmp_path / NAME).write_text(json.dumps(WHOLE)[:cut])
    assert load(tmp_path / NAME) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("profile") / NAME
    path.write_bytes(content)
    assert load(path) is None


# --- what it means for the settings ---------------------------------------------------------------------


LIMITED = replace(FOUND, safety="limited", volume_limit=55)
UNSAFE = replace(FOUND, safety="unsafe", volume_limit=20)


def told(found: Profile, volume: int = 100, barge_in: str = "duck", echo: str = "auto") -> list[str]:
    config = replace(Config(), audio=Audio(volume=volume, echo=echo), conversation=Conversation(barge_in=barge_in))
    return [str(concern) for concern in concerns(found, config)]


def test_a_safe_one_has_nothing_to_say() -> None:
    assert told(FOUND) == []
    assert told(replace(FOUND, safety="unknown")) == []


@pytest.mark.parametrize("barge_in", ["duck", "stop"])
def test_one_that_is_not_safe_names_the_setting(barge_in: str) -> None:
    assert told(UNSAFE, barge_in=barge_in) == [
        (
            "Interrupting by voice is not safe here (calibration of 2026-11-24). "
            'Set conversation.barge_in = "button", or mend what `edge-voice calibrate` names.'
        )
    ]


@pytest.mark.parametrize("barge_in", ["button", "off"])
def test_where_no_voice_interrupts_nothing_matters(barge_in: str) -> None:
    assert told(replace(UNSAFE, delay_ms=400.0, drift_ppm=300.0), barge_in=barge_in) == []
    assert told(LIMITED, barge_in=barge_in) == []


def test_a_volume_above_the_limit_names_the_highest_that_is_good() -> None:
    assert told(LIMITED, volume=55) == []
    assert told(LIMITED, volume=56) == [
        (
            "audio.volume is 56, and interrupting by voice is safe up to 55 (calibration of 2026-11-24). "
            'Set audio.volume = 55, or conversation.barge_in = "button".'
        )
    ]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"delay_ms": 310.0}, "after 310 ms"),
        ({"delay_ms": -25.0}, "25 ms before"),
        ({"drift_ppm": -200.0}, "differ by 200 ppm"),
        ({"drift_ppm": 900.0, "drift_error_ppm": None}, "Samples were lost"),
    ],
)
def test_what_the_canceller_cannot_follow_is_said_where_it_is_ours(change: dict[str, Any], word: str) -> None:
    (one,) = told(replace(FOUND, **change))
    assert word in one
    assert told(replace(FOUND, **change), echo="own") == [one]
    for other in ("array", "system", "off"):
        assert told(replace(FOUND, **change), echo=other) == []


@pytest.mark.parametrize("change", [{"delay_ms": 240.0}, {"delay_ms": None}, {"drift_ppm": 150.5}, {"drift_ppm": None}])
def test_what_it_can_follow_is_not(change: dict[str, Any]) -> None:
    assert told(replace(FOUND, **change)) == []


def test_a_late_echo_is_told_beside_the_verdict_that_it_led_to() -> None:
    late = advise(replace(REPORT, delay_ms=310.0))
    found = profile(replace(REPORT, delay_ms=310.0), late, "M", "S", datetime(2026, 11, 24, tzinfo=UTC))
    assert [text.partition(" (")[0][:25] for text in told(found)] == [
        "Interrupting by voice is not safe here"[:25],
        "The sound comes back after 310 ms"[:25],
    ]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [(FOUND, "safe"), (LIMITED, "safe up to volume 55"), (UNSAFE, "not safe"),
     (replace(FOUND, safety="unknown"), "not known")],
)  # fmt: skip
def test_the_verdict_in_words(found: Profile, verdict: str) -> None:
    assert (found.day, found.verdict) == ("2026-11-24", verdict)


@pytest.mark.parametrize(
    ("microphone", "speaker", "same"),
    [
        ("USB Mic: Audio (hw:1,0)", "Spk: PCM (hw:0,3)", True),
        ("USB Mic: Audio (hw:2,0)", "Spk: PCM (hw:1,3)", True),  # the cards' numbers after another start
        ("USB Mic 2: Audio (hw:1,0)", "Spk: PCM (hw:0,3)", False),
        ("USB Mic: Audio (hw:1,0)", "default", False),
    ],
)
def test_it_is_of_these_devices_or_not(microphone: str, speaker: str, same: bool) -> None:
    found = replace(FOUND, microphone="USB Mic: Audio (hw:1,0)", speaker="Spk: PCM (hw:0,3)")
    assert found.is_of(microphone, speaker) is same
