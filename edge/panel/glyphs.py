"""Letters five dots wide and seven high, with two rows for descenders: those that the charts' labels need."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 5, 9
# Each letter: nine rows from the top, a row's five dots as a number, the leftmost dot being 16.
_ROWS = {
    " ": "0 0 0 0 0 0 0 0 0",
    "-": "0 0 0 31 0 0 0 0 0",
    ".": "0 0 0 0 0 12 12 0 0",
    ",": "0 0 0 0 0 12 12 8 0",
    ":": "0 12 12 0 12 12 0 0 0",
    "0": "14 17 19 21 25 17 14 0 0",
    "1": "4 12 4 4 4 4 14 0 0",
    "2": "14 17 1 2 4 8 31 0 0",
    "3": "31 2 4 2 1 17 14 0 0",
    "4": "2 6 10 18 31 2 2 0 0",
    "5": "31 16 30 1 1 17 14 0 0",
    "6": "6 8 16 30 17 17 14 0 0",
    "7": "31 1 2 4 8 8 8 0 0",
    "8": "14 17 17 14 17 17 14 0 0",
    "9": "14 17 17 15 1 2 12 0 0",
    "B": "30 17 17 30 17 17 30 0 0",
    "E": "31 16 16 30 16 16 31 0 0",
    "H": "17 17 17 31 17 17 17 0 0",
    "L": "16 16 16 16 16 16 31 0 0",
    "S": "15 16 16 14 1 1 30 0 0",
    "%": "24 25 2 4 8 19 3 0 0",
    "a": "0 0 14 1 15 17 15 0 0",
    "b": "16 16 22 25 17 17 30 0 0",
    "c": "0 0 14 16 16 17 14 0 0",
    "d": "1 1 13 19 17 17 15 0 0",
    "e": "0 0 14 17 31 16 14 0 0",
    "f": "6 9 8 28 8 8 8 0 0",
    "g": "0 0 15 17 17 15 1 17 14",
    "h": "16 16 22 25 17 17 17 0 0",
    "i": "4 0 12 4 4 4 14 0 0",
    "k": "16 16 18 20 24 20 18 0 0",
    "l": "12 4 4 4 4 4 14 0 0",
    "m": "0 0 26 21 21 21 21 0 0",
    "n": "0 0 22 25 17 17 17 0 0",
    "o": "0 0 14 17 17 17 14 0 0",
    "p": "0 0 30 17 17 30 16 16 16",
    "r": "0 0 22 25 16 16 16 0 0",
    "s": "0 0 15 16 14 1 30 0 0",
    "t": "8 8 28 8 8 9 6 0 0",
    "u": "0 0 17 17 17 19 13 0 0",
    "v": "0 0 17 17 17 10 4 0 0",
    "w": "0 0 17 17 21 21 10 0 0",
    "y": "0 0 17 17 17 15 1 17 14",
    "z": "0 0 31 2 4 8 31 0 0",
}


@cache
def _glyph(letter: str) -> NDArray[np.uint8]:
    rows = [int(row) for row in _ROWS[letter].split()]
    return np.array([[row >> (WIDTH - 1 - dot) & 1 for dot in range(WIDTH)] for row in rows], np.uint8)


def glyphs(words: str) -> NDArray[np.uint8]:
    """A line of text, a dot between letters; raises KeyError for a letter that is not here."""
    gap = np.zeros((HEIGHT, 1), np.uint8)
    return np.hstack([part for letter in words for part in (_glyph(letter), gap)][:-1])
