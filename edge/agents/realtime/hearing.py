"""What the server makes of the person's voice: the ends of turns, the words, what they cost. Pure."""

from __future__ import annotations

from edge.agents.realtime import events as ev
from edge.agents.realtime.exchange import Exchange, Hands
from edge.agents.realtime.pricing import money, tokens
from edge.agents.realtime.turn import Phase, Turn
from edge.agents.realtime.usage import HeardUsage, Usage
from edge.config import Price
from edge.core import events as core

MOST_OWNERS = 32  # items whose transcripts may still come; without a transcription model none ever does
MOST_ID = 128  # characters of an id that somebody else has made


class Hearing(Exchange):
    """The person's half of what comes. Some servers do not say which items they make, or not that they do."""

    def __init__(self, hands: Hands | None = None, price: Price | None = None, heard: Price | None = None) -> None:
        super().__init__(hands)
        self._prices = price, heard

    def _hearing(self, event: ev.ServerEvent) -> None:
        match event:
            case ev.SpeechStarted():
                if self._open_turn is not None:
                    self._out.append(core.VoiceHeard(self._open_turn.id))
            case ev.SpeechStopped():
                self._buffer.stopped(event.item_id)
            case ev.AudioCommitted():
                self._committed(event.item_id)
            case ev.AudioCleared():
                self._buffer.cleared()
            case ev.HeardDelta() if event.item_id in self._owners:
                owner = self._owners[event.item_id]
                owner.heard.parts[event.item_id] += event.text
                self._tell_heard(owner, final=False)
            case ev.HeardDone():
                self._heard(event)
            case ev.HeardFailed() if event.item_id in self._owners:
                self._owners.pop(event.item_id).heard.open.discard(event.item_id)

    @property
    def _open_turn(self) -> Turn | None:
        current = self._turn
        return current if current is not None and current.phase is Phase.OPEN else None

    # --- the words ----------------------------------------------------------------------------------

    def _heard(self, event: ev.HeardDone) -> None:
        if event.item_id not in self._owners and not self._buffer.knows(event.item_id):
            self._unacknowledged(event)
        owner = self._owners.pop(event.item_id, None)
        self._spent(0 if owner is None else owner.id, event.usage, item=event.item_id)
        if owner is not None:
            owner.heard.end(event.item_id, event.text.strip())
            self._tell_heard(owner, final=owner.phase is not Phase.OPEN and not owner.heard.open)

    def _tell_heard(self, owner: Turn, *, final: bool) -> None:
        if owner is self._turn:  # transcripts of a turn that is over are late
            self._out.append(core.TranscriptHeard(owner.id, owner.question, final))

    def _unacknowledged(self, event: ev.HeardDone) -> None:
        """Words of an item that we were not told of. Where the server ends turns, they may be how it says so."""
        nameless = self._owners.pop("", None)
        if nameless is not None:
            nameless.heard.forget("")
            self._own(event.item_id, nameless)
            return
        owner, ends = self._buffer.unacknowledged(), self._hands is not None and self._open_turn is not None
        if owner is not None and not (ends and owner.begun):  # such servers answer the words
            self._own(event.item_id, owner)
        elif ends and event.text.strip():
            self._ended_by_server(event.item_id)

    def _own(self, item: str, turn: Turn) -> None:
        turn.heard.begin(item)
        self._owners[item] = turn
        if len(self._owners) > MOST_OWNERS:
            del self._owners[next(iter(self._owners))]

    # --- the end of the turn ------------------------------------------------------------------------

    def _committed(self, item: str) -> None:
        """Audio has become an item: because we said so, or because the server found the end of the turn."""
        made = self._buffer.made(item)
        if made is None:
            return
        if made.owner is not None:
            self._own(item, made.owner)
        if made.crossed:  # our own end of it is on its way: this is the answer, if one is still wanted
            owner = made.owner
            wanted = owner is not None and made.last and owner.phase is Phase.ASKED
            self._requests.expect(0 if owner is None else owner.id, wanted=wanted)
        elif made.by_server:
            self._ended_by_server(item)

    def _ended_by_server(self, item: str) -> None:
        """It begins an answer now; for nobody, when the turn is not open or the button is held."""
        current = self._open_turn
        if current is None:
            self._requests.expect(0, wanted=False)
            return
        self._own(item, current)
        self._requests.expect(current.id, wanted=not current.held)
        if not current.held:  # else it had not learnt of the button in time
            current.phase = Phase.ASKED
            current.asks += 1
            self._out.append(core.TurnEnded(current.id))

    def _ended_unsaid(self) -> None:
        """A response begins: of a server that never says what it commits, it may be how it ends a turn."""
        silent = self._hands is not None and self._buffer.silent
        if silent and self._open_turn is not None and self._requests.quiet:
            self._ended_by_server("")

    # --- money --------------------------------------------------------------------------------------

    def _spent(self, turn: int, usage: Usage | HeardUsage, **ids: str) -> None:
        used = tokens(usage)
        if used:
            known = {name: one[:MOST_ID] for name, one in ids.items() if one}
            self._out.append(core.Spent(turn, used, money(usage, *self._prices), ids=known))
