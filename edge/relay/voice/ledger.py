"""What talking costs: by person or device, day and model, in the store; and whether there is money left."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.agents.realtime.pricing import money, tokens
from edge.agents.realtime.reading import Json, maybe_table
from edge.agents.realtime.usage import HeardUsage, Usage, heard_usage, usage
from edge.config import Config
from edge.relay.doors import Who
from edge.relay.house import House
from edge.relay.metrics import Spenders
from edge.relay.voice.leash import Money

_log = logging.getLogger("edge-voice")
_ADD = """
    INSERT INTO usage (day, who, device, model, seconds, tokens, cost) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, who, device, model) DO UPDATE SET
    seconds = seconds + excluded.seconds, tokens = tokens + excluded.tokens, cost = cost + excluded.cost
"""


@dataclass(frozen=True, slots=True)
class Bill:
    """Of one response or transcription; `cost` None where no price is known."""

    tokens: int
    cost: float | None
    model: str


@dataclass(frozen=True, slots=True)
class Prices:
    """Of the models at hand; `currency` is all prices'."""

    config: Config
    model: str

    def response(self, response: Json) -> Bill | None:
        """Of a `response.done`, None if it says nothing of usage."""
        body = maybe_table(response, "usage")
        return self._bill(usage(body), self.model) if body else None

    def heard(self, event: Json, model: str) -> Bill | None:
        """Of a transcription."""
        body = maybe_table(event, "usage")
        return self._bill(heard_usage(body), model) if body else None

    def _bill(self, used: Usage | HeardUsage, model: str) -> Bill:
        price = self.config.prices.get(model)
        count = sum(number for kind, number in tokens(used).items() if kind != "seconds")
        return Bill(count, money(used, price, price), model)


class Account:
    """One's money, as the store had it last and what has been added since."""

    def __init__(self, ledger: Ledger, who: Who) -> None:
        self._ledger, self.who = ledger, who
        self._unwritten = 0.0
        self._mine = self._all = 0.0
        self._day = ""

    @property
    def money(self) -> Money:
        """Now. A day that has begun meanwhile has cost nothing yet."""
        limits = self._ledger.limits
        if self._day != self._ledger.today():
            return Money(0.0, limits[0], 0.0, limits[1])
        return Money(self._mine + self._unwritten, limits[0], self._all + self._unwritten, limits[1])

    async def read(self) -> None:
        """What all processes together have written."""
        day = self._ledger.today()
        self.set(day, await self._ledger.store.run(lambda db: sums(db, day, self.who.id)))

    def add(self, bill: Bill) -> None:
        """Something was used; written behind our back."""
        cost = bill.cost or 0.0
        self._unwritten += cost
        self._ledger.write(self, bill, 0.0, cost)

    def talked(self, seconds: float, model: str) -> None:
        """How long it was, at its end."""
        self._ledger.write(self, Bill(0, 0.0, model), seconds, 0.0)

    def set(self, day: str, found: tuple[float, float], written: float = 0.0) -> None:
        """What the store has now, `written` of ours in it."""
        self._day, (self._mine, self._all) = day, found
        self._unwritten -= written


class Ledger:
    """The store's usage, and the counters of /metrics."""

    def __init__(self, house: House) -> None:
        self.store, self._house = house.store, house
        config = house.config
        self.limits = (config.server.daily_each, config.budget.daily)
        self._tasks: set[asyncio.Task[None]] = set()
        metrics = house.metrics
        self._cost = metrics.counter("voice_cost_total", f"money spent on models, in {config.budget.currency}")
        self._tokens = metrics.counter("voice_tokens_total", "tokens used")
        self._seconds = metrics.counter("voice_seconds_total", "seconds of conversation")
        self._unpriced = metrics.counter("voice_unpriced_total", "responses of models whose price is not known")
        self._spenders = Spenders(metrics, self.today)
        self._lost = metrics.counter("voice_usage_lost_total", "entries of usage that could not be written")

    def today(self) -> str:
        """The day that money counts for, by this machine's zone."""
        return datetime.fromtimestamp(self._house.now()).strftime("%Y-%m-%d")  # noqa: DTZ006  the local day

    async def account(self, who: Who) -> Account:
        """With what the day has cost so far."""
        account = Account(self, who)
        await account.read()
        return account

    def write(self, account: Account, bill: Bill, seconds: float, cost: float) -> None:
        """Into the store, behind whatever it does; the account then knows what others have spent."""
        self._cost.add(cost, model=bill.model)
        self._tokens.add(bill.tokens, model=bill.model)
        self._seconds.add(seconds, model=bill.model)
        if bill.cost is None:
            self._unpriced.add(model=bill.model)
        day, who = self.today(), account.who
        self._spenders.add(day, f"{who.kind}:{who.id}", cost, seconds)
        row = (day, who.id, who.id if who.kind == "device" else "", bill.model, seconds, bill.tokens, cost)

        def work(db: sqlite3.Connection) -> tuple[float, float]:
            db.execute(_ADD, row)
            return sums(db, day, who.id)

        task = asyncio.ensure_future(self._written(account, day, asyncio.wrap_future(self.store.later(work)), cost))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _written(self, account: Account, day: str, work: Any, cost: float) -> None:
        try:
            account.set(day, await work, cost)
        except sqlite3.Error as error:
            self._lost.add()
            _log.error("usage_lost error=%r", error)

    async def close(self) -> None:
        """What is being written is written."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def sums(db: sqlite3.Connection, day: str, who: str) -> tuple[float, float]:
    """The day's money of one, and of all."""
    row = db.execute(
        "SELECT coalesce(sum(cost) FILTER (WHERE who = ?), 0), coalesce(sum(cost), 0) FROM usage WHERE day = ?",
        (who, day),
    ).fetchone()
    return float(row[0]), float(row[1])


def entries(db: sqlite3.Connection, who: str | None, days: int) -> list[dict[str, Any]]:
    """The last days with anything, newest first; of one, or of all (None) with their names."""
    rows = db.execute(
        "SELECT day, usage.who, usage.device, coalesce(people.name, devices.name, '') AS name, model, seconds, tokens, "
        "cost FROM usage LEFT JOIN people ON people.id = usage.who LEFT JOIN devices ON devices.id = usage.device "
        "WHERE (? IS NULL OR usage.who = ?) AND day >= date('now', 'localtime', ?) "
        "ORDER BY day DESC, cost DESC LIMIT 1000",
        (who, who, f"-{days} days"),
    )
    return [dict(row) for row in rows]
