"""Alarms and reminders at a time of day, in the words that people use."""

import pytest

from edge.agents.local.understanding.intents import Context, match, spoken

TIMES = {
    "Wake me up at seven.": ("07:00", True),
    "Set an alarm for 7:30 a.m.": ("07:30", False),
    "wake me at half past six": ("06:30", True),
    "Set an alarm for 7 o'clock": ("07:00", True),
    "alarm at quarter past seven pm": ("19:15", False),
    "set an alarm for seven thirty in the morning": ("07:30", False),
    "wake me at ten to seven": ("06:50", True),
    "wake me at ten past seven tonight": ("19:10", False),
    "set alarm for 12:10 am": ("00:10", False),
    "set an alarm for noon": ("12:00", False),
    "wake me at midnight": ("00:00", False),
    "wake me at 18:45": ("18:45", False),
    "set an alarm for 12": ("12:00", True),
    "set a 6 am alarm": ("06:00", False),
}


@pytest.mark.parametrize("text", TIMES)
def test_an_alarm(text):
    intent = match(text, Context())
    assert intent is not None
    time, either = TIMES[text]
    assert (intent.tool, intent.arguments) == ("set_alarm", {"time": time} | ({"either": True} if either else {}))


@pytest.mark.parametrize("text", ["remind me to call mum at six thirty", "remind me at six thirty to call mum"])
def test_a_reminder(text):
    intent = match(text, Context())
    assert intent is not None
    assert (intent.tool, intent.arguments) == ("set_reminder", {"name": "call mum", "time": "06:30", "either": True})


@pytest.mark.parametrize(("text", "arguments"), [("Snooze.", {}), ("snooze for ten minutes", {"seconds": 600})])
def test_snoozing(text, arguments):
    intent = match(text, Context())
    assert intent is not None
    assert (intent.tool, intent.arguments) == ("snooze_timer", arguments)


def test_alarms_are_listed_and_cancelled():
    listed, cancelled = match("what alarms do I have", Context()), match("cancel my alarm", Context())
    assert listed is not None
    assert cancelled is not None
    assert (listed.tool, cancelled.tool) == ("list_timers", "cancel_timer")


@pytest.mark.parametrize("text", ["wake me at 25:00", "set an alarm for 77", "remind me to call mum at 31:00"])
def test_what_is_no_time_of_day_sets_nothing(text):
    intent = match(text, Context())
    assert intent is None or intent.tool is None


@pytest.mark.parametrize(
    ("tool", "result", "said"),
    [
        ("set_alarm", {"kind": "alarm", "time": "07:00", "days": 1, "date": "x"}, "Alarm set for 7:00 AM tomorrow."),
        ("set_alarm", {"kind": "alarm", "time": "19:05", "days": 0, "date": "x"}, "Alarm set for 7:05 PM."),
        (
            "set_reminder",
            {"kind": "reminder", "time": "12:00", "days": 2, "date": "2026-11-26"},
            "Reminder set for 12:00 PM on Thursday.",
        ),
        ("set_reminder", {"kind": "reminder", "seconds": 600}, "Reminder set for ten minutes from now."),
        ("snooze_timer", {"seconds": 300}, "All right, again in five minutes."),
        ("cancel_timer", {"cancelled": [{"name": "", "kind": "alarm"}]}, "Alarm cancelled."),
        (
            "list_timers",
            {"timers": [{"name": "wake up", "kind": "alarm", "seconds_left": 60}]},
            "One minute left on the wake up alarm.",
        ),
    ],
)
def test_the_answer_in_words(tool, result, said):
    assert spoken(tool, result) == said
