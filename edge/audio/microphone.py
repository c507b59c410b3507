"""The Microphone port: the audio thread around devices and front end, and the thread that minds the devices."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, runtime_checkable

from edge.audio.frontend import IDLE_LOOK_S, FrontEnd
from edge.audio.keeper import Keeper
from edge.audio.speaker import QueueSpeaker
from edge.core.effects import Ears
from edge.core.events import Event
from edge.ports import Fields, Post

TICK_S = 0.012  # while a reply sounds: how late a voice that interrupts is noticed at most
LISTEN_S = 0.03  # while only listening: half of TICK_S costs 0.9 % of a core more, and gains 7 ms on average
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
        self._later(lambda: self._take(session, event))

    def _take(self, session: int, event: Event) -> None:
        if session == self.current:
            self._post(event)


@runtime_checkable
class Pumped(Protocol):
    """A device that moves samples only when it is called; it never makes the caller wait."""

    def pump(self) -> bool:
        """Move what can be moved; whether it wants to be called again soon."""


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
        self._source = source if isinstance(source, Pumped) else None  # files have a pace of their own
        self._sink = sink if isinstance(sink, Pumped) else None
        self._wake = threading.Event()
        self._end = False
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)
        self.turns = 0  # counts up while the thread lives: the watchdog's evidence

    def start(self) -> None:
        """Begin; the devices may come later."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do now."""
        self._wake.set()

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._end = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        with suppress(OSError):  # not allowed: then it waits like everybody else
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  a thread's boundary
            self._failed(error)

    def _work(self) -> None:
        while not self._end:
            self.turns += 1
            if self._wake.wait(self._turn()):
                self._wake.clear()

    def _turn(self) -> float:
        """One round; returns when the next is due."""
        if self._source is not None:
            self._source.pump()
        self._front.work()
        playing = self._sink is not None and self._sink.pump()
        self._speaker.tick()
        if playing or self._speaker.busy:
            return TICK_S
        return LISTEN_S if self._front.active else IDLE_LOOK_S


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
