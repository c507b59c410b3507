"""Word error rate of the offline ears on the public English recordings."""

from __future__ import annotations

import re
import time

from edge.agents.local.understanding.made_up import is_hallucination
from edge.audio.files import load
from tests.bench.clips import clips, english
from tests.bench.table import median, show
from tests.speech import whisper

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
# The two spellings of the same spoken words: numerals, "oh", titles, contractions.
SAME = (("he's", "he is"), ("mr.", "mister"), ("-", " "))


def normal(text: str) -> list[str]:
    """Lower case words, numerals spelt out digit by digit as the recordings say them."""
    text = text.lower()
    for one, other in SAME:
        text = text.replace(one, other)
    text = re.sub(r"\b10\b", " ten ", text)
    text = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", text)
    text = re.sub(r"\boh\b", "zero", text)
    return re.sub(r"[^a-z' ]", " ", text).split()


def errors(wanted: list[str], got: list[str]) -> int:
    """Substitutions, insertions and deletions (Levenshtein distance over words)."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def _noise() -> None:
    """Noises must not be answered: Whisper finds words in most of them."""
    noises = [(clip, whisper().read(load(clip.path).tobytes())) for clip in clips("noise")]
    taken = [
        (clip.name, r.text, r.score, r.no_speech)
        for clip, r in noises
        if not is_hallucination(r.text, score=r.score, no_speech=r.no_speech, seconds=r.seconds)
    ]
    show(
        f"Noises taken for words: {len(taken)} of {len(noises)}", ("recording", "read as", "score", "no speech"), taken
    )


def run() -> None:
    """Each recording read once, whole, as a turn of its own."""
    rows, wrong, total, times = [], 0, 0, []
    for clip in english():
        pcm = load(clip.path).tobytes()
        began = time.perf_counter()
        reading = whisper().read(pcm)
        times.append(time.perf_counter() - began)
        wanted = normal(clip.transcript)
        bad = errors(wanted, normal(reading.text))
        wrong, total = wrong + bad, total + len(wanted)
        if bad:
            rows.append((clip.name, f"{bad}/{len(wanted)}", reading.text))
    show("Recordings with word errors", ("recording", "errors", "read as"), rows)
    summary = [(len(times), total, f"{100 * wrong / total:.1f} %", median(times), max(times))]
    _noise()
    show("Word error rate", ("recordings", "words", "word errors", "median s", "longest s"), summary)
