import asyncio
import os

from edge.panel.terminal.stderr import Stderr


def test_what_libraries_write_to_standard_error_becomes_a_line(monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(os, "isatty", lambda _: True)

    async def go():
        guard = Stderr(lines.append)
        try:
            os.write(2, b"ALSA lib: underrun\nALSA lib: underrun\nlast")
            await asyncio.sleep(0.01)
        finally:
            guard.close()
            guard.close()

    asyncio.run(go())
    assert lines == ["ALSA lib: underrun", "last"]


def test_standard_error_that_is_no_terminal_is_left_alone(monkeypatch):
    monkeypatch.setattr(os, "isatty", lambda _: False)
    before = os.fstat(2)
    Stderr(print).close()
    assert os.fstat(2) == before
