"""Every (situation x event) cell against a golden table written by hand from the design."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from edge.core import events as ev
from edge.core.conversation import Conversation
from edge.core.table import TABLE, State
from tests.core.driving import RATE, Driver, pcm

# How each situation comes about. The first word of a name is the state.
OFFLINE = frozenset({"connecting", "connecting_closing", "connecting_over", "connecting_text", "connecting_say"})

SCENES: dict[str, list[Callable[[Driver], str]]] = {
    "idle": [],
    "muted": [lambda d: d(ev.MuteSet(on=True))],
    "error": [lambda d: d(ev.MicLost("unplugged"))],
    "connecting": [lambda d: d(ev.Pressed())],
    "connecting_closing": [lambda d: d(ev.Pressed(), ev.MicAudio(pcm()), ev.SpeechStarted(d.now), ev.Pressed())],
    "connecting_over": [Driver.ask],
    "connecting_text": [lambda d: d(ev.TextGiven("hi"))],
    "connecting_say": [lambda d: d(ev.SayGiven("tea"))],
    "listening": [lambda d: d(ev.Pressed())],
    "listening_paused": [lambda d: d(ev.Pressed(), ev.MicAudio(pcm()), ev.SpeechStarted(d.now), ev.SpeechPaused())],
    "listening_said": [lambda d: d(ev.Pressed(), ev.MicAudio(pcm()), ev.SpeechStarted(d.now))],
    "listening_cut": [
        Driver.ask,
        Driver.reply,
        lambda d: d(ev.BargedIn(d.now), ev.MicAudio(pcm()), ev.SpeechStarted(d.now)),
    ],
    "listening_held": [lambda d: d(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(0.2)), ev.SpeechStarted(d.now))],
    "listening_closing": [lambda d: d(ev.Pressed(), ev.MicAudio(pcm()), ev.SpeechStarted(d.now), ev.Pressed())],
    "listening_released": [lambda d: d(ev.Pressed(), ev.Held(), ev.MicAudio(pcm(0.2)), ev.Released())],
    "thinking": [Driver.ask],
    "thinking_text": [lambda d: d(ev.TextGiven("hi"))],
    "speaking": [Driver.ask, Driver.reply],
    "speaking_text": [lambda d: d(ev.TextGiven("hi")), Driver.reply],
    "speaking_ended": [Driver.ask, Driver.reply, Driver.reply_ends],
    "ringing": [lambda d: d(ev.TimerDue(1, "tea", "The tea timer is done."))],
    "ringing_late": [lambda d: d(ev.TimerDue(1, "tea", "The tea timer was due.", late=True))],
}

# event | situations: (a prefix and `*` means several) | state after (= is the same) | what is done.
# What is not listed here is ignored: nothing is done and nothing changes.
GOLDEN = """
Pressed | idle                              | listening  | listen
Pressed | error                             | =          | !error
Pressed | muted                             | =          | !error
Pressed | connecting connecting_over        | idle       | drop off
Pressed | connecting_text connecting_say    | connecting | drop listen conn
Pressed | listening                         | idle       | drop off
Pressed | listening_said listening_cut listening_paused listening_held | = |
Pressed | thinking* speaking*               | listening  | cancel !interrupted listen

Held | idle                                 | listening  | listen hold
Held | error                                | =          | !error
Held | connecting                           | =          |
Held | listening listening_said listening_cut listening_paused listening_held | = | hold

Released | listening_held                   | =          |

LongHeld | idle error                       | muted      | close !mute off
LongHeld | muted                            | idle       | open !mute off
LongHeld | connecting listening listening_said listening_cut listening_paused | muted | close !mute drop off
LongHeld | connecting_closing connecting_over connecting_text connecting_say | = | close !mute off
LongHeld | listening_closing                | thinking   | close !mute end off
LongHeld | thinking* speaking*              | =          | close !mute off

ForgetAsked | idle muted error              | =          | clear !forgotten off
ForgetAsked | connecting* listening*        | idle       | drop clear !forgotten off
ForgetAsked | thinking* speaking*           | idle       | cancel !interrupted clear !forgotten off

MuteSet | idle error                        | muted      | close !mute off
MuteSet | muted                             | idle       | open !mute off
MuteSet | connecting listening listening_said listening_paused listening_held | muted | close !mute drop off
MuteSet | listening_cut | muted | close !mute drop off
MuteSet | connecting_closing connecting_over connecting_text connecting_say | = | close !mute off
MuteSet | listening_closing listening_released | thinking | close !mute end off
MuteSet | thinking* speaking*               | =          | close !mute off

SwitchMoved | muted                         | =          |
SwitchMoved | idle error                    | muted      | close !mute off
SwitchMoved | connecting listening listening_said listening_paused listening_held | muted | close !mute drop off
SwitchMoved | listening_cut | muted | close !mute drop off
SwitchMoved | connecting_closing connecting_over connecting_text connecting_say | = | close !mute off
SwitchMoved | listening_closing listening_released | thinking | close !mute end off
SwitchMoved | thinking* speaking*           | =          | close !mute off

MicAudio | connecting connecting_closing    | =          |
MicAudio | listening*                       | =          | audio

SpeechStarted | connecting listening listening_said listening_cut listening_held | = |
SpeechStarted | listening_paused            | =          | resume
SpeechStarted | connecting_over             | =          | listen
SpeechStarted | thinking                    | listening  | cancel !interrupted listen

SpeechPaused | listening*                   | =          | eager
SpeechResumed | listening*                  | =          | resume

SpeechEnded | connecting connecting_closing | =          | watch
SpeechEnded | listening listening_said listening_cut listening_paused listening_closing | thinking | end watch

BargedIn | speaking*                        | listening  | cancel !interrupted listen

WakeWordHeard | idle                        | listening  | listen
WakeWordHeard | speaking*                   | listening  | cancel !interrupted listen
StopWordHeard | listening_cut               | =          |
StopWordHeard | thinking speaking speaking_ended | listening | cancel !interrupted listen
StopWordHeard | thinking_text speaking_text | idle       | cancel !interrupted off

AgentReady | idle muted listening* thinking* speaking* | = |
AgentReady | error                          | =          | off
AgentReady | connecting                     | listening  |
AgentReady | connecting_closing             | listening  | audio
AgentReady | connecting_over                | thinking   | audio end watch
AgentReady | connecting_text                | thinking   | text !user_transcript
AgentReady | connecting_say                 | thinking   | say

AgentLost | idle error                      | =          | !error off
AgentLost | muted                           | =          | !error
AgentLost | connecting*                     | =          | !error conn
AgentLost | listening*                      | connecting | !error conn
AgentLost | thinking*                       | idle       | !error off
AgentLost | speaking speaking_text          | =          | !error fin
AgentLost | speaking_ended                  | =          | !error

AgentWarned | idle muted error connecting* listening* thinking* speaking* | = | !error
Spent | idle muted error connecting* listening* thinking* speaking* | = | !usage
VoiceHeard | listening*                     | =          |
TurnSeems | listening_paused                | =          | patience
TurnEnded | listening listening_said listening_cut listening_paused listening_closing | thinking | watch

TranscriptHeard | listening* thinking* speaking* | =     | !user_transcript
ReplyText | thinking* speaking*             | =          | !reply_transcript

ReplyAudio | thinking*                      | speaking   | guard play
ReplyAudio | speaking speaking_text         | =          | play

ReplyEnded | thinking                       | listening  | listen
ReplyEnded | thinking_text                  | idle       | off
ReplyEnded | speaking speaking_text         | =          | fin

ToolCalled | thinking* speaking*            | =          | !tool tool
ToolFinished | thinking* speaking*          | =          | result

PlayoutStarted | speaking*                  | =          | !turn
PlayoutEnded | speaking_ended               | listening  | listen

TextGiven | idle muted error                | thinking   | off text !user_transcript
TextGiven | connecting*                     | connecting | drop off conn
TextGiven | listening*                      | thinking   | drop off text !user_transcript
TextGiven | thinking* speaking*             | thinking   | cancel !interrupted off text !user_transcript

SayGiven | idle muted error                 | thinking   | off say
SayGiven | connecting* listening* thinking* speaking* | = |

TimerDue | idle                             | ringing    | guard !ringing ring say
TimerDue | muted error                      | ringing    | off !ringing ring say
TimerDue | connecting connecting_closing connecting_over connecting_text | = |
TimerDue | connecting_say                   | ringing    | drop off guard !ringing ring
TimerDue | listening*                       | =          |
TimerDue | thinking* speaking*              | =          |
TimerDue | ringing*                         | =          | cancel guard !ringing ring say

SleepAsked | thinking* speaking*            | =          |

Pressed | ringing*                          | idle       | cancel !interrupted !ringing_over off
StopWordHeard | ringing*                    | idle       | cancel !interrupted !ringing_over off
BargedIn | ringing*                         | listening  | !ringing_over cancel !interrupted listen
WakeWordHeard | ringing*                    | listening  | !ringing_over cancel !interrupted listen
LongHeld | ringing*                         | =          | close !mute off
ForgetAsked | ringing*                      | idle       | cancel !interrupted !ringing_over clear !forgotten off
MuteSet | ringing*                          | =          | close !mute off
SwitchMoved | ringing*                      | =          | close !mute off
AgentReady | ringing*                       | =          |
AgentLost | ringing*                        | =          | !error
AgentWarned | ringing*                      | =          | !error
Spent | ringing*                            | =          | !usage
ReplyAudio | ringing*                       | =          | play
ReplyEnded | ringing*                       | =          |
TextGiven | ringing*                        | thinking   | cancel !interrupted !ringing_over off text !user_transcript
SayGiven | ringing*                         | =          |
MicLost | ringing*                          | =          | !error off
MicFound | ringing*                         | =          | !microphone guard
MicSilent | ringing*                        | =          |
SpeakerLost | ringing*                      | =          | !error
SpeakerFound | ringing*                     | =          | !speaker
TimePassed | ringing                        | =          | ring
TimePassed | ringing_late                   | =          |

MicLost | idle                              | error      | !error off
MicLost | connecting listening              | error      | !error drop off
MicLost | error muted                       | =          | !error off
MicLost | listening_said listening_cut listening_paused listening_held | thinking | !error end off
MicLost | listening_closing listening_released | thinking | !error end off
MicLost | connecting_closing connecting_over connecting_text connecting_say thinking* speaking* | = | !error off

MicFound | idle muted                       | =          | !microphone off
MicFound | error                            | idle       | !microphone off
MicFound | connecting connecting_closing listening* | =  | !microphone
MicFound | connecting_over thinking         | =          | !microphone watch
MicFound | connecting_text connecting_say thinking_text | = | !microphone off
MicFound | speaking*                        | =          | !microphone guard

MicSilent | idle muted error connecting* listening* thinking* speaking* | = |

SpeakerLost | idle muted error connecting* listening* thinking* | = | !error
SpeakerLost | speaking*                     | idle       | !error cancel !interrupted off
SpeakerFound | idle muted error connecting* listening* thinking* speaking* | = | !speaker

TimePassed | connecting connecting_over connecting_text connecting_say | idle | !error drop off
TimePassed | connecting_closing             | =          | watch
TimePassed | listening                      | idle       | drop off
TimePassed | listening_said listening_paused listening_held listening_closing listening_released | thinking | end watch
TimePassed | listening_cut | thinking | end watch
TimePassed | thinking* speaking*            | idle       | !error cancel !interrupted off
"""

# Cells of the table that act in one situation of a state and not in another.
ASIDE = """
Pressed | connecting_closing listening_closing listening_released
Held | connecting_closing connecting_over connecting_text connecting_say listening_closing listening_released
Released | connecting connecting_closing connecting_over connecting_text connecting_say
Released | listening listening_said listening_cut listening_paused listening_closing listening_released
LongHeld | listening_held listening_released
WakeWordHeard | error
StopWordHeard | listening listening_paused listening_said listening_held listening_closing listening_released
TurnSeems | listening listening_said listening_cut listening_held listening_closing listening_released
TurnEnded | listening_held listening_released
MicAudio | connecting_over connecting_text connecting_say
SpeechStarted | connecting_closing connecting_text connecting_say listening_closing listening_released thinking_text
SpeechEnded | connecting_over connecting_text connecting_say listening_held listening_released
ReplyAudio | speaking_ended
ReplyEnded | speaking_ended
PlayoutEnded | speaking speaking_text
"""


def state_of(scene: str) -> str:
    """The state that a situation is one of."""
    return scene.partition("_")[0]


def _names(pattern: str) -> list[str]:
    """The situations that `listening_said`, `listening*` (the state's all) mean."""
    if not pattern.endswith("*"):
        return [pattern]
    return [name for name in SCENES if state_of(name) == pattern[:-1]]


def _read_golden() -> dict[tuple[str, str], tuple[str, str]]:
    golden: dict[tuple[str, str], tuple[str, str]] = {}
    for line in filter(str.strip, GOLDEN.splitlines()):
        kind, scenes, state, done = (part.strip() for part in line.split("|"))
        for scene in (name for pattern in scenes.split() for name in _names(pattern)):
            assert (kind, scene) not in golden, f"decided twice: {kind} in {scene}"
            golden[kind, scene] = (state_of(scene) if state == "=" else state, done)
    return golden


def _read_aside() -> set[tuple[str, str]]:
    lines = [line.split("|") for line in ASIDE.strip().splitlines()]
    return {(kind.strip(), scene) for kind, scenes in lines for scene in scenes.split()}


EXPECTED = _read_golden()
CELLS = [(kind.__name__, scene) for kind in ev.kinds() for scene in SCENES]


def _bring_to(scene: str) -> Driver:
    drive = Driver(ready=scene not in OFFLINE)
    for step in SCENES[scene]:
        step(drive)
    assert drive.state == state_of(scene)
    return drive


def _event(kind: str, drive: Driver) -> ev.Event:
    """A plausible event of this kind, now."""
    turn = drive.conv.turn.id if drive.conv.turn else 1
    now = drive.now
    filled: dict[str, ev.Event] = {
        "SwitchMoved": ev.SwitchMoved(muted=True),
        "MicAudio": ev.MicAudio(pcm()),
        "SpeechStarted": ev.SpeechStarted(onset=now),
        "SpeechEnded": ev.SpeechEnded(voiced_until=now),
        "BargedIn": ev.BargedIn(onset=now),
        "WakeWordHeard": ev.WakeWordHeard(until=now),
        "StopWordHeard": ev.StopWordHeard(until=now),
        "AgentLost": ev.AgentLost("gone", retryable=True),
        "AgentWarned": ev.AgentWarned("the model ends soon"),
        "VoiceHeard": ev.VoiceHeard(turn),
        "TurnSeems": ev.TurnSeems(turn, complete=0.0),
        "TurnEnded": ev.TurnEnded(turn),
        "Spent": ev.Spent(turn, {"input_text": 1}),
        "TranscriptHeard": ev.TranscriptHeard(turn, "hello", final=True),
        "ReplyText": ev.ReplyText(turn, "Hi."),
        "ReplyAudio": ev.ReplyAudio(turn, pcm(), RATE),
        "ReplyEnded": ev.ReplyEnded(turn),
        "ToolCalled": ev.ToolCalled(turn, "c1", "clock"),
        "ToolFinished": ev.ToolFinished(turn, "c1"),
        "PlayoutStarted": ev.PlayoutStarted(turn, now),
        "PlayoutEnded": ev.PlayoutEnded(turn),
        "TextGiven": ev.TextGiven("what time is it"),
        "SayGiven": ev.SayGiven("tea is ready"),
        "TimerDue": ev.TimerDue(2, "eggs", "The eggs timer is done."),
        "MicLost": ev.MicLost("unplugged"),
        "MicSilent": ev.MicSilent(silent=True),
        "SpeakerLost": ev.SpeakerLost("unplugged"),
    }
    return filled[kind] if kind in filled else getattr(ev, kind)()


def _snapshot(conv: Conversation) -> dict[str, object]:
    return copy.deepcopy(vars(conv))


def test_every_cell_is_decided() -> None:
    """All states, all kinds of event, and an action that exists."""
    assert set(TABLE) == set(State)
    for state, row in TABLE.items():
        assert set(row) == set(ev.kinds()), state
        assert all(not action or callable(getattr(Conversation, f"_{action}")) for action in row.values())


def test_the_golden_table_agrees_on_what_is_ignored() -> None:
    """A `.` in the table is a cell that the golden table does not list, and no other but those set aside."""
    silent = {
        (kind.__name__, scene) for kind in ev.kinds() for scene in SCENES if not TABLE[State(state_of(scene))][kind]
    }
    assert set(CELLS) - set(EXPECTED) == silent | _read_aside()


@pytest.mark.parametrize(("kind", "scene"), [cell for cell in CELLS if cell in EXPECTED])
def test_cell(kind: str, scene: str) -> None:
    """The state after it and what is done, in order."""
    drive = _bring_to(scene)
    if kind == "TimePassed":
        assert drive.conv.deadline is not None
        drive.now = drive.conv.deadline
    did = drive(_event(kind, drive))
    state, done = EXPECTED[kind, scene]
    assert (drive.state, did.split()) == (state, done.split())


@pytest.mark.parametrize(("kind", "scene"), [cell for cell in CELLS if cell not in EXPECTED])
def test_ignored_cell_changes_nothing(kind: str, scene: str) -> None:
    """Nothing is done, and the conversation is the same in every attribute."""
    drive = _bring_to(scene)
    event, before = _event(kind, drive), _snapshot(drive.conv)
    assert drive.conv.handle(event, drive.now + 0.5) == []
    assert _snapshot(drive.conv) == before


NUMBERED = [kind for kind in ev.kinds() if "turn" in kind.__dataclass_fields__]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("kind", [kind.__name__ for kind in NUMBERED])
def test_late_event_changes_nothing(kind: str, scene: str) -> None:
    """Whatever carries the number of a turn that is over is ignored in every state."""
    drive = _bring_to(scene)
    old = Driver()
    event = _event(kind, old)  # turn 1, of a conversation that is elsewhere
    if drive.conv.turn is not None:
        drive.conv.turn.id = 7
    before = _snapshot(drive.conv)
    assert drive.conv.handle(event, drive.now) == []
    assert _snapshot(drive.conv) == before


@pytest.mark.parametrize("scene", SCENES)
def test_time_before_the_deadline_changes_nothing(scene: str) -> None:
    """A caller that comes too early has done no harm."""
    drive = _bring_to(scene)
    before = _snapshot(drive.conv)
    early = drive.now if drive.conv.deadline is None else drive.conv.deadline - 0.001
    assert drive.conv.handle(ev.TimePassed(), early) == []
    assert _snapshot(drive.conv) == before
