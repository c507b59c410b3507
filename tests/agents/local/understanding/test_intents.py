"""What is a command, what is not, and that no text at all can upset the matcher."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.commands import ASK_DURATION
from edge.agents.local.understanding.intents import Context, Intent, match
from edge.agents.local.understanding.smalltalk import NOTHING_SAID
from tests.agents.local.understanding import phrasebook as book
from tests.agents.local.understanding.sentences import HOSTILE, LONGEST, MORE, NOT_COMMANDS

NOW = Context(last_reply="It's 3:10 PM.", timers=1)


def table(text: str) -> list[str]:
    return [phrase for line in text.strip().splitlines() for phrase in line.split("|") if phrase]


def flat(groups: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, phrase) for name, phrases in groups.items() for phrase in phrases.split("|")]


def heard(text: str, context: Context = NOW) -> Intent:
    intent = match(text, context)
    assert intent is not None, text
    return intent


def test_the_tables_are_large():
    tables = (
        book.TIME_THERE,
        book.DATES,
        book.TIMERS_SET,
        book.TIMERS_CANCEL,
        book.TIMERS_LIST,
        book.VOLUME_SET,
        book.VOLUME_CHANGE,
        book.SUMS,
    )
    fixed = len(table(book.TIME_HERE)) + len(flat(book.ACTIONS)) + len(flat(book.REPLIES))
    positives = len([phrase for phrases in tables for phrase in phrases]) + fixed
    assert positives >= 250
    assert len(table(NOT_COMMANDS)) >= 100


@pytest.mark.parametrize("text", table(book.TIME_HERE))
def test_time_here(text):
    assert heard(text) == Intent("time", "get_time")


@pytest.mark.parametrize(("text", "place"), book.TIME_THERE.items())
def test_time_elsewhere(text, place):
    assert heard(text) == Intent("time", "get_time", {"place": place})


@pytest.mark.parametrize(("text", "days"), book.DATES.items())
def test_date(text, days):
    assert heard(text) == Intent("date", "get_date", {"offset_days": days} if days else {})


@pytest.mark.parametrize(("text", "expected"), book.TIMERS_SET.items())
def test_set_timer(text, expected):
    intent = heard(text)
    assert (intent.tool, intent.arguments["seconds"], intent.arguments.get("name")) == ("set_timer", *expected)


@pytest.mark.parametrize(("text", "arguments"), book.TIMERS_CANCEL.items())
def test_cancel_timer(text, arguments):
    assert heard(text) == Intent("cancel timer", "cancel_timer", arguments)


@pytest.mark.parametrize(("text", "arguments"), book.TIMERS_LIST.items())
def test_list_timers(text, arguments):
    assert heard(text) == Intent("list timers", "list_timers", arguments)


@pytest.mark.parametrize(("text", "percent"), book.VOLUME_SET.items())
def test_set_volume(text, percent):
    intent = heard(text)
    assert (intent.tool, intent.arguments) == ("set_volume", {"percent": percent})


@pytest.mark.parametrize(("text", "delta"), book.VOLUME_CHANGE.items())
def test_change_volume(text, delta):
    intent = heard(text)
    assert (intent.tool, intent.arguments) == ("change_volume", {"delta": delta})


@pytest.mark.parametrize("text", ["What's the volume?", "how loud are you", "volume"])
def test_ask_volume(text):
    assert heard(text).tool == "get_volume"


@pytest.mark.parametrize("text", ["Unmute.", "turn the sound back on", "unmute yourself"])
def test_unmute(text):
    assert heard(text).tool == "restore_volume"


@pytest.mark.parametrize(("action", "text"), flat(book.ACTIONS))
def test_actions(action, text):
    intent = heard(text)
    assert (intent.action, intent.tool) == (action, None)


@pytest.mark.parametrize(("name", "text"), flat(book.REPLIES))
def test_replies(name, text):
    intent = heard(text)
    assert (intent.name, intent.tool, intent.action) == (name, None, None)
    assert intent.reply


@pytest.mark.parametrize(("text", "result"), book.SUMS.items())
def test_sums(text, result):
    assert heard(text).reply == f"That's {result}."


@pytest.mark.parametrize("text", table(NOT_COMMANDS))
def test_what_is_no_command(text):
    assert match(text, NOW) is None


def test_repeat_gives_the_last_reply_or_says_that_there_is_none():
    assert heard("say that again").reply == NOW.last_reply
    assert heard("say that again", Context()).reply == NOTHING_SAID


def test_a_timer_without_a_length_is_asked_for_and_the_bare_answer_is_taken():
    asked = heard("Set a timer.")
    assert (asked.tool, asked.reply) == (None, ASK_DURATION)
    assert heard("Ten minutes.", Context(last_reply=ASK_DURATION)).arguments == {"seconds": 600}
    assert match("Ten minutes.", Context(last_reply="Paris.")) is None


def test_how_much_is_left_is_about_a_timer_only_while_one_runs():
    assert match("How much time is left?", Context(timers=0)) is None
    assert heard("How much time is left?", Context(timers=1)).tool == "list_timers"


def test_nothing_said_is_no_command():
    assert match("", NOW) is None
    assert match(" ... ?!", NOW) is None


MIXED = (
    "what is the time in timer set for a an and half hour minutes second volume up down to percent of plus minus"
    " times divided by ( ) ^ ! 5 0 10 3.5 1:30 9/11 two hundred million point all way stop cancel please hey could you"
    " squared root square power quarter remind me turn on lamp it that's the 100.5"
    " O'Neil ½ ² ⁴ ٣ % x - / * . , NUM DUR _ 🙂 é"
)
WORDS = st.sampled_from(MIXED.split())


@given(st.one_of(st.text(max_size=400), st.lists(WORDS, max_size=60).map(" ".join)))
def test_no_text_raises(text):
    intent = match(text, NOW)
    assert intent is None or intent.tool or intent.reply or intent.action
    assert intent is None or ("NUM" not in str(intent.arguments) and "DUR" not in str(intent.arguments))


@pytest.mark.parametrize("text", [*HOSTILE, *LONGEST, *MORE])
def test_hostile_text_takes_bounded_time(text):
    match("warm up", NOW)
    start = time.process_time()
    match(text, NOW)
    assert time.process_time() - start < 0.05  # processor time: other work on the machine does not count
