"""The Tools port: the registry with this device's own tools, their confirmation, and the timers' ringing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge.core.consent import Consent
from edge.core.events import Event, SayGiven, TimerDue
from edge.core.languages import ENGLISH
from edge.ports import Fields, Post
from edge.tools.alarms import alarm_tools
from edge.tools.clock import clock_tools
from edge.tools.device import Replies, device_tools
from edge.tools.kept import Shelf, boot_clock
from edge.tools.registry import Fitting, Registry, Tool
from edge.tools.timers import Timer, Timers, shown, timer_tools
from edge.tools.told import due_words, late_words
from edge.tools.volume import volume_tools

LOOK_S = 1.0  # how soon it is noticed that the wall clock has been set, while something runs
LATE_S = 10.0  # overdue by more, it is told and does not ring: the clock has jumped, or the machine slept
WORDS_S = 5.0  # how long to wait for the words of a turn in which a tool is called that needs a yes
HEARD = frozenset({"stopped", "unheard", "told"})  # how a ring ends that need not be told again
ASKED = (
    "The device itself asks the person now; say nothing yourself. If their next words are a clear yes, call this tool "
    "again with the same arguments; otherwise do not."
)

_log = logging.getLogger(__name__)


class Toolbox:
    """Answers calls; a Watcher as well. `ring` is a task that posts timers as they are due.

    With a `shelf`, what is set is on the disk before the call is answered.
    """

    def __init__(
        self, get_volume: Callable[[], int], put_volume: Callable[[int], None], timezone: str = "",
        shelf: Path | None = None, more: Iterable[Tool] = (),
    ) -> None:  # fmt: skip
        self._zone = ZoneInfo(timezone) if timezone else None  # the configuration has checked it
        self.timers, self._consent = Timers(), Consent()
        self._shelf = Shelf(shelf) if shelf is not None else None
        self._late = list(self._shelf.load(self.timers, boot_clock(), time.time())) if self._shelf else []
        self._written = self.timers.changes
        self._writing, self._changed, self._worded = asyncio.Lock(), asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn, self._replies = 0, Replies()
        self.language = ENGLISH  # what is said of timers
        self.facts: Callable[[], Fields] = dict
        self.servers: Callable[[], Fields] = dict  # MCP servers, by name
        self.post: Post = lambda _event: None
        self.publish: Callable[[str, Fields], None] = lambda _event, _fields: None
        self.registry = Registry(
            (*clock_tools(), *timer_tools(self.timers, boot_clock), *alarm_tools(self.timers, boot_clock),
             *volume_tools(get_volume, put_volume), *self._own(), *more)
        )  # fmt: skip

    def _own(self) -> tuple[Tool, ...]:
        return device_tools(self._hand_on, lambda: self._replies.last(self._turn), self._tell_facts)

    def _hand_on(self, event: Event) -> None:
        self.post(event)  # which is set later

    def _tell_facts(self) -> Fields:
        return self.facts()

    def now(self) -> datetime:
        """The time of day where the device is."""
        return datetime.now(self._zone).astimezone(self._zone)

    # --- calls --------------------------------------------------------------------------------------

    async def run(self, name: str, arguments: Fields) -> Fields:
        """See ports.Tools."""
        fitting = self.registry.fitting(name, arguments)
        if isinstance(fitting, str):
            return {"error": fitting}
        if fitting.tool.confirm is not None and not await self._granted(fitting):
            self.post(SayGiven(fitting.tool.confirm(fitting.arguments), asks=True))
            return {"waiting": ASKED}
        result = await fitting.run(self.now())
        await self._keep()
        return result

    def cancellable(self, name: str) -> bool:
        """See ports.Tools."""
        return self.registry.cancellable(name)

    async def _granted(self, fitting: Fitting) -> bool:
        """Whether the person has said yes to just this in this turn. Some engines write the words down late."""
        call, turn = (fitting.tool.name, fitting.arguments), self._turn
        with suppress(TimeoutError):
            async with asyncio.timeout(WORDS_S):
                while self._consent.waits(call, turn, time.monotonic()):
                    self._worded.clear()
                    await self._worded.wait()
        if self._consent.take(call, turn, time.monotonic()):
            return True
        self._consent.ask(call, turn, time.monotonic())
        return False

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        self._replies.published(event, fields)
        turn = fields.get("turn")
        if event == "tool" and isinstance(turn, int):
            self._turn = turn
        elif event == "user_transcript" and fields.get("final") and isinstance(turn, int):
            self._consent.heard(turn, str(fields["text"]))
            self._worded.set()
        elif event == "ringing_over" and fields["how"] in HEARD and isinstance(fields["timers"], list):
            self.timers.heard(fields["timers"])
            self._later(self._keep())

    # --- timers -------------------------------------------------------------------------------------

    async def ring(self, post: Post) -> None:
        """Post each timer when it is due, for ever; first those that were due while the device was off."""
        late, self._late = self._late, []
        for timer in late:
            self._tell_late(timer, post)
        while True:
            self._look(post)
            now = boot_clock()
            due = self.timers.next_deadline(now)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else min(LOOK_S, due - now)):
                    await self._changed.wait()
            self._changed.clear()

    def _look(self, post: Post) -> None:
        now = boot_clock()
        self.timers.see(time.time() - now)
        for timer in self.timers.due(now):
            if now - timer.deadline > LATE_S:
                self._tell_late(timer, post)
            else:
                post(TimerDue(timer.id, timer.name, due_words(timer, self.now(), self.language)))

    def _tell_late(self, timer: Timer, post: Post) -> None:
        due = datetime.fromtimestamp(timer.deadline + self.timers.wall_s, self._zone).astimezone(self._zone)
        post(TimerDue(timer.id, timer.name, late_words(timer, due, self.now(), self.language), late=True))

    def listed(self) -> list[Fields]:
        """Those that run, the soonest first, as `timers` shows them."""
        now, clock = boot_clock(), self.now()
        return [
            {"id": one.id, "kind": one.kind, **shown(one, clock), "left_s": one.left(now)} for one in self.timers.find()
        ]

    async def _keep(self) -> None:
        """Write down what has changed, if something has."""
        if self._written == self.timers.changes:
            return
        self._changed.set()
        async with self._writing:
            if self._written != self.timers.changes:
                self._written = self.timers.changes
                await self._write()
        self.publish("timers", {"timers": self.listed()})

    async def _write(self) -> None:
        if self._shelf is None:
            return
        picture = self._shelf.picture(self.timers)
        try:
            await asyncio.shield(asyncio.to_thread(self._shelf.write, picture))
        except OSError as error:
            _log.error("timers_not_written", extra={"error": str(error)})
            message = f"The timers cannot be written down ({error.strerror}): a restart would forget them."
            self.publish("error", {"where": "timers", "message": message})

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
