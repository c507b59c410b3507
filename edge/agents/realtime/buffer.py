"""The server's input audio buffer as seen from here: whose audio an item was made of, and by which side. Pure.

Where the server ends turns too, its end and ours may cross: what of ours it has not answered yet tells which
audio it was that it found the end of.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.agents.realtime.commands import ClearAudio, CommitAudio
from edge.agents.realtime.turn import Turn

TIDY = "tidy"  # event id of what no answer depends on: an error that names it fails no turn
PUT = "put_"  # event ids of our commits
MOST_MADE = 64


@dataclass(frozen=True, slots=True)
class Made:
    """Who made an item of the buffer. `crossed`: an end of ours was on its way; then `owner` had said it.

    A crossed item without an owner was to be forgotten; `last` unless its turn has gone on since.
    """

    by_server: bool
    crossed: bool = False
    owner: Turn | None = None
    last: bool = True


class Buffer:
    """`shared`: the server finds the end of turns by itself, too."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._acks = False  # whether this server is known to answer a clear: some do not
        self._bounds: deque[tuple[str, Turn | None]] = deque()  # commits and, without a turn, clears
        self._found: dict[str, bool] = {}  # items whose end the server has found: True when they are made
        self._made: deque[str] = deque(maxlen=MOST_MADE)
        self.silent = True  # whether this server has never yet said that it has made an item: some never do

    @property
    def tail(self) -> bool:
        """Whether what came after the end that the server has found may still be in there."""
        return any(self._found.values())

    def commit(self, turn: Turn) -> CommitAudio:
        """We end a turn."""
        command = CommitAudio(event_id=f"{PUT}{turn.id}")
        self._bounds.append((command.event_id, turn))
        return command

    def clear(self) -> ClearAudio:
        """We forget what is in there."""
        if self._shared and self._acks:
            self._bounds.append((TIDY, None))
        self._found = {item: made for item, made in self._found.items() if not made}
        return ClearAudio(event_id=TIDY)

    def cleared(self) -> None:
        """The server has."""
        self._acks = True
        self.gone(TIDY)

    def gone(self, event_id: str) -> None:
        """The server had nothing to commit; without an id, for the first of them."""
        gone = next((bound for bound in self._bounds if event_id in {"", bound[0]}), None)
        if gone is not None:
            self._bounds.remove(gone)

    def stopped(self, item: str) -> None:
        """The server's detector is about to make this item."""
        if item:
            self._found[item] = False

    def made(self, item: str) -> Made | None:
        """The server has made an item; None when nobody ended a turn."""
        self.silent = False
        self._made.append(item)
        ours = next((bound for bound in self._bounds if bound[1] is not None), None)
        if ours is not None and not (self._shared and item in self._found):
            self._bounds.remove(ours)
            return Made(by_server=False, owner=ours[1])
        if not self._shared:
            return None
        self._found[item] = True
        if not self._bounds:
            return Made(by_server=True)
        owner = self._bounds[0][1]
        return Made(True, True, owner, last=sum(turn is owner for _, turn in self._bounds) == 1)

    def knows(self, item: str) -> bool:
        """Whether the server has said that it has made this item."""
        return item in self._made

    def unacknowledged(self) -> Turn | None:
        """Something was made of what was committed, and the server did not say so: the last turn that it can be of."""
        turns = [turn for _, turn in self._bounds if turn is not None]
        self._bounds = deque(bound for bound in self._bounds if bound[1] is None)
        return turns[-1] if turns else None

    def reset(self) -> None:
        """The session is gone."""
        self._made.clear()
        self._bounds.clear()
        self._found.clear()
