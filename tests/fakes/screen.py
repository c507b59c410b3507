"""A terminal's screen, as far as the live view uses one: it folds long lines, scrolls, and keeps what scrolled away."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(.)", re.DOTALL)


class Screen:
    """`write` what a program prints; `lines` is everything from the first line in the scrollback to the last.

    Rows are hard lines; how they are folded is worked out from the width, which is what a terminal that
    reflows does when its window changes.
    """

    def __init__(self, width: int = 80) -> None:
        self.width = width
        self._lines = [""]
        self._row = self._column = 0  # in hard lines
        self.cursor = True
        self.unknown: list[str] = []

    def write(self, text: str) -> int:
        for arguments, command, sign in _TOKENS.findall(text):
            if command:
                self._obey(arguments, command)
            else:
                self._put(sign)
        return len(text)

    def flush(self) -> None:
        pass

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._lines]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def _put(self, sign: str) -> None:
        if sign == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._lines):
                self._lines.append("")
        elif sign == "\r":
            self._column -= self._column % self.width if self._column else 0
        elif sign < " ":
            self.unknown.append(repr(sign))
        else:
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + sign + line[self._column + 1 :]
            self._column += 1

    def _obey(self, arguments: str, command: str) -> None:
        count = int(arguments) if arguments.isdigit() else 1
        if command == "A":
            for _ in range(count):
                self._up()
        elif command == "B":
            self._row = min(len(self._lines) - 1, self._row + count)
        elif command == "C":
            self._column += count
        elif (command, arguments) == ("K", "2"):
            start = self._column // self.width * self.width
            end, line = start + self.width, self._lines[self._row]
            self._lines[self._row] = line[:start] + " " * len(line[start:end]) + line[end:]
        elif command in "hl" and arguments == "?25":
            self.cursor = command == "h"
        elif command != "m":
            self.unknown.append(arguments + command)

    def _up(self) -> None:
        if self._column >= self.width:
            self._column -= self.width
        elif self._row:
            self._row -= 1
            self._column += len(self._lines[self._row].rstrip()) // self.width * self.width
