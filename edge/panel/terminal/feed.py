"""The conversation as text: what has been said for good, and what is still being said."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from edge.panel.clean import clean
from edge.panel.plain import record_line
from edge.panel.terminal.latency import bar
from edge.panel.terminal.look import LABEL, Look, labelled
from edge.ports import Fields

Say = Callable[[Text], None]
RESTING = frozenset({"idle", "listening", "connecting", "muted", "error"})


class Feed:
    """`take` an event; `say` is called with what will not change any more. `width` gives the columns of now."""

    def __init__(self, say: Say, width: Callable[[], int], look: Look) -> None:
        self._say, self._width, self._look = say, width, look
        self._partial = ""
        self._reply: list[str] = []
        self._latency: object = None
        self._cut = False
        self._mic_lost = self._begun = False
        self._takers: dict[str, Callable[[Fields], None]] = {
            "user_transcript": self._user, "reply_transcript": self._token, "turn": self._turn,
            "interrupted": self._interrupted, "state": self._state, "error": self._error,
            "microphone": self._microphone,
            "log": lambda f: self._line("log", "dim", clean(f.get("message", "")), "dim"),
            "record": lambda f: self._line("note", "yellow", record_line(f), ""),
           "note": lambda f: self._line("note", "yellow", clean(f.get("message", "")), ""),
            "tool": lambda f: self._line("tool", "dim", f"{clean(f.get('name', ''))} {clean(_arguments(f))}", "dim"),
            "volume": lambda f: self._line("", "", f"volume {clean(f.get('percent', ''))} %", "dim"),
            "nothing_heard": lambda _: self._line("", "", "(no words were heard)", "dim"),
            "forgotten": lambda _: self._line("", "", "(the conversation is forgotten)", "dim"),
        }  # fmt: skip

    def take(self, event: str, fields: Fields) -> None:
        """Whatever is not known is left out."""
        if event in self._takers:
            self._takers[event](fields)

    def rows(self) -> list[Text]:
        """What is still being said."""
        if not self._partial:
            return self._answer()
        return [*self._labelled("you", "dim", clean(self._partial), "dim italic").split("\n"), *self._answer()]

    def finish(self) -> None:
        """Nothing more will come of the present turn."""
        if self._partial:
            self._line("you", "dim", clean(self._partial), "dim italic")
        answer = self._answer()
        if answer:
            self._say(Text("\n").join(answer))
        self._partial, self._latency, self._cut = "", None, False
        self._reply.clear()

    # --- events -------------------------------------------------------------------------------------

    def _user(self, fields: Fields) -> None:
        self._partial = "" if fields.get("final") else str(fields.get("text", ""))
        if fields.get("final"):
            if self._begun:
                self._say(Text())  # a new exchange
            self._line("you", "bold green", clean(fields.get("text", "")), "")

    def _token(self, fields: Fields) -> None:
        self._reply.append(str(fields.get("text", "")))

    def _turn(self, fields: Fields) -> None:
        self._latency = fields.get("latency_ms")

    def _interrupted(self, _fields: Fields) -> None:
        self._cut = True
        self.finish()

    def _state(self, fields: Fields) -> None:
        if fields.get("state") in RESTING:
            self.finish()

    def _error(self, fields: Fields) -> None:
        self._mic_lost |= fields.get("where") == "microphone"
        self._line("error", "bold red", clean(fields.get("message", "")), "red")

    def _microphone(self, fields: Fields) -> None:
        if fields.get("ok") and self._mic_lost:
            self._mic_lost = False
            self._line("note", "yellow", "The microphone is back.", "")

    # --- lines --------------------------------------------------------------------------------------

    def _answer(self) -> list[Text]:
        words = Text(clean("".join(self._reply)).strip())
        if self._cut:
            words.append(" " if words else "").append("[interrupted]", "yellow")
        rows = list(labelled("edge", "bold cyan", words, self._width()).split("\n")) if words else []
        return rows + [Text(" " * LABEL) + row for row in bar(self._latency, self._width() - LABEL, self._look)]

    def _line(self, label: str, label_style: str, words: str, style: str) -> None:
        self._begun = True
        self._say(self._labelled(label, label_style, words, style))

    def _labelled(self, label: str, label_style: str, words: str, style: str) -> Text:
        return labelled(label, label_style, Text.assemble((words, style)), self._width())


def _arguments(fields: Fields) -> str:
    arguments = fields.get("arguments")
    return ", ".join(f"{key} {value}" for key, value in arguments.items()) if isinstance(arguments, dict) else ""
