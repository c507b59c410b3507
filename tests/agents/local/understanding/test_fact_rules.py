"""What is to be remembered, told, corrected and forgotten; and what only sounds like it."""

from __future__ import annotations

import pytest

from edge.agents.local.understanding.intents import Context, match, spoken

THERE, NOT_THERE = Context(remembers=True), Context()

MEANT: list[tuple[str, str, dict[str, object]]] = [
    ("Remember that my cat is called Tom.", "remember_fact", {"text": "my cat is called Tom"}),
    ("Please remember my PIN is 1234", "remember_fact", {"text": "my PIN is 1234"}),
    ("Hey, can you remember that I'm allergic to nuts?", "remember_fact", {"text": "I'm allergic to nuts"}),
    ("Keep in mind that the garage code is 4711.", "remember_fact", {"text": "the garage code is 4711"}),
    ("What do you know about me?", "recall_facts", {}),
    ("What do you remember?", "recall_facts", {}),
    ("Tell me everything you know about me.", "recall_facts", {}),
    ("What have I told you to remember?", "recall_facts", {}),
    ("What do you know about my cat?", "recall_facts", {"about": "my cat"}),
    ("That's wrong, my cat is called Tim.", "correct_fact", {"text": "my cat is called Tim"}),
    ("No, that's not right. I live in Kiel.", "correct_fact", {"text": "I live in Kiel"}),
    ("Forget that my cat is called Tom.", "forget_facts", {"about": "my cat is called Tom"}),
    ("Forget what you know about the garage.", "forget_facts", {"about": "the garage"}),
    ("Forget everything about me.", "forget_facts", {}),
    ("Delete everything you know about me.", "forget_facts", {}),
    ("Forget everything.", "forget_everything", {}),
]
OTHERS = [
    "Remember to buy milk", "Do you remember the Titanic?", "What do you know?", "Forget it.", "Forget that.",
    "What is wrong with my printer?", "Who forgot me?", "I can't forget everything that happened last year.",
    "What do people remember about the war?", "Start over.",
]  # fmt: skip


@pytest.mark.parametrize(("text", "tool", "arguments"), MEANT)
def test_it_is_understood_where_there_is_a_memory(text: str, tool: str, arguments: dict[str, object]) -> None:
    intent = match(text, THERE)
    assert intent is not None
    assert (intent.tool, intent.arguments) == (tool, arguments)
    without = match(text, NOT_THERE)
    assert without is None or without.tool is None


@pytest.mark.parametrize("text", OTHERS)
def test_other_sentences_are_not_taken_for_it(text: str) -> None:
    intent = match(text, THERE)
    if text == "What do you know?":
        assert intent is not None
        assert intent.tool == "recall_facts"
    else:
        assert intent is None or intent.tool is None


@pytest.mark.parametrize(
    ("tool", "result", "said"),
    [
        ("remember_fact", {"remembered": "x"}, "All right, I'll remember that."),
        ("remember_fact", {"error": "I can remember 50 things"}, "Sorry, I can remember 50 things."),
        ("recall_facts", {"facts": ["my cat is Tom", "I live in Kiel"], "more": 0},
         "You told me: my cat is Tom; I live in Kiel."),
        ("recall_facts", {"facts": ["a"], "more": 3}, "You told me: a. And 3 more."),
        ("recall_facts", {"facts": [], "more": 0}, "I remember nothing about that. You can say: remember that."),
        ("recall_facts", {"facts": "odd"}, "Done."),
        ("correct_fact", {"remembered": "I live in Kiel"}, "All right, I'll remember: I live in Kiel."),
        ("forget_facts", {"forgotten": 2}, "Forgotten."),
        ("forget_facts", {"forgotten": 0}, "There was nothing to forget."),
        ("forget_everything", {"forgotten": "everything"}, "I have forgotten everything."),
    ],
)  # fmt: skip
def test_what_has_come_of_it_is_spoken(tool: str, result: dict[str, object], said: str) -> None:
    assert spoken(tool, result) == said
