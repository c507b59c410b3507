"""What was said, as the person experienced it."""

from __future__ import annotations

from edge.core.history import CUT, Exchange, History, shortened, tokens


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


# --- the length of it ----------------------------------------------------------------------------------


def say(history: History, question: str, answer: str) -> None:
    ask(history, question)
    history.answered(answer)


def test_a_token_is_about_four_bytes() -> None:
    """Other scripts have more bytes, and more tokens."""
    assert [tokens(text) for text in ("", "a", "four", "fours", "да")] == [0, 1, 1, 2, 1]
    assert tokens("\ud800") == 1  # half of a character: nothing that a service sends may break it


def test_a_long_conversation_is_squeezed_and_counted() -> None:
    """What is left begins as it did before for as long as possible: so half of it goes at once."""
    history = History(most=100, most_tokens=100)
    for number in range(10):
        say(history, f"q{number:03}" * 2, "a" * 32)  # 2 + 8 tokens
    assert (history.tokens, history.ledger.dropped) == (100, 0)
    say(history, "one more", "x" * 32)
    assert (len(history.exchanges), history.tokens, history.ledger.dropped) == (5, 50, 6)
    assert history.exchanges[-1].user == "one more"


def test_one_long_exchange_is_cut_to_what_may_be() -> None:
    """Its beginning stays; it is never dropped for its own length."""
    history = History(most_tokens=100)
    say(history, "short", "short")
    say(history, "é" * 1000, "y" * 4000)
    (kept,) = history.exchanges
    assert (kept.tokens, history.ledger.cut, history.ledger.dropped) == (100, 1, 1)
    assert kept.user == "é" * 98 + CUT
    assert kept.reply == "y" * 196 + CUT
    assert shortened("abcd", 1) == "abcd"


def test_exchanges_are_shared_and_open_turns_are_not() -> None:
    """Each engine has its own half question; what was said to one is known to all."""
    first = History(most=2)
    second = History(beside=first)
    seen: list[int] = []
    first.ledger.changed = lambda: seen.append(len(second.exchanges))
    ask(first, "half a question")
    say(second, "hi", "Hello.")
    assert first.exchanges == second.exchanges == (Exchange("hi", "Hello."),)
    assert first.joined("more") == "half a question more"
    assert second.joined("more") == "more"
    first.clear()
    assert not second.exchanges
    assert seen == [1, 0]


def test_what_was_noted_can_be_told_otherwise() -> None:
    """An answer that turns out to have been heard in part."""
    history = History()
    kept = history.note("hi", "Hello. How are you?")
    history.note("hi", "Hello. How are you?")
    history.take_back(kept)
    history.take_back(kept)
    assert history.exchanges == (Exchange("hi", "Hello. How are you?"),)


def test_what_was_said_before_a_restart_is_put_back_within_the_bounds() -> None:
    """A larger one of an older configuration too."""
    history = History(most=2)
    history.restore([Exchange(f"q{number}", "a") for number in range(5)])
    assert [past.user for past in history.exchanges] == ["q3", "q4"]
