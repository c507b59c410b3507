"""Whatever happens, in whatever order: `World` checks every step."""

from __future__ import annotations

import copy
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import Conversation, State
from tests.core.driving import RATE, pcm
from tests.core.promises import in_the_tail
from tests.core.world import REST, World, chunk

OUTCOMES = ("done", "done", "nothing_heard", "silenced", "closing", "failed")
SECONDS = (0.01, 0.05, 0.3, 4.0)
GAPS = (0.0, 0.01, 0.2, 0.6, 3.0, 20.0, 100.0, 1e6)


def _mic_audio(world: World, _turn: int, pick: int) -> ev.Event:
    world.chunks += 1
    return ev.MicAudio(chunk(world.chunks, SECONDS[pick % 4]))


def _say_given(world: World, _turn: int, _pick: int) -> ev.Event:
    world.chunks += 1
    return ev.SayGiven(f"say {world.chunks}")


def _timer_due(world: World, _turn: int, pick: int) -> ev.Event:
    world.chunks += 1
    return ev.TimerDue(world.chunks, "tea", f"timer {world.chunks}", late=pick % 3 == 0)


MAKE: dict[type[ev.Event], Callable[[World, int, int], ev.Event]] = {
    ev.MuteSet: lambda _w, _t, pick: ev.MuteSet((None, True, False)[pick % 3]),
    ev.SwitchMoved: lambda _w, _t, pick: ev.SwitchMoved(pick % 2 == 0),
    ev.MicAudio: _mic_audio,
    ev.SpeechStarted: lambda w, _t, pick: ev.SpeechStarted(w.now - 0.1 * pick),
    ev.SpeechEnded: lambda w, _t, pick: ev.SpeechEnded(w.now - 0.1 * pick),
    ev.BargedIn: lambda w, _t, pick: ev.BargedIn(w.now - 0.1 * pick),
    ev.WakeWordHeard: lambda w, _t, pick: ev.WakeWordHeard(w.now - 0.1 * pick),
    ev.StopWordHeard: lambda w, _t, pick: ev.StopWordHeard(w.now - 0.1 * pick),
    ev.AgentLost: lambda _w, _t, pick: ev.AgentLost("gone", retryable=pick % 3 > 0),
    ev.AgentReady: lambda _w, _t, pick: ev.AgentReady(ends_turns=pick % 3 == 1, judges=pick % 2 > 0),
    ev.AgentWarned: lambda _w, _t, _p: ev.AgentWarned("the model ends soon"),
    ev.VoiceHeard: lambda _w, turn, _p: ev.VoiceHeard(turn),
    ev.SpeechResumed: lambda _w, _t, pick: ev.SpeechResumed(0.2 * pick),
    ev.TurnSeems: lambda _w, turn, pick: ev.TurnSeems(turn, pick / 11),
    ev.TurnEnded: lambda _w, turn, _p: ev.TurnEnded(turn),
    ev.Spent: lambda _w, turn, pick: ev.Spent(turn, {"input_text": pick}),
    ev.TranscriptHeard: lambda _w, turn, pick: ev.TranscriptHeard(turn, "hello", final=pick % 2 > 0),
    ev.ReplyText: lambda _w, turn, _p: ev.ReplyText(turn, "Hi."),
    ev.ReplyAudio: lambda _w, turn, pick: ev.ReplyAudio(turn, pcm(SECONDS[pick % 4]), RATE),
    ev.ReplyEnded: lambda _w, turn, pick: ev.ReplyEnded(turn, OUTCOMES[pick % 6], "why"),
    ev.ToolCalled: lambda _w, turn, _p: ev.ToolCalled(turn, "c", "clock"),
    ev.ToolFinished: lambda _w, turn, _p: ev.ToolFinished(turn, "c"),
    ev.PlayoutStarted: lambda w, turn, pick: ev.PlayoutStarted(turn, w.now - 0.01 * pick),
    ev.PlayoutEnded: lambda _w, turn, _p: ev.PlayoutEnded(turn),
    ev.TextGiven: lambda _w, _t, pick: ev.TextGiven(f"text {pick}"),
    ev.SayGiven: _say_given,
    ev.TimerDue: _timer_due,
    ev.MicLost: lambda _w, _t, _p: ev.MicLost("unplugged"),
    ev.MicSilent: lambda _w, _t, pick: ev.MicSilent(pick % 2 > 0),
    ev.SpeakerLost: lambda _w, _t, pick: ev.SpeakerLost(("unplugged", "unplugged", "busy")[pick % 3]),
}

TALK = (ev.MicAudio, ev.MicAudio, ev.SpeechStarted, ev.SpeechEnded, ev.Held, ev.Released, ev.Pressed)
PAUSING = (ev.StopWordHeard, ev.SpeechPaused, ev.TurnSeems, ev.SpeechResumed)
ENGINE_HEARS = (ev.VoiceHeard, ev.TurnEnded)

PLAYING = (ev.ReplyAudio, ev.PlayoutStarted, ev.ReplyEnded, ev.PlayoutEnded)

# What is likely in each state, so that random walks get everywhere ...
LIKELY: dict[State, tuple[type[ev.Event], ...]] = {
    State.IDLE: (ev.Pressed, ev.Pressed, ev.AgentReady, ev.TextGiven, ev.SayGiven, ev.WakeWordHeard, ev.TimerDue),
    State.CONNECTING: (*TALK, ev.AgentReady, ev.SayGiven),
    State.LISTENING: (*TALK, *PAUSING, *ENGINE_HEARS),
    State.THINKING: (ev.ReplyText, ev.ReplyAudio, ev.ReplyAudio, ev.ReplyEnded, ev.ToolCalled, ev.SpeechStarted),
    State.SPEAKING: (*PLAYING, ev.BargedIn, ev.Pressed, ev.AgentLost, ev.WakeWordHeard, ev.StopWordHeard),
    State.RINGING: (
        ev.TimerDue,
        ev.ReplyAudio,
        ev.ReplyEnded,
        ev.BargedIn,
        ev.Pressed,
        ev.AgentReady,
        ev.StopWordHeard,
    ),
    State.MUTED: (ev.MuteSet, ev.TextGiven, ev.Pressed),
    State.ERROR: (ev.MicFound, ev.AgentReady, ev.Pressed, ev.SayGiven),
}

# ... and what may come in while a turn is being ended by hand.
IN_THE_TAIL: tuple[type[ev.Event], ...] = (
    *TALK,
    *ENGINE_HEARS,
    ev.AgentReady,
    ev.AgentLost,
    ev.MuteSet,
    ev.LongHeld,
    ev.MicLost,
    ev.MicFound,
    ev.SpeechPaused,
    ev.TurnSeems,
    ev.SayGiven,
    ev.TextGiven,
    ev.ForgetAsked,
    ev.SpeakerLost,
)

step = st.tuples(
    st.sampled_from(["likely", "likely", "likely", "any", "late", "time"]),
    st.integers(0, 199),
    st.integers(0, 11),
    st.sampled_from(GAPS),
)
walks = st.lists(step, min_size=20, max_size=100)  # the least length makes for an average of 40


def likely(conv: Conversation) -> tuple[type[ev.Event], ...]:
    """What may well come next."""
    return IN_THE_TAIL if in_the_tail(conv.turn) else LIKELY[conv.state]


def take(world: World, how: str, which: int, pick: int, gap: float) -> None:
    """One step of a walk."""
    turn = world.conv.turn.id if world.conv.turn else 1
    if how == "time":
        world.now = max(world.now, world.conv.deadline or 0.0)
        world.feed(ev.TimePassed())
        return
    kinds = likely(world.conv) if how == "likely" else ev.kinds()
    kind = kinds[which % len(kinds)]
    world.now += gap if how == "any" else min(gap, 0.2)
    number = turn + (-1, 1)[pick % 2] if how == "late" else turn
    world.feed(MAKE[kind](world, number, pick) if kind in MAKE else kind())


def walk(steps: list[tuple[str, int, int, float]]) -> World:
    """A world after all these steps."""
    world = World()
    for one in steps:
        take(world, *one)
    return world


@settings(max_examples=600, deadline=None)
@given(walks)
def test_every_walk_keeps_all_promises(steps: list[tuple[str, int, int, float]]) -> None:
    """Consistent state, no word lost, nothing cancelled is played, no ear open while muted; see `World`."""
    walk(steps)


@settings(max_examples=300, deadline=None)
@given(walks)
def test_time_leads_on_and_to_rest(steps: list[tuple[str, int, int, float]]) -> None:
    """No early effect, no spinning, and rest after a bounded number of deadlines."""
    world = World()
    for one in steps:
        take(world, *one)
        world.check_deadline()
    world.check_rest()


def _answer(conv: Conversation, effects: list[do.Effect], now: float) -> list[do.Effect]:
    """What a working engine, and a speaker that plays at once, have to say to these effects."""
    told: list[do.Effect] = []
    for effect in effects:
        if isinstance(effect, do.Connect):
            told += conv.handle(ev.AgentReady(), now)
        elif isinstance(effect, do.EndTurn | do.SendText | do.SendSay):
            told += conv.handle(ev.ReplyAudio(effect.turn, pcm(1.0), RATE), now)
            told += conv.handle(ev.PlayoutStarted(effect.turn, now), now)
            told += conv.handle(ev.ReplyEnded(effect.turn), now)
        elif isinstance(effect, do.FinishPlay):
            told += conv.handle(ev.PlayoutEnded(effect.turn), now)
    return told


@settings(max_examples=200, deadline=None)
@given(walks)
def test_a_working_engine_leads_to_rest(steps: list[tuple[str, int, int, float]]) -> None:
    """Replies, follow-ups and announcements come to an end when nobody says anything more."""
    world = walk(steps)
    conv, now = copy.deepcopy(world.conv), world.now
    for _ in range(200):
        if conv.deadline is None:
            break
        now = max(now, conv.deadline)
        effects = conv.handle(ev.TimePassed(), now)
        while effects:
            effects = _answer(conv, effects, now)
    assert conv.state in REST


def test_random_walks_get_everywhere() -> None:
    """The properties say something about each state (a fixed walk for each, to be sure of the machinery)."""
    tap = [("likely", 0, 0, 0.0)]
    ready = [("likely", 2, 0, 0.0)]
    talk = [("likely", 0, 0, 0.0), ("likely", 2, 0, 0.0), ("likely", 3, 0, 0.0)]
    seen = {
        walk(steps).conv.state
        for steps in (
            ready,
            tap,
            ready + tap,
            ready + tap + talk,
            ready + tap + talk + [("likely", 1, 0, 0.0)],
            [("any", ev.kinds().index(ev.MuteSet), 0, 0.0)],
            [("any", ev.kinds().index(ev.MicLost), 0, 0.0)],
            [("any", ev.kinds().index(ev.TimerDue), 1, 0.0)],
        )
    }
    assert seen == set(State)
    in_tail = walk(ready + tap + talk[:2] + [("likely", 6, 0, 0.0)])
    assert in_the_tail(in_tail.conv.turn)
