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
from edge.audio.profile import NAME, VERSION, Profile, load, profile, save

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
