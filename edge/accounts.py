"""A running daemon's books: what every turn took and cost is kept, counted for Prometheus and told by commands."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge import __version__
from edge.commands import Commands
from edge.config import Config, secret
from edge.config.places import state_dir
from edge.core.reckoning import forecast, month_so_far
from edge.daemon import Daemon
from edge.errors import EdgeVoiceError, UsageError
from edge.host.book import NAME, Book, Day, day_of
from edge.host.diary import Diary
from edge.host.gauges import Gauges
from edge.host.otlp import Exporter, collector
from edge.host.tracing import About, Tracer
from edge.ports import Fields

ASIDE = "insight.jsonl"  # beside the control socket
MOST_TURNS, MOST_DAYS = 1000, 366  # in one answer
USUAL_TURNS, USUAL_DAYS = 20, 30

SOUND = (
    ("microphone_lost_frames", "microphone", "lost_frames", "Frames of 10 ms for which a thread came too late."),
    ("speaker_underruns", "speaker", "underruns", "How often the loudspeaker's card ran dry."),
    ("speaker_starved", "speaker", "starved", "How often the next sound of a reply had not come in time."),
    ("speaker_dropped_samples", "speaker", "dropped_samples", "Sound of replies that there was no room for."),
)
HEADERS = "otlp_headers"  # the credential or variable
FRESH_S = 5.0

T = TypeVar("T")


class Accounts:
    """Made with the daemon; `open` once the control socket is this daemon's alone."""

    def __init__(self, config: Config, daemon: Daemon, commands: Commands, volatile: Path) -> None:
        def engine() -> str:
            return daemon.ports.agent.name

        def told(message: str) -> None:
            daemon.publish("error", {"where": "insight", "message": message})

        self._config, self._daemon = config, daemon
        self.diary = Diary(Book(state_dir() / NAME), volatile / ASIDE, engine, told)
        daemon.seed = self.diary.run
        self.gauges = Gauges(engine, config.budget.currency)
        self._traces = traces(config, self.diary.run, engine) if config.insight.otlp else None
        self._summed: tuple[float, int, Fields] = (-FRESH_S, 0, {})  # when, of how much that waits, what
        self._watch_values()
        commands.parts["budget"] = self.budget
        daemon.ports.watchers += [self.diary, self.gauges, *([self._traces[0]] if self._traces else [])]
        commands.more(
            {"turns": self.turns, "usage": self.usage, "metrics": lambda _: {"text": self.gauges.text()}}
        )  # fmt: skip

    def open(self) -> None:
        """Take over what was not written."""
        self.diary.open()

    async def close(self) -> None:
        """Write what waits. Idempotent."""
        if self._traces is not None:
            tracer, exporter = self._traces
            tracer.close()
            await asyncio.to_thread(exporter.close)
        await self.diary.close()

    def turns(self, argument: object) -> Fields:
        """The last so many turns."""
        last = whole(argument, USUAL_TURNS, MOST_TURNS)
        return {"turns": _read(lambda: self.diary.book.turns(last, self.diary.waiting))}

    def usage(self, argument: object) -> Fields:
        """What each of the last so many days has cost, and what the month will."""
        days = whole(argument, USUAL_DAYS, MOST_DAYS)
        budget = self._config.budget
        known = _read(lambda: self.diary.book.days(self.diary.waiting))
        return {**summed(known, day_of(time.time()), days), "currency": budget.currency, "daily": budget.daily,
                "warn": budget.warn, "device": self._config.device.name, "not_kept": self.diary.lost}  # fmt: skip

    def budget(self) -> Fields:
        """For `status`: what may be spent, and what has been."""
        budget, told = self._config.budget, self._summary()
        stats = self._daemon.ports.agent.stats()
        spent = stats.get("spent_today", told["today"])  # of the purse, which also counts what is not in the books
        return {"state": stats.get("budget_state", "open"), "today": spent, "daily": budget.daily or None,
                "warn": budget.warn or None, "month": told["month"], "forecast": told["forecast"],
                "currency": budget.currency}  # fmt: skip

    def _figure(self, key: str) -> float:
        return float(str(self.budget()[key]))

    def _summary(self) -> Fields:
        """Today and the month; read again when something was spent: `status` comes often. Zeros while unreadable."""
        now, waiting = time.monotonic(), len(self.diary.waiting)
        if now - self._summed[0] > FRESH_S or waiting != self._summed[1]:
            try:
                known = self.diary.book.days(self.diary.waiting)
            except sqlite3.Error:
                known = []
            self._summed = (now, waiting, summed(known, day_of(time.time()), 1))
        return self._summed[2]

    def _counted(self, port: str, key: str) -> float:
        """What the microphone or the speaker has counted."""
        value = getattr(self._daemon.ports, port).stats().get(key)
        return float(value) if isinstance(value, int | float) else 0.0

    def _watch_values(self) -> None:
        daemon, diary, budget = self._daemon, self.diary, self._config.budget
        watch = self.gauges.watch
        watch("ready", "Whether a turn could be held now.", lambda: float(daemon.can_hold_a_turn))
        watch("muted", "Whether the microphone is muted.", lambda: float(daemon.conversation.muted))
        watch("budget_daily", "Most money to spend in a day; 0 is no limit.", lambda: budget.daily)
        watch("budget_warn", "Money in a day at which the person is told; 0 is never.", lambda: budget.warn)
        for name, key, about in (
            ("spent_today", "today", "Money spent today."),
            ("spent_month", "month", "Money spent this month."),
            ("forecast_month", "forecast", "Money that this month will have cost at its end."),
        ):
            watch(name, about, partial(self._figure, key))
        watch("turns_not_kept", "Figures that were dropped because they could not be written.", lambda: diary.lost)
        exporter = self._traces[1] if self._traces is not None else None
        watch("spans_sent", "Spans that the collector of traces has taken.", lambda: exporter.sent if exporter else 0)
        about = "Spans that it has not taken, or that were too many."
        watch("spans_dropped", about, lambda: exporter.dropped if exporter else 0)
        for name, port, key, about in SOUND:
            watch(name, about, partial(self._counted, port, key))
        self.gauges.metrics.gauge("info", "The version that runs.").set(1.0, version=__version__)


def traces(config: Config, run: str, engine: Callable[[], str]) -> tuple[Tracer, Exporter]:
    """What turns become as OpenTelemetry has them, and who sends it."""
    device = config.device.name or socket.gethostname()
    resource = {"service.name": "edge-voice", "service.version": __version__, "service.instance.id": device}
    models = {"realtime": config.realtime.model, "local": "", "none": ""}
    exporter = Exporter(collector(config.insight.otlp, secret(HEADERS), resource))
    return Tracer(About(device, run, engine, lambda name: models.get(name, "")), exporter), exporter


def whole(argument: object, usual: int, most: int) -> int:
    """A number from 1 to `most`; raises UsageError for anything else."""
    try:
        number = usual if argument is None else int(str(argument))
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise UsageError(f"How many is a number from 1 to {most}, not {argument!r}.")
    return number


def summed(known: list[Day], today: date, days: int) -> Fields:
    """The days as they are told: each with its engines together, the month and its forecast."""
    first = today - timedelta(days - 1)
    by_day: dict[date, Day] = {}
    for one in known:
        day = by_day.setdefault(one.day, Day(one.day, ""))
        day.turns, day.cost, day.unpriced = day.turns + one.turns, day.cost + one.cost, day.unpriced + one.unpriced
    costs = {day.day: day.cost for day in by_day.values()}
    return {
        "days": [_told(day) for day in by_day.values() if day.day >= first],
        "engines": [{**_told(one), "engine": one.engine} for one in known if one.day >= first],
        "today": round(costs.get(today, 0.0), 6), "month": round(month_so_far(costs, today), 6),
        "forecast": round(forecast(costs, today), 4),
    }  # fmt: skip


def _told(day: Day) -> Fields:
    return {"day": day.day.isoformat(), "turns": day.turns, "cost": round(day.cost, 6), "unpriced": day.unpriced}


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except sqlite3.Error as error:
        raise EdgeVoiceError(f"The store of turns cannot be read: {error}.") from None
