import asyncio
import os
import pty
import sys
import termios

import pytest

from edge.panel.keyboard import GONE, Keyboard


class Typing:
    """A real pseudo-terminal as standard input."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.keys: list[str] = []

    def fileno(self):
        return self.slave

    def mode(self):
        return termios.tcgetattr(self.slave)

    async def type(self, data: bytes) -> list[str]:
        """Type, and give the keys that have come once the loop has seen them."""
        os.write(self.master, data)
        for _ in range(100):
            await asyncio.sleep(0.001)
            if self.keys:
                break
        return self.keys

    def close(self):
        for fd in (self.master, self.slave):
            os.close(fd)


@pytest.fixture
def typing(monkeypatch):
    terminal = Typing()
    monkeypatch.setattr(sys, "stdin", terminal)
    yield terminal
    terminal.close()


def test_keys_arrive_one_by_one_without_return(typing):
    async def go():
        with Keyboard(typing.keys.append):
            return list(await typing.type(b" mfq"))

    assert asyncio.run(go()) == [" ", "m", "f", "q"]


def test_sequences_are_no_keys(typing):
    async def go():
        with Keyboard(typing.keys.append):
            return list(await typing.type(b"\x1b[A\x1b[15~\x1bOm\x1bq\x1b[1;5f "))

    assert asyncio.run(go()) == [" "]


def test_bytes_that_are_no_text_are_ignored(typing):
    async def go():
        with Keyboard(typing.keys.append):
            return list(await typing.type(b"\xff\xfem"))

    assert asyncio.run(go()) == ["m"]


def test_the_terminal_is_as_before_afterwards(typing):
    before = typing.mode()

    async def go():
        with Keyboard(typing.keys.append):
            assert not typing.mode()[3] & (termios.ICANON | termios.ECHO)

    asyncio.run(go())
    assert typing.mode() == before


def test_also_after_an_exception(typing):
    before = typing.mode()

    async def go():
        with Keyboard(typing.keys.append):
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError):
        asyncio.run(go())
    assert typing.mode() == before


def test_stopping_keys_are_ordinary_and_ctrl_c_is_a_signal(typing):
    async def go():
        with Keyboard(typing.keys.append):
            mode = typing.mode()
            assert mode[3] & termios.ISIG
            assert mode[6][termios.VINTR] == b"\x03"
            return list(await typing.type(b"\x13\x1am"))  # Ctrl-S, Ctrl-Z

    assert asyncio.run(go()) == ["\x13", "\x1a", "m"]


def test_a_terminal_that_goes_away_is_told_once(monkeypatch):
    terminal = Typing()
    monkeypatch.setattr(sys, "stdin", terminal)

    async def go():
        with Keyboard(terminal.keys.append):
            os.close(terminal.master)
            await asyncio.sleep(0.05)

    asyncio.run(go())
    os.close(terminal.slave)
    assert terminal.keys == [GONE]
