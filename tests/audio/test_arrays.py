"""What the channels of a device are for: by preset, by the owner's word, by how many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audio.arrays import PRESETS, Roles, Wish, fitting, wish
from edge.config import Audio
from edge.config.channels import position
from edge.config.schema import ARRAYS

ALL = st.builds(
    Wish, st.sampled_from(["", *PRESETS]), st.integers(0, 8), st.integers(0, 8), st.integers(0, 8),
    st.lists(st.integers(1, 8), max_size=4, unique=True).map(tuple), beam=st.booleans(),
)  # fmt: skip


def test_the_configuration_knows_every_preset() -> None:
    assert sorted(PRESETS) == sorted(ARRAYS)


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:1,0)", "respeaker-4mic-usb"),
        ("reSpeaker XVF3800 4-Mic Array: USB Audio (hw:2,0)", "xvf3800"),
        ("USB Camera-B4.09.24.1: Audio (hw:1,0)", "ps-eye"),
        ("USB PnP Sound Device: Audio (hw:1,0)", ""),
        ("default", ""),
    ],
)
def test_an_array_is_known_by_its_name(name: str, preset: str) -> None:
    assert fitting(name) == preset


@pytest.mark.parametrize(
    ("array", "channels", "roles"),
    [
        ("", 1, Roles((0,))),
        ("", 2, Roles((0, 1))),
        ("plain", 8, Roles(tuple(range(8)))),
        ("respeaker-4mic-usb", 6, Roles((0,), 5)),
        ("respeaker-4mic-usb", 1, Roles((0,))),
        ("respeaker-4mic-usb", 2, Roles((0,))),  # a sound server's stereo
        ("xvf3800", 2, Roles((0,))),
        ("xvf3800", 6, Roles((0,))),
        ("ps-eye", 4, Roles((0, 1, 2, 3), None, ((-30, 0), (10, 0), (-10, 0), (30, 0)))),
        ("ps-eye", 1, Roles((0,))),
    ],
)
def test_a_preset_adapts_to_the_channels_there_are(array: str, channels: int, roles: Roles) -> None:
    assert Wish(array).roles(channels) == roles


def test_the_owner_has_the_last_word() -> None:
    assert Wish("xvf3800", processed=2).roles(2) == Roles((1,))
    assert Wish("xvf3800", channel=2).roles(2) == Roles((1,))
    assert Wish("respeaker-4mic-usb", channel=2).roles(6) == Roles((1,), 5)
    assert Wish(channel=3, processed=1, reference=6).roles(6) == Roles((2,), 5)
    assert Wish(reference=3).roles(4) == Roles((0, 1, 3), 2)
    assert Wish(microphones=(2, 4)).roles(4) == Roles((1, 3))


def test_raw_microphones_of_a_known_array_stand_where_it_has_them() -> None:
    raw = Wish("respeaker-4mic-usb", microphones=(3, 5)).roles(6)
    assert raw == Roles((2, 4), 5, ((0, -32), (0, 32)))
    assert Wish("respeaker-4mic-usb", microphones=(3, 6)).roles(6) == Roles((2, 5))  # it cannot be the reference, too


def test_without_a_beam_places_are_of_no_use() -> None:
    assert Wish("ps-eye", beam=False).roles(4) == Roles((0, 1, 2, 3))
    own = Wish(microphones=(1, 2), positions_mm=((0, 0), (40, 0)))
    assert own.roles(2) == Roles((0, 1), None, ((0, 0), (40, 0)))
    assert replace(own, channel=1).roles(2) == Roles((0,))


@given(wanted=ALL, channels=st.integers(8, 12))
def test_roles_never_meet_and_are_there(wanted: Wish, channels: int) -> None:
    roles = wanted.roles(channels)
    assert roles.near
    assert all(0 <= c < channels for c in roles.near)
    assert roles.reference is None or 0 <= roles.reference < channels
    assert roles.reference not in roles.near
    assert len(roles.positions_mm) in {0, len(roles.near)}


@given(wanted=ALL, most=st.integers(1, 40))
def test_the_channels_asked_for_are_enough_and_not_too_many(wanted: Wish, most: int) -> None:
    counts = wanted.counts(most)
    least = max(1, *wanted.numbers.values())
    assert len(set(counts)) == len(counts)
    assert all(least <= n <= most for n in counts)
    assert bool(counts) == (least <= most)


@pytest.mark.parametrize(
    ("array", "most", "counts"),
    [
        ("respeaker-4mic-usb", 6, [6, 2, 1]),
        ("respeaker-4mic-usb", 1, [1]),
        ("respeaker-4mic-usb", 32, [6, 1, 2, 32]),  # through a sound server
        ("ps-eye", 4, [4, 2, 1]),
        ("plain", 8, [1, 2, 8]),
    ],
)
def test_an_array_is_opened_with_all_of_its_channels(array: str, most: int, counts: list[int]) -> None:
    assert Wish(array).counts(most) == counts


def test_the_configuration_becomes_a_wish() -> None:
    audio = replace(Audio(), array="ps-eye", microphones=(1, 4), positions_mm=("-30,0", "30 0"), beam="off")
    assert wish(audio) == Wish("ps-eye", microphones=(1, 4), positions_mm=((-30, 0), (30, 0)), beam=False)


@pytest.mark.parametrize(("text", "place"), [("0,32", (0, 32)), (" -1.5 ; 2", None), ("1", None), ("1,2,3", None),
                                             ("-1.5  2", (-1.5, 2)), ("nan,0", None), ("inf,0", None), ("600,0", None),
                                             ("", None), ("a,b", None)])  # fmt: skip
def test_a_place(text: str, place: tuple[float, float] | None) -> None:
    assert position(text) == place


def test_places_of_the_presets_are_of_one_plane_around_its_middle() -> None:
    for array in PRESETS.values():
        for channels, layout in array.layouts.items():
            assert len(layout.positions_mm) == len(layout.microphones)
            used = [*layout.microphones, *(c for c in (layout.processed, layout.reference) if c is not None)]
            assert len(set(used)) == len(used)
            assert max(used) < channels
            if layout.positions_mm:
                assert np.abs(np.mean(layout.positions_mm, axis=0)).max() < 1e-9
