"""The heap of a process stays small: what is large is given back when it is free."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A first large piece that is freed teaches the C library to take the next ones from the heap, where a small one above
# them keeps them from being given back.
PROGRAM = """
import ctypes, sys
from pathlib import Path
from edge.host.heap import keep_small
if sys.argv[1] == "small":
    keep_small()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
library.mallinfo2
library.free(library.malloc(8_000_000))
large, above = library.malloc(4_000_000), [library.malloc(100_000) for _ in range(20)]
ctypes.memset(large, 1, 4_000_000)
library.free(large)
[resident] = [int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line]
print(resident)
"""


def resident(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=False)
    if "mallinfo2" in done.stderr:
        pytest.skip("another C library than glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_what_is_large_is_given_back_when_it_is_free() -> None:
    assert resident("small") < resident("as it is") - 3000
