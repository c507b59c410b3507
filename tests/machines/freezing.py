"""Stops one thread of another process, as a fault in a driver would: `python -m tests.machines.freezing TID`.

A process of its own, because the kernel lets only the tracing thread collect what it traces, and a process that is
killed does not end before that.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEIZE, INTERRUPT = 0x4206, 0x4207  # sys/ptrace.h
WALL = 0x40000000  # sys/wait.h: threads too


@contextmanager
def frozen(thread: int) -> Iterator[None]:
    """While inside, this thread does nothing; it goes on afterwards if it is still there."""
    command = [sys.executable, "-m", "tests.machines.freezing", str(thread)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as tracer:
        try:
            assert tracer.stdout is not None
            assert tracer.stdout.readline() == b"frozen\n"
            yield
        finally:
            tracer.kill()


def thread_named(pid: int, name: str) -> int:
    """Of a process, in this machine's numbers."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name} in {pid}")


def main(thread: int) -> None:
    trace = ctypes.CDLL(None, use_errno=True).ptrace
    trace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for request in (SEIZE, INTERRUPT):
        if trace(request, thread, None, None) != 0:
            sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(thread, WALL)
    os.write(1, b"frozen\n")
    status = os.waitpid(thread, WALL)[1]
    while not (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        status = os.waitpid(thread, WALL)[1]


if __name__ == "__main__":
    main(int(sys.argv[1]))
