"""What would have happened: today's front end and core together, on the sound, the hands and the engine of then.

The front end obeys the core, and the core hears what the front end finds. The engine answers as long after the end of
the turn as it did then, with what it said then. What nobody recorded cannot be heard: the sound of times in which the
recorded device listened to nobody.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from itertools import count

from edge.config import Config
from edge.core import effects as do
from edge.core.events import Event, TimePassed
from edge.core.notation import Plain, read_event, written
from edge.core.snapshot import restored
from edge.fitting import conversation_settings
from edge.replay.again import FROM_SOUND
from edge.replay.ears import Hearing
from edge.sessions.reading import Session


class Simulation:
    """`run` once; `lines` are then the notes of what was done and found, each with its time `t`."""

    def __init__(self, session: Session, config: Config) -> None:
        self._session = session
        settings = conversation_settings(config, wakes=bool(session.header["wakes"]))
        self._talk = restored(session.header["conversation"], settings)
        self._hearing = Hearing(session, config, self._deliver)
        self._ears, self._now = 0, 0.0
        self._waiting: list[tuple[float, int, Event]] = []  # of the engine, by time
        self._order = count()
        self._ended = ends(session.lines)  # when each turn ended then ...
        self._moved: dict[int, float] = {}  # ... and by how much later it does now
        self._held: defaultdict[int, list[tuple[float, Event]]] = defaultdict(list)
        self.lines: list[Plain] = []

    def run(self) -> list[Plain]:
        """Returns `lines`."""
        for line in self._session.lines:
            if line.get("front") == "begin":  # the front end may have obeyed a little later, when it next looked
                self._hearing.begin(line)
                self._ears = int(line["session"])
        for line in sorted(self._session.lines, key=lambda line: float(line["t"])):
            self._pass(float(line["t"]))
            self._take(line)
        return self.lines

    def _take(self, line: Plain) -> None:
        hearing = self._hearing
        match line.get("front"):
            case None:
                if "event" in line:
                    self._hand_over(line)
            case "room" if hearing.front.rests:
                hearing.front.follow([float(level) for level in line["levels"]], int(line["frames"]))
            case "frames":
                hearing.frames(line, wanted=not hearing.front.rests)
                hearing.front.work()
            case _:
                return
        self._note()

    def _note(self) -> None:
        self.lines += [{"t": self._now, **line} for line in self._hearing.lines]
        self._hearing.lines.clear()

    def _hand_over(self, line: Plain) -> None:
        """An event of then that no microphone made."""
        [name] = line["event"]
        if name in FROM_SOUND or name == TimePassed.__name__:
            return
        event, at = read_event(line["event"]), float(line["t"])
        turn = getattr(event, "turn", None)
        if turn is None or at < self._ended.get(turn, at + 1):
            self._handle(event)
        elif turn in self._moved:
            heapq.heappush(self._waiting, (at + self._moved[turn], next(self._order), event))
        else:
            self._held[turn].append((at, event))

    def _pass(self, until: float) -> None:
        """Deadlines, and what the engine says, up to then."""
        while True:
            wake = self._talk.wake_at
            engine = self._waiting[0][0] if self._waiting else None
            due = min((at for at in (wake, engine) if at is not None), default=None)
            if due is None or due > until:
                break
            self._now = max(self._now, due)
            event = heapq.heappop(self._waiting)[2] if engine is not None and engine == due else TimePassed()
            self._handle(event)
        self._now = max(self._now, until)

    def _deliver(self, session: int, event: Event) -> None:
        if session == self._ears:
            self._handle(event)

    def _handle(self, event: Event) -> None:
        effects = self._talk.handle(event, self._now)
        self.lines.append({"t": self._now, "event": written(event), "effects": [written(one) for one in effects]})
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: do.Effect) -> None:
        front = self._hearing.front
        match effect:
            case do.SetEars(mode, since):
                self._ears += 1
                front.set_ears(self._ears, mode, since)
            case do.SetPatience(silence_s):
                front.set_patience(silence_s)
            case do.EndTurn(turn) if turn in self._ended:
                self._moved[turn] = self._now - self._ended[turn]
                for at, event in self._held.pop(turn, []):
                    heapq.heappush(self._waiting, (at + self._moved[turn], next(self._order), event))
            case _:
                pass


def ends(lines: list[Plain]) -> dict[int, float]:
    """When the engine was told of the end of each turn."""
    found: dict[int, float] = {}
    for line in lines:
        for effect in line.get("effects", ()):
            if "EndTurn" in effect:
                found[int(effect["EndTurn"]["turn"])] = float(line["t"])
    return found
