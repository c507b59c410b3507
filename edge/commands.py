"""The commands of a running daemon (design section 8), whatever carries them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from edge import __version__
from edge.core.events import ForgetAsked, Held, MuteSet, Pressed, Released, SayGiven, TextGiven
from edge.daemon import Daemon
from edge.errors import UsageError
from edge.ports import Fields

LONGEST_TEXT = 4000  # a page; more would be spoken for five minutes


class Commands:
    """`do(name, argument)` carries out one command; raises UsageError for what cannot be done."""

    def __init__(self, daemon: Daemon, show_config: Callable[[], str]) -> None:
        self._daemon, self._show_config = daemon, show_config
        self._began = time.monotonic()
        self._last_turn: Fields = {}
        self._panel: list[str] = []  # what of it cannot be used
        self._light = ""
        self.parts: dict[str, Callable[[], object]] = {}  # of `status`, beside its own
        self._table: dict[str, Callable[[object], Fields]] = {
            "status": lambda _: self.status(),
            "press": lambda _: self._post(Pressed()),
            "hold": lambda _: self._post(Pressed(), Held()),
            "release": lambda _: self._post(Released()),
            "mute": lambda _: self._post(MuteSet(on=True)),
            "unmute": lambda _: self._post(MuteSet(on=False)),
            "forget": lambda what: self._post(ForgetAsked(everything=what == "everything")),
            "say": lambda text: self._post(SayGiven(checked_text(text))),
            "ask": lambda text: self._post(TextGiven(checked_text(text))),
            "volume": self._volume,
            "config": lambda _: {"config": self._show_config()},
        }

    def also(self, name: str, do: Callable[[], Fields]) -> None:
        """One more command, without an argument."""
        self._table[name] = lambda _: do()

    @property
    def names(self) -> tuple[str, ...]:
        """All commands."""
        return tuple(self._table)

    def more(self, commands: Mapping[str, Callable[[object], Fields]]) -> None:
        """What only some devices have."""
        self._table |= commands

    def do(self, name: str, argument: object = None) -> Fields:
        """Carry out a command and give its result."""
        if name not in self._table:
            raise UsageError(f"There is no command {name!r}. There are: {', '.join(self._table)}.")
        return self._table[name](argument)

    def published(self, event: str, fields: Fields) -> None:
        """A watcher too: keeps the last turn for `status`, and what is wrong with the panel."""
        if event == "turn":
            self._last_turn = dict(fields)
        elif event == "error" and fields.get("where") == "panel":
            self._panel.append(str(fields["message"]))
        elif event == "error" and fields.get("where") == "light":
            self._light = str(fields["message"])
        elif event == "light":
            self._light = ""

    def status(self) -> Fields:
        """Everything worth knowing, for people and for scripts."""
        daemon = self._daemon
        talk, ports = daemon.conversation, daemon.ports
        microphone, agent = ports.microphone.stats(), ports.agent.stats()
        problems = [talk.mic_problem, talk.agent_problem, talk.speaker_problem]
        return {
            "version": __version__, "state": str(talk.state), "ready": daemon.can_hold_a_turn, "muted": talk.muted,
            "problems": [p for p in problems if p], "engine": agent, "microphone": microphone,
            "speaker": ports.speaker.stats(), "panel": [*self._panel, *filter(None, [self._light])],
            "last_turn": self._last_turn,
            "uptime_s": round(time.monotonic() - self._began, 1),
            **{name: part() for name, part in self.parts.items()},
        }  # fmt: skip

    def _post(self, *events: Pressed | Held | Released | MuteSet | ForgetAsked | SayGiven | TextGiven) -> Fields:
        for event in events:
            self._daemon.post(event)
        return {}

    def _volume(self, argument: object) -> Fields:
        speaker = self._daemon.ports.speaker
        if argument is not None:
            try:
                percent = int(str(argument))
            except ValueError:
                raise UsageError(f"The volume is a number from 0 to 100, not {argument!r}.") from None
            if not 0 <= percent <= 100:  # noqa: PLR2004  percent
                raise UsageError(f"The volume is from 0 to 100, not {percent}.")
            speaker.volume = percent
            self._daemon.publish("volume", {"percent": percent})
        return {"percent": speaker.volume}


def checked_text(argument: object) -> str:
    """A text that can be spoken or asked; raises UsageError for an empty, endless or garbled one."""
    text = argument.strip() if isinstance(argument, str) else ""
    if not text:
        raise UsageError('Say what: a text is needed, for example `edge-voice say "Dinner is ready"`.')
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"That is {len(text)} characters; {LONGEST_TEXT} is the most at a time.")
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of another encoding reach a program as lone surrogates
        raise UsageError("That text is not UTF-8; set the terminal or the script to UTF-8.") from None
    return text
