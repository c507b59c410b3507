"""The table of languages: each has all of it, and what is said in them."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime

import pytest

from edge.config import Chained, Realtime
from edge.config.schema import Device
from edge.core.consent import is_yes
from edge.core.languages import ENGLISH, LANGUAGES, Language, instructions
from edge.core.reports import SENTENCES

OTHERS = [code for code in LANGUAGES if code != ENGLISH]
NOON = datetime(2026, 11, 25, 12, 5)  # noqa: DTZ001  a Wednesday, wherever


def slots(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_the_languages_are_those_of_the_configuration_and_of_the_reports() -> None:
    assert set(LANGUAGES) == set(SENTENCES) == set(Device.__dataclass_fields__["language"].metadata["choices"])


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_each_phrase_with_its_slots(code: str) -> None:
    one, english = LANGUAGES[code], LANGUAGES[ENGLISH]
    for phrase in fields(Language):
        assert getattr(one, phrase.name), phrase.name
        if isinstance(getattr(one, phrase.name), str) and phrase.name != "clock":
            assert slots(getattr(one, phrase.name)) == slots(getattr(english, phrase.name)), phrase.name
    assert set(one.kinds) == set(english.kinds)
    assert len(set(one.weekdays)) == 7


@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_is_still_english(code: str) -> None:
    same = [p.name for p in fields(Language) if getattr(LANGUAGES[code], p.name) == getattr(LANGUAGES[ENGLISH], p.name)]
    assert same == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_yes_of_a_language_is_a_yes(code: str) -> None:
    for word in LANGUAGES[code].yes.split("|"):
        assert is_yes(f"{word.capitalize()}!"), word
        assert all(is_yes(f"{word}, {beside}") for beside in LANGUAGES[code].beside.split("|"))


@pytest.mark.parametrize(
    ("code", "said"), [("en", "12:05 PM"), ("de", "12:05 Uhr"), ("fr", "12 h 05"), ("es", "12:05")]
)
def test_the_time_of_day(code: str, said: str) -> None:
    assert LANGUAGES[code].time(NOON) == said


def test_english_has_halves_of_the_day() -> None:
    assert LANGUAGES["en"].time(NOON.replace(hour=0)) == "12:05 AM"
    assert LANGUAGES["en"].time(NOON.replace(hour=13)) == "1:05 PM"


@pytest.mark.parametrize(
    ("code", "days"),
    [
        ("en", ("", " yesterday", " on Wednesday")),
        ("de", ("", " gestern", " am Mittwoch")),
        ("fr", ("", " hier", " mercredi")),
        ("es", ("", " ayer", " el miércoles")),
    ],
)
def test_the_day(code: str, days: tuple[str, ...]) -> None:
    assert tuple(LANGUAGES[code].day(NOON, NOON.replace(day=25 + n)) for n in range(3)) == days


def test_a_model_is_told_in_the_languages_words_unless_it_is_told_something_else() -> None:
    assert instructions("Be kind.", "de") == "Be kind."
    assert instructions(Realtime().instructions, "de") == LANGUAGES["de"].instructions
    assert instructions(Realtime().instructions, "en") == Realtime().instructions
    german = instructions(Chained().instructions, "de", spoken_text=True)
    assert german == f"{LANGUAGES['de'].instructions} {LANGUAGES['de'].written}"
    assert instructions(Chained().instructions, "en", spoken_text=True) == Chained().instructions
