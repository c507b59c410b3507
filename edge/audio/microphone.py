"""The Microphone port: the audio thread around the front end, and the thread that minds the devices."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.audio.frontend import IDLE_LOOK_S, FrontEnd
from edge.audio.keeper import Keeper
from edge.audio.speaker import QueueSpeaker
from edge.core.effects import Ears
from edge.core.events import Event
from edge.ports import Fields, Post

TICK_S = 0.016  # blocks come every 20 to 40 ms; waking twice as often cost 1 % of a core and gained 4 ms
JOIN_S = 1.0

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


class AudioThread:
    """Runs `front.work` and `speaker.tick` every few milliseconds, or rarely when nothing is going on.

    `failed` is told what ended the thread before its time: a device that hears nothing must not look well.
    """

    def __init__(self, front: FrontEnd, speaker: QueueSpeaker, failed: Callable[[Exception], None] = _raise) -> None:
        self._front, self._speaker, self._failed = front, speaker, failed
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
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  a thread's boundary
            self._failed(error)

    def _work(self) -> None:
        while not self._end:
            self.turns += 1
            self._front.work()
            self._speaker.tick()
            busy = self._front.active or self._speaker.busy
            if self._wake.wait(TICK_S if busy else IDLE_LOOK_S):
                self._wake.clear()


class Ear:
    """The Microphone port."""

    def __init__(self, front: FrontEnd, sessions: Sessions, thread: AudioThread, keeper: Keeper) -> None:
        self._front, self._sessions, self._thread, self._keeper = front, sessions, thread, keeper

    def set_ears(self, mode: Ears, since: float) -> None:
        """See ports.Microphone."""
        self._sessions.current += 1
        self._front.set_ears(self._sessions.current, mode, since)
        if mode in {Ears.WATCH, Ears.GUARD}:  # the answer is on its way
            self._keeper.need_output()
        self._thread.wake()

    def close_mic(self, closed: bool) -> None:
        """See ports.Microphone."""
        self._keeper.mute(closed)

    def stats(self) -> Fields:
        """See ports.Microphone."""
        return {"level_db": round(self._front.level, 1), "lost_frames": self._front.lost, **self._keeper.stats()}
