"""What happens on the device, counted for Prometheus. Labels hold names of stages, engines and kinds, never words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.metrics import Metrics
from edge.ports import Fields

STAGE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class Gauges:
    """A Watcher; `text` is the exposition. `engine` names the engine in use."""

    def __init__(self, engine: Callable[[], str], currency: str) -> None:
        self.metrics = Metrics("edge_voice_")
        self._engine, self._currency = engine, currency
        of = self.metrics
        self._turns = of.counter("turns_total", "Replies that have begun to sound, by kind of turn and engine.")
        about = "From the end of speech (else of the turn) to each stage of a turn."
        self._stages = of.histogram("turn_stage_seconds", about, STAGE_S)
        self._said = of.counter("said_seconds_total", "The persons' audio that was sent to an engine.")
        self._tokens = of.counter("tokens_total", "What services were given and gave, by kind.")
        self._cost = of.counter("cost_total", "Money spent, as far as prices are known, by engine and currency.")
        self._unpriced = of.counter("unpriced_total", "How often something was used whose price is not known.")
        self._problems = of.counter("problems_total", "Problems that were told, by place.")
        self._interrupted = of.counter("interrupted_total", "Replies that a person interrupted.")
        self._tools = of.counter("tool_calls_total", "Tools that an engine has called, by name.")
        self._tool_s = of.histogram("tool_seconds", "How long a tool took, by name and whether it has worked.", STAGE_S)
        self._events: Mapping[str, Callable[[Fields], None]] = {
            "turn": self._turn,
            "usage": self._usage,
            "error": lambda fields: self._problems.add(where=str(fields.get("where", ""))),
            "interrupted": lambda _: self._interrupted.add(),
            "tool_done": self._tool_done,
            "tool": lambda fields: self._tools.add(name=str(fields.get("name", ""))),
        }

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        count = self._events.get(event)
        if count is not None:
            count(fields)

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A value that is known elsewhere, asked for at each scrape."""
        self.metrics.gauge(name, about, read)

    def text(self) -> str:
        """Prometheus' text format."""
        return self.metrics.text()

    def _turn(self, fields: Fields) -> None:
        self._turns.add(kind=str(fields.get("kind", "")), engine=self._engine())
        said, latencies = fields.get("said_s"), fields.get("latency_ms")
        if isinstance(said, int | float):
            self._said.add(said)
        if isinstance(latencies, Mapping):
            for stage, ms in latencies.items():
                self._stages.observe(ms / 1000, stage=str(stage))

    def _tool_done(self, fields: Fields) -> None:
        ms, ok = fields.get("ms"), fields.get("ok")
        if isinstance(ms, int | float):
            self._tool_s.observe(ms / 1000, name=str(fields.get("name", "")), ok="yes" if ok else "no")

    def _usage(self, fields: Fields) -> None:
        tokens, cost = fields.get("tokens"), fields.get("cost")
        if isinstance(tokens, Mapping):
            for kind, count in tokens.items():
                self._tokens.add(count, kind=str(kind))
        if isinstance(cost, int | float):
            self._cost.add(cost, engine=self._engine(), currency=self._currency)
        else:
            self._unpriced.add(engine=self._engine())
