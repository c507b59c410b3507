"""The whole of `edge-voice talk` on a pseudo-terminal: what it leaves behind, however it ends."""

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0  # loading numpy and rich on a busy machine takes seconds


class Terminal:
    """`talk` with no engine, on a terminal of its own."""

    def __init__(self, tmp_path, **variables):
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(self._master, (24, 80))
        self._slave = slave
        self.before = termios.tcgetattr(slave)
        ours = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "XDG_DATA_HOME": str(tmp_path)}
        env = {**os.environ, **ours, **variables}
        command = [
            "setsid", "--ctty", sys.executable, "-m", "edge", "talk", "--engine", "none",
            "--input", str(ROOT / "edge/data/when_a_man_looks.flac"), "--output", str(tmp_path / "reply.wav"),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env)
        self.output = ""
        os.set_blocking(self._master, False)

    def until(self, words):
        end = time.monotonic() + DEADLINE_S
        while words not in self.output:
            assert time.monotonic() < end, self.output
            self._read()

    def _read(self):
        try:
            self.output += os.read(self._master, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.02)

    def type(self, keys):
        os.write(self._master, keys)

    def end(self):
        """The exit code; everything is read."""
        while self.process.poll() is None:
            self._read()
        self._read()
        return self.process.returncode

    def tidy(self):
        """Whether cursor and mode are as before, and nobody was shown a traceback."""
        after = termios.tcgetattr(self._slave)
        cursor = self.output.rfind("\x1b[?25h") >= self.output.rfind("\x1b[?25l")
        return cursor and after == self.before and "Traceback" not in self.output

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal(tmp_path):
    made = Terminal(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(("allowed", "told"), [("false", "consent first"), ("true", "A recording begins")])
def test_a_key_records_where_that_is_allowed(allowed, told, tmp_path):
    terminal = Terminal(tmp_path, EDGE_VOICE_RECORD__ALLOWED=allowed, STATE_DIRECTORY=str(tmp_path))
    try:
        terminal.until("quit")
        terminal.type(b"r")
        terminal.until(told)
        terminal.type(b"q")
        terminal.end()
        assert terminal.tidy()
    finally:
        terminal.close()


@pytest.mark.parametrize("key", [b"q", b"Q", b"\x03", b"\x04"])
def test_a_key_ends_it_and_the_terminal_is_tidy(terminal, key):
    terminal.until("listening")
    terminal.type(key)
    terminal.end()
    assert terminal.tidy()


def test_so_it_is_after_sigterm(terminal):
    terminal.until("listening")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.end()
    assert terminal.tidy()


def test_keys_mute_and_the_view_shows_it(terminal):
    terminal.until("listening")
    terminal.type(b"m")
    terminal.until("muted")
    terminal.until("closed")
    terminal.type(b"q")
    terminal.end()
    assert terminal.tidy()


def test_a_dumb_terminal_gets_no_control_sequences(tmp_path):
    terminal = Terminal(tmp_path, TERM="dumb")
    terminal.until("(listening")
    terminal.type(b"q")
    terminal.end()
    assert terminal.tidy()
    assert "\x1b" not in terminal.output
    terminal.close()
