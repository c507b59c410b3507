from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.panel.chart import BARS, LINE, Canvas, chart
from edge.panel.glyphs import HEIGHT, WIDTH, glyphs
from edge.panel.plot import RoomPicture

LEVELS = [-0.5, *(-14 - 0.75 * step for step in range(1, 60))]
DECAY = [0.0, *(-7 - 0.75 * step for step in range(1, 60))]
BANDS = [(125, -40.0), (250, -22.0), (500, -12.0), (1000, -3.0), (2000, -0.04), (4000, -60.0)]


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Read strictly: signature, chunks with their checksums, size, no filters."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, list[tuple[bytes, bytes]]()
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + data)
        chunks.append((kind, data))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert rest == [8, 2, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def count(image: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((image == colour).all(axis=2).sum())


def test_the_file() -> None:
    image = pixels(chart(RoomPicture(LEVELS, DECAY, BANDS)))
    assert image.shape == (808, 740, 3)
    assert count(image, LINE) > 1000
    assert count(image, BARS) > 10_000


def test_louder_is_more_ink() -> None:
    inks = [count(pixels(chart(RoomPicture([level] * 60, [], BANDS))), BARS) for level in (-60, -40, -20, 0)]
    assert inks == sorted(set(inks))


@pytest.mark.parametrize("levels", [[], [30.0] * 100, [-300.0] * 100, [0.0]])
@pytest.mark.parametrize("bands", [[(1000, 20.0)], [(125, -90.0), (250, 10.0)]])
def test_whatever_there_is(levels: list[float], bands: list[tuple[int, float]]) -> None:
    assert pixels(chart(RoomPicture(levels, levels, bands))).shape == (808, 740, 3)


def test_pixels_come_back() -> None:
    canvas = Canvas(7, 5)
    canvas.box(-1, 1, 3, 2, (1, 2, 3))
    image = pixels(canvas.png())
    assert image.shape == (5, 7, 3)
    assert count(image, (1, 2, 3)) == 4


def test_letters() -> None:
    one = glyphs("Hz")
    assert one.shape == (HEIGHT, 2 * WIDTH + 1)
    assert one[3, :WIDTH].all()  # the bar of the H
    assert not one[:, WIDTH].any()
    for letter in "Energy after the first arrival, dB of all: 0123456789.-kHz still to come by each ms Level":
        assert glyphs(letter).shape == (HEIGHT, WIDTH)
        assert glyphs(letter).any() or letter == " "
