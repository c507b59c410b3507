"""Scenario files: what is in them, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.evals.command import READY
from edge.evals.scenario import Call, Scenario, read, read_all


def given(folder: Path, text: str) -> tuple[Scenario | None, list[str]]:
    file = folder / "one.toml"
    file.write_text(text)
    problems: list[str] = []
    return read(file, problems), [problem.replace(str(file), "FILE") for problem in problems]


def test_a_scenario_has_turns_and_what_must_come_of_them(tmp_path: Path) -> None:
    text = """
    about = "Two turns"
    needs = ["language_model"]
    [[turn]]
    say = "Set a timer."
    tools = [{ name = "set_timer", arguments = { seconds = 60 } }]
    words = ["minute"]
    latency_ms = 900
    [[turn]]
    say = "Stop."
    into_reply_s = 0.5
    button = true
    tools = []
    answered = false
    """
    scenario, problems = given(tmp_path, text)
    assert problems == []
    assert scenario is not None
    assert (scenario.name, scenario.about, scenario.needs) == ("one", "Two turns", ("language_model",))
    one, other = scenario.turns
    assert (one.mode, one.what, one.tools, one.latency_ms) == (
        "say",
        "Set a timer.",
        (Call("set_timer", {"seconds": 60}),),
        900,
    )
    assert (other.into_reply_s, other.button, other.tools, other.answered) == (0.5, True, (), False)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = """
    abuot = "Misspelt"
    [[turn]]
    say = "Hello"
    type = "Hello"
    into_reply_s = 1.0
    words = "hello"
    [[turn]]
    audio = "nowhere.wav"
    latency_ms = -1
    tools = [{ arguments = [] }]
    [[turn]]
    answered = false
    words = ["yes"]
    button = true
    """
    scenario, problems = given(tmp_path, text)
    assert scenario is None
    told = "\n".join(problems)
    for wanted in (
        "no key abuot. Did you mean about?", "turn 1: words = 'hello' must be a list of texts",
        "turn 1 needs one of say, audio, type; it has say and type", "turn 1: into_reply_s needs a turn before it",
        "turn 2: latency_ms = -1 must be milliseconds", "nowhere.wav does not exist",
        "turn 2: each of tools needs a name",
        "turn 2: tools: arguments = [] must be a table", "turn 3 needs one of say, audio, type; it has none",
        "turn 3: answered = false leaves nothing to ask of words", "turn 3: button is about an interruption",
    ):  # fmt: skip
        assert wanted in told, told


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "there is no [[turn]]"),
        ("turn = 3", "must be sections [[turn]]"),
        ("turn = [3]", "turn 1 must be a section"),
        ("[[turn", "is not TOML"),
        ('[[turn]]\nsay = ""', "must be a text"),
        ('[[turn]]\nsay = "a"\nagain = true', "again needs a turn before it"),
        ('[[turn]]\nsay = "a"\ntools = ["x"]', "each of tools is a table"),
        ('[[turn]]\nsay = "a"\n[[turn]]\ntype = "a"\ninto_reply_s = 1', "a typed turn interrupts nothing"),
    ],
)
def test_what_is_wrong_is_told(text: str, what: str, tmp_path: Path) -> None:
    scenario, problems = given(tmp_path, text)
    assert scenario is None
    assert any(what in problem for problem in problems), problems


def test_folders_and_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('[[turn]]\nsay = "b"')
    (tmp_path / "a.toml").write_text('[[turn]]\nsay = "a"')
    (tmp_path / "empty").mkdir()
    problems: list[str] = []
    assert [one.name for one in read_all([tmp_path, tmp_path / "a.toml"], problems)] == ["a", "b"]
    assert problems == []
    read_all([tmp_path / "empty", tmp_path / "none.toml"], problems)
    assert [problem.rpartition("/")[2] for problem in problems] == [
        "empty has no scenario (*.toml) in it.",
        "none.toml cannot be read: No such file or directory.",
    ]


def test_the_ready_ones_are_ten() -> None:
    problems: list[str] = []
    assert len(read_all([READY], problems)) == 10
    assert problems == []
