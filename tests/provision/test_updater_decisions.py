"""The pure part: rings, windows, what to do after a cut, which releases stay, and when a release is good."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from provision.updater.decisions import Next, Trial, in_window, no_room, resume, ring_of, surplus
from provision.updater.errors import Usage
from provision.updater.health import GOOD, WAIT, Before, Gate, Look
from provision.updater.service import with_status
from provision.updater.settings import load


def test_rings_are_even_and_stay() -> None:
    rings = [ring_of(f"device-{number}") for number in range(10_000)]
    assert all(60 <= rings.count(ring) <= 145 for ring in range(100))  # 100, within 4.5 sigma
    assert ring_of("device-1") == ring_of("device-1") == rings[1]
    assert sum(ring < 5 for ring in rings) == pytest.approx(500, abs=100)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ((time(2), time(5)), (time(2), time(4, 59)), (time(1, 59), time(5), time(14))),
        ((time(23), time(4)), (time(23), time(0), time(3, 59)), (time(22, 59), time(4), time(12))),
    ],
)
def test_windows(window: tuple[time, time], inside: tuple[time, ...], outside: tuple[time, ...]) -> None:
    assert all(in_window(window, now) for now in inside)
    assert not any(in_window(window, now) for now in outside)
    assert in_window(None, time(12))


def test_room() -> None:
    assert no_room(100 << 20, 164 << 20) == ""
    assert no_room(100 << 20, 163 << 20) == "The disk has 163 MB free, and 164 MB are needed."


TRIAL = Trial("old", "new", 7)


@pytest.mark.parametrize(
    ("trial", "current", "refused", "booting", "then"),
    [
        (None, "old", (), False, Next.NOTHING),
        (None, "old", (7,), True, Next.NOTHING),
        (TRIAL, "old", (), False, Next.FORGET),
        (TRIAL, "old", (), True, Next.FORGET),
        (TRIAL, "new", (), False, Next.WATCH),
        (TRIAL, "new", (), True, Next.WATCH),
        (replace(TRIAL, boots=1), "new", (), False, Next.WATCH),
        (replace(TRIAL, boots=1), "new", (), True, Next.BACK),
        (TRIAL, "new", (7,), False, Next.BACK),
        (TRIAL, "old", (7,), False, Next.BACK),
        (TRIAL, "new", (6,), False, Next.WATCH),
    ],
)
def test_after_a_cut(trial: Trial | None, current: str, refused: tuple[int, ...], booting: bool, then: Next) -> None:
    assert resume(trial, current, refused, booting=booting) is then


def test_what_is_in_use_stays_and_the_newest_beside_it() -> None:
    names = [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e")]
    assert surplus(names, "e", "d") == ["a", "b"]
    assert surplus(names, "a", "b") == ["c", "d"]
    assert surplus(names, "a", "") == ["b", "c"]
    assert surplus(names[:3], "a", "b") == []
    assert surplus(names, "e", "e") == ["a", "b"]


# ---- the gate --------------------------------------------------------------------------------------------------------

ALL = Before(runs=True, well=True, relay=True, selftest=True)
UP = Look("active", 5, 0, well=True, relay=True)


def until(gate: Gate, *looks: tuple[float, Look]) -> str:
    """What it says in the end, having waited before."""
    *first, (last, seen) = looks
    for now, look in first:
        assert gate.look(look, now) == WAIT
    return gate.look(seen, last)


def test_all_is_well() -> None:
    gate = Gate(ALL, 180)
    assert until(gate, (0, Look("activating")), (2, UP)) == WAIT
    assert gate.wants_selftest
    assert gate.selftest(True) == WAIT
    assert not gate.wants_selftest
    assert until(gate, (181, UP), (182, UP)) == GOOD


def test_without_the_selftest_it_is_not_kept() -> None:
    gate = Gate(ALL, 180)
    assert until(gate, (2, UP), (300, UP)) == WAIT
    assert gate.selftest(False) != WAIT
    assert Gate(ALL, 1).selftest(None) == WAIT


@pytest.mark.parametrize(
    "looks",
    [
        ((24.9, Look("activating")), (25, Look("activating"))),
        ((1, Look("activating")), (2, Look("activating", 0, 1))),
        ((1, Look("failed")),),
        ((1, Look("inactive")),),
        ((1, UP), (60, replace(UP, restarts=1))),
        ((1, UP), (60, replace(UP, pid=6))),
        ((1, UP), (60, replace(UP, active="deactivating"))),
        ((1, UP), (60, replace(UP, well=False)), (70, replace(UP, well=False))),
        ((1, UP), (60, replace(UP, well=None)), (70, replace(UP, well=None))),
        ((1, replace(UP, well=False)), (11, replace(UP, well=False))),
    ],
)
def test_something_is_wrong(looks: tuple[tuple[float, Look], ...]) -> None:
    assert until(Gate(ALL, 180), *looks) not in {WAIT, GOOD}


def test_a_short_trouble_is_forgiven() -> None:
    gate = Gate(replace(ALL, selftest=False), 180)
    looks = [(1, UP), (60, replace(UP, well=False)), (69, replace(UP, well=False)), (70, UP), (181, UP)]
    assert until(gate, *looks) == GOOD


def test_it_is_not_kept_in_the_middle_of_a_trouble() -> None:
    gate = Gate(replace(ALL, selftest=False), 180)
    assert until(gate, (1, UP), (180, replace(UP, well=False)), (185, replace(UP, well=False))) == WAIT
    assert gate.look(UP, 186) == GOOD


def test_the_relay_has_until_the_end_and_half_a_minute() -> None:
    alone = replace(UP, relay=False)
    gate = Gate(replace(ALL, selftest=False), 180)
    assert until(gate, (1, alone), (181, alone), (210, alone)) == WAIT
    assert "relay" in gate.look(alone, 211)


def test_what_did_not_work_before_is_not_asked_for() -> None:
    before = Before(runs=True, well=False)
    deaf = Look("active", 5, 0, well=False, relay=False)
    assert until(Gate(before, 180), (1, deaf), (181, deaf)) == GOOD
    assert Gate(Before(runs=False), 180).look(Look("failed"), 0) == GOOD
    assert Before.of(before.worked) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"ready": true, "state": "idle"}', replace(UP, relay=None)),
        ('{"ready": true, "state": "listening"}', replace(UP, busy=True, relay=None)),
        ('{"ready": false, "muted": true, "problems": [], "state": "muted"}', replace(UP, relay=None)),
        ('{"ready": false, "muted": true, "problems": ["x"], "state": "muted"}', replace(UP, well=False, relay=None)),
        ('{"ready": false, "state": "error", "link": {"standing": "online"}}\nWarning', replace(UP, well=False)),
        ("No edge-voice daemon is running here.", Look("active", 5)),
        ("[]", Look("active", 5)),
        ('{"ready": true}', Look("active", 5)),
    ],
)  # fmt: skip
def test_what_the_daemon_says_of_itself(text: str, expected: Look) -> None:
    assert with_status(Look("active", 5), text) == expected


# ---- update.conf -----------------------------------------------------------------------------------------------------


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "update.conf"
    assert load(path, "device-1").ring == ring_of("device-1")
    path.write_text(
        "[update]\nchannel = https://x/c.json\nring = 7\nwindow = 23:00 - 04:30\nclass = debug\nminutes = 0.5\n"
    )
    said = load(path, "device-1")
    assert (said.channel, said.ring, said.kind, said.soak_s) == ("https://x/c.json", 7, "debug", 30)
    assert said.window == (time(23), time(4, 30))


@pytest.mark.parametrize(
    "text",
    ["ring = 100", "ring = x", "window = 2-5", "window = 02:00-25:00", "minutes = 61", "minutes = x", "channel = ftp://x",
     "colour = red", "no equals sign"],
)  # fmt: skip
def test_settings_that_are_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "update.conf"
    path.write_text(f"[update]\n{text}\n")
    with pytest.raises(Usage, match=r"update\.conf: "):
        load(path, "")
