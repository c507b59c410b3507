"""What `talk` prints where there is no terminal: lines for people, or JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from edge.core.turn import STAGES
from edge.panel.clean import clean
from edge.ports import Fields


class JsonView:
    """One line of JSON an event; after each `turn`, the `status` of the device."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._status: Callable[[], Fields] | None = None

    def watch(self, _level: Callable[[], float], status: Callable[[], Fields]) -> None:
        """Whom to ask for the status."""
        self._status = status

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        self._print(event, fields)
        if event == "turn" and self._status is not None:
            status = self._status()
            status.pop("last_turn", None)  # it stands one line above
            self._print("status", status)

    def _print(self, event: str, fields: Fields) -> None:
        print(json.dumps({"event": event, **fields}, default=str, ensure_ascii=False), file=self._out, flush=True)

    def close(self) -> None:
        """Nothing to put away."""


class PlainView:
    """The conversation as text, and the latencies of each turn on one line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._reply: list[str] = []

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "user_transcript" and fields["final"]:
            self._say(f"you:   {clean(fields['text'])}")
        elif event == "reply_transcript":
            self._reply.append(str(fields["text"]))
        elif event == "turn":
            self._say(f"       [{latency_line(fields)}]")
        elif event == "interrupted":
            self._reply.append(" [interrupted]")
            self._flush()
        elif event == "state" and fields["state"] != "speaking":
            self._flush()
        elif event == "nothing_heard":
            self._say("       (no words were heard)")
        elif event == "record":
            self._say(f"note:  {record_line(fields)}")
        elif event in {"error", "note"}:
            self._say(f"{event + ':':7}{clean(fields['message'])}")

    def _flush(self) -> None:
        if self._reply:
            self._say(f"edge:  {clean(''.join(self._reply)).strip()}")
            self._reply.clear()

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def close(self) -> None:
        """Print what is still waiting."""
        self._flush()


def record_line(fields: Fields) -> str:
    """That it records, or no more."""
    if fields.get("waiting"):
        return "A recording begins as soon as nobody has a turn."
    if fields.get("on"):
        return f"This is recorded: {clean(fields['file'])}"
    return f"The recording has ended ({clean(fields['why'])})."


def latency_line(fields: Fields) -> str:
    """The stages of a turn in milliseconds from the end of speech."""
    times = fields.get("latency_ms")
    if not isinstance(times, dict):
        return ""
    names = {"turn_end": "end of turn", "first_sound": "first sound"}
    return ", ".join(f"{names.get(s, s.replace('_', ' '))} {times[s]} ms" for s in STAGES if times.get(s))


def timer_line(timer: Fields) -> str:
    """One of the command `timers`: what it is, how long it still takes, and the time of day if it goes by that."""
    left = str(timedelta(seconds=int(str(timer["left_s"]))))
    at = f", at {timer['time']} on {timer['date']}" if "time" in timer else ""
    return f"{timer['kind']:9} {clean(timer['name']) or '-':24} {left} left{at}"
