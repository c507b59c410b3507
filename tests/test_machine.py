"""What is known of the machine."""

from __future__ import annotations

from pathlib import Path

from edge.config.machine import memory_available_mb


def test_memory_as_the_kernel_tells_it(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:  4096000 kB\nMemAvailable:   2048000 kB\n")
    assert memory_available_mb(told) == 2000
    told.write_text("MemTotal:  4096000 kB\n")
    assert memory_available_mb(told) == 0
    assert memory_available_mb(tmp_path / "none") == 0
    assert memory_available_mb() > 0
