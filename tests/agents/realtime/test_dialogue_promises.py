"""Whatever the device, the server and the line do, in whatever order, these promises are kept."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.dialogue import Dialogue
from edge.agents.realtime.exchange import Out
from edge.core import events as core
from tests.agents.realtime.exchanges import HANDS
from tests.agents.realtime.small_server import (
    Bend,
    SmallServer,
    as_it_is,
    empty,
    half_named,
    nameless,
    silent,
    unannounced,
)

UNIT = 960  # bytes, 20 ms; no two units of the audio are the same


class Promises:
    """What is to be true of all that the dialogue gives, whatever was done to it."""

    def __init__(self, *, hands: bool, bend: Bend = as_it_is) -> None:
        self.hands, self.bend = hands, bend
        self.dialogue = Dialogue(HANDS if hands else None)
        self.dialogue.received(ev.AudioCleared())  # the server is known to answer a clear
        self.server: SmallServer | None = None
        self.sessions = 0
        # the device
        self.turn = 0
        self.kind = ""  # of the turn: voice, text, say; empty when there is none
        self.open = False  # the person is speaking
        self.asked: set[int] = set()
        self.closed: set[int] = set()  # interrupted, dropped, replaced or at its end
        self.begun: set[int] = set()  # something of the reply has come
        self.chain: list[bytes] = []  # the question in units, the part before a "goes on" included
        self.carried: list[bytes] = []
        self.pending: list[tuple[int, str]] = []
        self.called: set[str] = set()
        # the session
        self.units = 0
        self.appended: list[bytes] = []
        self.under_way = ""
        self.dangling: set[str] = set()  # calls without an output, as far as the client can know
        self.causes: dict[str, int] = {}  # our requests: for which turn
        self.received: Counter[str] = Counter()
        self.tried: dict[int, set[int]] = {}

    # --- what the dialogue gives --------------------------------------------------------------------

    def give(self, out: Out) -> None:
        for one in out:
            if isinstance(one, do.Command):
                self.send(one)
            else:
                self.tell(one)

    def send(self, command: do.Command) -> None:
        assert self.server is not None, "sent into nowhere"
        match command:
            case do.AppendAudio():
                self.appended += [command.pcm[at : at + UNIT] for at in range(0, len(command.pcm), UNIT)]
            case do.CommitAudio():
                self.sent_once()
            case do.CreateResponse():
                assert not self.under_way, "two requests at once"
                assert not self.dangling, "asked with a call without an output"
                self.under_way = command.event_id
                self.causes[command.event_id] = self.turn
                self.tried.setdefault(self.turn, set()).add(self.sessions)
                assert len(self.tried[self.turn]) <= 2, "asked in three sessions"
            case do.CreateItem(item={"type": "function_call", "call_id": call_id}):
                self.dangling.add(call_id)
            case do.CreateItem(item={"type": "function_call_output", "call_id": call_id}):
                self.dangling.discard(call_id)
                self.begun.add(self.turn)
            case do.TruncateItem():
                assert command.audio_end_ms * 48 <= self.received[command.item_id], "a cut beyond what was received"
        self.server.put(command, self.turn)

    def sent_once(self) -> None:
        assert [unit for unit in self.appended if unit in self.chain] == self.chain, "lost or doubled words"

    def tell(self, event: core.Event) -> None:
        match event:
            case core.ReplyText():
                self.live(event.turn)
                assert self.cause(event.text.strip()) == event.turn, "the answer to another turn"
            case core.ReplyAudio():
                self.live(event.turn)
            case core.ReplyEnded():
                assert event.turn not in self.closed, "ended twice"
                self.closed.add(event.turn)
            case core.TurnEnded():
                assert self.open
                self.open = False
                self.asked.add(event.turn)
                self.sent_once()
            case core.ToolCalled():
                self.live(event.turn)
                assert event.call not in self.called, "a tool runs twice"
                self.called.add(event.call)
                self.pending.append((event.turn, event.call))

    def live(self, turn: int) -> None:
        assert turn == self.turn, "late"
        assert turn not in self.closed, "after the end"
        self.begun.add(turn)

    def cause(self, response: str) -> int:
        assert self.server is not None
        running = self.server.running[response]
        return self.causes[running.cause] if running.cause else running.turn


class Play(Promises):
    """A device that does anything, and a server and a line that do anything."""

    # --- the device ---------------------------------------------------------------------------------

    @property
    def going(self) -> bool:
        return bool(self.kind) and self.turn not in self.closed

    def next(self, kind: str, odd: int) -> None:
        """A new turn; what was before it is interrupted or dropped, or, seldom, just replaced."""
        if self.going and odd % 5:
            (self.drop if self.open else self.interrupt)(odd)
        self.closed.add(self.turn)
        self.turn += 1
        self.kind, self.open = kind, kind == "voice"
        self.chain, self.carried = self.carried if kind == "voice" else [], []

    def speak(self, odd: int) -> None:
        if self.going and not self.open and odd % 4:
            return  # most answers are waited for
        if not self.open:
            self.next("voice", odd)
        new = [(self.units + at).to_bytes(2, "little") * (UNIT // 2) for at in range(1 + odd % 10)]
        self.units += len(new)
        self.chain += new
        self.give(self.dialogue.audio(self.turn, b"".join(new)))

    def hold(self, _odd: int) -> None:
        if self.open:
            self.give(self.dialogue.hold(self.turn))

    def end(self, _odd: int) -> None:
        if self.open:
            self.open = False
            self.asked.add(self.turn)
            self.give(self.dialogue.end_of_turn(self.turn))

    def drop(self, _odd: int) -> None:
        if self.open:
            self.open = False
            self.closed.add(self.turn)
            self.give(self.dialogue.drop_turn(self.turn))

    def interrupt(self, odd: int) -> None:
        """Also of a reply that is complete, but still playing."""
        if self.open or not self.kind:
            return
        goes_on = odd % 2 == 0 and self.kind == "voice"
        if goes_on and self.going and self.turn not in self.begun:
            self.carried = self.chain
        self.closed.add(self.turn)
        self.kind = ""
        self.give(self.dialogue.interrupt(self.turn, 10 * odd, goes_on=goes_on))

    def text(self, odd: int) -> None:
        if self.going and odd % 4:
            return
        self.next("text", odd)
        self.asked.add(self.turn)
        self.give(self.dialogue.text(self.turn, "hello"))

    def say(self, odd: int) -> None:
        if self.going and odd % 4:
            return
        self.next("say", odd)
        self.asked.add(self.turn)
        self.give(self.dialogue.say(self.turn, "tea is ready"))

    def result(self, odd: int) -> None:
        if self.pending:
            turn, call_id = self.pending.pop(odd % len(self.pending))
            self.give(self.dialogue.tool_result(turn, call_id, {"on": True}))

    # --- the line and the server --------------------------------------------------------------------

    def connect(self, _odd: int) -> None:
        if self.server is None:
            self.sessions += 1
            self.server = SmallServer(self.sessions, auto=self.hands)
            self.give(self.dialogue.opened())

    def lose(self, _odd: int) -> None:
        if self.server is not None:
            self.server, self.under_way, self.appended = None, "", []
            self.causes.clear()
            self.dangling.clear()
            self.give(self.dialogue.closed())

    def step(self, odd: int) -> None:
        if self.server is not None:
            self.server.step(odd)

    def progress(self, odd: int) -> None:
        if self.server is not None:
            self.server.progress(odd)

    def find_end(self, _odd: int) -> None:
        if self.server is not None:
            self.server.find_end()

    def deliver(self, _odd: int) -> None:
        if self.server is None or not self.server.outbox:
            return
        event = self.server.outbox.popleft()
        if isinstance(event, ev.ResponseDone):
            self.dangling |= {item.call.call_id for item in event.response.items if item.call is not None}
        match event:
            case ev.ErrorHappened(error) if error.event_id == self.under_way:
                self.under_way = ""
            case ev.ResponseDone(response) if self.server.running[response.id].cause == self.under_way:
                self.under_way = ""
            case ev.AudioDelta():
                self.received[event.item_id] += len(event.pcm)
        for bent in self.bend(event):
            self.give(self.dialogue.received(bent))

    def flow(self, odd: int) -> None:
        """All of them do something."""
        for at in range(odd % 9):
            self.step(odd + at)
            self.deliver(odd)
            self.progress(odd + at)
            self.deliver(odd)

    def settle(self) -> None:
        """All that is under way comes to its end."""
        self.connect(0)
        assert self.server is not None
        for _ in range(40):
            while self.server.inbox:
                self.server.step(0)
            while self.server.outbox:
                self.deliver(0)
            self.result(0)
            if not self.server.inbox:
                self.server.progress(7)


DEVICE = ("speak", "speak", "end", "drop", "hold", "interrupt", "text", "say", "result", "result")
SERVER = (
    "step",
    "step",
    "step",
    "deliver",
    "deliver",
    "deliver",
    "progress",
    "progress",
    "find_end",
    "flow",
    "flow",
    "flow",
)
LINE = ("connect", "connect", "lose")
STORY = st.lists(st.tuples(st.sampled_from([*DEVICE, *SERVER, *LINE]), st.integers(0, 99)), min_size=25, max_size=80)


@pytest.mark.parametrize("hands", [False, True])
@settings(max_examples=250, deadline=None)
@given(story=STORY)
def test_promises(*, hands: bool, story: list[tuple[str, int]]) -> None:
    keeps(Play(hands=hands), story)


@pytest.mark.parametrize(
    ("hands", "bend"),
    [(hands, bend) for hands in (False, True) for bend in (unannounced, nameless, half_named, empty)]
    + [(False, silent)],
)
@settings(max_examples=60, deadline=None)
@given(story=STORY)
def test_promises_of_other_servers(*, hands: bool, bend: Bend, story: list[tuple[str, int]]) -> None:
    keeps(Play(hands=hands, bend=bend), story)


def keeps(play: Play, story: list[tuple[str, int]]) -> None:
    play.connect(0)
    for what, odd in story:
        getattr(play, what)(odd)
    play.settle()
    assert play.open or play.turn in play.closed or play.turn not in play.asked, "no end"
    assert not play.under_way
    assert play.server is not None
    assert all(play.server.calls.values()), "a call was left open"
