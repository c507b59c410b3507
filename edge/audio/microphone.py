"""The Microphone port: the audio thread around devices and front end, and the thread that minds the devices."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, runtime_checkable

from edge.audio.frontend import FrontEnd
from edge.audio.keeper import Keeper
from edge.audio.naming import show_name
from edge.audio.pace import IDLE_LOOK_S, LEAST_S, Pace
from edge.audio.speaker import QueueSpeaker
from edge.core.effects import Ears
from edge.core.events import Event
from edge.ports import Fields, Post

TICK_S = 0.012  # where nothing tells when the next round is due: a reply that waits for an output
RIDE_S = 0.022  # an output has no round of its own where another is due by then (feed.LOW_S)
JOIN_S = 1.0
NICE = -11  # as sound servers do: a round that is late by more than the output is ahead is a gap

Later = Callable[[Callable[[], None]], object]  # loop.call_soon_threadsafe


def _raise(error: Exception) -> None:
    raise error


class Sessions:
    """Lets through only the events of the newest `set_ears`: what was on its way before is late.

    Everything here runs in the loop, except `deliver`.
    """

    def __init__(self, post: Post, later: Later) -> None:
        self._post, self._later = post, later
        self.current = 0

    def deliver(self, session: int, event: Event) -> None:
        """Called by the audio thread."""
        self._later(partial(self._take, session, event))

    def _take(self, session: int, event: Event) -> None:
        if session == self.current:
            self._post(event)


@runtime_checkable
class Pumped(Protocol):
    """A device that moves samples only when it is called; it never makes the caller wait."""

    def pump(self) -> float | None:
        """Move what can be moved; in how many seconds it wants to be called again, if that is known."""

    def stalled(self) -> bool:
        """Open, but dead."""


@runtime_checkable
class Heard(Pumped, Protocol):
    """A microphone; `hurried`: it is to be given up earlier, for somebody is listened to."""

    hurried: bool


class Stops:
    """Tells of each device once when it has stopped.

    Whoever minds the devices looks twice a second, and a person who begins to speak just before would not be heard.
    """

    def __init__(self, *lines: Pumped | None) -> None:
        self._lines = [line for line in lines if line is not None]
        self._known = [False for _ in self._lines]
        self.tell: Callable[[], None] = lambda: None

    def look(self) -> None:
        """After each round."""
        stopped = [line.stalled() for line in self._lines]
        if any(now and not before for now, before in zip(stopped, self._known, strict=True)):
            self.tell()
        self._known = stopped


class AudioThread:
    """Reads, works and writes every few milliseconds, or rarely when nothing is going on.

    `failed` is told what ended the thread before its time: a device that hears nothing must not look well.
    """

    def __init__(
        self,
        front: FrontEnd,
        speaker: QueueSpeaker,
        failed: Callable[[Exception], None] = _raise,
        source: object = None,
        sink: object = None,
    ) -> None:
        self._front, self._speaker, self._failed = front, speaker, failed
        self._source = source if isinstance(source, Heard) else None  # files have a pace of their own
        self._sink = sink if isinstance(sink, Pumped) else None
        self._asleep = threading.Lock()  # released to wake it: an Event makes a new lock for every wait
        self._asleep.acquire()
        self._pace, self._hear_at = Pace(), 0.0
        self.stops = Stops(self._source, self._sink)
        self._end = False
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)
        self.turns = 0  # counts up while the thread lives: the watchdog's evidence

    def start(self) -> None:
        """Begin; the devices may come later."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do now."""
        with suppress(RuntimeError):  # it has been woken already
            self._asleep.release()

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._end = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        show_name()
        with suppress(OSError):  # not allowed: then it waits like everybody else
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  a thread's boundary
            self._failed(error)

    def _work(self) -> None:
        while not self._end:
            self.turns += 1
            self._asleep.acquire(timeout=self._turn())

    def _turn(self) -> float:
        """One round; returns in how many seconds the next is due."""
        front, speaker = self._front, self._speaker
        if front.commanded or time.monotonic() >= self._hear_at:
            self._hear()
        again = self._sink.pump() if self._sink is not None else None
        self.stops.look()
        speaker.tick()
        now = time.monotonic()
        if again is None:
            again = TICK_S if speaker.busy else IDLE_LOOK_S
        hear = self._hear_at - now
        if again < hear <= RIDE_S:
            again = hear
        return max(LEAST_S, min(hear, speaker.due - now, again))

    def _hear(self) -> None:
        if self._source is not None:
            self._source.pump()
        self._front.work()
        front = self._front
        if self._source is not None:
            self._source.hurried = front.listens
        self._hear_at = self._pace.next(front.worked, front.step, time.monotonic())


class Ear:
    """The Microphone port."""

    def __init__(self, front: FrontEnd, sessions: Sessions, thread: AudioThread, keeper: Keeper) -> None:
        self._front, self._sessions, self._thread, self._keeper = front, sessions, thread, keeper

    def set_ears(self, mode: Ears, since: float) -> None:
        """See ports.Microphone."""
        self._sessions.current += 1
        self._front.set_ears(self._sessions.current, mode, since)
        self._thread.wake()

    def set_patience(self, silence_s: float) -> None:
        """See ports.Microphone."""
        self._front.set_patience(silence_s)
        self._thread.wake()

    def close_mic(self, closed: bool) -> None:
        """See ports.Microphone."""
        self._keeper.mute(closed)

    def stats(self) -> Fields:
        """See ports.Microphone."""
        return {"level_db": round(self._front.level, 1), "lost_frames": self._front.lost, **self._keeper.stats()}
