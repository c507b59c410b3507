"""What this machine has, where a default depends on it."""

from __future__ import annotations

from pathlib import Path


def memory_available_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    """What the kernel says can still be used; 0 where it does not say."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), 0)
