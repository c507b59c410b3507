"""What was said, as the person experienced it."""

from __future__ import annotations

from edge.core.history import Exchange, History


def ask(history: History, text: str) -> str:
    """The person said this and their turn is over; returns all of the turn."""
    whole = history.joined(text)
    history.asked_whole(whole)
    return whole


def test_answered_turns_are_kept_in_order() -> None:
    """Question and what was heard of the reply."""
    history = History()
    assert ask(history, "hi") == "hi"
    history.answered("Hello.")
    ask(history, "bye")
    history.answered("Good")
    assert history.exchanges == (Exchange("hi", "Hello."), Exchange("bye", "Good"))


def test_halves_of_a_turn_are_joined() -> None:
    """The device began to think, the person went on, nothing of a reply was heard."""
    history = History()
    ask(history, "turn on the light")
    history.answered("")
    assert ask(history, "in the kitchen") == "turn on the light in the kitchen"
    history.answered("Done.")
    assert history.exchanges == (Exchange("turn on the light in the kitchen", "Done."),)
    assert ask(history, "thanks") == "thanks"


def test_three_parts_and_an_empty_one() -> None:
    """Nothing recognised adds nothing."""
    history = History()
    for text in ("one", "", "two"):
        ask(history, text)
    assert ask(history, "three") == "one two three"


def test_joining_alone_changes_nothing() -> None:
    """An eager end that is taken back has asked nothing."""
    history = History()
    ask(history, "one")
    assert history.joined("two") == "one two"
    assert history.joined("three") == "one three"


def test_reply_to_nothing_is_not_kept() -> None:
    """An announcement, or a second reply to the same turn."""
    history = History()
    history.answered("Tea is ready.")
    ask(history, "hi")
    history.answered("Hello.")
    history.answered("Hello again.")
    assert history.exchanges == (Exchange("hi", "Hello."),)


def test_abandoned_turn_is_not_joined() -> None:
    """It failed and was told; the next question stands alone."""
    history = History()
    ask(history, "what is")
    history.abandon()
    assert ask(history, "the time") == "the time"


def test_clear_forgets_all() -> None:
    """The open turn too."""
    history = History()
    ask(history, "secret")
    history.answered("Hm.")
    ask(history, "more")
    history.clear()
    assert history.exchanges == ()
    assert ask(history, "hi") == "hi"


def test_only_the_last_exchanges_are_kept() -> None:
    """A thousand turns take no more memory than a few."""
    history = History(most=2)
    for number in range(5):
        ask(history, f"q{number}")
        history.answered(f"a{number}")
    assert [exchange.user for exchange in history.exchanges] == ["q3", "q4"]
